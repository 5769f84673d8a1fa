"""The command ``xrif2fits``: FITS files of archives that are named one by one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nightferry.cli import options as opt
from nightferry.cli.context import Context, finish, is_terminal, options_of, print_document, say
from nightferry.cli.observations import bar
from observatory.counting import counted
from observatory.errors import UsageError
from observatory.truth import State, exit_status

if TYPE_CHECKING:
    from nightferry.observations.archives import ArchiveRow
    from observatory.spec.models import Instrument

_HEADINGS = ("archive", "state", "frames", "first frame (UTC)", "last frame (UTC)", "dropped", "files")


def xrif2fits(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Archives, .xrif.")],
    output_dir: Annotated[Path, typer.Option("--output-dir", "-D", metavar="DIR", help="Where the FITS files go.")],
    data_root: Annotated[
        list[Path] | None,
        typer.Option("--data-root", "-X", metavar="ROOT", help="Holds telem: cards out of telemetry (repeat)."),
    ] = None,
    cube: Annotated[bool, typer.Option("--cube-mode", "-C", help="One cube for each archive, not a file a frame.")] = (
        False
    ),
    overwrite: Annotated[bool, typer.Option("--overwrite", "-O", help="Replace other files of the same names.")] = (
        False
    ),
    parallel_jobs: Annotated[
        int, typer.Option("--parallel-jobs", "-j", metavar="N", min=1, help="So many archives at a time.")
    ] = 1,
    instrument: Annotated[
        str | None, typer.Option("--instrument", metavar="NAME", help="Whose header map: its section `export`.")
    ] = None,
    dry_run: opt.DryRun = False,
    json: opt.Json = False,
) -> None:
    """Make FITS files of archives that you name. Needs no configuration, but for cards out of telemetry."""
    from converters.telemetry import check_roots
    from nightferry.observations.archives import ArchiveWishes, make_archives, state_of

    options = options_of(context)
    roots = tuple(root.absolute() for root in data_root or ())
    check_roots(roots)
    wishes = ArchiveWishes(
        tuple(files), output_dir, roots, "cube" if cube else "frames", parallel_jobs, overwrite, dry_run
    )
    with bar("archives", not (json or options.quiet)) as ready:
        rows = make_archives(_instrument(options, instrument, is_needed=bool(roots)), wishes, ready)
    state = state_of(rows)
    _say(rows, state, json=json, quiet=options.quiet)
    finish(exit_status(state))


def _instrument(options: Context, name: str | None, *, is_needed: bool) -> Instrument | None:
    """Return whose header map counts; None where there is no configuration, which is said."""
    from nightferry.observations.archives import instrument_of

    try:
        options.folder()
    except UsageError:
        if options.config is not None or "NIGHTFERRY_CONFIG" in os.environ or name is not None:
            raise
        if is_needed:
            say("no configuration was found: of the telemetry only the exposure times are used (--config names one)")
        return None
    with options.open() as workplace:
        return instrument_of(workplace, name, is_needed=is_needed)


def _say(rows: Sequence[ArchiveRow], state: State, *, json: bool, quiet: bool) -> None:
    if json:
        print_document({"state": state.value, "archives": [_json(row) for row in rows]})
    elif not (quiet and state is State.OK):
        _say_rows(rows)
        for row in rows:
            for sentence in filter(None, (row.reason, _odd_words(row))):
                say(f"{_shown(row.file)}: {sentence}")


def _say_rows(rows: Sequence[ArchiveRow]) -> None:
    if is_terminal():
        from nightferry.cli.tables import print_rows

        print_rows(_HEADINGS, [_cells(row) for row in rows])
        return
    for row in rows:
        typer.echo("  ".join(_cells(row)))


def _cells(row: ArchiveRow) -> tuple[str, ...]:
    from converters.stamps import format_instant

    facts = row.facts
    told = ("-", "-", "-", "-")
    if facts is not None:
        first, last = format_instant(facts.first_ns), format_instant(facts.last_ns)
        told = (str(facts.frames), first, last, f"{facts.dropped_frames}{'?' if facts.odd_steps else ''}")
    return (_shown(row.file), row.state.value, *told, str(len(row.products)))


def _odd_words(row: ArchiveRow) -> str | None:
    if row.facts is None or not row.facts.odd_steps:
        return None
    times = counted(row.facts.odd_steps, "time")
    return f"its frame counter stands still, goes back or leaps, or its clock does, {times}: drops cannot be told there"


def _json(row: ArchiveRow) -> dict[str, Any]:
    from converters.stamps import format_instant
    from observatory.names import to_json

    facts = row.facts
    return {
        "file": to_json(os.fsencode(row.file)),
        "state": row.state.value,
        "reason": row.reason,
        "frames": None if facts is None else facts.frames,
        "first_utc": None if facts is None else format_instant(facts.first_ns) + "Z",
        "last_utc": None if facts is None else format_instant(facts.last_ns) + "Z",
        "dropped_frames": None if facts is None else facts.dropped_frames,
        "odd_steps": None if facts is None else facts.odd_steps,
        "products": [to_json(os.fsencode(name)) for name in row.products],
        "absent": list(row.absent),
    }


def _shown(file: Path) -> str:
    from observatory.names import show

    return show(os.fsencode(file.name))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(xrif2fits)
