"""A sync from the command line: its locks, its progress bars, its report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nightferry.cli.context import say
from nightferry.cli.work import Delivery, conclude, confirm_root, hop_progress
from nightferry.clocks import clock_notes
from nightferry.drives import notes_of_drives
from nightferry.groundless import notes_of_groundless
from nightferry.hop_sync import SyncWishes
from nightferry.locks import free_locks
from nightferry.relay import await_earlier_hops, heed_earlier_hops, leave_records
from nightferry.reporting import delivery as deliver
from nightferry.runs import Run, forgotten
from nightferry.selection import Asked, check_nights, instruments_asked, syncable
from nightferry.syncing import accept_unsynced, sync
from nightferry.vanished import notes_of
from nightferry.workplace import Workplace
from observatory.errors import LockHeld, UsageError
from observatory.truth import State
from reports.model import Note, Report


def run_sync(
    workplace: Workplace, asked: Asked, wishes: SyncWishes, delivery: Delivery, wait_h: float | None = None
) -> int:
    """Sync, say what became of it, and return the exit status."""
    deliver.check_mail(workplace, delivery.mail)
    check_nights(workplace, asked)
    names = sorted({hop.instrument.instrument for hop in syncable(workplace, asked)})
    if not names and wishes.accepted_losses:
        return _accept_only(workplace, wishes)
    if not names:
        raise UsageError("nothing to sync: every copy asked for is an origin or filled by others (`fill: external`)")
    if wishes.dry_run:
        return _sync_report(workplace, asked, wishes, delivery, (), ())
    before = (*forgotten(workplace), *clock_notes(workplace), *await_earlier_hops(workplace, asked, wait_h))
    with free_locks(workplace.state, names) as (held, refused):
        return _sync_report(workplace, replace(asked, instruments=held), wishes, delivery, refused, before)


def _accept_only(workplace: Workplace, wishes: SyncWishes) -> int:
    """Take a person's word for sources that are only verified here."""
    run = Run(workplace, "sync", (), wishes.dry_run)
    count = accept_unsynced(workplace, run, wishes)
    run.finish(State.OK)
    say(f"accepted for {count} hop{'' if count == 1 else 's'} that others fill; the next verify counts afresh")
    return 0


def _sync_report(
    workplace: Workplace,
    asked: Asked,
    wishes: SyncWishes,
    delivery: Delivery,
    refused: Sequence[LockHeld],
    before: Sequence[Note],
) -> int:
    names = [instrument.instrument for instrument in instruments_asked(workplace, asked)]
    run = Run(workplace, "sync", names, wishes.dry_run)
    heed_earlier_hops(workplace, run, asked)
    with hop_progress(delivery) as (progress, pause):
        told = replace(wishes, confirm_root=confirm_root(delivery, pause), progress=progress)
        outcomes = sync(workplace, run, asked, told)
    if outcomes and all(outcome.lock_reason for outcome in outcomes):
        run.finish(State.UNKNOWN)
        raise LockHeld(outcomes[0].instrument, str(outcomes[0].lock_reason))
    leave_records(workplace, asked, outcomes)
    report = Report(
        site=workplace.specification.site.site,
        kind="sync",
        started_utc=run.started_utc,
        finished_utc=workplace.now(),
        outcomes=outcomes,
        notes=[
            *delivery.notes,
            *before,
            *notes_of(workplace, asked, outcomes),
            *notes_of_groundless(workplace, asked, outcomes),
            *notes_of_drives(workplace, asked, outcomes),
        ],
        problems=[Note(str(error)) for error in refused],
    )
    return conclude(workplace, run, report, delivery)
