"""Files that have no name until they are whole, and what takes their place where there are none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncer.transfer.ends import unnamed
from syncer.transfer.ends.order import BLOCK_BYTES
from syncer.transfer.ends.unnamed import Unnamed
from tests.unit.test_pipe_ends import END, TIME_NS, far, files_in, large, order_of, small

NONE_SUCH = b"import os; del os.O_TMPFILE; "
"""As it is on other systems than Linux."""
NOT_MINE = b"import os; os.link = lambda *a, **b: os.stat('/none'); "
"""As it is where the file system gives no second names, or ``/proc`` is another's."""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where files are put, on a disk that knows files without names."""
    (tmp_path / "tmp").mkdir()
    before = os.umask(0o077)
    yield tmp_path
    os.umask(before)


def put(folder: Path, name: str, data: bytes = b"abc", mode: int = 0o644) -> bool:
    """Put one file by a new writer."""
    path = os.fsencode(folder)
    return Unnamed(path + b"/tmp").put(path + b"/" + os.fsencode(name), data, mode, TIME_NS)


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o666, 0o444, 0o2775])
def test_a_file_has_the_bits_that_were_asked_for(folder: Path, mode: int) -> None:
    """Whatever the account's umask leaves; those of the second file too, which is not looked at."""
    writer = Unnamed(os.fsencode(folder / "tmp"))
    for name in (b"/a", b"/b"):
        assert writer.put(os.fsencode(folder) + name, b"abc", mode, TIME_NS)
    shown = [(folder / name).stat() for name in "ab"]
    assert [(one.st_mode & 0o7777, one.st_mtime_ns, one.st_size) for one in shown] == [(mode, TIME_NS, 3)] * 2
    assert list((folder / "tmp").iterdir()) == []


@pytest.mark.parametrize("what", ["file", "folder", "dangling link"])
def test_a_name_that_is_taken_stays_as_it_is(folder: Path, what: str) -> None:
    """Also by a link that leads nowhere: nothing is written where that leads."""
    if what == "folder":
        (folder / "a").mkdir()
    elif what == "file":
        (folder / "a").write_bytes(b"old")
    else:
        (folder / "a").symlink_to(folder / "elsewhere")
    assert put(folder, "a") is False
    assert files_in(folder) == ({"a": b"old"} if what == "file" else {})
    assert put(folder, "b") is True


def test_where_it_is_not_to_be_had_it_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is gone, and a system that does not show a program's own files."""
    assert put(folder, "none/a") is False
    monkeypatch.setattr(unnamed, "_OPEN_FILES", str(folder / "none"))
    assert put(folder, "a") is False
    assert files_in(folder) == {}


@pytest.mark.parametrize("first", [b"", NONE_SUCH, NOT_MINE])
def test_files_arrive_whatever_the_system_knows(tmp_path: Path, first: bytes) -> None:
    """Small ones and a large one, new names and one that is taken: what stood there is set aside."""
    root = tmp_path / "there"
    (root / ".nightferry/tmp").mkdir(parents=True)
    (root / "a").write_bytes(b"old")
    data = os.urandom(BLOCK_BYTES + 1)
    given = order_of(root, {b"a": 3, b"b": len(data), b"c": 0, b"n/d": 1}, aside=".nightferry/replaced/x")
    ended = far(given, small(0, b"new") + large(1, data) + small(2, b"") + small(3, b"d") + END, first)
    assert ended.stdout.split(b"\0") == [b"d 3 No such file or directory", b"end", b""]
    assert files_in(root) == {"a": b"new", "b": data, "c": b"", ".nightferry/replaced/x/a": b"old"}
    assert {(root / name).stat().st_mode & 0o7777 for name in "abc"} == {0o640}
