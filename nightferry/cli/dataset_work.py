"""``datasets`` and ``catalogue check`` from the command line: the question, the form of the answer, the exit status."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import typer

from catalogue.datasets.query import Answer, Question
from nightferry.cli.context import print_document, say
from nightferry.holdings import dataset_forms as forms
from nightferry.holdings.checking import check
from nightferry.holdings.datastores import declared_here, open_catalogue
from nightferry.holdings.removing import Fate, Removed, foresee, refuse_away, remove
from nightferry.locks import instrument_lock
from nightferry.workplace import Workplace
from observatory.counting import counted
from observatory.errors import UsageError
from observatory.names import show, to_json
from observatory.truth import State, exit_status, worst


@dataclass(frozen=True, slots=True)
class Form:
    """In which form datasets are shown; the table where nothing is said."""

    uri: bool = False
    csv: bool = False
    parquet: Path | None = None
    butler: bool = False
    json: bool = False

    def __post_init__(self) -> None:
        """Refuse two forms at once."""
        if sum([self.csv, self.parquet is not None, self.butler, self.json]) > 1:
            raise UsageError("--csv, --parquet, --butler and --json are forms of one answer: give one of them")

    @property
    def is_of_one_type(self) -> bool:
        """Whether it has the columns of one type."""
        return self.csv or self.butler or self.parquet is not None


def asked_for(
    type_name: str,
    instrument: str | None,
    collections: Sequence[str] | None,
    where: str | None,
    order_by: Sequence[str] | None,
    limit: int | None,
    at: str | None,
    find_first: bool,
) -> Question:
    """Gather what the command line asks; several collections or keys may stand in one word with commas."""
    return Question(
        type=type_name,
        instrument=instrument,
        collections=_split(collections),
        where=where,
        order_by=_split(order_by),
        limit=limit,
        first_of_each=find_first,
        at_utc=instant(at, "--at"),
    )


def _split(words: Sequence[str] | None) -> tuple[str, ...]:
    """Return the names in some words; commas without a name are a slip: without names everything would be meant."""
    names = tuple(part for word in words or () for part in word.split(",") if part)
    if words and not names:
        raise UsageError(f"{' '.join(words)!r} names nothing; nothing was done")
    return names


def instant(text: str | None, option: str) -> dt.datetime | None:
    """Read an instant; without a zone it is UTC.

    Raises
    ------
    UsageError
    """
    if text is None:
        return None
    try:
        read = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{option} {text}: an instant such as 2024-10-05T12:00:00") from error
    return read if read.tzinfo is not None else read.replace(tzinfo=dt.UTC)


def run_show(workplace: Workplace, question: Question, form: Form) -> int:
    """Show the datasets that answer a question."""
    with open_catalogue(workplace) as catalogue:
        answer = catalogue.find_datasets(question)
    if form.json:
        print_document(forms.document(answer, uri=form.uri))
    elif form.csv:
        typer.echo(forms.csv_text(answer, uri=form.uri), nl=False)
    elif form.butler:
        typer.echo(forms.butler_table(answer), nl=False)
    elif form.parquet is not None:
        forms.write_parquet(answer, form.parquet)
        say(f"{form.parquet}: {counted(len(answer.datasets), 'dataset')}")
    else:
        _print_table(answer, form)
    if not answer.datasets:
        say(f"no {answer.type.name} is such")
    if answer.is_cut_off:
        say(f"there are more than the {question.limit} shown (--limit)")
    return 0


def _print_table(answer: Answer, form: Form) -> None:
    for line in forms.table_lines(answer, uri=form.uri):
        typer.echo(line)


def run_without_type(workplace: Workplace, question: Question, form: Form) -> int:
    """Show which types there are; or, where a collection is named, what it holds of each.

    Raises
    ------
    UsageError
        More is asked than can be asked of several types at once.
    """
    if question == Question(question.type, question.instrument) and form in (Form(), Form(json=True)):
        return run_types(workplace, question.instrument, form.json)
    if not question.collections or question.where is not None or question.order_by or form.is_of_one_type:
        raise UsageError(
            "name the TYPE of datasets; without one only --collection, --limit, --at and --uri are understood"
        )
    with open_catalogue(workplace) as catalogue:
        types = [one for one, _ in catalogue.dataset_types(question.instrument)]
        asked = [replace(question, type=one.name, instrument=one.instrument) for one in types]
        answers = [answer for answer in map(catalogue.find_datasets, asked) if answer.datasets]
    if form.json:
        print_document({"types": [forms.document(answer, uri=form.uri) for answer in answers]})
        return 0
    for answer in answers:
        _print_table(answer, form)
        if answer.is_cut_off:
            say(f"there are more {answer.type.name} than the {question.limit} shown (--limit)")
    if not answers:
        say("nothing is in there")
    return 0


def run_types(workplace: Workplace, instrument: str | None, json: bool) -> int:
    """Say which types of datasets there are."""
    with open_catalogue(workplace) as catalogue:
        types = catalogue.dataset_types(instrument)
    if json:
        told = [
            {
                "type": one.name,
                "instrument": one.instrument,
                "keys": [{"name": key.name, "kind": key.kind, "identifies": key.identifies} for key in one.keys],
            }
            for one, _ in types
        ]
        print_document({"types": told})
        return 0
    for line in forms.type_lines(types):
        typer.echo(line)
    if not types:
        say("nothing was ingested yet")
    return 0


def run_remove(workplace: Workplace, question: Question, yes: bool, json: bool) -> int:
    """Remove the datasets that answer a question, or say what that would do."""
    with open_catalogue(workplace) as catalogue, ExitStack() as stack:
        found = catalogue.find_datasets(question).datasets
        if yes:  # an ingest would record a file that it finds in its place, and that goes the moment after
            for name in sorted({one.instrument for one in found}):
                stack.enter_context(instrument_lock(workplace.state, f"{name}.ingest"))
            found = catalogue.find_datasets(question).datasets
        refuse_away(found, _is_here(workplace))
        removed = remove(catalogue, found, workplace.now()) if yes else foresee(catalogue, found)
    if json:
        rows = [_removed(one) for one in removed]
        print_document({"is_plan": not yes, "type": question.type, "datasets": rows})
    else:
        for one in removed:
            would = "would be " if not yes and one.fate in (Fate.UNLINKED, Fate.SET_ASIDE) else ""
            fate = f"{would}{one.fate.value}{f': {one.reason}' if one.reason else ''}"
            typer.echo(f"{show(bytes(one.dataset.file))}: {fate}")
        gone = sum(one.fate is not Fate.NEEDED for one in removed)
        typer.echo(f"{counted(gone, 'dataset')} {'removed' if yes else 'would be removed; say --yes to do it'}")
    return int(any(one.fate in (Fate.FAILED, Fate.NEEDED) for one in removed))


def _removed(one: Removed) -> dict[str, object]:
    return {
        "id": str(one.dataset.id),
        "path": to_json(bytes(one.dataset.file)),
        "fate": one.fate.value,
        "reason": one.reason,
    }


def run_check(workplace: Workplace, checksum: bool, json: bool, quiet: bool) -> int:
    """Look at every datastore and say what does not agree with the catalogue."""
    with open_catalogue(workplace) as catalogue:
        checks = check(catalogue, _is_here(workplace), declared_here(workplace, catalogue), checksum)
    state = worst(one.state for one in checks) if checks else State.UNKNOWN
    if json:
        print_document({"state": state.value, "datastores": [one.document() for one in checks]})
    elif not (quiet and state is State.OK):
        for line in (line for one in checks for line in one.lines()):
            typer.echo(line)
        if not checks:
            say("UNKNOWN: nothing was ingested yet, so nothing could be checked")
    return exit_status(state)


def _is_here(workplace: Workplace) -> Callable[[str], bool]:
    """Give a function that says whether a datastore's host is this machine."""

    def is_here(host: str) -> bool:
        is_declared = host in workplace.specification.site.hosts
        return host == workplace.hostname or (is_declared and workplace.access(host).is_local)

    return is_here
