"""The commands that hand things on: ``catalogue sums`` and ``check-sums``, ``catalogue bag`` and ``check-bag``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nightferry.cli import options as opt
from nightferry.cli.context import asked, finish, options_of, print_document, say
from nightferry.cli.datasets import Collections, Instrument, Where
from observatory.counting import counted
from observatory.errors import UsageError
from observatory.names import show, to_json
from observatory.truth import exit_status, worst

if TYPE_CHECKING:
    from catalogue.datasets.records import Dataset


def sums(
    context: typer.Context,
    type_: Annotated[str, typer.Argument(metavar="TYPE")],
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="Where the lists go; made if absent.")],
    by: Annotated[
        str | None, typer.Option("--by", metavar="KEY", help="A list for each value; default: the exposure's key.")
    ] = None,
    instrument: Instrument = None,
    collection: Collections = None,
    where: Where = None,
    json: opt.Json = False,
) -> None:
    """Write a list of SHA-256 for each exposure, as sha256sum does; every file is read."""
    from nightferry.cli.dataset_work import asked_for
    from nightferry.holdings.datastores import open_catalogue
    from nightferry.holdings.sums import write_sums

    question = asked_for(type_, instrument, collection, where, None, None, None, False)
    options = options_of(context)
    with options.open() as workplace, open_catalogue(workplace) as catalogue:
        answer = catalogue.find_datasets(question)
        exposures = {one.name: key for one, key in catalogue.dataset_types(answer.type.instrument)}
        key = by or exposures.get(answer.type.name)
        known = [one.name for one in answer.type.keys]
        if key is None:
            why = f"{answer.type.name} declares no `exposure`, so say by which key the lists are to be made"
            raise UsageError(f"{why}: --by {' or --by '.join(known)}")
        if key not in known:
            raise UsageError(f"--by {key}: {answer.type.name} has no such key; known here: {', '.join(known)}")
        with _bar("hashing", len(answer.datasets), json or options.quiet) as progress:
            written = write_sums(_groups(key, answer.datasets), to, progress)
    if json:
        failed = [{"path": to_json(path), "reason": why} for path, why in (*written.failed, *written.unreadable)]
        lists = [to_json(os.fsencode(path)) for path in written.lists]
        print_document({"state": written.state.value, "lists": lists, "files": written.files, "failed": failed})
    else:
        typer.echo(f"{to}: {counted(len(written.lists), 'list')} of {counted(written.files, 'file')}")
        for path, why in (*written.failed, *written.unreadable):
            typer.echo(f"  {show(path)}: {why}")
    finish(exit_status(written.state))


def _groups(key: str, datasets: tuple[Dataset, ...]) -> list[tuple[str, list[Dataset]]]:
    groups: dict[str, list[Dataset]] = {}
    for one in datasets:
        value = one.values[key]
        text = f"{value:08d}" if isinstance(value, int) else str(value).replace("/", "_")
        groups.setdefault(text, []).append(one)
    return sorted(groups.items())


def check_sums(
    context: typer.Context,
    lists: Annotated[list[Path], typer.Argument(metavar="LIST...")],
    folder: Annotated[Path | None, typer.Option("--in", metavar="DIR", help="Default: beside each list.")] = None,
    json: opt.Json = False,
) -> None:
    """Check lists of checksums, of any dialect, against the files: none missing, wrong or unlisted."""
    from nightferry.holdings.sums import check_lists

    checked = check_lists(lists, folder)
    state = worst(one.state for one in checked)
    if json:
        print_document({"state": state.value, "lists": [one.document() for one in checked]})
    else:
        for line in (line for one in checked for line in one.lines()):
            typer.echo(line)
    finish(exit_status(state))


def bag(
    context: typer.Context,
    to: Annotated[Path, typer.Argument(metavar="DIR", help="The bag; must not be there yet.")],
    instrument: opt.OneInstrument,
    date: opt.OneNight,
    copy: Annotated[str | None, typer.Option("--copy", metavar="NAME", help="Default: the first copy here.")] = None,
) -> None:
    """Make a BagIt bag (RFC 8493) of a night, from a copy that lies on this machine."""
    from nightferry.holdings.bagging import make_bag
    from nightferry.products.night_files import files_of_nights, local_place
    from nightferry.selection import instruments_asked
    from observatory.errors import ListingBroken
    from observatory.nights import night_text, parse_night

    options = options_of(context)
    with options.open() as workplace:
        (declared,) = instruments_asked(workplace, asked([instrument], None, None))
        night = parse_night(date, workplace.present_night(declared))
        place = local_place(workplace, declared, copy)
        listed = files_of_nights(workplace, declared, place, [night])
        if listed.troubles:
            path, why = listed.troubles[0]
            raise ListingBroken(place.host, place.root, f"{show(path)}: {why}; no bag was made")
        files = {path: listed.file(path) for path in listed.files}
        facts = {
            "Source-Organization": workplace.specification.site.site,
            "External-Identifier": f"{instrument} {night_text(night)}",
            "External-Description": declared.title or instrument,
        }
        with _bar("copying", len(files), options.quiet) as progress:
            made = make_bag(files, to, facts, progress)
    if not options.quiet:
        say(f"{made.folder}: {made.files} files, {made.bytes} bytes")


def check_bag(
    context: typer.Context,
    bags: Annotated[list[Path], typer.Argument(metavar="DIR...")],
) -> None:
    """Check bags against their manifests."""
    from nightferry.holdings.bagging import check_bag as check

    checked = [check(folder) for folder in bags]
    for line in (line for one in checked for line in one.lines()):
        typer.echo(line)
    finish(exit_status(worst(one.state for one in checked)))


@contextmanager
def _bar(phase: str, total: int, silent: bool) -> Iterator[Callable[[int], None]]:
    if silent or not sys.stderr.isatty():
        yield lambda done: None
        return
    from nightferry.cli.bars import phase_bars

    with phase_bars() as listener:
        yield lambda done: listener(phase, done, total)
