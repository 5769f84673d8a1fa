"""Which step of a night may follow which: what is not complete stops what comes after, what is held waits for a person.

Pure but for what the ledger knows of approvals. Taking the steps is pipeline.py's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import MutableMapping, Sequence

from catalogue.records import StepResult
from converters.nightstep import AnyStep, NightStep
from converters.outcome import COMPLETE, ConvertRow, RowResult
from converters.remembered import NightMemory


class Order:
    """The steps of one night's folder, in their order, as far as they have come.

    Parameters
    ----------
    late : mutable mapping of label to night
        The oldest night of the run in which a step that keeps the order of nights is not complete.
    """

    def __init__(self, known: NightMemory, late: MutableMapping[str, dt.date]) -> None:
        self._known, self._late = known, late
        self._incomplete: str | None = None
        self._stopped_by: str | None = None
        self._held: tuple[str, str] | None = None
        self._unasked: str | None = None

    @property
    def is_held(self) -> bool:
        """Whether the night waits for a person."""
        return self._held is not None

    def reason_to_wait(self, step: AnyStep, night: dt.date) -> tuple[RowResult, str] | None:
        """Return why a step must not be taken now."""
        if self._held is not None:
            return RowResult.HELD, f"{self._held[0]} is held ({self._held[1]}): look at it, then `convert --approve`"
        before = self._incomplete if isinstance(step, NightStep) else self._stopped_by
        if before is not None and before == self._unasked:
            return (
                RowResult.FAILED,
                f"{before} is not complete, and was not asked for: take it first (`--from {before}`)",
            )
        if before is not None:
            return RowResult.WAITING, f"{before} is not complete"
        older = self._late.get(step.label)
        if older is not None and older < night and _keeps_order(step):
            return RowResult.WAITING, f"numbers follow the nights, and {older:%Y%m%d} has not come so far"
        return None

    def taken(self, step: AnyStep, rows: Sequence[ConvertRow], night: dt.date) -> bool:
        """Learn what became of a step; return whether it is complete."""
        is_complete = all(row.result in COMPLETE for row in rows)
        if not is_complete:
            self._incomplete = self._incomplete or step.label
            if isinstance(step, NightStep):
                self._stopped_by = self._stopped_by or step.label
            self._be_late([step], night)
        elif self._held is None:
            reason = hold_reason(self._known, step)
            self._held = None if reason is None else (step.label, reason)
        return is_complete

    def passed_by(self, step: AnyStep, rows: Sequence[ConvertRow], night: dt.date) -> None:
        """Learn how far a step is that was not asked for: what needs it cannot be done, and nothing will do it."""
        if not self.taken(step, rows, night) and self._incomplete == step.label:
            self._unasked = step.label

    def all_late(self, steps: Sequence[AnyStep], night: dt.date) -> None:
        """Learn that a night did not begin."""
        self._be_late(steps, night)

    def _be_late(self, steps: Sequence[AnyStep], night: dt.date) -> None:
        for step in steps:
            if _keeps_order(step):
                self._late.setdefault(step.label, night)


def _keeps_order(step: AnyStep) -> bool:
    return isinstance(step, NightStep) and step.keeps_order


def hold_reason(known: NightMemory, step: AnyStep) -> str | None:
    """Return why a person has to look at what a step made of a night; None where none has to, or one has."""
    done = [one for one in known.records(step.label) if one.result is StepResult.DONE]
    reasons = sorted({one.hold for one in done if one.hold})
    if done and getattr(step, "hold", None) == "review":
        reasons.append("review")
    if not reasons or (step.label, known.hold_digest(step.label)) in known.approved:
        return None
    return "; ".join(reasons)
