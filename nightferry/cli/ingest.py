"""The command ``ingest``: files into an instrument's datastore, by name and header."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from nightferry.cli import options as opt
from nightferry.cli.context import Context, asked, finish, options_of, print_document
from observatory.errors import UsageError
from observatory.names import show
from observatory.truth import State, exit_status

if TYPE_CHECKING:
    import datetime as dt

    from nightferry.holdings.ingest_outcome import IngestOutcome
    from nightferry.holdings.ingesting import IngestWishes, Progress
    from nightferry.selection import Asked
    from nightferry.workplace import Workplace
    from observatory.spec.models import Instrument
    from syncer.ingest.find import Found
    from syncer.ingest.model import Transfer

_MODES = "auto|link|hardlink|symlink|relsymlink|copy|move|direct"


def ingest(
    context: typer.Context,
    paths: Annotated[list[str] | None, typer.Argument(metavar="PATH", help="Files, folders, quoted patterns.")] = None,
    instrument: Annotated[
        str | None,
        opt.instrument_option("Default: the one with a datastore."),
    ] = None,
    date: opt.Dates = None,
    nights: opt.Nights = None,
    copy: Annotated[
        str | None, typer.Option("--copy", metavar="NAME", help="With -d: the copy; default: the first here.")
    ] = None,
    transfer: Annotated[str, typer.Option("--transfer", "-t", metavar=_MODES, case_sensitive=False)] = "auto",
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="End at the first failure.")] = False,
    jobs: Annotated[int, typer.Option("-j", metavar="N", min=1, max=256, help="So many headers at a time.")] = 1,
    collection: Annotated[
        str | None, typer.Option("--collection", metavar="RUN", help="Default: each type's own.")
    ] = None,
    type_: Annotated[str | None, typer.Option("--type", metavar="TYPE", help="Whatever the names say.")] = None,
    datastore: Annotated[
        str | None, typer.Option("--datastore", metavar="DIR", help="Instead of the declared one.")
    ] = None,
    checksum: Annotated[bool, typer.Option("--checksum", help="Hash what is linked too.")] = False,
    incomplete: Annotated[
        bool, typer.Option("--incomplete", help="Take the good files of an exposure of which others failed.")
    ] = False,
    dry_run: opt.DryRun = False,
    json: opt.Json = False,
) -> None:
    """Put files into an instrument's datastore, and into the catalogue what they are.

    0 the datastore holds every file; 1 some failed or differ; 2 nothing was done; 3 some could not be read.
    """
    options = options_of(context)
    with options.open() as workplace:
        from nightferry.holdings.ingesting import IngestWishes

        declared = _instrument(workplace, instrument)
        wishes = IngestWishes(
            _transfer(transfer), fail_fast, jobs, collection, _type(declared, type_), checksum, incomplete, dry_run
        )
        found, by_night = _found(workplace, declared, paths or [], asked(None, date, nights), copy)
        outcome = _run(workplace, declared, datastore, wishes, (found, by_night), json or options.quiet)
        _tell(outcome, options, json)
        finish(exit_status(outcome.state))


def _run(
    workplace: Workplace,
    declared: Instrument,
    named: str | None,
    wishes: IngestWishes,
    found: tuple[Found, dict[bytes, dt.date]],
    silent: bool,
) -> IngestOutcome:
    from nightferry.holdings.datastores import Datastore, open_catalogue
    from nightferry.holdings.ingesting import Ingest
    from nightferry.locks import instrument_lock

    with ExitStack() as stack:
        if not wishes.dry_run:
            stack.enter_context(instrument_lock(workplace.state, f"{declared.instrument}.ingest"))
        catalogue = stack.enter_context(open_catalogue(workplace))
        datastore = Datastore.of(workplace, declared, named, catalogue)
        progress = stack.enter_context(_bar(silent))
        return Ingest(workplace, catalogue, declared, datastore, wishes, found[1], progress).run(found[0])


def _instrument(workplace: Workplace, name: str | None) -> Instrument:
    from catalogue.datastore import DatastoreSection
    from nightferry.selection import instruments_asked

    if name is not None:
        return instruments_asked(workplace, asked([name], None, None))[0]
    able = [one for one in workplace.instruments.values() if one.section(DatastoreSection) is not None]
    if not able:
        example = "`nightferry schema instrument` describes it, pfs.yaml among nightferry's examples has one"
        raise UsageError(f"no instrument of {workplace.folder} has a section `datastore`. {example}")
    if len(able) != 1:
        names = ", ".join(one.instrument for one in able)
        raise UsageError(f"-i is needed: which instrument's files are these? (With a datastore: {names})")
    return able[0]


def _transfer(text: str) -> Transfer:
    from syncer.ingest.model import Transfer

    if text.lower() not in _MODES.split("|"):
        raise UsageError(f"--transfer {text}: one of {_MODES.replace('|', ', ')}")
    return Transfer(text.lower())


def _type(declared: Instrument, name: str | None) -> str | None:
    from catalogue.datastore import DatastoreSection

    section = declared.section(DatastoreSection)
    if name is not None and section is not None and name not in section.types:
        raise UsageError(f"--type {name}: {declared.instrument} has {', '.join(section.types)}")
    return name


def _found(
    workplace: Workplace, declared: Instrument, paths: Sequence[str], wanted: Asked, copy: str | None
) -> tuple[Found, dict[bytes, dt.date]]:
    from nightferry.products.night_files import files_of_nights, local_place
    from nightferry.selection import nights_asked
    from syncer.ingest.find import find, find_files

    by_night = bool(wanted.dates or wanted.nights)
    if bool(paths) == by_night:
        raise UsageError("name files, folders or patterns, or nights with -d: one of the two")
    if paths:
        return find([os.fsencode(path) for path in paths]), {}
    place = local_place(workplace, declared, copy)
    listed = files_of_nights(workplace, declared, place, nights_asked(workplace, wanted, declared))
    root = os.fsencode(place.root)
    nights = {root + b"/" + path: night for path, night in listed.files.items()}
    found = find_files(sorted(nights))
    found.troubles += listed.troubles
    return found, nights


def _tell(outcome: IngestOutcome, options: Context, json: bool) -> None:
    if json:
        print_document(outcome.document())
        return
    if options.quiet and outcome.state is State.OK:
        return
    if outcome.is_plan:
        for row in outcome.rows:
            target = "" if row.destination is None else f" -> {show(row.destination)}"
            typer.echo(f"{row.result.value}: {show(row.path)}{target}")
    for line in outcome.lines():
        typer.echo(line)


@contextmanager
def _bar(silent: bool) -> Iterator[Progress]:
    """Draw a bar for each phase on a terminal, and nothing elsewhere."""
    if silent or not sys.stderr.isatty():
        yield lambda what, done, total: None
        return
    from nightferry.cli.bars import phase_bars

    with phase_bars() as listener:
        yield listener


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(ingest)
