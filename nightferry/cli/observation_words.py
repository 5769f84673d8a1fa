"""How observations and what became of them are said: lines for pipes, tables for terminals, JSON for programs.

Nothing is found or made here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import typer

from converters.export.instants import to_datetime
from converters.export.observations import Observation
from converters.export.plan import Fate, Item
from converters.stamps import format_instant
from nightferry.cli.context import is_terminal, print_document
from nightferry.observations.exporting import CameraResult, Export
from nightferry.observations.observing import Selected
from observatory.names import show, to_json
from observatory.truth import State

ONGOING = "ongoing"
_SPAN_HEADINGS = ("semester", "begin (UTC)", "end (UTC)", "observer", "target", "title")
_EXPORT_HEADINGS = (
    "observation",
    "camera",
    "form",
    "archives",
    "frames",
    "trimmed",
    "done",
    "to do",
    "failed",
    "waits",
)
_MOST_REASONS = 20


def say_spans(found: Selected, state: State, *, json: bool, quiet: bool) -> None:
    """Say which observations were found, and what stands in the way of being sure."""
    if json:
        print_document(
            {
                "state": state.value,
                "instrument": found.setting.instrument.instrument,
                "observations": [_observation_json(found, one) for one in found.observations],
                "problems": list(found.troubles),
            }
        )
    else:
        _say_rows(_SPAN_HEADINGS, [_span_row(found, one) for one in found.observations])
        if not found.observations and not quiet:
            typer.echo("no observation was found", err=True)
    _say_problems(found.troubles)


def _span_row(found: Selected, one: Observation) -> tuple[str, ...]:
    ends = ONGOING if one.end_ns is None else _instant(one.end_ns)
    words = (one.email, one.target, one.title)
    return (found.places[one].semester, _instant(one.begin_ns), ends, *(_shown(text) or "-" for text in words))


def _observation_json(found: Selected, one: Observation) -> dict[str, Any]:
    return {
        "semester": found.places[one].semester,
        "begin_utc": format_instant(one.begin_ns) + "Z",
        "end_utc": None if one.end_ns is None else format_instant(one.end_ns) + "Z",
        "email": one.email,
        "title": one.title,
        "target": one.target,
        "folder": found.places[one].path,
    }


def say_export(done: Export, *, json: bool, quiet: bool) -> None:
    """Say what an export did, or would do."""
    if json:
        print_document(_export_json(done))
    elif not (quiet and done.state is State.OK):
        _say_rows(_EXPORT_HEADINGS, [_export_row(result) for result in done.results])
        for line in _reasons(done):
            typer.echo(_shown(line), err=done.state is not State.OK)
        if not done.results:
            typer.echo("no observation was found", err=True)
    _say_problems(done.troubles)


def _export_row(result: CameraResult) -> tuple[str, ...]:
    fates = Counter(result.fate_of(item) for item in result.items)
    frames = sum(_frames(result, item) for item in result.items)
    before, after = sum(item.before for item in result.items), sum(item.after for item in result.items)
    done, failed = fates[Fate.DONE] + fates[Fate.TOLD], fates[Fate.FAILED] + fates[Fate.UNKNOWN]
    counts = (len(result.items), frames, f"{before}+{after}", done, fates[Fate.MAKE], failed, fates[Fate.WAITS])
    return (result.place.path, result.camera.name, result.camera.form, *map(str, counts))


def _frames(result: CameraResult, item: Item) -> int:
    made = result.made.get(item.archive)
    return made.frames if made is not None and made.failure is None else item.frames


def _reasons(done: Export) -> Iterator[str]:
    """Yield a line for each archive that is not simply done, and each camera of which nothing can be said."""
    lines = [line for result in done.results for line in _reasons_of(result)]
    yield from lines[:_MOST_REASONS]
    if len(lines) > _MOST_REASONS:
        yield f"and {len(lines) - _MOST_REASONS} more: --json tells all"


def _reasons_of(result: CameraResult) -> Iterator[str]:
    where = f"{result.place.path}/{result.camera.name}"
    if result.planned.is_kept_nowhere:
        yield f"UNKNOWN: {where}: no root has a folder rawimages/{result.camera.name}; name its root with -X"
    for reason in result.planned.unreadable:
        yield f"UNKNOWN: {where}: {reason}"
    for item in result.items:
        if result.fate_of(item) in (Fate.FAILED, Fate.UNKNOWN, Fate.WAITS):
            yield f"{_shown(item.archive)}: {result.fate_of(item).value}: {result.reason_of(item)}"
    warnings = Counter(made.warning for made in result.made.values() if made.failure is None and made.warning)
    for warning, count in sorted(warnings.items()):
        yield f"{where}: {count} archive{'s' if count > 1 else ''}: {warning}"


def _export_json(done: Export) -> dict[str, Any]:
    return {
        "state": done.state.value,
        "instrument": done.selected.setting.instrument.instrument,
        "output": to_json(str(done.output).encode("utf-8", "surrogateescape")),
        "dry_run": done.is_dry_run,
        "observations": [
            _observation_json(done.selected, one)
            | {"cameras": [_camera_json(result) for result in done.results if result.observation is one]}
            for one in done.selected.observations
        ],
        "problems": list(done.troubles),
    }


def _camera_json(result: CameraResult) -> dict[str, Any]:
    return {
        "camera": result.camera.name,
        "form": result.camera.form,
        "state": result.state.value,
        "is_kept_nowhere": result.planned.is_kept_nowhere,
        "unreadable": list(result.planned.unreadable),
        "archives": [_archive_json(result, item) for item in result.items],
    }


def _archive_json(result: CameraResult, item: Item) -> dict[str, Any]:
    made = result.made.get(item.archive)
    return {
        "archive": to_json(item.archive.encode("utf-8", "surrogateescape")),
        "fate": result.fate_of(item).value,
        "reason": result.reason_of(item) or None,
        "frames": _frames(result, item),
        "before": item.before,
        "after": item.after,
        "lost": None if made is None else made.lost,
        "absent_cards": None if made is None else list(made.absent),
        "has_header": None if made is None else made.has_header,
        "products": None if made is None else [one.name for one in made.products],
    }


def _say_rows(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows: a table on a terminal, else plain lines with tabs between what they hold."""
    if not rows:
        return
    if not is_terminal():
        for row in rows:
            typer.echo("\t".join(row))
        return
    from nightferry.cli.tables import print_rows

    print_rows(headings, rows)


def _say_problems(problems: Sequence[str]) -> None:
    for problem in problems:
        typer.echo(f"UNKNOWN: {_shown(problem)}", err=True)


def _instant(at_ns: int) -> str:
    return f"{to_datetime(at_ns):%Y-%m-%d %H:%M:%S}"


def _shown(text: str) -> str:
    return show(text.encode("utf-8", "surrogateescape"))
