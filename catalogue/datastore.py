"""An instrument's ``datastore``: where ``ingest`` puts files, and what their names say of them.

The keys alone; what a name comes to is datasets/grammar.py's, putting files there the syncer's.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from observatory.spec.models import Instrument, Line, Name, OneOrMore, Section
from observatory.spec.owned import OwnedSection
from observatory.spec.yaml import KeyPath

KeyName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
"""A key of a data id: fit for a where-expression."""
GIVEN_FIELDS = frozenset({"name", "run", "type", "night"})
"""What a layout may name beside the keys."""
RESERVED_KEYS = frozenset({"type", "run", "id", "uri", "path", "night", "and", "or", "not", "in", "is", "like", "null",
                           "between"})  # fmt: skip
"""Columns that every dataset has, and words of the where-expression."""


def folder_of_files(text: str) -> str:
    """Refuse a datastore that is no folder; see docs/decisions on object stores."""
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", text)
    if scheme is not None and scheme[1].lower() != "file":
        raise ValueError(f"a datastore is a folder of files: {text!r} is an object store, which is not supported")
    return text.removeprefix("file://") if scheme else text


def expression(text: str) -> str:
    """Accept a regular expression of whole names; it is anchored at both ends, whatever it says."""
    try:
        re.compile(text.encode())
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"no regular expression: {error}") from error
    return text


def fields_of(template: str) -> tuple[str, ...]:
    """Return the names in the braces of a template such as ``{run}/{visit:06}``.

    Raises
    ------
    ValueError
        The braces do not match, or hold more than a name and a format.
    """
    try:
        parsed = [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
    except ValueError as error:
        raise ValueError(f"the braces of {template!r} do not match: {error}") from error
    strange = [name for name in parsed if not re.fullmatch(r"[a-z][a-z0-9_]*", name)]
    if strange:
        raise ValueError(f"{{{strange[0]}}} in {template!r} is no name of a key")
    return tuple(parsed)


def template(text: str) -> str:
    """Accept a text with names in braces."""
    fields_of(text)
    return text


def placed(text: str) -> str:
    """Accept the place of a file below the datastore's root."""
    fields_of(text)
    if any(part in ("", ".", "..") for part in text.split("/")):
        raise ValueError(f"{text!r} must be a relative path without empty, '.' or '..' parts")
    return text


class KeySection(Section):
    """One key of a data id: where its value comes from."""

    kind: Literal["text", "integer", "real", "hexadecimal"] = Field(
        "text", description="hexadecimal: up to 64 bits, as in a name's 0x..."
    )
    of: Annotated[Line, AfterValidator(template)] | None = Field(
        None, description="made of the name's groups in braces; default: the group of the key's own name"
    )
    header: OneOrMore | None = Field(
        None, description="FITS keywords: they tell what the name does not, and must agree with what it does"
    )
    values: dict[str, Line] = Field(default_factory=dict, description="what a text in name or header stands for")
    otherwise: Annotated[Line, AfterValidator(template)] | None = Field(
        None, description="for what is not among values; {value} is the text itself; default: no value"
    )
    identifies: bool = Field(True, description="false: said of the file, but no part of what tells it from others")


class DatasetTypeSection(Section):
    """One type of datasets: which names are of it, what they say, and where they go."""

    names: Annotated[OneOrMore, AfterValidator(lambda texts: tuple(map(expression, texts)))] = Field(
        description="regular expressions of whole names, with a (?P<group>...) for each key"
    )
    collection: Line = Field(description="the run that datasets of this type are born in, e.g. PFS/raw/all")
    layout: Annotated[Line, AfterValidator(placed)] = Field(
        "{run}/{name}", description="place below the root: {run}, {type}, {night}, {name} and the keys, as {visit:06}"
    )
    keys: dict[KeyName, KeySection] = Field(min_length=1, description="the data id, in the order of the table")
    exposure: KeyName | None = Field(
        None, description="the key that files of one exposure share: they are taken together or not at all"
    )
    night: OneOrMore | None = Field(
        None, description="FITS keywords of the instant (UTC, ISO 8601 or MJD) that tells the night"
    )

    @model_validator(mode="after")
    def _fits_together(self) -> DatasetTypeSection:
        for problem in self._problems():
            raise ValueError(problem)
        return self

    def _problems(self) -> Iterator[str]:
        reserved = sorted(RESERVED_KEYS & set(self.keys))
        if reserved:
            yield f"{reserved[0]!r} cannot be a key: every dataset has it, or where-expressions use the word"
        if self.exposure is not None and self.exposure not in self.keys:
            yield f"exposure: there is no key {self.exposure!r}"
        groups = {group for text in self.names for group in re.compile(text.encode()).groupindex}
        for name, key in self.keys.items():
            made_of = fields_of(key.of) if key.of is not None else (name,)
            if not set(made_of) <= groups and key.header is None:
                lacking = ", ".join(sorted(set(made_of) - groups))
                yield f"key {name}: no name has a group {lacking!r}, and no header keyword is given"
        yield from self._layout_problems()

    def _layout_problems(self) -> Iterator[str]:
        used = set(fields_of(self.layout))
        unknown = sorted(used - GIVEN_FIELDS - set(self.keys))
        if unknown:
            yield f"layout: {{{unknown[0]}}} is no key; beside the keys there are {', '.join(sorted(GIVEN_FIELDS))}"
        identifying = {name for name, key in self.keys.items() if key.identifies}
        if "name" not in used and not identifying <= used:
            lacking = ", ".join(sorted(identifying - used))
            yield f"layout: two datasets that differ in {lacking} would get one path; name {{{lacking}}} or {{name}}"


class DatastoreSection(OwnedSection):
    """Where `ingest` puts files, and the types of datasets that they are."""

    root: Annotated[Line, AfterValidator(folder_of_files)] = Field(
        description="folder, relative to the configuration folder"
    )
    host: Name | None = Field(None, description="the host that it lies on; default: whichever machine ingests")
    types: dict[Name, DatasetTypeSection] = Field(
        default_factory=dict, description="by the name that queries use; the first whose expression fits is taken"
    )

    def faults(self, instrument: Instrument) -> Iterable[tuple[KeyPath, str]]:
        """Say where the datastore is one of the instrument's own copies: a listing would take its files for nights."""
        for copy in instrument.copies:
            below = self.root.rstrip("/") + "/"
            if self.host == copy.host and (below.startswith(copy.root.rstrip("/") + "/")):
                yield ("root",), f"lies below the root {copy.root} of the copy {copy.label}; choose a folder of its own"
