"""Two sides of a hop for tests of transfers: files made in code, carried by a real engine, looked at with os.

What the promises are is said in tests/contract/test_transfers.py and tests/integration/test_rsync_*.py.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from observatory.endpoints.contract import Act, HostAccess
from observatory.endpoints.opening import open_endpoint
from observatory.spec.models import TransferOptions
from syncer.transfer.choose import choose
from syncer.transfer.contract import Batch, CarryResult, Engine, Item
from syncer.transfer.pipe import PipeEngine
from tests.hosts import Host

STAMP = "20160907T120000Z"
MTIME_NS = 1_473_280_496_123_456_789
ODD_NAMES = (
    "café-latin1".encode("latin-1"),
    "café".encode(),  # NFC
    "cafe\u0301".encode(),  # NFD: another name, but on few file systems
    b"new\nline",
    b"tab\tand\rreturn",
    b"-rf",
    b"--delete",
    b"it's",
    b'quo"te',
    b"$(touch harm)`touch harm`",
    b" leading and trailing ",
    b"*?[a-z]",
    b"back\\slash\\#012",
    b"x" * 254,
    b"#comment",
    b";semicolon",
    b"host:path",
)
"""The kinds of facts/peers.md F13, and those that rsync's lists treat specially."""


@dataclass(frozen=True)
class Side:
    """One end of a hop, and where its root lies on this machine."""

    endpoint: Act
    access: HostAccess
    root: Path


@dataclass(frozen=True)
class Pair:
    """A hop between two roots that both lie on this machine, whoever serves them."""

    source: Side
    destination: Side
    engine: str | None
    waits: list[float] = field(default_factory=list)

    def write(
        self, path: bytes, content: bytes = b"SIMPLE", mode: int = 0o640, mtime_ns: int = MTIME_NS, **more: Any
    ) -> Item:
        """Write a file on the source and return the item that a plan would hold."""
        self.put(self.source, path, content, mode, mtime_ns)
        return self.item(path, **more)

    def put(self, side: Side, path: bytes, content: bytes, mode: int = 0o640, mtime_ns: int = MTIME_NS) -> None:
        """Write a file on a side."""
        name = place(side, path)
        os.makedirs(os.path.dirname(name), exist_ok=True)  # noqa: PTH103,PTH120 - Path has no bytes
        with open(name, "wb") as stream:  # noqa: PTH123
            stream.write(content)
        os.chmod(name, mode)  # noqa: PTH101
        os.utime(name, ns=(mtime_ns, mtime_ns))

    def item(self, path: bytes, target: bytes | None = None, replaces: bool = False, by_link: bool = False) -> Item:
        """Return an item for what is on the source now."""
        found = os.stat(place(self.source, path))  # noqa: PTH116
        return Item(path, target or path, found.st_size, found.st_mtime, found.st_mtime_ns, replaces, by_link)

    def batch(self, items: Sequence[Item], **more: Any) -> Batch:
        """Return a batch between the two sides."""
        options = more.pop("options", TransferOptions())
        return Batch(
            source=self.source.endpoint,
            source_access=self.source.access,
            source_root=os.fsencode(self.source.root),
            destination=self.destination.endpoint,
            destination_access=self.destination.access,
            destination_root=os.fsencode(self.destination.root),
            items=tuple(items),
            stamp=STAMP,
            options=options.model_copy(update={"engine": "pipe" if self.engine == RELAYED else self.engine}),
            **more,
        )

    def chosen(self, batch: Batch) -> Engine:
        """Return the engine that is under test; it does not really wait."""
        ends = (batch.source, batch.destination, batch.source_access, batch.destination_access)
        engine = choose(*ends, batch.options, sleep=self.waits.append)
        return replace(engine, far_s=0.0) if self.engine == RELAYED and isinstance(engine, PipeEngine) else engine

    def carry(self, items: Sequence[Item], **more: Any) -> CarryResult:
        """Carry some items."""
        batch = self.batch(items, **more)
        return self.chosen(batch).carry(batch)

    def read(self, path: bytes) -> bytes:
        """Return what stands at the destination."""
        with open(place(self.destination, path), "rb") as stream:  # noqa: PTH123
            return stream.read()

    def facts(self, path: bytes) -> os.stat_result:
        """Look at the destination's file."""
        return os.lstat(place(self.destination, path))

    def arrived(self) -> list[bytes]:
        """Return every file at the destination that is not ours, below the root, sorted."""
        return sorted(path for path in files_below(self.destination.root) if not path.startswith(b".nightferry/"))

    def ours(self) -> list[bytes]:
        """Return every file of ours at the destination, below the root, sorted."""
        return sorted(path for path in files_below(self.destination.root) if path.startswith(b".nightferry/"))


