"""How many sessions a hop opens at a time, and which files each of them takes.

Pure. Starting the sessions is rsync.py's.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from syncer.transfer.contract import Item

FILE_COST_BYTES = 64 * 1024
"""What opening, naming and closing a file costs, as bytes on the way: it makes lists of small files even."""
ENOUGH_BYTES = 8 * 1024 * 1024
"""A session with less than this to do is over before it has paid for its connection."""
LARGE_BYTES = 8 * 1024 * 1024
"""From this size on what an interrupted session had of a file is worth keeping for the next one."""
MANY_FILES = 2000
"""So many small files are worth a session of their own, without what only large or old files need."""
SESSIONS_BY_ROUND_TRIP = ((0.005, 1, 2), (0.05, 4, 8), (float("inf"), 8, 16))
"""Up to this round trip in seconds, so many sessions, and so many for much; a far one leaves the line idle between
files, and has at most 2 MiB under way."""
MUCH_BYTES = 1 << 30
"""From here on twice as many sessions are worth their connections: on loopback with two processors two took a fifth
longer than one for 0.3 GB, and an eighth less for 3 GB; for 3 GB eight took over 20 ms two thirds of the time of four,
and sixteen over 100 ms 0.7 of that of eight, but for 0.6 GB just as long (files of 2 MiB and of 6 kB, 2026-11-21). With
one processor two sessions only wait for one another."""
AT_THE_DOOR = 8
"""So many sessions log in at a time: more than ten at once sshd turns away (MaxStartups)."""


@dataclass(frozen=True, slots=True)
class Job:
    """A list of files for one session: names below two folders that are the same on both sides.

    Attributes
    ----------
    source_folder, destination_folder : bytes
        Relative to the roots; empty for the roots themselves.
    items : tuple of Item
    """

    source_folder: bytes
    destination_folder: bytes
    items: tuple[Item, ...]

    @property
    def keeps_partial(self) -> bool:
        """At least one file is large enough to go on from where an interrupted session stopped."""
        return any(item.size_bytes >= LARGE_BYTES for item in self.items)

    def name_of(self, item: Item) -> bytes:
        """Return an item's path below the two folders."""
        return item.path[len(self.source_folder) + 1 :] if self.source_folder else item.path

    def with_items(self, items: Iterable[Item]) -> Job:
        """Return a job between the same folders."""
        return Job(self.source_folder, self.destination_folder, tuple(items))


def cost_bytes(item: Item) -> int:
    """Return what moving a file costs, in bytes on the way."""
    return item.size_bytes + FILE_COST_BYTES


def folders_of(item: Item) -> tuple[bytes, bytes] | None:
    """Return the two folders below which an item's path is the same on both sides; None if its name changes."""
    if item.path == item.target:
        return b"", b""
    source, destination = item.path.split(b"/"), item.target.split(b"/")
    same = 0
    while same < min(len(source), len(destination)) and source[-1 - same] == destination[-1 - same]:
        same += 1
    if same == 0:
        return None
    return b"/".join(source[: len(source) - same]), b"/".join(destination[: len(destination) - same])


def split(items: Sequence[Item], sessions: int) -> list[Job]:
    """Divide items into jobs for some sessions, as even in cost as whole files allow, the largest job first.

    No item may change its name (see `folders_of`). Small batches make fewer jobs than there are sessions.
    """
    grouped: dict[tuple[bytes, bytes, bool], list[Item]] = {}
    sorts_by_size = sum(item.size_bytes < LARGE_BYTES for item in items) >= MANY_FILES
    for item in items:
        folders = folders_of(item)
        if folders is None:
            raise ValueError(f"{item.path!r} changes its name and cannot be listed for both sides")
        is_large = sorts_by_size and item.size_bytes >= LARGE_BYTES
        grouped.setdefault((*folders, is_large), []).append(item)
    total = sum(map(cost_bytes, items))
    jobs = [job for key, group in grouped.items() for job in _jobs_of(key[:2], group, total, sessions)]
    return sorted(jobs, key=lambda job: -sum(map(cost_bytes, job.items)))


def divide(items: Sequence[Item], sessions: int) -> list[Job]:
    """Divide items into jobs for some sessions, whatever their names on either side, as even in cost as files allow."""
    lists = min(sessions, max(1, sum(map(cost_bytes, items)) // ENOUGH_BYTES), len(items))
    return [Job(b"", b"", tuple(part)) for part in balance(items, lists)]


def _jobs_of(folders: tuple[bytes, bytes], group: Sequence[Item], total: int, sessions: int) -> list[Job]:
    cost = sum(map(cost_bytes, group))
    share = -(-sessions * cost // max(total, 1))
    lists = min(share, max(1, cost // ENOUGH_BYTES), len(group))
    return [Job(*folders, tuple(part)) for part in balance(group, lists)]


def balance(items: Sequence[Item], lists: int) -> list[list[Item]]:
    """Divide items into so many lists of about equal cost, each in the order given; empty ones are left out."""
    if lists <= 1:
        return [list(items)] if items else []
    heap = [(0, number) for number in range(lists)]
    chosen = [0] * len(items)
    for index in sorted(range(len(items)), key=lambda index: -items[index].size_bytes):
        load, number = heapq.heappop(heap)
        chosen[index] = number
        heapq.heappush(heap, (load + cost_bytes(items[index]), number))
    parts: list[list[Item]] = [[] for _ in range(lists)]
    for item, number in zip(items, chosen, strict=True):
        parts[number].append(item)
    return [part for part in parts if part]


def sessions_for(round_trip_s: float, size_bytes: int, processors: int) -> int:
    """Return how many sessions pay for themselves over a line of this round trip, for so much to carry."""
    few, many = next((few, many) for limit_s, few, many in SESSIONS_BY_ROUND_TRIP if round_trip_s <= limit_s)
    return many if size_bytes >= MUCH_BYTES and processors > 1 else few
