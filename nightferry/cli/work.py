"""How a job is run from the command line: locks, progress bars, the report said, kept and sent.

The jobs themselves are nightferry/jobs.py and nightly.py; daemon and crontab use the same functions.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import typer

from nightferry import delivery as deliver
from nightferry.cli.context import is_terminal, print_document, say
from nightferry.converting import ConvertWishes, convert_all
from nightferry.jobs import Run, SyncWishes, VerifyWishes, state_of, sync, syncable, verify
from nightferry.locks import free_locks
from nightferry.nightly import NightlyWishes, nightly
from nightferry.relay import await_earlier_hops, leave_records
from nightferry.selection import Asked, instruments_asked
from nightferry.workplace import Workplace
from observatory.errors import LockHeld, UsageError
from observatory.truth import State, exit_status
from reports.json import document_of
from reports.model import Note, Report
from reports.text import render_text

if TYPE_CHECKING:
    from observatory.spec.chain import Hop
    from syncer.transfer.contract import Progress


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where a report goes: standard output as text or JSON, and by mail if wished or due."""

    json: bool = False
    mail: bool = False
    scheduled: bool = False
    quiet: bool = False
    note: str | None = None

    @property
    def notes(self) -> list[Note]:
        """What the schedule wants said."""
        return [Note(self.note)] if self.note else []


def run_sync(workplace: Workplace, asked: Asked, wishes: SyncWishes, delivery: Delivery) -> int:
    """Sync, say what became of it, and return the exit status."""
    names = sorted({hop.instrument.instrument for hop in syncable(workplace, asked)})
    if wishes.dry_run:
        return _sync_report(workplace, asked, wishes, delivery, ())
    with free_locks(workplace.state, names) as (held, refused):
        return _sync_report(workplace, replace(asked, instruments=held), wishes, delivery, refused)


def _sync_report(
    workplace: Workplace, asked: Asked, wishes: SyncWishes, delivery: Delivery, refused: Sequence[LockHeld]
) -> int:
    names = [instrument.instrument for instrument in instruments_asked(workplace, asked)]
    run = Run(workplace, "sync", names, wishes.dry_run)
    with hop_progress(delivery) as progress:
        outcomes = sync(workplace, run, asked, replace(wishes, confirm_root=_confirm_root(delivery), progress=progress))
    report = Report(
        site=workplace.specification.site.site,
        kind="sync",
        started_utc=run.started_utc,
        finished_utc=workplace.now(),
        outcomes=outcomes,
        notes=delivery.notes,
        problems=[Note(str(error)) for error in refused],
    )
    return conclude(workplace, run, report, delivery)


def run_verify(workplace: Workplace, asked: Asked, wishes: VerifyWishes, delivery: Delivery) -> int:
    """Verify, say what was found, and return the exit status."""
    names = [instrument.instrument for instrument in instruments_asked(workplace, asked)]
    run = Run(workplace, "verify", names)
    verdicts = verify(workplace, run, asked, wishes)
    report = Report(
        site=workplace.specification.site.site,
        kind="verify",
        started_utc=run.started_utc,
        finished_utc=workplace.now(),
        verdicts=verdicts,
        notes=delivery.notes,
    )
    return conclude(workplace, run, report, delivery)


def run_nightly(workplace: Workplace, asked: Asked, dry_run: bool, wait_h: float | None, delivery: Delivery) -> int:
    """Do the nightly run, say what became of it, and return the exit status."""
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
    notes = [*delivery.notes, *(Note(sentence) for sentence in await_earlier_hops(workplace, asked, wait_h))]
    with hop_progress(delivery) as progress:
        wishes = NightlyWishes(
            SyncWishes(dry_run=dry_run, confirm_root=_confirm_root(delivery), progress=progress),
            convert=ConvertWishes(dry_run=dry_run),
        )
        report = nightly(workplace, run, asked, wishes, notes)
    leave_records(workplace, asked, report.outcomes)
    problems = [*report.problems, *(Note(str(error)) for error in refused)]
    return conclude(workplace, run, replace(report, problems=problems), delivery)


def run_convert(workplace: Workplace, asked: Asked, wishes: ConvertWishes, delivery: Delivery) -> int:
    """Take the steps, say what became of them, and return the exit status."""
    instruments = instruments_asked(workplace, asked)
    known = {step.label for one in instruments if one.convert for step in one.convert.steps}
    if wishes.steps - known:
        raise UsageError(f"no step {', '.join(sorted(wishes.steps - known))} (declared: {', '.join(sorted(known))})")
    with free_locks(workplace.state, [one.instrument for one in instruments]) as (held, refused):
        run = Run(workplace, "convert", held, wishes.dry_run)
        chosen = [one for one in instruments if one.instrument in held]
        converted = convert_all(workplace, asked, chosen, wishes)
    report = Report(
        site=workplace.specification.site.site,
        kind="run",
        started_utc=run.started_utc,
        finished_utc=workplace.now(),
        steps=converted.step_rows(),
        notes=[*delivery.notes, *converted.notes],
        problems=[*converted.problems, *(Note(str(error)) for error in refused)],
    )
    return conclude(workplace, run, report, delivery)


def conclude(workplace: Workplace, run: Run, report: Report, delivery: Delivery) -> int:
    """Say, keep and send a report; return the exit status that its state stands for."""
    ordered = report.in_order()
    state = state_of([*_states(ordered)])
    run.finish(state)
    if run.keeps_records:
        deliver.keep(workplace, ordered)
    tell(ordered, delivery, state)
    if delivery.mail or delivery.scheduled:
        for sentence in deliver.send(workplace, ordered, by_hand=delivery.mail):
            say(sentence)
    if delivery.scheduled or run.kind == "run":
        deliver.heartbeat(workplace)
    return exit_status(state)


def _states(report: Report) -> Iterator[State]:
    if report.verdicts or report.outcomes or report.steps or report.problems:
        yield report.state


def tell(report: Report, delivery: Delivery, state: State) -> None:
    """Print a report: JSON, or text, or on a terminal colours and tables; nothing where quiet and well."""
    if delivery.json:
        print_document(document_of(report))
    elif delivery.quiet and state in (State.OK, State.AWAY):
        return
    elif is_terminal():
        from rich.console import Console

        from reports.terminal import print_report

        print_report(report, Console())
    else:
        typer.echo(render_text(report), nl=False)


def _confirm_root(delivery: Delivery) -> Callable[[str, str], bool]:
    def ask(host: str, root: str) -> bool:
        if delivery.json or not (sys.stdin.isatty() and sys.stderr.isatty()):
            return False
        return typer.confirm(f"{host}:{root} shows no sign of being the root. Is it a new one?", err=True)

    return ask


@contextmanager
def hop_progress(delivery: Delivery) -> Iterator[Callable[[Hop, Progress], None]]:
    """Give a listener that draws one bar per hop on a terminal, and nothing elsewhere."""
    if delivery.json or delivery.quiet or not sys.stderr.isatty():
        yield lambda hop, progress: None
        return
    from nightferry.cli.bars import hop_bars

    with hop_bars() as listener:
        yield listener
