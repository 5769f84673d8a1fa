"""The built-in engine: bytes read from one endpoint are written to the other by ourselves.

It is called ``sftp`` where a host is remote (and relays between two remote hosts) and ``local`` where both are
this machine. It works through the endpoints' two halves alone and knows no protocol. Each file goes to a
temporary name below ``.nightferry``, is hashed on the way and again where it lies, and is renamed only then.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import posixpath
import secrets
import stat
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from observatory.batches import by_weight
from observatory.endpoints.contract import MTIME_TOLERANCE_S, Facts, Hashed
from observatory.errors import CouldNotTell
from syncer.transfer.abreast import BrokenOff, abreast
from syncer.transfer.carried import Refused, carried
from syncer.transfer.confirm import CHANGED, VANISHED, Evidence
from syncer.transfer.contract import Batch, CarryResult, Item, NotArrived
from syncer.transfer.folders import REPLACED, TMP
from syncer.transfer.meter import Meter
from syncer.transfer.pump import Grew, clone, pump
from syncer.transfer.rate import Brake, rate_at

RETRY_DELAYS_S = (1.0, 5.0, 20.0)
"""Waits before a file is tried again after its connection was lost."""
FILES_AT_ONCE = 4
GROUP_FILES = 256
GROUP_BYTES = 256 * 1024 * 1024
"""So much is written under temporary names, hashed by one command and then renamed."""
SYNC_EACH_UP_TO = 8
"""Larger groups are brought to disk by one sync of the file system instead of one for each file."""
UNKNOWN_MODE = 0o644
"""For a link's file where only the link could be looked at."""


@dataclass(frozen=True, slots=True)
class Staged:
    """One file whole under its temporary name; `sha256` is empty where its blocks were cloned."""

    item: Item
    temporary: bytes
    sha256: str


@dataclass(frozen=True, slots=True)
class StreamEngine:
    """Moves files by reading and writing them.

    Attributes
    ----------
    name : str
        ``sftp`` or ``local``.
    may_clone : bool
        Both ends are this machine: files may share blocks where the file system can.
    clock_s : callable
    sleep : callable, optional
        Else it is waited until somebody interrupts us.
    """

    name: str = "sftp"
    may_clone: bool = False
    clock_s: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] | None = None

    def carry(self, batch: Batch) -> CarryResult:
        """Move the batch's files.

        Raises
        ------
        CouldNotTell
            A host cannot be reached.
        """
        return carried(self.name, batch, lambda meter, refused: _UnderWay(self, batch, meter, refused).carry())


