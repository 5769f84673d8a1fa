"""The two ends of a pipe session as real programs, each fed by hand: what a hostile or dying other half can do."""

from __future__ import annotations

import ast
import errno
import fcntl
import inspect
import io
import os
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observatory.endpoints.farside import packed_program
from syncer.transfer.ends import order, program, receiver, sender, unnamed
from syncer.transfer.ends.order import BLOCK_BYTES, HEAD, LARGE, LAST, REFUSED, SMALL, TAIL, Order
from syncer.transfer.ends.sender import Outlet

TEXT = packed_program({module.__name__: module for module in (order, sender, unnamed, receiver, program)})
TIME_NS = 1_473_280_496_123_456_789
END = HEAD.pack(0, LAST, 0, 0, 0, 0)
NAMES = st.binary(min_size=1, max_size=40).filter(lambda name: b"\0" not in name)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A destination with our folder for what is on its way."""
    (tmp_path / "there/.nightferry/tmp").mkdir(parents=True)
    return tmp_path / "there"


def order_of(root: Path, files: dict[bytes, int], **changed: Any) -> Order:
    """Return an order to put files of these sizes below a root."""
    settings = {
        "way": "push",
        "source_root": str(root.parent),
        "destination_root": str(root),
        "temporary": ".nightferry/tmp/t-",
        "aside": "",
        "mode": None,
        "by_link": [],
        "silence_s": 30,
        "rate_bytes_per_s": None,
        **changed,
    }
    names = list(files)
    return Order(settings, list(files.values()), [TIME_NS] * len(files), names, names)


AS_BEFORE_3_9 = b"import sys; sys.stderr = open(2, 'w', 8192, closefd=False); "
"""What is said on standard error stays where it is until it is sent."""
NO_LARGE_FILES = b"""
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, 2 << 20))
"""


def far(given: Order, stream: bytes = b"", first: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run the far end on an order and what comes after it."""
    words = [sys.executable, "-I", "-S", "-c", first + TEXT, "far"]
    return subprocess.run(words, input=order.packed_order(given) + stream, capture_output=True, timeout=60, check=False)


def small(number: int, data: bytes, crc: int | None = None) -> bytes:
    """Return a small file as it travels."""
    return HEAD.pack(number, SMALL, 0o640, len(data), TIME_NS, zlib.crc32(data) if crc is None else crc) + data


def large(number: int, data: bytes, is_unchanged: bool = True) -> bytes:
    """Return a large file as it travels."""
    head = HEAD.pack(number, LARGE, 0o640, len(data), TIME_NS, 0)
    return head + data + TAIL.pack(is_unchanged)


def files_in(root: Path) -> dict[str, bytes]:
    """Return everything below a root, our own folder included."""
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@given(st.lists(st.tuples(NAMES, NAMES, st.integers(0, 2**63), st.integers(-(2**70), 2**70))), st.booleans())
def test_an_order_arrives_as_it_was_given(files: list[tuple[bytes, bytes, int, int]], same: bool) -> None:
    """Names are any bytes, sizes and times any that a file system can hold."""
    sources, targets, sizes, times = (list(column) for column in zip(*files, strict=True)) if files else ([],) * 4
    made = Order({"x": "\udcff"}, sizes, times, sources, sources if same else targets)
    packed = order.packed_order(made)
    read, came_as = order.read_order(io.BytesIO(packed))
    assert came_as == packed
    assert read.settings["x"] == "\udcff"
    columns = zip(read.sizes, read.times, read.sources, read.targets, strict=False)
    assert list(columns) == list(zip(sizes, times, sources, made.targets, strict=True))


@pytest.mark.parametrize("module", [order, sender, unnamed, receiver, program])
def test_the_text_is_understood_by_python_3_6(module: Any) -> None:
    """Observatories run old systems for as long as their instruments; annotations are text there."""
    tree = ast.parse(inspect.getsource(module), feature_version=(3, 6))
    annotations = [one.annotation for one in ast.walk(tree) if isinstance(one, (ast.arg, ast.AnnAssign))]
    annotations += [one.returns for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)]
    subscripts = [ast.unparse(one) for one in annotations if isinstance(one, (ast.Subscript, ast.BinOp))]
    assert subscripts == []


def test_files_get_their_names_when_they_are_whole(root: Path) -> None:
    """Bytes, time and permission bits; and the program says that it is done."""
    data = os.urandom(BLOCK_BYTES + 1)
    ended = far(order_of(root, {b"a": 3, b"b": len(data)}), small(0, b"abc") + large(1, data) + END)
    assert (ended.returncode, ended.stdout) == (0, b"end\0")
    assert files_in(root) == {"a": b"abc", "b": data}
    assert ((root / "a").stat().st_mode & 0o7777, (root / "a").stat().st_mtime_ns) == (0o640, TIME_NS)


