"""What was measured of a row, and the arithmetic over it: medians, ratios, their spread, and whether a target holds.

A peer that was cut off at its limit took longer than that; where it was carrying files, the share that had arrived
says how much longer. Leaves running to bench.py and words to page.py.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from benchmarks.measure import Cost
from benchmarks.peers import PROJECT

LEAST_SHARE = 0.02
"""Below this share of the bytes nothing can be said of the rest."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run's figures.

    Attributes
    ----------
    wall_s, cpu_s : float
        From start to exit; processor seconds of both ends.
    near_peak_bytes, far_peak_bytes : int
    share : float or None
        None: it came to its end. Else it was cut off, with this share of the bytes there; 0: none, or not known.
    """

    wall_s: float
    cpu_s: float
    near_peak_bytes: int
    far_peak_bytes: int
    share: float | None = None

    @property
    def whole_s(self) -> float:
        """Seconds that the whole would have taken, as far as can be said."""
        return self.wall_s / self.share if self.share and self.share >= LEAST_SHARE else self.wall_s

    @classmethod
    def of(cls, cost: Cost, share: float | None) -> Run:
        """Keep of a cost what a page needs."""
        return cls(cost.wall_s, cost.cpu_s, cost.near_peak_bytes, cost.far_peak_bytes, share)


Kind = Literal["measured", "estimated", "bound"]
"""Of a time: as it was, from the share that had arrived, or no more than a lower bound."""


def kind_of(runs: Sequence[Run]) -> Kind:
    """Return how well a contender's time is known: as well as that of its worst run."""
    cut = [run for run in runs if run.share is not None]
    if not cut:
        return "measured"
    return "estimated" if all((run.share or 0) >= LEAST_SHARE for run in cut) else "bound"


@dataclass(frozen=True, slots=True)
class Ratio:
    """The project's time over a peer's.

    Attributes
    ----------
    middle : float
        Of the medians.
    low, high : float
        Of the runs, the first with the first and so on: they stood beside one another.
    kind : str
        ``bound``: the true ratio is below.
    """

    middle: float
    low: float
    high: float
    kind: Kind


@dataclass(frozen=True, slots=True)
class Result:
    """One row, measured.

    Attributes
    ----------
    name : str
        The row's.
    measured_utc : str
        When it began, to the minute.
    load : float
        Load average of the minute before.
    runs : mapping
        By contender, in the row's order.
    left_out : mapping
        Why a contender is not there.
    failure : str
        What kept the row from being measured; empty where nothing did.
    scale : float
        Share of the files.
    """

    name: str
    measured_utc: str
    load: float
    runs: Mapping[str, Sequence[Run]] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    failure: str = ""
    scale: float = 1.0

    def ratio(self, peer: str) -> Ratio | None:
        """Return project / peer; None where one of them did not run."""
        ours, theirs = self.runs.get(PROJECT), self.runs.get(peer)
        if not ours or not theirs or peer == PROJECT:
            return None
        pairs = [one.whole_s / other.whole_s for one, other in zip(ours, theirs, strict=False)]
        return Ratio(median_s(ours) / median_s(theirs), min(pairs), max(pairs), kind_of(theirs))

    def reaches(self, peer: str, target: float) -> bool | None:
        """Return whether a ratio is low enough; None where that was not seen."""
        ratio = self.ratio(peer)
        if ratio is None or (ratio.kind == "bound" and ratio.middle > target):
            return None
        return ratio.middle <= target

    @property
    def peak_bytes(self) -> int:
        """The project's highest memory at its own end."""
        return max(run.near_peak_bytes for run in self.runs[PROJECT])


def median_s(runs: Sequence[Run]) -> float:
    """Return the median of the whole times."""
    return statistics.median(run.whole_s for run in runs)


def rounds_for(first_s: float, most: int) -> int:
    """Return how many runs are measured of a contender whose first took so long.

    Short ones swing more and cost less: five below 5 s, three below 15, two below a minute, then one. From 15 s on
    the first run is the first of them; below, it only warms the caches.
    """
    limits = ((5.0, 5), (15.0, 3), (60.0, 2))
    return min(most, next((rounds for limit_s, rounds in limits if first_s < limit_s), 1))


def first_counts(first_s: float) -> bool:
    """Return whether a contender's first run is measured, or only warms the caches."""
    return first_s >= 15.0


def read(path: Path) -> dict[str, Result]:
    """Return the results kept in a file, by row; none where there is no such file."""
    if not path.exists():
        return {}
    return {name: _result(facts) for name, facts in json.loads(path.read_text())["rows"].items()}


def _result(facts: Mapping[str, Any]) -> Result:
    runs = {name: [Run(**run) for run in runs] for name, runs in facts["runs"].items()}
    return Result(**{**facts, "runs": runs})


def write(path: Path, results: Mapping[str, Result]) -> None:
    """Keep results in a file."""
    rows = {name: asdict(result) for name, result in results.items()}
    path.write_text(json.dumps({"rows": rows}, indent=1) + "\n")
