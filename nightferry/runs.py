"""What every job shares: the run in the ledger, and which roots it saw.

What a run does is syncing.py's, verifying.py's and nightly.py's.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from catalogue.records import HopRecord
from nightferry.workplace import Workplace
from observatory.spec.chain import Hop
from observatory.truth import State, worst

if TYPE_CHECKING:
    from syncer.outcome import HopOutcome
    from verifier.verdict import HopVerdict


class Run:
    """One run in the ledger: begun, filled, finished; one that is never finished is one that crashed."""

    def __init__(self, workplace: Workplace, kind: str, instruments: Sequence[str], dry_run: bool = False) -> None:
        self.workplace = workplace
        self.kind = kind
        self.started_utc = workplace.now()
        self._instruments = instruments
        self._dry_run = dry_run
        self._id: int | None = None

    @property
    def id(self) -> int:
        """The run's number; asking for it first begins the run in the ledger."""
        if self._id is None:
            workplace = self.workplace
            self._id = workplace.ledger.start_run(
                self.kind, self._instruments, self.started_utc, workplace.hostname, os.getpid()
            )
        return self._id

    @property
    def keeps_records(self) -> bool:
        """False on a dry run, which leaves no trace."""
        return not self._dry_run

    def finish(self, state: State) -> None:
        """Note the run's state; a run that never gets here is one that crashed."""
        if self.keeps_records:
            self.workplace.ledger.finish_run(self.id, state, self.workplace.now())


def crashes(workplace: Workplace) -> Iterator[str]:
    """Yield a sentence for each earlier run on this machine that never came to its end, once.

    What it moved and recorded counts; what it did not record is looked at again.
    """
    for run in workplace.ledger.unfinished_runs():
        if run.host == workplace.hostname and not _is_alive(run.pid):
            workplace.ledger.record_crash(run.id, workplace.now())
            began = f"{run.started_utc:%Y-%m-%d %H:%M} UTC"
            yield f"the {run.kind} begun at {began} did not come to its end; this run goes on from there"


def forgotten(workplace: Workplace) -> Iterator[str]:
    """Yield a sentence where reports of runs lie here that the ledger does not know: it was deleted, or replaced."""
    ledger = workplace.ledger
    is_new = ledger.last_finished() is None and not ledger.unfinished_runs()
    if is_new and any((workplace.state / "reports").glob("*/record.json")):
        yield (
            "the ledger knows no run, but earlier reports lie here: it was deleted, or replaced; nights older than the "
            "window are not looked at unless you ask: nightferry verify -d FIRST..LAST"
        )


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's
    return True


def see_roots(workplace: Workplace, hop: Hop, markers: Sequence[str | None]) -> None:
    """Remember when each root was last there, and as which: removable drives are told apart by it."""
    for place, marker in zip((hop.source, hop.destination), markers, strict=False):
        if marker is not None:
            workplace.ledger.record_root_seen(place.host, place.root, workplace.now(), marker)


def hop_record(told: HopOutcome | HopVerdict) -> HopRecord:
    """Return what is noted of a hop whatever was done with it; what belongs to one kind of job is left to that."""
    return HopRecord(
        told.instrument,
        told.hop,
        told.source,
        told.destination,
        told.state,
        told.reason,
        told.source_root,
        told.destination_root,
        source_files=told.source_files,
    )


def state_of(states: Sequence[State]) -> State:
    """Return the state of a run over some hops; of none at all it is ok that nothing was to be done."""
    return worst(states) if states else State.OK
