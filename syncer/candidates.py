"""What the merge of two listings shows, sorted by what would have to be done: moved, asked about, waited for.

Pure. Leaves to plan.py what is decided once the files themselves have answered.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import takewhile

from observatory.compare import not_files, split
from observatory.listing import HopScope, count_by_night
from observatory.names import folders_above
from observatory.records import FILE, LINK, UNRECOGNISED, Entry, decode_file, path_of, target_of

NEWER_BY_S = 2.0
"""A source file newer by more than this is asked about by hash; FAT and old NFS keep 2 s."""
_SAME_MTIME_S = 0.01
"""Two readings of one time differ by less: listings and ledger write it with other digits."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How an instrument wants its files judged; ages in seconds.

    Attributes
    ----------
    settle_s, settle_limit_s : float
    on_difference : str
        ``version``, ``keep`` or ``replace``. Where several sources fill one copy it is ``keep``: what one
        source brought is never replaced by another's file of the same name.
    symlinks : str
    hash_all : bool
        Ask every file that looks the same for its hash (``sync --level checksum``).
    settled : mapping of bytes to (int, float)
        Size and mtime (Unix seconds) of files that were brought to their places whole: these are never young.
    is_joined : bool
        Several sources fill the copy: a file of the same size and any other time may be another source's.
    is_proven : bool
        Every file of the source was read just now and is what it was: it takes the place of whatever bears its name.
    """

    settle_s: float
    settle_limit_s: float
    on_difference: str = "version"
    symlinks: str = "follow-inside"
    hash_all: bool = False
    settled: Mapping[bytes, tuple[int, float]] = field(default_factory=dict)
    is_joined: bool = False
    is_proven: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """One file on both sides."""

    source: Entry
    destination: Entry

    @property
    def has_other_size(self) -> bool:
        """Whether the sizes differ."""
        return self.source.size_bytes != self.destination.size_bytes

    @property
    def is_alike(self) -> bool:
        """Whether nothing speaks for other bytes: one size, and the source is not newer."""
        return not self.has_other_size and self.source.mtime_s - self.destination.mtime_s <= NEWER_BY_S


@dataclass
class Candidates:
    """Visitor of the merge: what may have to move, what waits, what is only listed.

    Parameters
    ----------
    scope : HopScope
    policy : Policy
    clock_s : float
        The source's own clock when it was listed.
    behind_links : set of bytes
        Source files whose place on the destination alone is reached through a link: what lies there may be another's.
    """

    scope: HopScope
    policy: Policy
    clock_s: float
    new: list[Entry] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    to_hash: list[Pair] = field(default_factory=list)
    waiting: list[Entry] = field(default_factory=list)
    waiting_pairs: list[Pair] = field(default_factory=list)
    links: list[tuple[bytes, bytes]] = field(default_factory=list)
    other_links: list[tuple[bytes, bytes]] = field(default_factory=list)
    unrecognised: list[bytes] = field(default_factory=list)
    occupied: set[bytes] = field(default_factory=set)
    folders: set[bytes] = field(default_factory=set)
    behind_links: set[bytes] = field(default_factory=set)
    counts: dict[dt.date, int] = field(default_factory=dict)

    def same(self, block: bytes) -> None:
        """Count equal records; they are asked about only where every file is to be hashed."""
        count_by_night(self.scope.source, block, self.counts)
        if self.policy.symlinks == "copy":
            for record in not_files(block):
                self._count_link(record)
        if self.policy.hash_all:
            entries = (decode_file(record) for record in split(block) if record[:1] == FILE)
            self.to_hash.extend(Pair(entry, entry) for entry in entries)

    def pair(self, source: bytes, destination: bytes) -> None:
        """Sort a file that both sides have but show differently."""
        if source[:1] == LINK:
            self.other_links.append((path_of(source), target_of(source)))
            self._count_link(source)
            return
        if source[:1] != FILE:
            self._only_listed(source)
            return
        both = Pair(decode_file(source), decode_file(destination))
        self._count(both.source.path)
        if both.destination.by_link and not both.source.by_link:
            self.behind_links.add(both.source.path)
        if both.is_alike and not self.policy.hash_all and not self.policy.is_joined:
            return
        if self.is_young(both.source):
            self.waiting_pairs.append(both)
        else:
            (self.pairs if both.has_other_size else self.to_hash).append(both)

    def only_source(self, record: bytes) -> None:
        """Sort what the destination lacks."""
        if record[:1] != FILE:
            self._only_listed(record)
            return
        entry = decode_file(record)
        self._count(entry.path)
        (self.waiting if self.is_young(entry) else self.new).append(entry)

    def only_destination(self, record: bytes) -> None:
        """Remember what stands in the way of a name without being a file of ours, by its path over there."""
        target = self.scope.target_of(path_of(record))
        if record[:1] != FILE:
            self.occupied.add(target)
        self.folders.update(takewhile(lambda folder: folder not in self.folders, folders_above(target)))

    def is_young(self, entry: Entry) -> bool:
        """Say whether a file changed too recently; a time far in the future says nothing about age."""
        if self.policy.is_proven or abs(self.clock_s - entry.mtime_s) >= self.policy.settle_s:
            return False
        size_bytes, mtime_s = self.policy.settled.get(entry.path, (-1, 0.0))
        return entry.size_bytes != size_bytes or abs(entry.mtime_s - mtime_s) >= _SAME_MTIME_S

    def _only_listed(self, record: bytes) -> None:
        if record[:1] == LINK:
            self.links.append((path_of(record), target_of(record)))
            self._count_link(record)
        elif record[:1] == UNRECOGNISED:
            self.unrecognised.append(path_of(record))

    def _count(self, path: bytes) -> None:
        night = self.scope.source.night_of(path)
        if night is not None:
            self.counts[night] = self.counts.get(night, 0) + 1

    def _count_link(self, record: bytes) -> None:
        if record[:1] == LINK and self.policy.symlinks == "copy":
            self._count(path_of(record))

    def settling(self, waited: Container[bytes] = ()) -> Iterator[Entry]:
        """Yield what would move but changed within the settle limit, or was in progress when it was seen last.

        Its own headers may say that more is to come, or, the limit being over, that more never came.
        """
        for entry in (*self.new, *(pair.source for pair in self.pairs)):
            if abs(self.clock_s - entry.mtime_s) < self.policy.settle_limit_s or entry.path in waited:
                yield entry
        for pair in self.waiting_pairs:  # it may be over the limit, and then replaces only if it is whole
            if pair.source.path in waited:
                yield pair.source
