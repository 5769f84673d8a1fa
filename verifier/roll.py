"""Names called while two listings are merged: which files that once waited on the source are there still, and where.

Pure. Who knows their names hands them in, and concludes what became of those that nobody answers for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from observatory.compare import Visitor, split
from observatory.records import FILE, Entry, decode_file, path_of

Facts = tuple[int, float]
"""A file's size in bytes and modification time: what it keeps when it is given another name."""


@dataclass(frozen=True, slots=True)
class Called:
    """What became of the names; source paths.

    Attributes
    ----------
    carried : frozenset of bytes
        Those that the destination has, of whatever size.
    absent : frozenset of bytes
        Those that neither listing shows.
    alike : sequence of Entry
        Files of the source that are called otherwise, and have size and time of one that is absent.
    """

    carried: frozenset[bytes] = frozenset()
    absent: frozenset[bytes] = frozenset()
    alike: Sequence[Entry] = ()


class RollCall:
    """Visitor of a merge that answers for some names, and hands everything on to another visitor.

    Parameters
    ----------
    visitor : Visitor
    names : mapping of source path to Facts
        As the source showed them last.
    """

    def __init__(self, visitor: Visitor, names: Mapping[bytes, Facts]) -> None:
        self._visitor, self._names = visitor, names
        self._facts = frozenset(names.values())
        self._carried: set[bytes] = set()
        self._alone: set[bytes] = set()
        self._alike: list[Entry] = []

    def same(self, block: bytes) -> None:
        """Answer for names that stand on both sides."""
        for record in split(block):
            self._on_source(record, self._carried)
        self._visitor.same(block)

    def pair(self, source: bytes, destination: bytes) -> None:
        """Answer for a name that both sides have with other facts."""
        self._on_source(source, self._carried)
        self._visitor.pair(source, destination)

    def only_source(self, record: bytes) -> None:
        """Answer for a name that the destination does not have."""
        self._on_source(record, self._alone)
        self._visitor.only_source(record)

    def only_destination(self, record: bytes) -> None:
        """Answer for a name that the source has no more."""
        if record[:1] == FILE and (path := path_of(record)) in self._names:
            self._carried.add(path)
        self._visitor.only_destination(record)

    def _on_source(self, record: bytes, seen: set[bytes]) -> None:
        if record[:1] != FILE:
            return
        entry = decode_file(record)
        if entry.path in self._names:
            seen.add(entry.path)
        if (entry.size_bytes, entry.mtime_s) in self._facts:
            self._alike.append(entry)

    def called(self) -> Called:
        """Return what became of the names, once both listings have ended."""
        absent = frozenset(self._names.keys() - self._carried - self._alone)
        facts = {self._names[path] for path in absent}
        alike = [entry for entry in self._alike if (entry.size_bytes, entry.mtime_s) in facts]
        return Called(frozenset(self._carried), absent, alike)
