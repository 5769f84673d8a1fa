"""How a job ends on the command line: its report said, kept and sent, and the exit status.

Starting the jobs is the commands'; daemon and crontab call the same commands.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import typer

from nightferry.cli.context import NotSaid, is_terminal, print_document, say
from nightferry.reporting import delivery as deliver
from nightferry.runs import Run
from nightferry.workplace import Workplace
from observatory.errors import CouldNotTell, MailNotTaken
from observatory.files import os_fault
from observatory.truth import State, exit_status
from reports.json import document_of
from reports.model import Note, Report
from reports.policy import state_to_tell
from reports.text import render_text

if TYPE_CHECKING:
    from converters.night import StepProgress
    from nightferry.cli.bars import Pause
    from observatory.spec.chain import Hop
    from syncer.transfer.contract import Progress


NOT_MAILED = MailNotTaken.exit_status
"""Exit status where all is well but the mail that a person asked for."""


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


def conclude(workplace: Workplace, run: Run, report: Report, delivery: Delivery) -> int:
    """Say, keep and send a report; return the exit status that its state stands for."""
    ordered = replace(report, notes=[*report.notes, *workplace.notes]).in_order()
    unnoted = list(_note_down(workplace, run, ordered)) if run.keeps_records else []
    ordered = replace(ordered, problems=[*ordered.problems, *unnoted])
    unsaid = _try_to_tell(ordered, delivery)
    is_mailed = send_report(workplace, ordered, delivery.mail) if delivery.mail or delivery.scheduled else True
    if run.keeps_records and (delivery.scheduled or run.kind == "run"):
        deliver.heartbeat(workplace)
    if unsaid is not None:
        raise NotSaid(unsaid)
    status = exit_status(ordered.state)
    return status if is_mailed or not delivery.mail else status or NOT_MAILED


def _note_down(workplace: Workplace, run: Run, report: Report) -> Iterator[Note]:
    """Note in the ledger that a run is over, and keep its report; yield why not: what it found is told all the same."""
    for note_down in (lambda: run.finish(report.state), lambda: deliver.keep(workplace, report)):
        try:
            note_down()
        except CouldNotTell as error:
            yield Note(str(error))
        except OSError as error:
            yield Note(f"{os_fault(error, workplace.state)}; this report was not kept")


def send_report(workplace: Workplace, report: Report, by_hand: bool) -> bool:
    """Mail a report to those whom it is due, saying what went wrong; return whether nothing did."""
    sentences = list(deliver.send(workplace, report, by_hand=by_hand))
    for sentence in sentences:
        say(sentence)
    return not sentences


def _try_to_tell(report: Report, delivery: Delivery) -> OSError | None:
    """Print a report; return why that could not be done: what was found is mailed although cron's log is full."""
    try:
        tell(report, delivery)
    except BrokenPipeError as error:
        return error
    except OSError as error:
        return OSError(error.errno, error.strerror, "standard output")
    return None


def tell(report: Report, delivery: Delivery) -> None:
    """Print a report: JSON, or text, or on a terminal colours and tables; nothing where quiet and well.

    A note that would be mailed although nothing differs is not well.
    """
    if delivery.json:
        print_document(document_of(report))
    elif delivery.quiet and state_to_tell(report) in (State.OK, State.AWAY):
        return
    elif is_terminal():
        from rich.console import Console

        from reports.terminal import print_report

        print_report(report, Console())
    else:
        typer.echo(render_text(report), nl=False)


def confirm_root(delivery: Delivery, pause: Pause) -> Callable[[str, str], bool]:
    """Give a function that asks a person at a terminal about a new root, once each; no where there is nobody."""
    answers: dict[tuple[str, str], bool] = {}

    def ask(host: str, root: str) -> bool:
        if delivery.json or not (sys.stdin.isatty() and sys.stderr.isatty()):
            return False
        if (host, root) not in answers:
            with pause():
                question = f"{host}:{root} shows no sign of being the root. Is it a new one?"
                answers[host, root] = typer.confirm(question, err=True)
        return answers[host, root]

    return ask


@contextmanager
def hop_progress(delivery: Delivery) -> Iterator[tuple[Callable[[Hop, Progress], None], Pause]]:
    """Give a listener that draws one bar per hop on a terminal, and nothing elsewhere; and what holds it still."""
    if delivery.json or delivery.quiet or not sys.stderr.isatty():
        yield lambda hop, progress: None, nullcontext
        return
    from nightferry.cli.bars import hop_bars

    with hop_bars() as bars:
        yield bars


@contextmanager
def night_progress(
    delivery: Delivery,
) -> Iterator[tuple[Callable[[Hop, Progress], None], Callable[[StepProgress], None], Pause]]:
    """Give listeners that draw one bar per hop, and one per night and step, on a terminal, and nothing elsewhere."""
    if delivery.json or delivery.quiet or not sys.stderr.isatty():
        yield lambda hop, progress: None, lambda progress: None, nullcontext
        return
    from nightferry.cli.step_bars import night_bars

    with night_bars() as bars:
        yield bars


@contextmanager
def file_progress(delivery: Delivery) -> Iterator[Callable[[Hop, int], None]]:
    """Give a listener that counts, on a terminal, the files whose bytes were read; one line per hop."""
    if delivery.json or delivery.quiet or not sys.stderr.isatty():
        yield lambda hop, files: None
        return
    from nightferry.cli.bars import file_counts

    with file_counts() as listener:
        yield listener
