"""A report as plain data: what was looked at, moved and made, and what people must be told of it.

Everything that is derived (state, order, one instrument's part) is derived here once, so that text, page,
mail and JSON agree. How it reads is left to text.py, html.py, json.py and terminal.py.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from observatory.truth import State, worst
from syncer.outcome import HopOutcome
from verifier.verdict import HopVerdict

Kind = Literal["verify", "sync", "run", "prune"]


@dataclass(frozen=True, slots=True)
class Note:
    """One sentence for people, of one instrument or (None) of the whole site.

    Attributes
    ----------
    is_urgent : bool
        Nobody else says it, and no file's state shows it: it is mailed on a day that is quiet otherwise.
    """

    sentence: str
    instrument: str | None = None
    is_urgent: bool = False


@dataclass(frozen=True, slots=True)
class FrameCount:
    """Frames that went through a step, or a night through its steps.

    Attributes
    ----------
    taken, made : int
        Read, and written into products.
    listed : int
        In no product, but in a list with their reasons.
    dubious : int
        Those of `made` of which a kind could not be told surely.
    kinds : mapping of str to int
        Those of `made` by kind.
    """

    taken: int = 0
    made: int = 0
    listed: int = 0
    dubious: int = 0
    kinds: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NightProcessed:
    """One night of one instrument, as its steps have left it.

    Attributes
    ----------
    instrument : str
    night : datetime.date
    is_whole : bool
        Nothing failed, and nothing waits.
    seconds : float
    frames : FrameCount or None
        What the first step read, and what the last one wrote.
    """

    instrument: str
    night: dt.date
    is_whole: bool
    seconds: float
    frames: FrameCount | None


@dataclass(frozen=True, slots=True)
class StepRow:
    """What one step of ``convert`` did in one night.

    Attributes
    ----------
    instrument, step : str
    night : datetime.date
    done, failed, skipped : int
        Numbers of inputs; skipped ones had succeeded before on the same bytes.
    unread : int
        Those of `failed` that could not be read.
    seconds : float
        Wall-clock time.
    reasons : sequence of str
        One sentence per failure, and for what waits.
    held : int
        Number of those that wait for a person.
    waiting : int
        Number of those that wait for something else: another step, a night that is not over.
    frames : FrameCount or None
        What it counted of the night, in this run and, of what was made earlier, before.
    """

    instrument: str
    night: dt.date
    step: str
    done: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    reasons: Sequence[str] = ()
    held: int = 0
    waiting: int = 0
    frames: FrameCount | None = None
    unread: int = 0

    @property
    def state(self) -> State:
        """unknown where something could not be read; different where it failed or a person has to look; else ok."""
        if self.unread:
            return State.UNKNOWN
        return State.DIFFERENT if self.failed or self.held else State.OK


@dataclass(frozen=True, slots=True)
class Report:
    """One verify, sync or nightly run of a site, as people and programs are told of it.

    Attributes
    ----------
    site : str
        The site's name as declared.
    kind : str
        ``verify``, ``sync``, ``run`` or ``prune``.
    started_utc, finished_utc : datetime.datetime
        Aware instants.
    verdicts, outcomes : sequence
        What was found and what was moved; hops of one instrument in the order of its chain.
    notes : sequence of Note
        Missed and made-up runs, late hops: worth saying, not a fault of any file.
    steps : sequence of StepRow
    problems : sequence of Note
        What broke off before it could become a verdict or an outcome. Any makes the report unknown.
    is_idle : bool
        It was looked, and there was nothing to do: well, though there is no hop and no step to say so.
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
    is_idle: bool = False

    @property
    def state(self) -> State:
        """The worst of all hops, steps and problems; unknown where there is none of them at all."""
        return worst(self._states())

    def _states(self) -> Iterator[State]:
        yield from (verdict.state for verdict in self.verdicts)
        yield from (outcome.state for outcome in self.outcomes)
        yield from (step.state for step in self.steps)
        yield from (State.UNKNOWN for _ in self.problems)
        yield from (State.OK for _ in range(self.is_idle))

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

    def nights_processed(self) -> list[NightProcessed]:
        """Return the nights on which a step did something, instruments by name and nights as they follow."""
        steps = self.in_order().steps
        groups = itertools.groupby(steps, key=lambda step: (step.instrument, step.night))
        nights = [_processed(name, night, list(rows)) for (name, night), rows in groups]
        return [night for night in nights if night is not None]


def _processed(instrument: str, night: dt.date, steps: Sequence[StepRow]) -> NightProcessed | None:
    if not any(step.done for step in steps):
        return None
    is_whole = not any(step.failed or step.held or step.waiting for step in steps)
    return NightProcessed(instrument, night, is_whole, sum(step.seconds for step in steps), _through(steps))


def _through(steps: Sequence[StepRow]) -> FrameCount | None:
    """Return what went through all steps of a night; every one of them counts the same frames again."""
    counts = [step.frames for step in steps if step.frames is not None]
    if not counts:
        return None
    told = next((count for count in reversed(counts) if count.kinds), counts[-1])
    listed = sum(count.listed for count in counts)
    return FrameCount(counts[0].taken, counts[-1].made, listed, told.dubious, told.kinds)
