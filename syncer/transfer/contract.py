"""What every transfer engine is given and what it must give back.

How bytes travel is the engines' own (rsync.py, stream.py); which of them is taken is choose.py's; what to
move is the planner's, and what to record the syncer's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple, Protocol

from observatory.endpoints.contract import Act, HostAccess, Look, Symlinks
from observatory.spec.models import Modes, TransferOptions


class Item(NamedTuple):
    """One file that is to be moved.

    Attributes
    ----------
    path : bytes
        Relative to the source's root.
    target : bytes
        Relative to the destination's root; unique within a batch.
    size_bytes : int
        As the plan saw it on the source.
    mtime_s : float
        As the plan saw it on the source, Unix seconds.
    mtime_ns : int or None
        The same in nanoseconds, where the listing was that fine.
    replaces : bool
        A file with other bytes bears the name `target` already. Its arrival is proven by hash.
    by_link : bool
        It is a link, or lies behind one, that the listing followed. Of any other a link that stands there now was
        put there since, and is not followed.
    """

    path: bytes
    target: bytes
    size_bytes: int
    mtime_s: float
    mtime_ns: int | None = None
    replaces: bool = False
    by_link: bool = False

    @property
    def exact_mtime_ns(self) -> int:
        """Its modification time in nanoseconds, to the microsecond where the listing was no finer."""
        return round(self.mtime_s * 1e6) * 1000 if self.mtime_ns is None else self.mtime_ns


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a batch is; bytes and files as they leave, which is not yet proof that they arrived."""

    done_bytes: int
    total_bytes: int
    done_files: int
    total_files: int


def local_now() -> dt.datetime:
    """Return what this machine's own clock and zone say."""
    return dt.datetime.now().astimezone()


def no_progress(progress: Progress) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some files of one hop, and all that an engine must know to move them.

    Attributes
    ----------
    source : Look
        Nothing is ever written there.
    source_access, destination_access : HostAccess
        How the two hosts are reached by the ssh program, for rsync.
    source_root, destination_root : bytes
        Absolute; the destination's exists and has been proven.
    destination : Act
    items : sequence of Item
    stamp : str
        Names the folder ``.nightferry/replaced/<stamp>/``: UTC, ``YYYYMMDDTHHMMSSZ``.
    on_difference : str
        ``version``: what stands at a target is set aside first; ``replace``: it is overwritten.
    modes : Modes
        Permission bits and group of what is written; empty: a file keeps its own bits.
    symlinks : str
        With ``follow-inside`` an item may be a link, and what it points to is moved.
    options : TransferOptions
    progress : callable
        Called from several threads, though never at the same time.
    now : callable
        The site's local time, for ``hours``.
    """

    source: Look
    source_access: HostAccess
    source_root: bytes
    destination: Act
    destination_access: HostAccess
    destination_root: bytes
    items: Sequence[Item]
    stamp: str
    on_difference: Literal["version", "replace"] = "version"
    modes: Modes = field(default_factory=Modes)
    symlinks: Symlinks = "follow-inside"
    options: TransferOptions = field(default_factory=TransferOptions)
    progress: Callable[[Progress], None] = no_progress
    now: Callable[[], dt.datetime] = local_now

    @property
    def ends(self) -> tuple[Look, Look]:
        """Both hosts, to be asked or let go."""
        return self.source, self.destination

    @property
    def total_bytes(self) -> int:
        """The sum of what the plan promised."""
        return sum(item.size_bytes for item in self.items)

    def with_items(self, items: Sequence[Item]) -> Batch:
        """Return the same batch with other items."""
        return replace(self, items=tuple(items))

    def with_progress(self, progress: Callable[[Progress], None]) -> Batch:
        """Return the same batch with another listener."""
        return replace(self, progress=progress)


class Arrived(NamedTuple):
    """One file that stands at the destination as promised, and was brought to its disk.

    Attributes
    ----------
    item : Item
    size_bytes, mtime_s
        What the destination showed afterwards; its time is that of the plan within `MTIME_TOLERANCE_S`.
    sha256 : str or None
        Where the bytes were hashed at the destination.
    """

    item: Item
    size_bytes: int
    mtime_s: float
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class NotArrived:
    """One file that was to be moved and was not.

    Attributes
    ----------
    item : Item
    reason : str
    may_retry : bool
        Trying again can help.
    was_seen : bool
        False: it may stand at the destination, but that could not be looked at.
    """

    item: Item
    reason: str
    may_retry: bool = False
    was_seen: bool = True


@dataclass(frozen=True, slots=True)
class CarryResult:
    """What became of a batch: each item is in exactly one of the two lists, both in the batch's order.

    `remarks` are sentences about the whole that no single file is to blame for.
    """

    engine: str
    arrived: tuple[Arrived, ...]
    failed: tuple[NotArrived, ...]
    remarks: tuple[str, ...] = ()


class Engine(Protocol):
    """One way of moving files.

    Whatever it does, a file is never seen half-written at its final name, only confirmed and synced files
    count as arrived, and one file's fault is that file's alone.
    """

    @property
    def name(self) -> str:
        """What reports call it: rsync, sftp, local."""
        ...

    def carry(self, batch: Batch) -> CarryResult:
        """Move the batch's files; repeating is safe.

        Raises
        ------
        CouldNotTell
            Nothing can be said of any file, e.g. because a host cannot be reached.
        """
        ...
