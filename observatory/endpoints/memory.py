"""A host in memory, for tests: keeps the whole contract, and has the faults that real hosts have.

Folds case, hides folders, runs ahead, has no shell, fills up: each by one attribute. It runs no programs itself;
a test hands in a function for those.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, cast

from observatory.endpoints import shell
from observatory.endpoints.contract import (
    Capabilities,
    Completed,
    Facts,
    Hashed,
    Inspection,
    Promise,
    Survey,
    SurveyRequest,
)
from observatory.endpoints.local import with_parents
from observatory.endpoints.memory_things import Thing, ThingWriter
from observatory.endpoints.walk import Kind, Node, WalkSurvey, join, reason_of
from observatory.errors import CommandFailed, FileUnreadable, HostUnreachable
from observatory.formats import whole
from observatory.names import fold_key, show

MAX_LINKS = 40
"""Links followed in one path, as Linux does, before it is called a circle."""
_KIND_BITS: dict[Kind, int] = {"file": 0o100000, "folder": 0o040000, "link": 0o120000, "other": 0o010000}

Runner = Callable[[Sequence[bytes], bytes], Completed]
"""Stands for the programs of a host: words and standard input to what became of them."""


@dataclass
class MemoryEndpoint:
    """One host in memory; see `contract.Act`.

    Attributes
    ----------
    name : str
    things : dict of bytes to Thing
        By normal absolute path; parents are there too.
    folds_case : bool
        Names equal by Unicode's caseless matching are one, as on HFS+ or a camera's card.
    unreadable : set of bytes
        Absolute paths of folders that cannot be listed and files that cannot be opened.
    clock_offset_s : float
        How far its clock is ahead of ours.
    runs_programs : bool
        False: an account with SFTP alone.
    runner : callable or None
        What `run` asks.
    room_bytes : int or None
        What may still be written; None: without end.
    is_reachable : bool
        False: every question raises HostUnreachable.
    synced : list of bytes
        What `sync` was called with.
    """

    name: str = "memory"
    things: dict[bytes, Thing] = field(default_factory=lambda: {b"/": Thing("folder", mode=0o755)})
    folds_case: bool = False
    unreadable: set[bytes] = field(default_factory=set)
    clock_offset_s: float = 0.0
    runs_programs: bool = True
    runner: Runner | None = None
    room_bytes: int | None = None
    is_reachable: bool = True
    synced: list[bytes] = field(default_factory=list)
    now: Callable[[], float] = time.time
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    # ---- for tests

    def put(self, path: bytes, data: bytes = b"", mtime_s: float | None = None, mode: int = 0o644) -> None:
        """Place a file at an absolute path, with its parents."""
        self.put_folder(path.rpartition(b"/")[0] or b"/")
        self.things[self._stored(path)] = Thing("file", data, self._time_ns(mtime_s), mode)

    def put_folder(self, path: bytes, device: int = 1) -> None:
        """Place a folder at an absolute path, with its parents."""
        parts = [part for part in path.split(b"/") if part]
        for count in range(len(parts) + 1):
            name = b"/" + b"/".join(parts[:count])
            self.things.setdefault(self._stored(name), Thing("folder", mode=0o755, device=device))

    def put_other(self, path: bytes, kind: Kind = "other", target: bytes = b"") -> None:
        """Place a pipe or a link at an absolute path, with its parents."""
        self.put_folder(path.rpartition(b"/")[0] or b"/")
        self.things[self._stored(path)] = Thing(kind, target, self._time_ns(None), 0o777)

    def _time_ns(self, mtime_s: float | None) -> int:
        return round((self._clock_s() if mtime_s is None else mtime_s) * 1e9)

    # ---- the tree: see walk.Tree

    def _reach(self) -> None:
        if not self.is_reachable:
            raise HostUnreachable(self.name, "it is switched off")

    def _clock_s(self) -> float:
        return self.now() + self.clock_offset_s

    def _stored(self, path: bytes) -> bytes:
        """Return a path as this file system has it already, where it folds names."""
        if not self.folds_case or path in self.things:
            return path
        parent, _, name = path.rpartition(b"/")
        parent = self._stored(parent or b"/")
        start = parent.rstrip(b"/") + b"/"
        for known in self.things:
            if known.startswith(start) and fold_key(known[len(start) :]) == fold_key(name):
                return known
        return start + name

    def real(self, path: bytes) -> bytes:
        """Give the absolute path without links."""
        return self._resolve(path, True)

    def _resolve(self, path: bytes, follows_last: bool, links: int = 0) -> bytes:
        self._reach()
        if links > MAX_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        parts = [part for part in path.split(b"/") if part not in (b"", b".")]
        here = b"/"
        for index, part in enumerate(parts):
            self._enter(here)
            here = (
                (here.rpartition(b"/")[0] or b"/") if part == b".." else self._stored(here.rstrip(b"/") + b"/" + part)
            )
            thing = self.things.get(here)
            is_last = index == len(parts) - 1
            if thing is not None and thing.kind == "link" and (follows_last or not is_last):
                rest = b"/".join(parts[index + 1 :])
                target = join(here.rpartition(b"/")[0] or b"/", thing.data)
                start = thing.data if thing.data.startswith(b"/") else target
                return self._resolve(join(start, rest), follows_last, links + 1)
        return here

    def _enter(self, folder: bytes) -> None:
        thing = self.things.get(folder)
        if thing is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        if thing.kind != "folder":
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if folder in self.unreadable:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    def _thing(self, path: bytes, follows: bool = True) -> Thing:
        found = self.things.get(self._resolve(path, follows))
        if found is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return found

    def _node(self, path: bytes, thing: Thing) -> Node:
        return Node(path.rpartition(b"/")[2], thing.kind, len(thing.data), thing.mtime_ns, thing.device)

    def scan(self, path: bytes) -> Iterator[Node]:
        """Give what lies in one folder."""
        with self._lock:
            folder = self._resolve(path, True)
            self._enter(folder)
            start = folder.rstrip(b"/") + b"/"
            inside = [name for name in self.things if name.startswith(start) and b"/" not in name[len(start) :]]
            nodes = [self._node(name, self.things[name]) for name in inside if name != b"/"]
        yield from nodes

    def look(self, path: bytes) -> Node:
        """Give one name, a last link as a link."""
        return self._node(path, self._thing(path, False))

    def follow(self, path: bytes) -> Node:
        """Give what one name leads to."""
        return self._node(path, self._thing(path))

    def target(self, path: bytes) -> bytes:
        """Give the text of a link."""
        return self._thing(path, False).data

    def head(self, path: bytes, size: int) -> bytes:
        """Give the first bytes of a file."""
        return self._read(path)[:size]

    def _read(self, path: bytes) -> bytes:
        thing = self._thing(path)
        if thing.kind != "file":
            raise OSError(errno.EINVAL, "not a regular file")
        if self._resolve(path, True) in self.unreadable:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return thing.data

    # ---- look

    @property
    def capabilities(self) -> Capabilities:
        """What the host can do."""
        self._reach()
        return Capabilities(has_shell=self.runs_programs)

    @property
    def has_shell(self) -> bool:
        """Whether `run` can work."""
        return self.runs_programs

    def survey(self, request: SurveyRequest) -> Survey:
        """List some folders of a root; see `contract.Look.survey`."""
        self._reach()
        ahead_s = self.clock_offset_s
        return WalkSurvey(self, request, self.name, self._clock_s(), ahead_s, self.room_bytes)

    def stat(self, root: bytes, paths: Sequence[bytes]) -> Iterator[Facts]:
        """Look at some paths; see `contract.Look.stat`."""
        self._reach()
        return (self._stat(root, path) for path in paths)

    def _stat(self, root: bytes, path: bytes) -> Facts:
        if not shell.is_below(path):
            return Facts(path, reason=shell.NOT_BELOW)
        try:
            thing = self._thing(join(root, path), False)
        except (FileNotFoundError, NotADirectoryError):
            return Facts(path)
        except OSError as error:
            return Facts(path, reason=reason_of(error))
        return shell.facts_of(path, _KIND_BITS[thing.kind] | thing.mode, len(thing.data), thing.mtime_ns / 1e9)

    def differing(self, root: bytes, promises: Sequence[Promise]) -> Iterator[Facts]:
        """Look at some paths and give those that are not as promised; see `contract.Look.differing`."""
        return shell.differing_by_stat(self.stat(root, [promise.path for promise in promises]), promises)

    def hash(self, root: bytes, paths: Sequence[bytes]) -> Iterator[Hashed]:
        """Hash some files; see `contract.Look.hash`."""
        self._reach()
        for path in paths:
            try:
                data = self._read_below(root, path)
            except OSError as error:
                yield Hashed(path, None, reason_of(error))
            else:
                yield Hashed(path, hashlib.sha256(data).hexdigest())

    def _read_below(self, root: bytes, path: bytes) -> bytes:
        if not shell.is_below(path):
            raise OSError(errno.EINVAL, shell.NOT_BELOW)
        return self._read(join(root, path))

    def inspect(self, root: bytes, paths: Sequence[bytes], sums: bool) -> Iterator[Inspection]:
        """Judge some files by their own structure; see `contract.Look.inspect`."""
        self._reach()
        for path in paths:
            yield self._inspect(root, path, sums)

    def _inspect(self, root: bytes, path: bytes, sums: bool) -> Inspection:
        if shell.is_below(path) and whole.format_of(path) is None:
            return Inspection(path, "unjudged", "its name tells no format that can be judged")
        try:
            data = self._read_below(root, path)
        except OSError as error:
            return Inspection(path, "unreadable", reason_of(error))
        state, reason = whole.judge_stream(path, io.BytesIO(data), len(data), sums)
        return shell.inspection(path, f"={state} {reason}".encode("utf-8", "replace"))

    def open(self, path: bytes) -> BinaryIO:
        """Open an absolute path for reading; see `contract.Look.open`."""
        try:
            return io.BytesIO(self._read(path))
        except OSError as error:
            raise FileUnreadable(self.name, show(path), reason_of(error)) from error

    def free_bytes(self, root: bytes) -> int:
        """Return what may still be written."""
        self._reach()
        return 1 << 40 if self.room_bytes is None else self.room_bytes

    def clock_ahead_s(self) -> float:
        """Return how far its clock is ahead."""
        self._reach()
        return self.clock_offset_s

    def round_trip_s(self) -> float:
        """Return 0.0: there is no line."""
        self._reach()
        return 0.0

    def run(
        self,
        argv: Sequence[bytes],
        stdin: Iterable[bytes] = (),
        timeout_s: float = 60.0,
        on_output: Callable[[bytes], None] | None = None,
    ) -> Completed:
        """Ask the test's own function; see `contract.Look.run`."""
        self._reach()
        if not self.runs_programs:
            raise CommandFailed(self.name, show(argv[0]), "this account runs no programs")
        if self.runner is None:
            return Completed(127, b"", b"not found")
        completed = self.runner(argv, b"".join(stdin))
        if on_output is None:
            return completed
        on_output(completed.stdout)
        return Completed(completed.status, b"", completed.stderr)

    def reach(self) -> None:
        """Be there, or not; see `contract.Look.reach`."""
        self._reach()

    def close(self) -> None:
        """Let go of nothing."""

    # ---- act

    def _failed(self, doing: str, path: bytes, error: OSError) -> CommandFailed:
        return CommandFailed(self.name, f"{doing} {show(path)}", reason_of(error))

    def _place(self, path: bytes, thing: Thing) -> bytes:
        where = self._resolve(path, False)
        if where in self.things:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        self._enter(where.rpartition(b"/")[0] or b"/")
        self.things[where] = thing
        return where

    def create(self, path: bytes, mode: int = 0o600) -> BinaryIO:
        """Create a new file for writing; see `contract.Act.create`."""
        with self._lock:
            try:
                where = self._place(path, Thing("file", mtime_ns=self._time_ns(None), mode=mode))
            except FileExistsError:
                raise
            except OSError as error:
                raise self._failed("creating", path, error) from error
        return cast(BinaryIO, ThingWriter(self.take_room, self.things[where]))

    def take_room(self, size_bytes: int) -> None:
        """Count bytes written; OSError (no space) beyond the room there is."""
        with self._lock:
            if self.room_bytes is None:
                return
            if size_bytes > self.room_bytes:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self.room_bytes -= size_bytes

    def make_folders(self, root: bytes, paths: Sequence[bytes], mode: int | None = None) -> None:
        """Create folders with their parents; see `contract.Act.make_folders`."""
        with self._lock:
            try:
                self._enter(self._resolve(root, True))
                for folder in with_parents(paths):
                    self._make_folder(join(root, folder), 0o755 if mode is None else mode)
            except OSError as error:
                raise self._failed("making folders below", root, error) from error

    def _make_folder(self, path: bytes, mode: int) -> None:
        try:
            self._place(path, Thing("folder", mode=mode))
        except FileExistsError:
            if self._thing(path).kind != "folder":
                raise

    def set_attributes(self, path: bytes, mtime_ns: int | None, mode: int | None) -> None:
        """Set modification time and permission bits; see `contract.Act.set_attributes`."""
        try:
            thing = self._thing(path)
        except OSError as error:
            raise self._failed("setting time and mode of", path, error) from error
        thing.mtime_ns = thing.mtime_ns if mtime_ns is None else mtime_ns
        thing.mode = thing.mode if mode is None else mode

    def rename(self, old: bytes, new: bytes) -> None:
        """Rename atomically; see `contract.Act.rename`."""
        with self._lock:
            try:
                thing = self._thing(old, False)
                source, target = self._resolve(old, False), self._resolve(new, False)
                self._enter(target.rpartition(b"/")[0] or b"/")
                if target in self.things and self.things[target].kind == "folder" and thing.kind != "folder":
                    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            except OSError as error:
                raise self._failed("renaming to", new, error) from error
            inside = [name for name in self.things if name.startswith(source + b"/")]
            for name in (source, *inside):
                self.things[target + name[len(source) :]] = self.things.pop(name)

    def link(self, target: bytes, path: bytes) -> None:
        """Make a symbolic link; see `contract.Act.link`."""
        with self._lock:
            try:
                self._place(path, Thing("link", target, self._time_ns(None), 0o777))
            except FileExistsError:
                raise
            except OSError as error:
                raise self._failed("linking", path, error) from error

    def remove(self, path: bytes) -> None:
        """Remove one file or empty folder; see `contract.Act.remove`."""
        with self._lock:
            try:
                where = self._resolve(path, False)
                if any(name.startswith(where + b"/") for name in self.things):
                    raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY))
            except FileNotFoundError:
                return
            except OSError as error:
                raise self._failed("removing", path, error) from error
            gone = self.things.pop(where, None)
            if gone is not None and gone.kind == "file" and self.room_bytes is not None:
                self.room_bytes += len(gone.data)

    def list_folder(self, path: bytes) -> list[bytes]:
        """Return the names in one folder, sorted; see `contract.Act.list_folder`."""
        try:
            return sorted(node.name for node in self.scan(path))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._failed("listing", path, error) from error

    def sync(self, root: bytes) -> None:
        """Note that it was asked."""
        self._reach()
        self.synced.append(root)

    def sync_file(self, stream: BinaryIO) -> None:
        """Put what was written where it can be read."""
        self._reach()
        stream.flush()
