"""Simulated hosts on which files are freed: they tell inodes and times of change, or neither, and keep account.

What was hashed where, when it was looked at last, and what was changed behind a look is noted here, so that kept.py
can say what a proof was worth at the instant at which a file went.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from observatory.endpoints.contract import Facts, Hashed
from observatory.endpoints.memory_things import Thing
from tests.simulation.weather import SimulatedHost

FREEING = b"/.nightferry/freeing/"


def nobody(host: SimulatedHost, path: bytes, data: bytes) -> None:
    """Be told, and do nothing."""


@dataclass
class TellingHost(SimulatedHost):
    """A host whose files have inodes and times of change, which it tells or (an account with SFTP alone) does not.

    Attributes
    ----------
    tells_changes : bool
    first_inode : int
        Its own: no two files of different hosts have one number.
    on_freed : callable
        Told of every file that was set aside to be freed and is removed now, by the absolute path that it had.
    seen_s : mapping of path to float
        When a path was looked at or hashed last, by the one clock.
    harmed_s : mapping of path to float
        When somebody changed what lies there.
    rotted_s, read_s : mapping of path to float
        When its bytes changed without a trace, and when it was hashed last.
    hashed : mapping of path to set of bytes
        Whatever a path was ever hashed as.
    """

    tells_changes: bool = True
    first_inode: int = 0
    on_freed: Callable[[SimulatedHost, bytes, bytes], None] = nobody
    seen_s: dict[bytes, float] = field(default_factory=dict)
    harmed_s: dict[bytes, float] = field(default_factory=dict)
    rotted_s: dict[bytes, float] = field(default_factory=dict)
    read_s: dict[bytes, float] = field(default_factory=dict)
    hashed: defaultdict[bytes, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    _inodes: dict[int, tuple[Thing, int, float]] = field(default_factory=dict)

    def _touched(self, path: bytes) -> None:
        thing = self.things.get(path)
        if thing is not None:
            number = self._inodes[id(thing)][1] if id(thing) in self._inodes else len(self._inodes) + 1
            self._inodes[id(thing)] = (thing, number, self._clock_s())

    def harm(self, path: bytes) -> None:
        """Note that somebody changed, or took, what lies at an absolute path."""
        self.harmed_s[path] = self.clock.now_s

    def put(self, path: bytes, data: bytes = b"", mtime_s: float | None = None, mode: int = 0o644) -> None:
        """Place a file: a new one, whatever lay there before."""
        super().put(path, data, mtime_s, mode)
        self._touched(path)

    def rot(self, path: bytes, data: bytes) -> None:
        """Change bytes on the disk behind everybody's back: neither size nor any time nor inode shows it."""
        thing = self.things[path]
        assert len(data) == len(thing.data)
        thing.data = data
        self.rotted_s[path] = self.clock.now_s

    def create(self, path: bytes, mode: int = 0o600) -> BinaryIO:
        """Create a file."""
        stream = super().create(path, mode)
        self._touched(self._resolve(path, False))
        return stream

    def set_attributes(self, path: bytes, mtime_ns: int | None, mode: int | None) -> None:
        """Set times and modes, which is a change."""
        super().set_attributes(path, mtime_ns, mode)
        self._touched(self._resolve(path, True))

    def rename(self, old: bytes, new: bytes) -> None:
        """Rename, which is a change."""
        super().rename(old, new)
        self._touched(self._resolve(new, False))

    def remove(self, path: bytes) -> None:
        """Remove; a file that was to be freed goes here for ever."""
        thing = self.things.get(path)
        super().remove(path)
        if thing is not None and thing.kind == "file" and FREEING in path:
            root, _, rest = path.partition(FREEING)
            self.on_freed(self, root + b"/" + rest.partition(b"/")[2], thing.data)

    def stat(self, root: bytes, paths: Sequence[bytes]) -> Iterator[Facts]:
        """Look at some paths."""
        for facts in super().stat(root, paths):
            self.seen_s[root + b"/" + facts.path] = self.clock.now_s
            yield facts

    def _stat(self, root: bytes, path: bytes) -> Facts:
        facts = super()._stat(root, path)
        thing = self.things.get(root + b"/" + path)
        if not (self.tells_changes and facts.is_file) or thing is None or id(thing) not in self._inodes:
            return facts
        _, number, changed_s = self._inodes[id(thing)]
        return replace(facts, identity=f"1:{self.first_inode + number}", changed_s=changed_s)

    def hash(self, root: bytes, paths: Sequence[bytes]) -> Iterator[Hashed]:
        """Hash some files."""
        for answer in super().hash(root, paths):
            path = root + b"/" + answer.path
            if answer.sha256 is not None:
                self.seen_s[path] = self.read_s[path] = self.clock.now_s
                self.hashed[path].add(self._read(path))
            yield answer
