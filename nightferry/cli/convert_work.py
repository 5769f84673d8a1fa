"""``convert`` from the command line: what was asked, locks, bars, letters, report.

What is done is converting.py's, letting go of what is held pending.py's, working on without a terminal detaching.py's.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from nightferry.cli.work import Delivery, conclude
from nightferry.locks import free_locks
from nightferry.products.converting import Converted, ConvertWishes, convert_all
from nightferry.products.pending import approve
from nightferry.reporting import delivery as deliver
from nightferry.reporting.letters import send_letters
from nightferry.runs import Run
from nightferry.selection import Asked, instruments_asked, nights_asked
from nightferry.workplace import Workplace
from observatory.errors import UsageError
from observatory.spec.models import Instrument
from reports.model import Note, Report

if TYPE_CHECKING:
    from converters.night import StepProgress


def run_convert(
    workplace: Workplace, asked: Asked, wishes: ConvertWishes, delivery: Delivery, *, is_approval: bool = False
) -> int:
    """Take the steps, say what became of them, and return the exit status.

    With `is_approval` what is held of the nights asked for is let go before.
    """
    deliver.check_mail(workplace, delivery.mail)
    instruments = instruments_asked(workplace, asked)
    _check(workplace, asked, wishes, instruments, is_approval)
    with free_locks(workplace.state, [one.instrument for one in instruments]) as (held, refused):
        run = Run(workplace, "convert", held, wishes.dry_run)
        chosen = [one for one in instruments if one.instrument in held]
        notes = list(_approve(workplace, asked, wishes, chosen)) if is_approval else []
        with step_progress(delivery) as watch:
            converted = convert_all(workplace, asked, chosen, replace(wishes, watch=watch))
        if not wishes.dry_run:
            notes += send_letters(workplace, chosen, may_mail=delivery.mail or delivery.scheduled)
    report = Report(
        site=workplace.specification.site.site,
        kind="run",
        started_utc=run.started_utc,
        finished_utc=workplace.now(),
        steps=converted.step_rows(),
        notes=[*delivery.notes, *notes, *converted.notes, *_idle_notes(converted, wishes)],
        problems=[*converted.problems, *(Note(str(error)) for error in refused)],
        is_idle=converted.is_idle and not refused,
    )
    return conclude(workplace, run, report, delivery)


def _idle_notes(converted: Converted, wishes: ConvertWishes) -> Iterator[Note]:
    """Yield why nothing was done: it was looked, and there is nothing."""
    words = "no night on {} waits for its steps"
    if not wishes.pending:
        words = "nothing of the nights asked for lies on {} for its steps to take"
    if converted.is_idle:
        yield from (Note(words.format(one.copy), one.instrument) for one in converted.outcomes)


def _check(
    workplace: Workplace, asked: Asked, wishes: ConvertWishes, instruments: Sequence[Instrument], is_approval: bool
) -> None:
    """Refuse what makes no sense before anything is locked."""
    known = {step.label for one in instruments if one.convert for step in one.convert.steps}
    named = wishes.steps | ({wishes.from_step} if wishes.from_step is not None else set())
    if named - known:
        raise UsageError(f"no step {', '.join(sorted(named - known))} (declared: {', '.join(sorted(known)) or 'none'})")
    if wishes.pending and (asked.dates or asked.nights is not None):
        raise UsageError("--pending takes every night that is not processed; -d and -n name some: give one of the two")
    if is_approval and not (asked.instruments and asked.dates):
        raise UsageError("--approve needs -i and -d: say which nights of which instrument you have looked at")
    if is_approval and wishes.dry_run:
        raise UsageError("--approve is a word, and --dry-run takes none: give one of the two")
    for instrument in instruments:
        nights_asked(workplace, asked, instrument)  # a night that is none is refused as well
    if not known:
        raise UsageError("nothing to convert: no instrument asked for declares steps (`convert`)")


def _approve(
    workplace: Workplace, asked: Asked, wishes: ConvertWishes, instruments: Sequence[Instrument]
) -> Iterator[Note]:
    found = [
        Note(sentence, one.instrument)
        for one in instruments
        for sentence in approve(workplace, one, nights_asked(workplace, asked, one), wishes.steps)
    ]
    if instruments and not found:
        raise UsageError(f"nothing of {', '.join(asked.dates)} is held for review; nothing was done")
    yield from found


@contextmanager
def step_progress(delivery: Delivery) -> Iterator[Callable[[StepProgress], None]]:
    """Give a listener that draws one bar per night and step on a terminal, and nothing elsewhere."""
    if delivery.json or delivery.quiet or not sys.stderr.isatty():
        yield lambda progress: None
        return
    from nightferry.cli.step_bars import step_bars

    with step_bars() as listener:
        yield listener


def detach_convert(
    workplace: Workplace, asked: Asked, wishes: ConvertWishes, argv: Sequence[str], *, is_approval: bool
) -> int:
    """Start the same command without ``--detach`` where it outlives this terminal, and say how to look in."""
    from nightferry.products.detaching import detach

    _check(workplace, asked, wishes, instruments_asked(workplace, asked), is_approval)
    typer.echo(detach(workplace.state, [word for word in argv if word != "--detach"], workplace.now()))
    return 0
