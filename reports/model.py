"""A report as plain data: what was looked at, moved and made, and what people must be told of it.

Everything that is derived (state, order, one instrument's part) is derived here once, so that text, page,
mail and JSON agree. How it reads is left to text.py, html.py, json.py and terminal.py.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from observatory.truth import State, worst
from syncer.outcome import HopOutcome
from verifier.verdict import HopVerdict

Kind = Literal["verify", "sync", "run"]


@dataclass(frozen=True, slots=True)
class Note:
    """One sentence for people, of one instrument or (None) of the whole site."""

    sentence: str
    instrument: str | None = None


@dataclass(frozen=True, slots=True)
class StepRow:
    """What one step of ``convert`` did in one night.

    Attributes
    ----------
    instrument, step : str
    night : datetime.date
    done, failed, skipped : int
        Numbers of inputs; skipped ones had succeeded before on the same bytes.
    seconds : float
        Wall-clock time.
    reasons : sequence of str
        One sentence per failure.
    """

    instrument: str
    night: dt.date
    step: str
    done: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    reasons: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """One verify, sync or nightly run of a site, as people and programs are told of it.

    Attributes
    ----------
    site : str
        The site's name as declared.
    kind : str
        ``verify``, ``sync`` or ``run``.
    started_utc, finished_utc : datetime.datetime
        Aware instants.
    verdicts, outcomes : sequence
        What was found and what was moved; hops of one instrument in the order of its chain.
    notes : sequence of Note
        Missed and made-up runs, late hops: worth saying, not a fault of any file.
    steps : sequence of StepRow
    problems : sequence of Note
        What broke off before it could become a verdict or an outcome. Any makes the report unknown.
    """

    site: str
    kind: Kind
    started_utc: dt.datetime
    finished_utc: dt.datetime
    verdicts: Sequence[HopVerdict] = ()
    outcomes: Sequence[HopOutcome] = ()
    notes: Sequence[Note] = ()
    steps: Sequence[StepRow] = ()
    problems: Sequence[Note] = ()

    @property
    def state(self) -> State:
        """The worst of all hops, steps and problems; unknown where there is none of them at all."""
        return worst(self._states())

    def _states(self) -> Iterator[State]:
        yield from (verdict.state for verdict in self.verdicts)
        yield from (outcome.state for outcome in self.outcomes)
        yield from (State.DIFFERENT if step.failed else State.OK for step in self.steps)
        yield from (State.UNKNOWN for _ in self.problems)

    def in_order(self) -> Report:
        """Return the report with instruments by name; the hops of each keep the order of their chain."""
        return dataclasses.replace(
            self,
            verdicts=sorted(self.verdicts, key=lambda verdict: verdict.instrument),
            outcomes=sorted(self.outcomes, key=lambda outcome: outcome.instrument),
            steps=sorted(self.steps, key=lambda step: (step.instrument, step.night)),
        )

    def instruments(self) -> tuple[str, ...]:
        """Return the names of the instruments that were looked at or could not be, sorted; a note alone is no look."""
        looked_at = [row.instrument for rows in (self.verdicts, self.outcomes, self.steps) for row in rows]
        broken = [problem.instrument for problem in self.problems if problem.instrument]
        return tuple(sorted({*looked_at, *broken}))

    def part(self, instrument: str) -> Report:
        """Return what concerns one instrument alone; what is said of the whole site is left out."""
        return dataclasses.replace(
            self,
            verdicts=[row for row in self.verdicts if row.instrument == instrument],
            outcomes=[row for row in self.outcomes if row.instrument == instrument],
            steps=[row for row in self.steps if row.instrument == instrument],
            notes=[note for note in self.notes if note.instrument == instrument],
            problems=[note for note in self.problems if note.instrument == instrument],
        )