class _UnderWay:
    """One batch under way: what failed and what was hashed so far, by target."""

    def __init__(self, engine: StreamEngine, batch: Batch, meter: Meter, refused: Refused) -> None:
        self.engine, self.batch, self.meter = engine, batch, meter
        self.failures, self.hashes = dict(refused), dict[bytes, str]()
        self._broken_off = threading.Event()
        self._sleep = engine.sleep or self._broken_off.wait
        self._brake = Brake(lambda: rate_at(batch.options, batch.now()), engine.clock_s, self._sleep)
        self._modes: Mapping[bytes, int] = {}
        self._begun: set[bytes] = set()
        self._was_full = False

    def carry(self) -> Evidence:
        """Move group after group; return what was learned."""
        items = [item for item in self.batch.items if item.target not in self.failures]
        for group in by_weight(items, lambda item: item.size_bytes, GROUP_FILES, GROUP_BYTES):
            self._carry_group(self._still_as_planned(group))
        return Evidence(self.failures, self.hashes)

    def _still_as_planned(self, group: Sequence[Item]) -> list[Item]:
        """Look at the sources once more, for their permission bits and to spare what changed since the plan."""
        found = list(self.batch.source.stat(self.batch.source_root, [item.path for item in group]))
        self._modes = self._modes_of(group, found)
        changed = {item.target: why for item, facts in zip(group, found, strict=True) if (why := _why_not(item, facts))}
        for item in group:
            if item.target in changed:
                self._fail(item, changed[item.target], may_retry=changed[item.target] == CHANGED)
        return [item for item in group if item.target not in changed]

    def _modes_of(self, group: Sequence[Item], found: Sequence[Facts]) -> dict[bytes, int]:
        if self.batch.modes.files is not None:
            return dict.fromkeys((item.target for item in group), int(self.batch.modes.files, 8))
        return {
            item.target: stat.S_IMODE(facts.mode) if facts.is_file else UNKNOWN_MODE
            for item, facts in zip(group, found, strict=True)
        }

    def _carry_group(self, items: Sequence[Item]) -> None:
        staged: list[Staged] = []
        try:
            self._stage_all(items, staged)
            self._publish_all(self._hashed_alike(staged))
        finally:
            self._remove([one.temporary for one in staged if one.item.target not in self.hashes])

    def _stage_all(self, items: Sequence[Item], staged: list[Staged]) -> None:
        """Write all under temporary names; each stands in `staged` as soon as it is there, whatever happens then."""
        at_once = min(self.batch.options.sessions or FILES_AT_ONCE, len(items))
        one_sync = len(items) > SYNC_EACH_UP_TO and self.batch.destination.has_shell

        def stage(item: Item) -> NotArrived | None:
            one = self._stage_patiently(item, not one_sync)
            if isinstance(one, NotArrived):
                return one
            staged.append(one)
            return None

        tried = abreast(stage, items, at_once, "transfer", self._broken_off.set, self.batch.ends)
        failed = [one for one in tried if one is not None]
        crowded_out = self._begun if self._was_full else set()
        for one in failed:
            again = self._alone(one.item, stage) if one.item.target in crowded_out else one
            if again is not None:
                self.failures[one.item.target] = again
        if one_sync and staged:
            self.batch.destination.sync(self.batch.destination_root)

    def _stage_patiently(self, item: Item, sync_it: bool) -> Staged | NotArrived:
        """Try again after a fault that a retry can mend, with longer and longer waits."""
        for delay_s in itertools.chain(RETRY_DELAYS_S, [None]):
            try:
                return self._stage(item, sync_it)
            except CouldNotTell as error:
                if self._broken_off.is_set():
                    raise BrokenOff from error
                if error.is_permanent or delay_s is None:
                    return NotArrived(item, str(error), may_retry=not error.is_permanent)
                self._sleep(delay_s)
        raise AssertionError("the last try has no delay and always returns")

    def _alone(self, item: Item, stage: Callable[[Item], NotArrived | None]) -> NotArrived | None:
        """Try again what found no room only while others, since given up, were being written beside it."""
        return NotArrived(item, self._no_room) if self._is_full(item) else stage(item)

    @property
    def _no_room(self) -> str:
        return f"no space left on {self.batch.destination.name}"

    def _stage(self, item: Item, sync_it: bool) -> Staged | NotArrived:
        root, destination = self.batch.destination_root, self.batch.destination
        temporary = posixpath.join(root, TMP, secrets.token_hex(16).encode())
        sent = _Sent(self.meter, self._brake, self._broken_off)
        whole = False
        try:
            with contextlib.closing(
                self.batch.source.open(posixpath.join(self.batch.source_root, item.path))
            ) as reader:
                sha256 = self._write(item, reader, temporary, sync_it, sent)
            destination.set_attributes(temporary, item.exact_mtime_ns, self._modes[item.target])
            self.meter.add(0, files=1)
            whole = True
            return Staged(item, temporary, sha256)
        except Grew:
            self._begun.discard(item.target)
            return NotArrived(item, CHANGED, may_retry=True)
        except OSError as error:
            return NotArrived(item, self._in_words(item, error))
        finally:
            if not whole:
                sent.take_back()
                self._remove([temporary])

    def _write(self, item: Item, reader: BinaryIO, temporary: bytes, sync_it: bool, sent: _Sent) -> str:
        self._begun.add(item.target)
        with contextlib.closing(self.batch.destination.create(temporary)) as writer:
            if self.engine.may_clone and clone(reader, writer):
                sent(item.size_bytes)
                sha256 = ""
            else:
                size_bytes, sha256 = pump(reader, writer, item.size_bytes, sent)
                if size_bytes != item.size_bytes:
                    raise Grew
            writer.flush()
            if sync_it:
                self.batch.destination.sync_file(writer)
        return sha256

    def _in_words(self, item: Item, error: OSError) -> str:
        """SFTP has one number for many faults: where the disk has no room, that is what it was."""
        if error.errno in (errno.ENOSPC, errno.EDQUOT) or self._is_full(item):
            self._was_full = True
            return self._no_room
        return f"could not be written on {self.batch.destination.name}: {error.strerror or error}"

    def _is_full(self, item: Item) -> bool:
        try:
            return self.batch.destination.free_bytes(self.batch.destination_root) < item.size_bytes
        except CouldNotTell:
            return False

    def _hashed_alike(self, staged: Sequence[Staged]) -> list[Staged]:
        """Read back what was written, where it lies, by one command for the whole group."""
        root = self.batch.destination_root
        copied = [one for one in staged if one.sha256]
        names = [posixpath.relpath(one.temporary, root) for one in copied]
        answers = self.batch.destination.hash(root, names) if names else iter(())
        hashed = {one.temporary: answer for one, answer in zip(copied, answers, strict=True)}
        return [one for one in staged if self._is_alike(one, hashed.get(one.temporary))]

    def _is_alike(self, one: Staged, answer: Hashed | None) -> bool:
        if answer is None or answer.sha256 == one.sha256:
            return True
        why = f"could not be read back: {answer.reason}" if answer.sha256 is None else "other bytes were read back"
        self._fail(one.item, f"was written on {self.batch.destination.name}, but {why}", may_retry=True)
        return False

    def _publish_all(self, staged: Sequence[Staged]) -> None:
        taken = self._taken(staged)
        for one in staged:
            final = posixpath.join(self.batch.destination_root, one.item.target)
            try:
                if one.item.target in taken:
                    self._set_aside(one.item, final)
                self.batch.destination.rename(one.temporary, final)
            except (CouldNotTell, OSError) as error:
                self._fail(one.item, f"could not be given its name: {error}")
            else:
                self.hashes[one.item.target] = one.sha256

    def _taken(self, staged: Sequence[Staged]) -> set[bytes]:
        """Return which names something stands at, known to the plan or not: it is kept, if the site wants versions."""
        if self.batch.on_difference != "version" or not staged:
            return set()
        found = self.batch.destination.stat(self.batch.destination_root, [one.item.target for one in staged])
        return {facts.path for facts in found if facts.size_bytes is not None}

    def _set_aside(self, item: Item, final: bytes) -> None:
        """Keep what stands at a name under the time of this run."""
        root, destination = self.batch.destination_root, self.batch.destination
        aside = posixpath.join(REPLACED, self.batch.stamp.encode(), item.target)
        destination.make_folders(root, [posixpath.dirname(aside)])
        if not self._linked(final, posixpath.join(root, aside)):
            destination.rename(final, posixpath.join(root, aside))

    def _linked(self, final: bytes, aside: bytes) -> bool:
        """Give the old file a second name, so that at no instant the first one is empty."""
        if not self.batch.destination.has_shell:
            return False
        try:
            return self.batch.destination.run([b"ln", b"-P", b"--", final, aside]).status == 0
        except CouldNotTell:
            return False

    def _fail(self, item: Item, reason: str, may_retry: bool = False) -> None:
        self.failures[item.target] = NotArrived(item, reason, may_retry)

    def _remove(self, temporaries: Iterable[bytes]) -> None:
        """Once more on a new connection, where the first was lost: what stays keeps its room until the next run."""
        for temporary in temporaries:
            for _ in range(2):
                with contextlib.suppress(CouldNotTell, OSError):
                    self.batch.destination.remove(temporary)
                    break


class _Sent:
    """What one attempt at one file has sent; slows it down, shows it, and takes it back where it was in vain."""

    def __init__(self, meter: Meter, brake: Brake, broken_off: threading.Event) -> None:
        self._meter, self._brake, self._broken_off, self._size_bytes = meter, brake, broken_off, 0

    def __call__(self, size_bytes: int) -> None:
        self._brake.let_through(size_bytes)
        if self._broken_off.is_set():
            raise BrokenOff
        self._size_bytes += size_bytes
        self._meter.add(size_bytes)

    def take_back(self) -> None:
        """Count the attempt's bytes as not done."""
        self._meter.add(-self._size_bytes)


def _why_not(item: Item, facts: Facts) -> str | None:
    """What a link that was listed points to is judged by what it gives when read."""
    if facts.reason is not None:
        return f"could not be looked at on the source: {facts.reason}"
    if facts.size_bytes is None:
        return VANISHED
    if facts.is_file and facts.size_bytes != item.size_bytes:
        return CHANGED
    if not facts.is_file and not item.by_link:
        return CHANGED
    if facts.is_file and abs(facts.mtime_s - item.mtime_s) > MTIME_TOLERANCE_S:
        return CHANGED
    return None
