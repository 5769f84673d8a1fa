"""Freeing space from the command line: its locks, its progress, what is said and mailed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import typer

from nightferry.cli.context import is_terminal, print_document, say
from nightferry.cli.work import Delivery
from nightferry.locks import free_locks
from nightferry.reporting import delivery as deliver
from nightferry.retention import pruned as words
from nightferry.retention.outcome import PlacePruned
from nightferry.retention.pruning import PruneWishes, prunable, prune
from nightferry.runs import Run
from nightferry.selection import Asked, instruments_asked, nights_asked
from nightferry.workplace import Workplace
from observatory.errors import LockHeld, UsageError
from observatory.truth import State, exit_status, worst
from reports.model import Note, Report


def run_prune(workplace: Workplace, asked: Asked, is_free: bool, delivery: Delivery) -> int:
    """Say what may be freed, or free it; return the exit status."""
    deliver.check_mail(workplace, delivery.mail)
    instruments = instruments_asked(workplace, asked)
    for instrument in instruments:
        nights_asked(workplace, asked, instrument)  # a night that is none is refused before anything is locked
    names = sorted({instrument.instrument for instrument, _, _ in prunable(instruments)})
    if not names:
        raise UsageError("nothing to prune: no copy asked for declares `retention`")
    if not is_free:
        return _told(workplace, replace(asked, instruments=tuple(names)), False, delivery, ())
    with free_locks(workplace.state, names) as (held, refused):
        return _told(workplace, replace(asked, instruments=held), True, delivery, refused)


def _told(workplace: Workplace, asked: Asked, is_free: bool, delivery: Delivery, refused: Sequence[LockHeld]) -> int:
    run = Run(workplace, "prune", asked.instruments, dry_run=not is_free)
    if run.keeps_records:
        _ = run.id  # begun in the ledger before anything is touched
    with _progress(delivery) as progress:
        found = prune(workplace, run, asked, PruneWishes(is_free, progress))
    state = worst([words.state_of(found), *(State.UNKNOWN for _ in refused)])
    run.finish(state)
    _say(found, is_free, delivery, state)
    for error in refused:
        say(str(error))
    if delivery.mail or delivery.scheduled:
        report = _report(workplace, run, found, delivery, refused)
        for sentence in deliver.send(workplace, report, by_hand=delivery.mail):
            say(sentence)
    return exit_status(state)


def _say(found: Sequence[PlacePruned], is_free: bool, delivery: Delivery, state: State) -> None:
    if delivery.json:
        print_document(words.document_of(found))
    elif delivery.quiet and state is State.OK:
        return
    elif is_terminal():
        from nightferry.cli.prune_tables import print_pruned

        print_pruned(found, is_free)
    else:
        for line in words.lines(found, is_free):
            typer.echo(line)


def _report(
    workplace: Workplace, run: Run, found: Sequence[PlacePruned], delivery: Delivery, refused: Sequence[LockHeld]
) -> Report:
    return Report(
        site=workplace.specification.site.site,
        kind="prune",
        started_utc=run.started_utc,
        finished_utc=workplace.now(),
        steps=words.step_rows(found),
        notes=[*delivery.notes, Note(words.closing(found, True)), *words.notes(found)],
        problems=[*words.problems(found), *(Note(str(error)) for error in refused)],
    )


@contextmanager
def _progress(delivery: Delivery) -> Iterator[Callable[[str, int], None]]:
    if delivery.json or delivery.quiet or not sys.stderr.isatty():
        yield lambda what, files: None
        return
    from nightferry.cli.bars import named_counts

    with named_counts("files looked at") as listener:
        yield listener
