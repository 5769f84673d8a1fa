"""A verification from the command line: no locks, a report."""

from __future__ import annotations

from dataclasses import replace

from nightferry.cli.context import is_terminal, say
from nightferry.cli.next_steps import next_steps
from nightferry.cli.work import Delivery, conclude, file_progress
from nightferry.clocks import clock_notes
from nightferry.declared import notes_of_declared
from nightferry.drives import notes_of_drives
from nightferry.groundless import notes_of_groundless
from nightferry.hop_verify import VerifyWishes
from nightferry.relay import heed_earlier_hops
from nightferry.reporting import delivery as deliver
from nightferry.runs import Run, forgotten
from nightferry.selection import Asked, check_nights, hops_asked, instruments_asked
from nightferry.unsafe import notes_of_unsafe
from nightferry.vanished import notes_of_gone
from nightferry.verifying import verify
from nightferry.workplace import Workplace
from reports.model import Report


def run_verify(workplace: Workplace, asked: Asked, wishes: VerifyWishes, delivery: Delivery) -> int:
    """Verify, say what was found, and return the exit status."""
    deliver.check_mail(workplace, delivery.mail)
    check_nights(workplace, asked)
    names = [instrument.instrument for instrument in instruments_asked(workplace, asked)]
    notes = [*delivery.notes, *forgotten(workplace), *clock_notes(workplace)]
    run = Run(workplace, "verify", names)
    heed_earlier_hops(workplace, run, asked)
    with file_progress(delivery) as progress:
        verdicts = verify(workplace, run, asked, replace(wishes, progress=progress))
    report = Report(
        site=workplace.specification.site.site,
        kind="verify",
        started_utc=run.started_utc,
        finished_utc=workplace.now(),
        verdicts=verdicts,
        notes=[
            *notes,
            *notes_of_gone(workplace, asked, verdicts),
            *notes_of_unsafe(workplace, asked, verdicts),
            *notes_of_groundless(workplace, asked, verdicts),
            *notes_of_drives(workplace, asked, verdicts),
            *notes_of_declared(workplace, asked, keeps_records=run.keeps_records),
        ],
    )
    status = conclude(workplace, run, report, delivery)
    if is_terminal() and not (delivery.json or delivery.quiet):
        for line in next_steps(verdicts, hops_asked(workplace, asked)):
            say(line)
    return status
