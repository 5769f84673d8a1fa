"""The commands on observations: ``spans``, ``export``, ``bundle``; the letters are lookyloo's."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nightferry.cli import options as opt
from nightferry.cli.context import Context, finish, options_of, say
from observatory.errors import UsageError
from observatory.truth import State, exit_status, worst

if TYPE_CHECKING:
    from nightferry.observations.exporting import ExportWishes
    from nightferry.observations.observing import Asked
    from nightferry.workplace import Workplace

_MOST_JOBS = 8

Instrument = Annotated[
    str | None, typer.Option("--instrument", metavar="NAME", help="Default: the only one with a section `export`.")
]
Title = Annotated[str | None, typer.Option("--title", "-t", metavar="TITLE", help="Title of the observation.")]
Object = Annotated[str | None, typer.Option("--object", "-o", metavar="OBJECT", help="Name of the target.")]
Email = Annotated[
    str | None, typer.Option("--observer-email", "-e", metavar="TEXT", help="Part of the observer's address.")
]
Partial = Annotated[bool, typer.Option("--partial-match-ok", "-p", help="Any part of the title will do.")]
Semester = Annotated[
    str | None, typer.Option("--semester", "-s", metavar="2025B", help="Default: the present semester.")
]
Start = Annotated[
    str | None, typer.Option("--utc-start", metavar="INSTANT", help="Earliest beginning, in place of --semester.")
]
End = Annotated[str | None, typer.Option("--utc-end", metavar="INSTANT", help="Latest end.")]
Roots = Annotated[
    list[Path] | None,
    typer.Option("--data-root", "-X", metavar="DIR", help="Holds rawimages, telem and logs (repeat)."),
]
Cameras = Annotated[
    list[str] | None, typer.Option("--camera", "-c", metavar="NAME", help="Folder of rawimages (repeat).")
]
Output = Annotated[
    Path | None, typer.Option("--output-dir", "-D", metavar="DIR", help="Default: the working directory.")
]


def _asked(
    instrument: str | None,
    roots: list[Path] | None,
    words: tuple[str | None, bool, str | None, str | None],
    times: tuple[str | None, str | None, str | None],
) -> Asked:
    from nightferry.observations.observing import Asked

    title, is_partial, target, email = words
    return Asked(instrument, tuple(roots or ()), title, is_partial, target, email, *times)


def _opened(options: Context) -> Workplace:
    """Open the site; where nothing is configured and none was named, the shipped instruments."""
    try:
        options.folder()
    except UsageError:
        if options.config is not None or "NIGHTFERRY_CONFIG" in os.environ:
            raise
        from nightferry.offsite import offsite_workplace

        workplace = offsite_workplace(os.environ, Path.home())
        if options.verbose:
            say(f"no configuration: the shipped instruments; what was done is remembered in {workplace.state}")
        return workplace
    return options.open()


def spans(
    context: typer.Context,
    title: Title = None,
    target: Object = None,
    email: Email = None,
    partial: Partial = False,
    semester: Semester = None,
    utc_start: Start = None,
    utc_end: End = None,
    data_root: Roots = None,
    instrument: Instrument = None,
    json: opt.Json = False,
) -> None:
    """List observations: who observed what, from when until when, as the observers' telemetry tells."""
    from nightferry.cli.observation_words import say_spans
    from nightferry.observations.observing import select

    options = options_of(context)
    asked = _asked(instrument, data_root, (title, partial, target, email), (semester, utc_start, utc_end))
    with _opened(options) as workplace:
        found = select(workplace, asked)
        state = State.UNKNOWN if found.troubles else State.OK
        say_spans(found, state, json=json, quiet=options.quiet)
        finish(exit_status(state))


