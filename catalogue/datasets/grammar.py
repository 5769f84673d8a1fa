"""From a file's name and header to what it is: its type, its data id, and the path that it gets in a datastore.

Pure: headers come in as mappings. What the instrument's file may say is datastore.py's; nothing is looked up in a
database here. Names are bytes; an expression has to fit the whole of one.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from catalogue.datastore import DatasetTypeSection, DatastoreSection, KeySection, fields_of
from observatory.names import is_safe, show

KeyValue = str | int | float | None
"""The value of one key; None: the file does not tell."""
KeyKind = Literal["text", "integer", "real", "hexadecimal"]

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "lsst.org")
"""As Butler's, so that the same raw file has the same id there and here (daf_butler, DatasetIdFactory)."""
_SEPARATORS = str.maketrans({",": "%2C", "=": "%3D", "%": "%25"})
_LARGEST = 2**63 - 1
_MOST_VALUES = 4096
"""Values remembered of one key: the files of an exposure share most of theirs."""


class NameFault(ValueError):
    """A file whose name or header does not tell what it is; a sentence without the file's name."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a data id, as it is kept and asked for."""

    name: str
    kind: KeyKind
    identifies: bool = True


@dataclass(frozen=True)
class DatasetType:
    """A type of datasets, as a catalogue knows it.

    Attributes
    ----------
    name : str
        What queries call it.
    instrument : str
        The instrument's name in its file.
    keys : tuple of Key
        In the order of the table.
    """

    name: str
    instrument: str
    keys: tuple[Key, ...]

    @cached_property
    def identifying(self) -> tuple[str, ...]:
        """The keys that tell one dataset of this type from another."""
        return tuple(key.name for key in self.keys if key.identifies)


@dataclass(frozen=True, slots=True)
class Described:
    """What a file is.

    Attributes
    ----------
    type : DatasetType
    values : mapping of key to value
        One for every key of the type, in its order.
    night : date or None
    """

    type: DatasetType
    values: Mapping[str, KeyValue]
    night: dt.date | None = None

    def id_in(self, run: str) -> uuid.UUID:
        """Return the id that every site gives to this dataset in a run."""
        identity = {name: self.values[name] for name in self.type.identifying}
        return dataset_id(self.type.name, run, identity)


def dataset_id(type_name: str, run: str, identity: Mapping[str, KeyValue]) -> uuid.UUID:
    """Return the UUIDv5 of type, run and data id, as Butler's mode ``dataid_type_run`` makes it.

    A key without a value is left out; ``,``, ``=`` and ``%`` in a value are escaped, lest two data ids look alike.
    """
    items = [("dataset_type", type_name), ("run", run)]
    items += [(key, str(value)) for key, value in sorted(identity.items()) if value is not None]
    text = ",".join([f"{key}={value}" for key, value in items])
    if "%" in text or text.count("=") != len(items) or text.count(",") != len(items) - 1:
        text = ",".join([f"{key}={value.translate(_SEPARATORS)}" for key, value in items])
    digest = hashlib.sha1(NAMESPACE.bytes + text.encode(), usedforsecurity=False).digest()  # as uuid5, in half its time
    return uuid.UUID(bytes=digest[:16], version=5)


class Grammar:
    """The types that one instrument's file declares.

    Parameters
    ----------
    instrument : str
        Its name in its file.
    section : DatastoreSection
    """

    def __init__(self, instrument: str, section: DatastoreSection) -> None:
        self._rules = {name: _Rule(name, instrument, declared) for name, declared in section.types.items()}

    @property
    def types(self) -> tuple[DatasetType, ...]:
        """Every type, in the file's order."""
        return tuple(rule.type for rule in self._rules.values())

    def section_of(self, type_name: str) -> DatasetTypeSection:
        """Return what was declared of a type."""
        return self._rules[type_name].section

    def type_of(self, name: bytes) -> str | None:
        """Return the first type whose expression fits a whole name, None where none does."""
        return next((rule.type.name for rule in self._rules.values() if rule.fits(name) is not None), None)

    def keywords(self, type_name: str) -> tuple[str, ...]:
        """Return the header keywords that tell something of a type; where there are none no file need be opened."""
        return self._rules[type_name].keywords

    def describe(
        self, type_name: str, name: bytes, header: Mapping[str, object], night: dt.date | None = None
    ) -> Described:
        """Return what a file is, from its name and its header.

        Raises
        ------
        NameFault
            Name and header contradict one another, a value cannot be read, or neither tells an identifying key
            that the name should.
        """
        return self._rules[type_name].describe(name, header, night)

    def path_of(self, described: Described, run: str, name: bytes) -> bytes:
        """Return the place of a file below the datastore's root.

        Raises
        ------
        NameFault
            The layout names a key of which the file has no value, or the values make no good path.
        """
        return self._rules[described.type.name].path_of(described, run, name)


