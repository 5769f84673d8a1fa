"""``catalogue fill``, ``rebuild`` and ``unreadable`` from the command line: locks, bars, words and exit status.

What is done is cataloguing.py's.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from nightferry.cli.context import print_document, say
from nightferry.holdings.cataloguing import (
    Filled,
    FillWishes,
    catalogued,
    fill_instrument,
    rebuild_instrument,
    sentence,
)
from nightferry.locks import free_locks
from nightferry.selection import Asked
from nightferry.workplace import Workplace
from observatory.counting import counted
from observatory.names import show, to_json
from observatory.nights import night_text
from observatory.truth import State, exit_status

if TYPE_CHECKING:
    from catalogue.holdings.filling import FillOutcome

_SHOWN = 10
"""Warnings of one place that are printed: a keyword that is odd in one file is odd in all of the night."""


def run_fill(
    workplace: Workplace, asked: Asked, *, is_rebuild: bool, again: bool, dry_run: bool, json: bool, quiet: bool
) -> int:
    """Fill the catalogue, say what came of it, and return the exit status."""
    instruments = catalogued(workplace, asked)
    filled = Filled()
    forgotten = 0
    with (
        free_locks(workplace.state, [one.instrument for one in instruments]) as (held, refused),
        _progress(json or quiet) as progress,
    ):
        wishes = FillWishes(again, dry_run, progress)
        for instrument in (one for one in instruments if one.instrument in held):
            if is_rebuild:
                forgotten += rebuild_instrument(workplace, asked, instrument, wishes, filled)
            else:
                fill_instrument(workplace, asked, instrument, wishes, filled)
    doubts = [str(error) for error in refused] + [note.sentence for note in filled.problems]
    if not filled.outcomes and not doubts:
        doubts.append(
            "no copy of what is asked for lies on this machine, so nothing was looked at; run it where one does"
        )
    state = _state(filled, doubts)
    if json:
        print_document(_document(filled, doubts, state, forgotten))
    elif not (quiet and state is State.OK):
        _print(filled, doubts, forgotten)
    return exit_status(state)


def _state(filled: Filled, doubts: Sequence[str]) -> State:
    if doubts:
        return State.UNKNOWN
    damaged = any(outcome.counts.faults for outcome in filled.outcomes)
    return State.DIFFERENT if damaged else State.OK


def _print(filled: Filled, doubts: Sequence[str], forgotten: int) -> None:
    for outcome in filled.outcomes:
        typer.echo(f"{outcome.instrument} {sentence(outcome)}")
        for fault in outcome.counts.faults:
            typer.echo(f"{outcome.instrument} {outcome.copy}: {show(fault.path)} NOT READABLE: {fault.reason}")
        warnings = outcome.counts.warnings
        for warning in warnings[:_SHOWN]:
            say(f"nightferry: {outcome.instrument} {outcome.copy}: {warning}")
        if len(warnings) > _SHOWN:
            say(f"nightferry: {outcome.instrument} {outcome.copy}: {len(warnings) - _SHOWN} more such; --json has all")
    if forgotten:
        typer.echo(f"{counted(forgotten, 'exposure')} forgotten: no copy of a file of theirs is left")
    for doubt in doubts:
        say(f"nightferry: UNKNOWN: {doubt}")


def _document(filled: Filled, doubts: Sequence[str], state: State, forgotten: int) -> dict[str, Any]:
    return {
        "state": state.value,
        "places": [_place(outcome) for outcome in filled.outcomes],
        "forgotten": forgotten,
        "problems": list(doubts),
    }


def _place(outcome: FillOutcome) -> dict[str, Any]:
    counts = outcome.counts
    return {
        "instrument": outcome.instrument,
        "copy": outcome.copy,
        "nights": outcome.nights,
        "files": counts.files,
        "read": counts.read,
        "growing": counts.growing,
        "exposures": counts.exposures,
        "new_exposures": counts.new_exposures,
        "written_exposures": counts.written_exposures,
        "waiting": counts.waiting,
        "unreadable": [
            {
                "night": night_text(one.night),
                "path": to_json(one.path),
                "reason": one.reason,
                "is_damage": one.is_damage,
            }
            for one in counts.faults
        ],
        "warnings": list(counts.warnings),
    }


def run_unreadable(workplace: Workplace, asked: Asked, *, json: bool) -> int:
    """List the files that no run could read, with their reasons; 1 where there is one."""
    found = [
        (instrument.instrument, file)
        for instrument in catalogued(workplace, asked)
        for file in workplace.catalogue.unreadable_files(instrument.instrument)
    ]
    if json:
        rows = [
            {"instrument": name, "night": night_text(file.night), "path": to_json(file.path), "camera": file.camera,
             "state": file.state.value, "reason": file.reason}
            for name, file in found
        ]  # fmt: skip
        print_document({"unreadable": rows})
    else:
        for name, file in found:
            typer.echo(f"{name} {night_text(file.night)} {show(file.path)}: {file.state.value}: {file.reason}")
    return 1 if found else 0


@contextmanager
def _progress(is_silent: bool) -> Iterator[Callable[[str, int], None]]:
    """Give a listener that counts files on a terminal, one line per place, and does nothing elsewhere."""
    if is_silent or not sys.stderr.isatty():
        yield lambda name, files: None
        return
    from nightferry.cli.bars import named_counts

    with named_counts("files") as listener:
        yield listener