def export(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-r", help="Print the plan and do nothing.")] = False,
    ignore_history: Annotated[
        bool, typer.Option("--ignore-history", "-i", help="Export again what was exported.")
    ] = False,
    cube_mode_all: Annotated[bool, typer.Option("--cube-mode-all", "-C", help="One cube for each archive.")] = False,
    separate_mode_all: Annotated[
        bool, typer.Option("--separate-mode-all", "-S", help="One file for each frame.")
    ] = False,
    title: Title = None,
    target: Object = None,
    email: Email = None,
    partial: Partial = False,
    find_partial_archives: Annotated[
        bool,
        typer.Option(
            "--find-partial-archives",
            help="The archive that began before the observation too; here its frames are always found.",
        ),
    ] = False,
    semester: Semester = None,
    utc_start: Start = None,
    utc_end: End = None,
    camera: Cameras = None,
    data_root: Roots = None,
    omit_telemetry: Annotated[bool, typer.Option("--omit-telemetry", "-O", help="No cards out of telemetry.")] = False,
    ignore_data_integrity: Annotated[
        bool, typer.Option("--ignore-data-integrity", help="Damaged observers' telemetry is no reason for exit 3.")
    ] = False,
    output_dir: Output = None,
    xrif2fits_cmd: Annotated[
        str | None, typer.Option("--xrif2fits-cmd", metavar="PROGRAM", help="Call this in place of our own decoder.")
    ] = None,
    parallel_jobs: Annotated[
        int | None, typer.Option("--parallel-jobs", "-j", metavar="N", min=1, help="So many archives at a time.")
    ] = None,
    instrument: Instrument = None,
    watch: Annotated[bool, typer.Option("--watch", help="Keep at it: export observations as they are taken.")] = False,
    json: opt.Json = False,
) -> None:
    """Export observations as FITS files, from an instrument's or an archive's data roots."""
    from nightferry.observations.exporting import ExportWishes

    if cube_mode_all and separate_mode_all:
        raise UsageError("-C makes cubes of all archives and -S single frames: give one of the two")
    asked = _asked(instrument, data_root, (title, partial, target, email), (semester, utc_start, utc_end))
    wishes = ExportWishes(
        cameras=tuple(camera or ()),
        form="cube" if cube_mode_all else "frames" if separate_mode_all else None,
        output=output_dir or Path(),
        jobs=parallel_jobs or min(_MOST_JOBS, os.cpu_count() or 1),
        omit_telemetry=omit_telemetry,
        ignore_history=ignore_history,
        ignore_data_integrity=ignore_data_integrity,
        program=xrif2fits_cmd,
        dry_run=dry_run,
    )
    if watch:
        _watch(context, asked, wishes, is_output_named=output_dir is not None)
    else:
        _export(context, asked, wishes, json)


def _export(context: typer.Context, asked: Asked, wishes: ExportWishes, json: bool) -> None:
    from nightferry.cli.observation_words import say_export
    from nightferry.observations.exporting import export as export_observations
    from nightferry.observations.observing import select

    options = options_of(context)
    with _opened(options) as workplace:
        found = select(workplace, asked)
        with bar("archives", not (json or options.quiet)) as ready:
            done = export_observations(workplace, found, wishes, ready)
        say_export(done, json=json, quiet=options.quiet)
        finish(exit_status(done.state))


def _watch(context: typer.Context, asked: Asked, wishes: ExportWishes, *, is_output_named: bool) -> None:
    import logging

    from nightferry.observations.watching import watch as keep_watching

    options = options_of(context)
    if wishes.dry_run:
        raise UsageError("--watch goes on for ever and a dry run does nothing: give one of the two")
    if not options.quiet:  # what works for months says when it began and what it did
        logging.getLogger("nightferry").setLevel(logging.INFO)
    with _opened(options) as workplace:
        keep_watching(workplace, asked, wishes, is_output_named=is_output_named)


def bundle(
    context: typer.Context,
    output_dir: Annotated[Path, typer.Option("--output-dir", "-D", metavar="DIR", help="A root to be filled.")],
    title: Title = None,
    target: Object = None,
    email: Email = None,
    partial: Partial = False,
    semester: Semester = None,
    utc_start: Start = None,
    utc_end: End = None,
    camera: Cameras = None,
    data_root: Roots = None,
    instrument: Instrument = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-r", help="Print the plan and do nothing.")] = False,
    json: opt.Json = False,
) -> None:
    """Copy raw archives and telemetry of observations, verified, for another site."""
    from nightferry.cli.bundle_words import say_bundle
    from nightferry.observations.bundling import bundle as bundle_observations
    from nightferry.observations.observing import select

    options = options_of(context)
    asked = _asked(instrument, data_root, (title, partial, target, email), (semester, utc_start, utc_end))
    with _opened(options) as workplace:
        found = select(workplace, asked)
        with bar("files", not (json or options.quiet)) as ready:
            done = bundle_observations(found, tuple(camera or ()), output_dir, dry_run=dry_run, ready=ready)
        say_bundle(done, json=json, quiet=options.quiet)
        finish(exit_status(worst([done.state])))


@contextmanager
def bar(what: str, is_wanted: bool) -> Iterator[Callable[[int, int], None]]:
    """Give a listener that draws a bar on a terminal, and nothing elsewhere."""
    if not (is_wanted and sys.stderr.isatty()):
        yield lambda done, total: None
        return
    from nightferry.cli.bars import phase_bars

    with phase_bars() as listener:
        yield lambda done, total: listener(what, done, total)


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    for command in (spans, export, bundle):
        app.command()(command)