def test_a_far_end_that_hears_nothing_ends_by_itself(root: Path) -> None:
    """The line may hang for good; its program does not stay behind at the far end."""
    words = [sys.executable, "-I", "-S", "-c", TEXT, "far"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program_there:
        assert program_there.stdin is not None
        program_there.stdin.write(order.packed_order(order_of(root, {b"a": 3, b"b": 3}, silence_s=0.5)))
        program_there.stdin.write(small(0, b"abc"))
        program_there.stdin.flush()
        assert program_there.wait(20) == order.SILENT
    assert files_in(root) == {"a": b"abc"}


@pytest.mark.parametrize("first", [b"", AS_BEFORE_3_9])
def test_a_root_that_is_gone_is_one_sentence(root: Path, first: bytes) -> None:
    """No traceback in a report, and no silence on an old system."""
    ended = far(order_of(root / "unplugged", {b"a": 3}), small(0, b"abc") + END, first)
    assert ended.returncode == 1
    assert ended.stderr.decode().endswith("unplugged: No such file or directory\n")
    assert b"Traceback" not in ended.stderr


@pytest.mark.parametrize("cut", [1, 10, HEAD.size, HEAD.size + 1, HEAD.size + 3])
def test_a_stream_that_breaks_off_leaves_nothing_half(root: Path, cut: int) -> None:
    """At whatever byte: the file before it stands, the one after it does not, and it is no good end."""
    stream = small(0, b"abc") + small(1, b"defg")
    ended = far(order_of(root, {b"a": 3, b"b": 4}), stream[: len(small(0, b"abc")) + cut])
    assert ended.returncode == order.BROKEN
    assert b"end" not in ended.stdout
    assert files_in(root) == {"a": b"abc"}


@pytest.mark.parametrize(
    "stream",
    [
        small(2, b"abc"),  # a number that nobody gave
        small(1, b"defg") + small(0, b"abc"),  # backwards
        small(0, b"abc") + small(0, b"abc"),  # twice
        small(0, b"abcd"),  # longer than was agreed
        HEAD.pack(0, LARGE, 0, 3, 0, 0) + b"abc",  # small, and sent as large
        HEAD.pack(0, SMALL, 0, 2**50, 0, 0),  # a petabyte
        HEAD.pack(0, REFUSED, 0, 2**40, 0, 0),  # a reason of a terabyte
    ],
)
def test_what_nobody_asked_for_ends_the_session(root: Path, stream: bytes) -> None:
    """No name outside the order, no byte beyond what was agreed, no memory on somebody's word."""
    ended = far(order_of(root, {b"a": 3, b"b": 4}), stream + END)
    assert ended.returncode == order.BROKEN
    assert b"nobody asked for" in ended.stderr
    assert set(files_in(root)) <= {"a", "b"}


def test_bytes_that_changed_on_the_way_get_no_name(root: Path) -> None:
    """The sum that came with them is another: that file alone is told."""
    data = os.urandom(BLOCK_BYTES + 1)
    void = large(1, data, is_unchanged=False)
    ended = far(order_of(root, {b"a": 3, b"b": len(data), b"c": 1}), small(0, b"abc", 7) + void + small(2, b"c") + END)
    assert ended.stdout.split(b"\0")[:-1] == [b"s 0 its bytes changed on the way", b"s 1 changed", b"end"]
    assert files_in(root) == {"c": b"c"}


@pytest.mark.parametrize("size", [BLOCK_BYTES + 1, 3 * BLOCK_BYTES, 5 * BLOCK_BYTES + 17])
def test_large_files_arrive_whole(root: Path, size: int) -> None:
    """Between small ones, of which nothing is taken for theirs."""
    data = os.urandom(size)
    files = {b"a": 3, b"b": size, b"c": 3, b"d": size}
    stream = small(0, b"abc") + large(1, data) + small(2, b"def") + large(3, data[::-1]) + END
    assert far(order_of(root, files), stream).stdout == b"end\0"
    assert files_in(root) == {"a": b"abc", "b": data, "c": b"def", "d": data[::-1]}


def test_a_large_file_that_cannot_be_written_takes_no_other_with_it(root: Path) -> None:
    """The rest of its bytes is taken from the stream, so that the next file begins where it begins."""
    data = os.urandom(4 * BLOCK_BYTES)
    stream = small(0, b"abc") + large(1, data) + small(2, b"def") + END
    ended = far(order_of(root, {b"a": 3, b"b": len(data), b"c": 3}), stream, NO_LARGE_FILES)
    assert ended.stdout.split(b"\0")[:-1] == [b"d 1 File too large", b"end"]
    assert files_in(root) == {"a": b"abc", "c": b"def"}


@pytest.mark.parametrize("cut", [1, HEAD.size + BLOCK_BYTES, -1])
def test_a_large_file_that_breaks_off_is_not_there(root: Path, cut: int) -> None:
    """At its head, among its bytes, before its tail."""
    data = os.urandom(2 * BLOCK_BYTES)
    ended = far(order_of(root, {b"a": 3, b"b": len(data)}), small(0, b"abc") + large(1, data)[:cut])
    assert ended.returncode == order.BROKEN
    assert files_in(root) == {"a": b"abc"}


def sent_large(path: Path, size: int, then: Callable[[], None]) -> tuple[bytes, bool]:
    """Return the bytes of a large file as they leave, and what its tail says; `then` follows the first block."""
    out, moved = path.with_name("sent"), iter([then])
    with out.open("wb") as stream:
        outlet = Outlet(stream.fileno(), lambda size, files: next(moved, lambda: None)() if size else None)
        names = [os.fsencode(path)]
        sender.send(Order({"source_root": "/", "by_link": []}, [size], [TIME_NS], names, names), outlet)
    head, data = out.read_bytes()[: HEAD.size], out.read_bytes()[HEAD.size : -HEAD.size - TAIL.size]
    assert HEAD.unpack(head)[:4] == (0, LARGE, 0o644, size)
    return data, TAIL.unpack(out.read_bytes()[-HEAD.size - TAIL.size : -HEAD.size])[0] == 1


@pytest.fixture
def frame(tmp_path: Path) -> Path:
    """A large file."""
    path = tmp_path / "a.fits"
    path.write_bytes(os.urandom(3 * BLOCK_BYTES + 5))
    path.chmod(0o644)
    os.utime(path, ns=(TIME_NS, TIME_NS))
    return path


def test_a_large_file_leaves_whole(frame: Path) -> None:
    """Every byte, and its tail says that it is the same."""
    assert sent_large(frame, frame.stat().st_size, lambda: None) == (frame.read_bytes(), True)


def test_a_large_file_that_shrinks_meanwhile_is_void(frame: Path) -> None:
    """As many bytes leave as were promised, since the next file stands behind them; its tail says what they are."""
    size = frame.stat().st_size
    data, is_unchanged = sent_large(frame, size, lambda: os.truncate(frame, BLOCK_BYTES))
    assert (len(data), is_unchanged) == (size, False)


def test_a_large_file_that_grows_or_changes_meanwhile_is_void(frame: Path) -> None:
    """Also where it is as long as it was."""
    data, is_unchanged = sent_large(frame, frame.stat().st_size, lambda: frame.write_bytes(b"x" * frame.stat().st_size))
    assert (len(data), is_unchanged) == (frame.stat().st_size, False)


def test_a_writer_that_sets_the_time_back_is_noticed(frame: Path) -> None:
    """As programs do that complete a header; what left is neither the old file nor the new one."""

    def complete() -> None:
        with frame.open("r+b") as stream:
            stream.write(b"SIMPLE")
        os.utime(frame, ns=(TIME_NS, TIME_NS))

    assert sent_large(frame, frame.stat().st_size, complete)[1] is False


def test_what_was_found_unchanged_does_not_change_on_its_way(frame: Path) -> None:
    """The last bytes still wait in the pipe when the file is written to: they are as they were when it was checked."""
    size, asked = frame.stat().st_size, frame.read_bytes()
    given = order_of(frame.parent, {b"a.fits": size}, way="pull", source_root=str(frame.parent))
    words = [sys.executable, "-I", "-S", "-c", TEXT, "far"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as sending:
        assert sending.stdin is not None
        assert sending.stdout is not None
        sending.stdin.write(order.packed_order(given))
        came = b""
        while sending.poll() is None:
            came += sending.stdout.read(4096)
            time.sleep(0.001)
        with frame.open("r+b") as stream:
            stream.write(b"x" * size)
        while piece := sending.stdout.read(BLOCK_BYTES):
            came += piece
    assert came[HEAD.size :] == asked + TAIL.pack(True) + END


def test_a_disk_that_cannot_read_a_block_voids_the_file(frame: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is filled up, and the next look finds the reason."""

    def broken(*given: object) -> int:
        raise OSError(errno.EIO, "Input/output error")

    size = frame.stat().st_size
    monkeypatch.setattr(os, "readv", broken)
    data, is_unchanged = sent_large(frame, size, lambda: None)
    assert (len(data), is_unchanged) == (size, False)


def test_a_reason_comes_instead_of_a_file(root: Path) -> None:
    """It is passed on as it is, without what would end a result."""
    reason = b"Permission\0denied"
    ended = far(order_of(root, {b"a": 3}), HEAD.pack(0, REFUSED, 0, len(reason), 0, 0) + reason + END)
    assert ended.stdout == b"s 0 Permissiondenied\0end\0"
    assert files_in(root) == {}


def test_the_sender_tells_what_is_not_as_promised(root: Path) -> None:
    """Gone, longer, newer, a folder, a pipe: each a reason, and the one that is right is sent."""
    here = root.parent / "here"
    here.mkdir()
    for name, data in (("fine", b"abc"), ("longer", b"abcd"), ("newer", b"abc")):
        (here / name).write_bytes(data)
        os.utime(here / name, ns=(TIME_NS, TIME_NS + 10**10 * (name == "newer")))
    (here / "folder").mkdir()
    os.mkfifo(here / "pipe")
    names = [b"gone", b"longer", b"newer", b"folder", b"pipe", b"fine"]
    sent = far(order_of(root, dict.fromkeys(names, 3), way="pull", source_root=str(here))).stdout
    said = []
    while sent:
        number, kind, _, size, _, _ = HEAD.unpack(sent[: HEAD.size])
        said.append((number, kind, sent[HEAD.size : HEAD.size + size]))
        sent = sent[HEAD.size + size :]
    words = [b"No such file or directory", b"changed", b"changed", b"not a regular file", b"not a regular file"]
    assert said == [*((number, REFUSED, why) for number, why in enumerate(words)), (5, SMALL, b"abc"), (0, LAST, b"")]


def test_a_link_is_followed_only_where_it_was_one_when_it_was_listed(root: Path) -> None:
    """Between plan and transfer a file may become a link to anywhere."""
    (root.parent / "here").mkdir()
    (root.parent / "secret").write_bytes(b"abc")
    os.utime(root.parent / "secret", ns=(TIME_NS, TIME_NS))
    (root.parent / "here/a").symlink_to(root.parent / "secret")
    more = {"way": "pull", "source_root": str(root.parent / "here")}
    assert b"abc" in far(order_of(root, {b"a": 3}, by_link=[0], **more)).stdout
    assert b"abc" not in far(order_of(root, {b"a": 3}, by_link=[], **more)).stdout


def test_a_rate_is_kept(root: Path) -> None:
    """A megabyte at a megabyte a second: all but the last quarter, which leaves at once, has to wait."""
    here = root.parent / "here"
    here.mkdir()
    for number in range(50):
        (here / str(number)).write_bytes(b"x" * 20_000)
        os.utime(here / str(number), ns=(TIME_NS, TIME_NS))
    names = dict.fromkeys((str(number).encode() for number in range(50)), 20_000)
    given = order_of(root, names, way="push", source_root=str(here), rate_bytes_per_s=1_000_000)
    words = [sys.executable, "-I", "-c", TEXT, "near", sys.executable, "-I", "-c", TEXT.decode(), "far"]
    began_s = time.monotonic()
    subprocess.run(words, input=order.packed_order(given), capture_output=True, timeout=60, check=True)
    assert time.monotonic() - began_s >= 0.7
    assert len(files_in(root)) == 50


@pytest.mark.parametrize("is_narrow", [False, True])
def test_a_rate_is_kept_with_large_files_too(frame: Path, is_narrow: bool) -> None:
    """Whatever the pipe holds: an account that has many of them gets narrow ones."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, order.F_SETPIPE_SZ, 4096 if is_narrow else order.PIPE_BYTES)
    size, names = frame.stat().st_size, [os.fsencode(frame)]
    began_s = time.monotonic()
    with subprocess.Popen(["cat"], stdin=reading, stdout=subprocess.DEVNULL):
        outlet = Outlet(writing, lambda size, files: None, 2 * size)
        sender.send(Order({"source_root": "/", "by_link": []}, [size], [TIME_NS], names, names), outlet)
        took_s = time.monotonic() - began_s
        os.close(writing)
        os.close(reading)
    assert 0.3 < took_s < 0.8


def test_a_slow_line_is_not_silent(root: Path) -> None:
    """The first file takes longer than nothing may come, and does not come at once."""
    here = root.parent / "here"
    here.mkdir()
    files = {b"a": 500_000, b"b": 10}
    for name, size in files.items():
        (here / os.fsdecode(name)).write_bytes(os.urandom(size))
        os.utime(here / os.fsdecode(name), ns=(TIME_NS, TIME_NS))
    more = {"source_root": str(here), "rate_bytes_per_s": 240_000, "silence_s": 0.9}
    words = [sys.executable, "-I", "-c", TEXT, "near", sys.executable, "-I", "-c", TEXT.decode(), "far"]
    given = order.packed_order(order_of(root, files, **more))
    ended = subprocess.run(words, input=given, capture_output=True, timeout=60, check=False)
    assert (ended.returncode, sorted(files_in(root))) == (0, ["a", "b"])