class _Rule:
    """One declared type, ready for use."""

    def __init__(self, name: str, instrument: str, section: DatasetTypeSection) -> None:
        keys = tuple(Key(key, declared.kind, declared.identifies) for key, declared in section.keys.items())
        self.type = DatasetType(name, instrument, keys)
        self.section = section
        self._keys = {key: _KeyRule(key, declared) for key, declared in section.keys.items()}
        self._expressions = [re.compile(text.encode(), re.DOTALL) for text in section.names]
        words = [word for key in section.keys.values() for word in key.header or ()]
        self._fields = fields_of(section.layout)
        self.keywords = tuple(dict.fromkeys([*words, *(section.night or ())]))

    def fits(self, name: bytes) -> re.Match[bytes] | None:
        return next((found for one in self._expressions if (found := one.fullmatch(name)) is not None), None)

    def describe(self, name: bytes, header: Mapping[str, object], night: dt.date | None) -> Described:
        found = self.fits(name)
        if found is None:
            raise NameFault(f"its name is not one of type {self.type.name}")
        told = found.groupdict()
        groups = {one: text.decode("utf-8", "surrogateescape") for one, text in told.items() if text is not None}
        values = {key: rule.value(groups, header) for key, rule in self._keys.items()}
        return Described(self.type, values, night)

    def path_of(self, described: Described, run: str, name: bytes) -> bytes:
        given = {"run": run, "type": described.type.name, "name": name.decode("utf-8", "surrogateescape")}
        if "night" in self._fields and described.night is not None:
            given["night"] = f"{described.night:%Y%m%d}"
        told = described.values
        fields = {
            one: given[one] if one in given else told[one]
            for one in self._fields
            if one in given or told.get(one) is not None
        }
        try:
            text = self.section.layout.format_map(fields)
        except KeyError as error:
            raise NameFault(f"its path needs {error.args[0]}, which it does not tell") from error
        except ValueError as error:
            raise NameFault(f"its path cannot be made by {self.section.layout!r}: {error}") from error
        path = text.encode("utf-8", "surrogateescape")
        why = is_safe(path)
        if why is not None:
            raise NameFault(f"its path would be {show(path)}, and {why}")
        return path


class _KeyRule:
    """One key of a declared type, with the values that texts came to: most come again."""

    def __init__(self, name: str, section: KeySection) -> None:
        self._name, self._section = name, section
        self._words = tuple(section.header or ())
        self._groups = (name,) if section.of is None else fields_of(section.of)
        self._known: dict[tuple[object, ...], KeyValue] = {}

    def value(self, groups: Mapping[str, str], header: Mapping[str, object]) -> KeyValue:
        """Return what the name tells of the key, else what the header does; where both do they must agree."""
        keyword, written = "", None
        for word in self._words:
            told = header.get(word)
            if told is not None and told != "":
                keyword, written = word, told
                break
        asked = (type(written), written, *[groups.get(one) for one in self._groups])  # 1 and True are equal
        try:
            return self._known[asked]
        except KeyError:
            if len(self._known) >= _MOST_VALUES:
                self._known.clear()
            by_name = _read(self._name, self._section, _told_by_name(self._name, self._section, groups))
            value = self._known[asked] = self._agreed(by_name, keyword, written)
            return value

    def _agreed(self, by_name: KeyValue, keyword: str, written: object) -> KeyValue:
        by_header = _read(self._name, self._section, written)
        if by_name is None:
            return by_header
        if by_header is not None and by_header != by_name:
            what = f"its name says {self._name} = {by_name}, its header says {keyword} = {_short(written)}"
            raise NameFault(what)
        return by_name


def _told_by_name(name: str, key: KeySection, groups: Mapping[str, str]) -> str | None:
    if key.of is None:
        text = groups.get(name)
        if text is None:  # this kind of name has no such group
            return None
    else:
        try:
            text = key.of.format_map(groups)
        except KeyError:
            return None
    return f"0x{text}" if key.kind == "hexadecimal" and not text.startswith("0x") else text


def _read(name: str, key: KeySection, written: object) -> KeyValue:
    if written is None:
        return None
    text = str(written).strip()
    if key.values or key.otherwise is not None:
        if text not in key.values and key.otherwise is None:
            return None
        text = key.values[text] if text in key.values else _filled(key.otherwise or "", text)
        written = text
    try:
        return _as_kind(key.kind, written, text)
    except ValueError:
        raise NameFault(f"{name}: {_short(text)} is no value of kind {key.kind}") from None


def _filled(template: str, text: str) -> str:
    return template.format_map({"value": text})


def _as_kind(kind: KeyKind, written: object, text: str) -> KeyValue:
    if kind == "text":
        if not text.isprintable() or "/" in text:  # bytes that are no UTF-8 are not printable either
            raise ValueError(text)
        return text
    if "_" in text:  # Python alone reads 1_000 as a thousand
        raise ValueError(text)
    if kind == "real":
        value = float(text) + 0.0  # -0.0 is the same value, and must not make another id
        if value != value or value in (float("inf"), float("-inf")):
            raise ValueError(text)
        return value
    if isinstance(written, float) and written.is_integer():
        text = str(int(written))
    number = int(text, 16) if text.startswith("0x") else int(text)
    if not (0 <= number < 2**64 if kind == "hexadecimal" else abs(number) <= _LARGEST):
        raise ValueError(text)
    return number


def _short(value: object) -> str:
    return show(str(value).encode("utf-8", "surrogateescape"))[:80]