RELAYED = "relayed"
"""The pipe as it works over a long line: through the connections that are open already."""

PAIRS = (
    ("local", "local", "local"),
    ("local", "local", "rsync"),
    ("local", "far", "rsync"),
    ("local", "far", "sftp"),
    ("far", "local", "rsync"),
    ("far", "local", "sftp"),
    ("local", "far", "pipe"),
    ("far", "local", "pipe"),
    ("far", "far", "pipe"),
    ("local", "far", RELAYED),
    ("far", "local", RELAYED),
    ("far", "far", "rsync"),
    ("far", "far", "sftp"),
    ("local", "sftp_host", "sftp"),
    ("sftp_host", "local", "sftp"),
    ("local", "plain_host", "sftp"),
)
"""Where the source lies, where the destination lies, and the engine."""


def opened(access: HostAccess) -> AbstractContextManager[Act]:
    """Return a way of one's own to a host."""
    return contextlib.closing(open_endpoint(access))


@contextlib.contextmanager
def make_pair(
    source: str,
    destination: str,
    engine: str,
    folder: Path,
    request: pytest.FixtureRequest,
    opens: Callable[[HostAccess], AbstractContextManager[Act]] = opened,
) -> Iterator[Pair]:
    """Make two empty roots and reach them as asked: on this machine, or through a real sshd."""
    with contextlib.ExitStack() as stack:
        sides = []
        for number, (where, name) in enumerate(((source, "source"), (destination, "destination"))):
            (folder / name).mkdir()
            access = _access(where, name, number, request)
            sides.append(Side(stack.enter_context(opens(access)), access, folder / name))
        yield Pair(*sides, engine)


def _access(where: str, name: str, number: int, request: pytest.FixtureRequest) -> HostAccess:
    if where == "local":
        return HostAccess(name, f"{name}.here", is_local=True)
    host: Host = request.getfixturevalue("three_hosts")[number] if where == "far" else request.getfixturevalue(where)
    return host.access


def side(access: HostAccess, root: Path) -> Side:
    """Return a side for a root that is there."""
    return Side(open_endpoint(access), access, root)


def place(side: Side, path: bytes) -> bytes:
    """Return the path of a side's file on this machine."""
    return os.path.join(os.fsencode(side.root), path)  # noqa: PTH118


def files_below(root: Path) -> Iterator[bytes]:
    """Yield the path of everything below a root that is no folder."""
    top = os.fsencode(root)
    for folder, _, names in os.walk(top):
        for name in names:
            yield os.path.relpath(os.path.join(folder, name), top)  # noqa: PTH118


def reasons(result: CarryResult) -> dict[bytes, str]:
    """Return why what failed failed."""
    return {failed.item.path: failed.reason for failed in result.failed}


def sha256(content: bytes) -> str:
    """Return the sum that a report would show."""
    return hashlib.sha256(content).hexdigest()


def programs_that_name(root: Path, program: bytes = b"rsync") -> list[int]:
    """Return the ids of running programs whose command line names a root that only this test has."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
            if program in words and os.fsencode(root) in words:
                found.append(int(entry.name))
    return found


@contextlib.contextmanager
def meanwhile(deed: Any) -> Iterator[threading.Thread]:
    """Do something in a thread beside the block, and wait for it at the end."""
    thread = threading.Thread(target=deed, daemon=True)
    thread.start()
    yield thread
    thread.join(30)


def wait_until(condition: Any, limit_s: float = 30.0) -> bool:
    """Look again and again until something holds; say whether it came to hold."""
    end_s = time.monotonic() + limit_s
    while time.monotonic() < end_s:
        if condition():
            return True
        time.sleep(0.002)
    return False
