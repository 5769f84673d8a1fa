"""``collections`` from the command line: the list as table or tree, making and filling them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import typer

from catalogue.datasets.query import Question
from catalogue.datasets.records import Collection, CollectionKind, Validity
from nightferry.cli.context import print_document, say
from nightferry.cli.dataset_work import instant
from nightferry.holdings.datastores import open_catalogue
from nightferry.workplace import Workplace
from observatory.counting import counted
from observatory.errors import UsageError

_MADE_EMPTY = ("run", "tagged", "calibration")


def run_list(workplace: Workplace, tree: bool, json: bool) -> int:
    """Show every collection."""
    with open_catalogue(workplace) as catalogue:
        held = catalogue.collections()
    if json:
        rows = [{"name": one.name, "kind": one.kind.value, "children": list(one.children)} for one in held]
        print_document({"collections": rows})
        return 0
    for line in _lines(_tree_rows(held) if tree else _table_rows(held), has_chains=_has_chains(held) and not tree):
        typer.echo(line)
    if not held:
        say("there is no collection yet")
    return 0


def _has_chains(held: Sequence[Collection]) -> bool:
    return any(one.kind is CollectionKind.CHAINED for one in held)


def _table_rows(held: Sequence[Collection]) -> Iterator[tuple[str, str, str]]:
    for one in held:
        first, *rest = one.children or ("",)
        yield one.name, one.kind.value, first
        yield from (("", "", child) for child in rest)


def _tree_rows(held: Sequence[Collection]) -> Iterator[tuple[str, str, str]]:
    by_name = {one.name: one for one in held}
    for one in held:
        yield from _branch(one, by_name, 0)


def _branch(one: Collection, by_name: Mapping[str, Collection], depth: int) -> Iterator[tuple[str, str, str]]:
    yield "  " * depth + one.name, one.kind.value, ""
    for child in one.children:
        yield from _branch(by_name[child], by_name, depth + 1)


def _lines(rows: Iterator[tuple[str, str, str]], has_chains: bool) -> Iterator[str]:
    """Yield left-aligned columns under headings and hyphens; that of the children only where there are chains."""
    table = [("Name", "Type", "Children"), *rows]
    if len(table) == 1:
        return
    count = 3 if has_chains else 2
    widths = [max(len(row[column]) for row in table) for column in range(count)]
    table.insert(1, ("-" * widths[0], "-" * widths[1], "-" * widths[-1]))
    for row in table:
        yield " ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip()


def run_make(workplace: Workplace, name: str, kind: str) -> int:
    """Make an empty collection."""
    if kind.lower() not in _MADE_EMPTY:
        raise UsageError(f"--kind {kind}: one of {', '.join(_MADE_EMPTY)}; a chain is made by `collections chain`")
    with open_catalogue(workplace) as catalogue:
        is_new = catalogue.make_collection(name, CollectionKind(kind.upper()), workplace.now())
    typer.echo(f"{name}: {kind.upper()}, {'made' if is_new else 'was there already'}")
    return 0


def run_chain(workplace: Workplace, name: str, children: Sequence[str]) -> int:
    """Make or change a chain."""
    members = [part for word in children for part in word.split(",") if part]
    with open_catalogue(workplace) as catalogue:
        catalogue.chain(name, members, workplace.now())
    typer.echo(f"[{', '.join(members)}]")
    return 0


def run_tag(workplace: Workplace, name: str, question: Question, out: bool) -> int:
    """Put the datasets that answer a question into a collection, or take them out."""
    with open_catalogue(workplace) as catalogue:
        ids = [one.id for one in catalogue.find_datasets(question).datasets]
        count = catalogue.untag(name, ids) if out else catalogue.tag(name, ids)
    typer.echo(f"{name}: {count} of {counted(len(ids), 'dataset')} {'taken out' if out else 'put in'}")
    return 0


def run_certify(workplace: Workplace, name: str, question: Question, since: str | None, until: str | None) -> int:
    """Say for when the datasets that answer a question are valid."""
    validity = Validity(instant(since, "--from"), instant(until, "--until"))
    with open_catalogue(workplace) as catalogue:
        count = catalogue.certify(name, [one.id for one in catalogue.find_datasets(question).datasets], validity)
    typer.echo(f"{name}: {counted(count, 'dataset')} valid {validity}")
    return 0


def run_remove(workplace: Workplace, name: str) -> int:
    """Remove a collection."""
    with open_catalogue(workplace) as catalogue:
        catalogue.remove_collection(name)
    typer.echo(f"{name}: removed")
    return 0
