"""The commands on datasets: ``datasets`` and ``collections``, and ``catalogue check``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nightferry.cli import options as opt
from nightferry.cli.context import finish, options_of
from nightferry.cli.overview import Overview
from observatory.errors import UsageError

Instrument = Annotated[
    str | None,
    opt.instrument_option("Where two instruments have such a type."),
]
Collections = Annotated[
    list[str] | None,
    typer.Option("--collection", "--collections", metavar="C", help="Search these, in their order (repeat)."),
]
Where = Annotated[
    str | None, typer.Option("--where", metavar="EXPRESSION", help="Such as \"visit = 12 and arm = 'r'\".")
]
At = Annotated[str | None, typer.Option("--at", metavar="UTC", help="What is valid at this instant.")]

collections_app = typer.Typer(
    cls=Overview, name="collections", help="Collections: runs, tags, chains, calibrations.", invoke_without_command=True
)


def datasets(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TYPE | remove TYPE", help="Without one: which types there are; with --collection, its datasets."
        ),
    ] = None,
    instrument: Instrument = None,
    collection: Collections = None,
    where: Where = None,
    order_by: Annotated[
        list[str] | None, typer.Option("--order-by", metavar="KEY", help="-KEY: the largest first (repeat).")
    ] = None,
    limit: opt.Limit = None,
    at: At = None,
    find_first: Annotated[bool, typer.Option("--find-first", help="Of each data id what is found first.")] = False,
    uri: Annotated[bool, typer.Option("--uri", help="Where each file lies.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Comma-separated values.")] = False,
    parquet: Annotated[Path | None, typer.Option("--parquet", metavar="FILE", help="Write a Parquet file.")] = None,
    butler: Annotated[
        bool, typer.Option("--butler", help="A table for `butler ingest-files REPO TYPE RUN TABLE`.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With remove: do it, instead of saying what it would do.")] = False,
    json: opt.Json = False,
) -> None:
    """Datasets of a type by where-expression and collections; or ``remove`` them."""
    from nightferry.cli.dataset_work import Form, asked_for, run_remove, run_show, run_without_type

    form = Form(uri, csv, parquet, butler, json)
    options = options_of(context)
    with options.open() as workplace:
        named = list(words or ())
        is_removal = named[:1] == ["remove"]
        if is_removal:
            named.pop(0)
        if len(named) > 1 or (is_removal and not named):
            raise UsageError(f"one type of datasets, not {' '.join(named) or 'none'}")
        if yes and not is_removal:
            raise UsageError("--yes goes with `datasets remove`")
        question = asked_for("".join(named), instrument, collection, where, order_by, limit, at, find_first)
        if not named:
            finish(run_without_type(workplace, question, form))
        if is_removal:
            finish(run_remove(workplace, question, yes, json))
        finish(run_show(workplace, question, form))


@collections_app.callback()
def collections(
    context: typer.Context,
    tree: Annotated[bool, typer.Option("--tree", help="The members of each chain below it.")] = False,
    json: opt.Json = False,
) -> None:
    """List the collections; or make, chain, tag, untag, certify, remove."""
    if context.invoked_subcommand is not None:
        return
    from nightferry.cli.collection_work import run_list

    with options_of(context).open() as workplace:
        finish(run_list(workplace, tree, json))


@collections_app.command()
def make(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME")],
    kind: Annotated[str, typer.Option("--kind", metavar="run|tagged|calibration")] = "tagged",
) -> None:
    """Make an empty collection."""
    from nightferry.cli.collection_work import run_make

    with options_of(context).open() as workplace:
        finish(run_make(workplace, name, kind))


@collections_app.command()
def chain(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME")],
    children: Annotated[list[str], typer.Argument(metavar="COLLECTION...")],
) -> None:
    """Make a search path through collections, in their order; or give one other members."""
    from nightferry.cli.collection_work import run_chain

    with options_of(context).open() as workplace:
        finish(run_chain(workplace, name, children))


@collections_app.command()
def tag(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME")],
    type_: Annotated[str, typer.Argument(metavar="TYPE")],
    instrument: Instrument = None,
    collection: Collections = None,
    where: Where = None,
    untag: Annotated[bool, typer.Option("--out", help="Take them out instead.")] = False,
) -> None:
    """Put datasets into a TAGGED collection, or take them out of one or of a CALIBRATION."""
    from nightferry.cli.collection_work import run_tag
    from nightferry.cli.dataset_work import asked_for

    question = asked_for(type_, instrument, collection, where, None, None, None, False)
    with options_of(context).open() as workplace:
        finish(run_tag(workplace, name, question, untag))


@collections_app.command()
def certify(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME")],
    type_: Annotated[str, typer.Argument(metavar="TYPE")],
    instrument: Instrument = None,
    collection: Collections = None,
    where: Where = None,
    since: Annotated[str | None, typer.Option("--from", metavar="UTC", help="Default: ever.")] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="UTC", help="Excluded; default: for ever.")] = None,
) -> None:
    """Say from when until when datasets are valid in a CALIBRATION collection."""
    from nightferry.cli.collection_work import run_certify
    from nightferry.cli.dataset_work import asked_for

    question = asked_for(type_, instrument, collection, where, None, None, None, False)
    with options_of(context).open() as workplace:
        finish(run_certify(workplace, name, question, since, until))


@collections_app.command(name="remove")
def remove_collection(context: typer.Context, name: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Remove a collection, never a dataset."""
    from nightferry.cli.collection_work import run_remove

    with options_of(context).open() as workplace:
        finish(run_remove(workplace, name))


def check(
    context: typer.Context,
    checksum: Annotated[bool, typer.Option("--checksum", help="Hash the files of which a hash was recorded.")] = False,
    json: opt.Json = False,
) -> None:
    """Say what is tracked but absent or altered, and what is present but untracked, in every datastore."""
    from nightferry.cli.dataset_work import run_check

    options = options_of(context)
    with options.open() as workplace:
        finish(run_check(workplace, checksum, json, options.quiet))


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(datasets)
    app.add_typer(collections_app)
