"""The nightly run from the command line: locks, waiting for other machines, letters, report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nightferry.cli.work import Delivery, conclude, confirm_root, night_progress
from nightferry.clocks import clock_notes
from nightferry.hop_sync import SyncWishes
from nightferry.locks import free_locks
from nightferry.nightly import NightlyWishes, nightly
from nightferry.products.converting import ConvertWishes
from nightferry.relay import await_earlier_hops, heed_earlier_hops, leave_records
from nightferry.reporting import delivery as deliver
from nightferry.reporting.letters import send_letters
from nightferry.runs import Run, crashes, forgotten
from nightferry.selection import Asked, check_nights, instruments_asked
from nightferry.workplace import Workplace
from observatory.errors import LockHeld
from reports.model import Note


def run_nightly(workplace: Workplace, asked: Asked, dry_run: bool, wait_h: float | None, delivery: Delivery) -> int:
    """Do the nightly run, say what became of it, and return the exit status."""
    deliver.check_mail(workplace, delivery.mail)
    check_nights(workplace, asked)
    names = [instrument.instrument for instrument in instruments_asked(workplace, asked)]
    if dry_run:
        return _nightly_report(workplace, asked, True, wait_h, delivery, ())
    with free_locks(workplace.state, names) as (held, refused):
        return _nightly_report(workplace, replace(asked, instruments=held), False, wait_h, delivery, refused)


def _nightly_report(
    workplace: Workplace,
    asked: Asked,
    dry_run: bool,
    wait_h: float | None,
    delivery: Delivery,
    refused: Sequence[LockHeld],
) -> int:
    run = Run(workplace, "run", [one.instrument for one in instruments_asked(workplace, asked)], dry_run)
    notes = [
        *delivery.notes,
        *_notes_before(workplace, dry_run),
        *await_earlier_hops(workplace, asked, wait_h),
    ]
    heed_earlier_hops(workplace, run, asked)
    with night_progress(delivery) as (of_hops, of_steps, pause):
        wishes = NightlyWishes(
            SyncWishes(dry_run=dry_run, confirm_root=confirm_root(delivery, pause), progress=of_hops),
            convert=ConvertWishes(dry_run=dry_run, watch=of_steps),
        )
        report = nightly(workplace, run, asked, wishes, notes)
    leave_records(workplace, asked, report.outcomes)
    letters = [] if dry_run else _letters(workplace, asked, delivery)
    problems = [*report.problems, *(Note(str(error)) for error in refused)]
    return conclude(workplace, run, replace(report, problems=problems, notes=[*report.notes, *letters]), delivery)


def _notes_before(workplace: Workplace, dry_run: bool) -> list[Note]:
    """What is to be said of runs before this one."""
    if dry_run:
        return []
    return [*forgotten(workplace), *clock_notes(workplace), *(Note(sentence) for sentence in crashes(workplace))]


def _letters(workplace: Workplace, asked: Asked, delivery: Delivery) -> list[Note]:
    instruments = instruments_asked(workplace, asked)
    return list(send_letters(workplace, instruments, may_mail=delivery.mail or delivery.scheduled))
