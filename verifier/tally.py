"""What a merge of two fresh listings shows the verifier: the counts and lists before any file is opened.

Pure. Whether contents agree is fixity.py's question, whether a file is whole structure.py's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from observatory.compare import not_files, split
from observatory.endpoints.contract import MTIME_TOLERANCE_S, Trouble
from observatory.listing import HopScope, count_by_night
from observatory.records import FILE, LINK, OTHER, UNRECOGNISED, Entry, decode_file, path_of


def is_below(path: bytes, folder: bytes) -> bool:
    """Say whether a path is a folder or lies below it; everything lies below ``b""``."""
    return not folder or path == folder or path.startswith(folder + b"/")


@dataclass
class Tally:
    """Visitor of the merge; paths are those of the side they were seen on.

    Parameters
    ----------
    scope : HopScope
    settle_s : float
        Source files younger than this by the source's clock are in progress unless both sides agree.
    clock_s : float
        The source's own clock when it was listed.
    by_size : bool
        False at level existence: a name on both sides is enough.
    keep_same : bool
        Remember every file that is alike on both sides, for hashing or inspecting.
    overdue : frozenset of bytes
        Source files that are not young whatever their time: they have been in progress for too long.
    not_due : collection of night
        Nights that the destination need not have yet: their files are taken for young.
    by_time : bool
        Remember the files that are of one size and not of one time, which may be two.
    watched : collection of bytes
        Files of which the size is wanted though they are on the destination alone; it stands in `sizes_there`.
    lost_links, changed_links : list of Entry
        Where links are carried as links (``symlinks: copy``) they count as files: those that the destination
        lacks, and those that point elsewhere there. Everywhere else a link that is not followed is only listed.
    of_other_time : list of bytes
        Such files, where they are asked for, and those behind links.
    behind_links : list of bytes
        Files on both sides that are reached through a link on the destination alone. It may lead to any night's: one
        that is not of the time that a copy keeps may be that night's own.
    """

    scope: HopScope
    settle_s: float
    clock_s: float
    by_size: bool = True
    keep_same: bool = False
    overdue: frozenset[bytes] = frozenset()
    not_due: Collection[dt.date] = frozenset()
    by_time: bool = False
    watched: Collection[bytes] = ()
    source_counts: dict[dt.date, int] = field(default_factory=dict)
    destination_counts: dict[dt.date, int] = field(default_factory=dict)
    missing: list[Entry] = field(default_factory=list)
    size_differs: list[Entry] = field(default_factory=list)
    young: list[Entry] = field(default_factory=list)
    extra: list[bytes] = field(default_factory=list)
    links: list[bytes] = field(default_factory=list)
    lost_links: list[Entry] = field(default_factory=list)
    changed_links: list[Entry] = field(default_factory=list)
    unrecognised: list[bytes] = field(default_factory=list)
    sizes_there: dict[bytes, int] = field(default_factory=dict)
    of_other_time: list[bytes] = field(default_factory=list)
    behind_links: list[bytes] = field(default_factory=list)
    blocks: list[bytes] = field(default_factory=list)

    def same(self, block: bytes) -> None:
        """Count what is equal to the last byte."""
        counts: dict[dt.date, int] = {}
        count_by_night(self.scope.source, block, counts)
        for night, count in counts.items():
            self.source_counts[night] = self.source_counts.get(night, 0) + count
            self.destination_counts[night] = self.destination_counts.get(night, 0) + count
        if self.keep_same:
            self.blocks.append(block)
        for record in not_files(block):
            if self._is_carried_link(record):
                self._count(self.source_counts, path_of(record))
                self._count(self.destination_counts, path_of(record))
            else:
                self._other(record)

    def _is_carried_link(self, record: bytes) -> bool:
        return record[:1] == LINK and self.scope.source.request.symlinks == "copy"

    def _carried_link(self, record: bytes) -> Entry:
        path = path_of(record)
        self._count(self.source_counts, path)
        return Entry(path, 0, 0.0)

    def _other(self, record: bytes) -> None:
        if record[:1] == LINK:
            self.links.append(path_of(record))
        elif record[:1] in (UNRECOGNISED, OTHER):
            self.unrecognised.append(path_of(record))

    def pair(self, source: bytes, destination: bytes) -> None:
        """Sort a name that both sides have with other facts."""
        if self._is_carried_link(source):
            self._count(self.destination_counts, path_of(source))
            self.changed_links.append(self._carried_link(source))
            return
        if source[:1] != FILE:
            self._other(source)
            return
        here, there = decode_file(source), decode_file(destination)
        self._count(self.source_counts, here.path)
        self._count(self.destination_counts, here.path)
        is_behind_link = there.by_link and not here.by_link
        if is_behind_link:
            self.behind_links.append(here.path)
        if not self.by_size or here.size_bytes == there.size_bytes:
            apart_s = abs(here.mtime_s - there.mtime_s)
            if (self.by_time and apart_s) or (is_behind_link and apart_s > MTIME_TOLERANCE_S):
                self.of_other_time.append(here.path)
            if self.keep_same:
                self.blocks.append(source + b"\0")
        else:
            (self.young if self.is_young(here) else self.size_differs).append(here)

    def only_source(self, record: bytes) -> None:
        """Sort a name that the destination does not have."""
        if self._is_carried_link(record):
            self.lost_links.append(self._carried_link(record))
            return
        if record[:1] != FILE:
            self._other(record)
            return
        entry = decode_file(record)
        self._count(self.source_counts, entry.path)
        (self.young if self.is_young(entry) else self.missing).append(entry)

    def only_destination(self, record: bytes) -> None:
        """Note a name that the source does not have."""
        if record[:1] == FILE or self._is_carried_link(record):
            path = path_of(record)
            self.extra.append(path)
            if path in self.watched and record[:1] == FILE:
                self.sizes_there[path] = decode_file(record).size_bytes
            self._count(self.destination_counts, path)

    def is_young(self, entry: Entry) -> bool:
        """Say whether a file changed too recently; a time far in the future says nothing about age."""
        if self.not_due and self.scope.source.night_of(entry.path) in self.not_due:
            return True
        return abs(self.clock_s - entry.mtime_s) < self.settle_s and entry.path not in self.overdue

    def _count(self, counts: dict[dt.date, int], path: bytes) -> None:
        night = self.scope.source.night_of(path)
        if night is not None:
            counts[night] = counts.get(night, 0) + 1

    def alike(self) -> Iterator[bytes]:
        """Yield the paths of files that are on both sides and look the same, ascending within each block."""
        for block in self.blocks:
            for record in split(block):
                if record[:1] == FILE:
                    yield path_of(record)


def under_troubles(
    entries: Iterable[Entry], troubles: Sequence[Trouble], place_of: Callable[[bytes], bytes] = bytes
) -> tuple[list[Entry], list[Entry]]:
    """Split entries into those outside and those inside of what could not be looked at.

    Parameters
    ----------
    place_of : callable
        Gives the path of an entry on the side that has the troubles; by default it is called the same there.
    """
    clear: list[Entry] = []
    poisoned: list[Entry] = []
    for entry in entries:
        hit = bool(troubles) and any(is_below(place_of(entry.path), trouble.path) for trouble in troubles)
        (poisoned if hit else clear).append(entry)
    return clear, poisoned
