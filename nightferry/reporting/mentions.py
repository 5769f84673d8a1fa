"""What the last reports say of one night: a name that none of them finds fault with may be a slip of the pen.

Which file a name stands for is named.py's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from nightferry.named import Key
from nightferry.reporting import delivery
from nightferry.workplace import Workplace
from observatory.listing import HopScope, hop_scope, name_of
from observatory.names import show
from observatory.spec.chain import hops
from observatory.spec.models import Instrument
from observatory.truth import State
from syncer.outcome import HopOutcome
from verifier.verdict import HopVerdict

AHop = TypeVar("AHop", HopVerdict, HopOutcome)

MOST_REPORTS = 40
"""So many are looked through at most for one that compared both ends of a hop: more than a month of nightly runs."""


@dataclass(frozen=True, slots=True)
class Mentions:
    """What is said of one night of an instrument.

    Attributes
    ----------
    files : mapping of Key to path
        Files that a report lists, whatever for.
    frames : mapping of number to names of cameras
        Frame numbers that are absent.
    is_seen : bool
        Some hop was looked at in that night, by a sync or by a verification.
    is_compared : bool
        Both ends were compared: only that finds frame numbers that are absent.
    is_open : bool
        Something of the night is said to be other than it should be.
    is_nameless : bool
        Of some files that are gone from both ends no report can say the names.
    notes : tuple of str
        Urgent sentences about the instrument.
    """

    files: Mapping[Key, bytes]
    frames: Mapping[int, Sequence[str]]
    is_seen: bool
    is_compared: bool
    is_open: bool
    is_nameless: bool = False
    notes: tuple[str, ...] = ()

    def speaks_of(self, path: bytes) -> bool:
        """Say whether a file that no list has may be meant all the same."""
        name = show(path.rpartition(b"/")[2])
        return self.is_nameless or any(name in sentence for sentence in self.notes)


def mentions(workplace: Workplace, instrument: Instrument, night: dt.date) -> Mentions:
    """Return what is said of a night: of each hop by the last comparison of both ends, and by what was moved since."""
    clock = workplace.clock_of(instrument)
    scopes = {hop.key: hop_scope(hop, (night,), clock) for hop in hops(instrument)}
    outcomes, verdicts, notes = _last_of(workplace, instrument, night, scopes)
    hops_seen: list[HopOutcome | HopVerdict] = [*outcomes, *verdicts]
    files = {
        key: path
        for one in hops_seen
        for path in sorted(_listed(one), reverse=True)
        if (key := _key(scopes[one.hop], path)) is not None
    }
    seen = [one for one in verdicts if one.state is not State.UNKNOWN or one.source_files]
    return Mentions(
        files=files,
        frames=_frames(verdicts, night),
        is_seen=bool(seen) or any(one.state is not State.UNKNOWN for one in outcomes),
        is_compared=bool(seen),
        is_open=any(day == night for day, _ in files) or any(_is_open(one, night) for one in verdicts),
        is_nameless=any(night in one.gone and sum(one.gone.values()) > len(one.gone_files) for one in verdicts),
        notes=notes,
    )


def _last_of(
    workplace: Workplace, instrument: Instrument, night: dt.date, keys: Iterable[str]
) -> tuple[list[HopOutcome], list[HopVerdict], tuple[str, ...]]:
    """Return the last verdict on each hop that looked at a night, what was moved since, and what was noted beside."""
    outcomes: list[HopOutcome] = []
    verdicts: dict[str, HopVerdict] = {}
    notes: list[str] = []
    wanted = set(keys)
    for report in islice(delivery.newest_first(workplace), MOST_REPORTS):
        outcomes += [one for one in _of_night(report.outcomes, instrument, night) if one.hop in wanted]
        found = {one.hop: one for one in _of_night(report.verdicts, instrument, night) if one.hop in wanted}
        if found:
            notes += [one.sentence for one in report.notes if one.is_urgent and one.instrument == instrument.instrument]
        verdicts |= found
        wanted -= found.keys()
        if not wanted:
            break
    return outcomes, list(verdicts.values()), tuple(notes)


def _of_night(rows: Iterable[AHop], instrument: Instrument, night: dt.date) -> Iterator[AHop]:
    return (row for row in rows if row.instrument == instrument.instrument and night in row.nights)


def _listed(hop: HopVerdict | HopOutcome) -> Iterator[bytes]:
    """Yield the paths that a report lists of a hop as anything but well."""
    if isinstance(hop, HopOutcome):
        yield from hop.in_progress
        yield from (one.path for one in (*hop.failed, *hop.kept, *hop.unreadable, *hop.stuck, *hop.plan))
        return
    for paths in (hop.missing, hop.extra, hop.size_differs, hop.checksum_differs, hop.in_progress, hop.gone_files):
        yield from paths
    yield from (one.path for one in (*hop.damaged, *hop.unreadable))


def _key(scope: HopScope, path: bytes) -> Key | None:
    return name_of(scope.source, path) or name_of(scope.destination, path)


def _frames(verdicts: Iterable[HopVerdict], night: dt.date) -> dict[int, list[str]]:
    absent = {
        (number, gap.camera)
        for verdict in verdicts
        for gap in verdict.sequence_gaps
        if gap.night == night
        for number in gap.numbers
    }
    frames: dict[int, list[str]] = {}
    for number, camera in sorted(absent):
        frames.setdefault(number, []).append(camera)
    return frames


def _is_open(verdict: HopVerdict, night: dt.date) -> bool:
    counted = verdict.per_night.get(night)
    is_lacking = night in verdict.gone or any(gap.night == night for gap in verdict.sequence_gaps)
    return is_lacking or bool(counted and counted.open_files)
