"""What every engine promises over every pair of hosts: a file arrives whole, or its old state stands, with a reason."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from observatory.endpoints.contract import Act, HostAccess
from observatory.errors import HostUnreachable
from observatory.spec.models import Modes, TransferOptions
from syncer.transfer.contract import Item, Progress
from syncer.transfer.folders import free_old_replaced, sweep
from tests.transfers import (
    MTIME_NS,
    ODD_NAMES,
    PAIRS,
    STAMP,
    Pair,
    make_pair,
    meanwhile,
    opened,
    reasons,
    sha256,
    wait_until,
)

NAMES = st.binary(min_size=1, max_size=60).filter(
    lambda name: b"\0" not in name and b"/" not in name and name not in (b".", b"..")
)


Way = contextlib.AbstractContextManager[Act]
WRITTEN_HERE = [pair for pair in PAIRS if pair[2] in ("sftp", "local")]
"""Pairs whose files this program writes itself; the others' programs write one after another, and remove their own."""


@pytest.fixture(scope="module")
def standing() -> Iterator[Callable[[HostAccess], Way]]:
    """Ways to hosts that stay open from test to test, as they do in a nightly run from hop to hop."""
    with contextlib.ExitStack() as stack:
        ways = functools.cache(lambda access: stack.enter_context(opened(access)))
        yield lambda access: contextlib.nullcontext(ways(access))


@pytest.fixture(params=PAIRS, ids="-".join)
def pair(request: pytest.FixtureRequest, tmp_path: Path, standing: Callable[[HostAccess], Way]) -> Iterator[Pair]:
    """A hop between two hosts, and the engine that serves it."""
    with make_pair(*request.param, tmp_path, request, standing) as made:
        yield made


def test_a_file_arrives_with_its_bytes_time_and_permission_bits(pair: Pair) -> None:
    """Bytes, mtime and bits are the source's; nothing of ours is left but empty folders."""
    item = pair.write(b"2016/0907/SHA.0001.fits", b"SIMPLE  =" * 1000, mode=0o640)
    result = pair.carry([item])
    assert [(one.item, one.size_bytes) for one in result.arrived] == [(item, 9000)]
    assert pair.read(item.path) == b"SIMPLE  =" * 1000
    assert pair.facts(item.path).st_mode & 0o7777 == 0o640
    assert abs(pair.facts(item.path).st_mtime_ns - MTIME_NS) < (1_000 if pair.engine != "sftp" else 1_000_000_000)
    assert pair.ours() == []


def test_every_odd_name_arrives(pair: Pair) -> None:
    """Names are bytes: newlines, quotes, leading dashes, other encodings, 254 bytes."""
    items = [pair.write(b"n/" + name, name) for name in ODD_NAMES]
    result = pair.carry(items)
    assert reasons(result) == {}
    assert pair.arrived() == sorted(b"n/" + name for name in ODD_NAMES)
    assert all(pair.read(b"n/" + name) == name for name in ODD_NAMES)
    assert not [*pair.source.root.rglob("harm"), *pair.destination.root.rglob("harm")]


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.sets(NAMES, min_size=1, max_size=8))
def test_any_bytes_are_a_name(pair: Pair, names: set[bytes]) -> None:
    """Whatever a disk accepts as a name is carried."""
    items = [pair.write(b"any/" + name, name) for name in names]
    assert reasons(pair.carry(items)) == {}
    assert all(pair.read(b"any/" + name) == name for name in names)


@pytest.mark.parametrize("name", [b"a\\?b.fits", b"a\\*b.fits", b"a[b\\]c.fits"])
def test_a_backslash_and_a_wildcard_stop_no_other_file(pair: Pair, name: bytes) -> None:
    """Since 3.2.5 an rsync that fetches such a name refuses what it asked for itself."""
    items = [pair.write(b"2016/0907/" + name, b"1"), pair.write(b"2016/0907/plain.fits", b"2")]
    assert reasons(pair.carry(items)) == {}


def test_a_file_can_arrive_in_another_folder_and_under_another_name(pair: Pair) -> None:
    """Two layouts of one chain; a name that changes cannot be in rsync's list and is carried all the same."""
    moved = pair.write(b"2016/0907/a.fits", b"a", target=b"20160907/a.fits")
    renamed = pair.write(b"2016/0907/b.fits", b"bb", target=b"20160907/c.fits")
    told: list[Progress] = []
    result = pair.carry([moved, renamed], progress=told.append)
    assert [one.item for one in result.arrived] == [moved, renamed]
    assert (pair.read(b"20160907/a.fits"), pair.read(b"20160907/c.fits")) == (b"a", b"bb")
    assert told[-1] == Progress(3, 3, 2, 2)


def test_what_is_replaced_is_set_aside(pair: Pair) -> None:
    """`version`: the old bytes lie below .nightferry/replaced under the run's stamp, and the new ones are proven."""
    item = pair.write(b"n/a", b"new", replaces=True)
    pair.put(pair.destination, b"n/a", b"old")  # the same size and time: only the bytes can tell
    result = pair.carry([item])
    assert [one.sha256 for one in result.arrived] == [sha256(b"new")]
    assert pair.read(b"n/a") == b"new"
    assert pair.read(f".nightferry/replaced/{STAMP}/n/a".encode()) == b"old"


def test_replace_keeps_nothing(pair: Pair) -> None:
    """`replace`: the specification says that the old bytes are worthless."""
    item = pair.write(b"n/a", b"new", replaces=True)
    pair.put(pair.destination, b"n/a", b"older")
    assert len(pair.carry([item], on_difference="replace").arrived) == 1
    assert pair.read(b"n/a") == b"new"
    assert pair.ours() == []


def test_what_stands_there_unforeseen_is_set_aside_too(pair: Pair) -> None:
    """Somebody wrote the name after the plan was made: his bytes are not lost."""
    item = pair.write(b"n/a", b"ours")
    pair.put(pair.destination, b"n/a", b"his")
    assert len(pair.carry([item]).arrived) == 1
    assert pair.read(f".nightferry/replaced/{STAMP}/n/a".encode()) == b"his"


def test_empty_and_sparse_files_arrive(pair: Pair) -> None:
    """Zero bytes, and 64 MiB of which only the ends were written."""
    empty = pair.write(b"n/empty", b"")
    pair.write(b"n/sparse", b"begin")
    with (pair.source.root / "n/sparse").open("r+b") as stream:
        stream.seek(64 * 1024 * 1024)
        stream.write(b"end")
    sparse = pair.item(b"n/sparse")
    assert len(pair.carry([empty, sparse]).arrived) == 2
    content = pair.read(b"n/sparse")
    assert len(content) == 64 * 1024 * 1024 + 3
    assert content[:5] == b"begin"
    assert content[-3:] == b"end"
    assert content.count(0) == 64 * 1024 * 1024 - 5


def test_many_small_files_arrive_over_several_sessions(pair: Pair) -> None:
    """Lists are divided, and no two sessions race for a folder."""
    items = [pair.write(b"n%d/sub/%04d" % (number % 7, number), b"%d" % number * 9) for number in range(600)]
    told: list[Progress] = []
    result = pair.carry(items, options=TransferOptions(sessions=3), progress=told.append)
    assert [one.item for one in result.arrived] == items
    assert told[-1] == Progress(sum(item.size_bytes for item in items), sum(i.size_bytes for i in items), 600, 600)
    assert all(progress.done_bytes <= progress.total_bytes for progress in told)


def test_what_vanished_or_changed_since_the_plan_is_that_files_fault_alone(pair: Pair) -> None:
    """A frame that grew and one that is gone do not arrive; the others do, and each has its reason."""
    fine, grows, gone = (pair.write(b"n/" + name, b"1234") for name in (b"fine", b"grows", b"gone"))
    with (pair.source.root / "n/grows").open("ab") as stream:
        stream.write(b"5")
    (pair.source.root / "n/gone").unlink()
    result = pair.carry([fine, grows, gone])
    assert [one.item for one in result.arrived] == [fine]
    assert "changed while it was copied" in reasons(result)[b"n/grows"]
    assert "vanished from the source" in reasons(result)[b"n/gone"]
    assert b"n/gone" not in pair.arrived()


def test_a_link_that_stays_inside_arrives_as_the_file_it_points_to(pair: Pair) -> None:
    """follow-inside: links to files and to folders."""
    pair.write(b"real/a", b"bytes")
    (pair.source.root / "n").mkdir()
    (pair.source.root / "n/a").symlink_to("../real/a")
    (pair.source.root / "also").symlink_to("real")
    result = pair.carry([pair.item(b"n/a", by_link=True), pair.item(b"also/a")])
    assert reasons(result) == {}
    assert (pair.read(b"n/a"), pair.read(b"also/a")) == (b"bytes", b"bytes")
    assert not (pair.destination.root / "also").is_symlink()
    assert pair.facts(b"n/a").st_mode & 0o170000 == 0o100000


def test_a_file_that_became_a_link_since_it_was_listed_is_not_followed(pair: Pair) -> None:
    """Whoever may write at the source has us read nothing else: not one of the same size and time either."""
    items = [pair.write(b"n/" + name, b"plain") for name in (b"a", b"b")]
    pair.put(pair.source, b"secret", b"drawn")
    (pair.source.root / "n/a").unlink()
    (pair.source.root / "n/a").symlink_to(pair.source.root / "secret")
    result = pair.carry(items)
    assert [one.item for one in result.arrived] == items[1:]
    assert "changed while it was copied" in reasons(result)[b"n/a"]
    assert pair.engine in ("sftp", "local") or b"n/a" not in pair.arrived()


def test_modes_of_the_specification_are_given(pair: Pair) -> None:
    """Files read-only, folders with their own bits, and a group; an account without the program for it says so."""
    item = pair.write(b"2016/0907/a", b"a", mode=0o666)
    group = subprocess.run(["id", "-gn"], capture_output=True, text=True, check=True).stdout.strip()
    result = pair.carry([item], modes=Modes(files="0440", directories="2750", group=group))
    can_give = pair.destination.endpoint.capabilities.has_gnu_tools
    assert (len(result.arrived), len(result.remarks)) == (1, 0 if can_give else 1)
    assert pair.facts(b"2016/0907/a").st_mode & 0o7777 == 0o440
    assert pair.facts(b"2016/0907").st_mode & 0o7777 == 0o2750
    assert pair.facts(b"2016").st_mode & 0o7777 == 0o2750


def test_a_group_that_is_not_there_takes_no_file_back(pair: Pair) -> None:
    """The file arrived; what is left to do is said."""
    item = pair.write(b"n/a", b"a")
    result = pair.carry([item], modes=Modes(group="no-such-group"))
    assert len(result.arrived) == 1
    assert "no-such-group" in result.remarks[0]


def test_a_folder_that_cannot_be_made_is_the_fault_of_its_own_files(pair: Pair) -> None:
    """A file stands where a night's folder should be."""
    fine, blocked = pair.write(b"n/a", b"a"), pair.write(b"blocked/b", b"b")
    pair.put(pair.destination, b"blocked", b"a file")
    result = pair.carry([blocked, fine])
    assert [one.item for one in result.arrived] == [fine]
    assert "folder" in reasons(result)[b"blocked/b"]
    assert pair.read(b"blocked") == b"a file"


def test_a_name_taken_by_a_folder_is_a_reason(pair: Pair) -> None:
    """What stands there is not removed, and the others arrive."""
    fine, taken = pair.write(b"n/a", b"a"), pair.write(b"n/b", b"b")
    (pair.destination.root / "n/b/inside").mkdir(parents=True)
    result = pair.carry([fine, taken], on_difference="replace")
    assert [one.item for one in result.arrived] == [fine]
    assert set(reasons(result)) == {b"n/b"}
    assert (pair.destination.root / "n/b/inside").is_dir()


def test_repeating_is_safe(pair: Pair) -> None:
    """The same batch once more gives the same files."""
    items = [pair.write(b"n/%d" % number, b"%d" % number) for number in range(5)]
    assert len(pair.carry(items, on_difference="replace").arrived) == 5
    assert len(pair.carry(items, on_difference="replace").arrived) == 5
    assert pair.arrived() == [item.path for item in items]


def test_nothing_is_ever_seen_half_at_its_final_name(pair: Pair) -> None:
    """While 24 MB travel slowly, the final name is absent or whole."""
    item = pair.write(b"n/big", os.urandom(24_000_000))
    sizes: set[int] = set()
    done = []

    def watch() -> None:
        while not done:
            if (pair.destination.root / "n/big").exists():
                sizes.add((pair.destination.root / "n/big").stat().st_size)

    with meanwhile(watch):
        result = pair.carry([item], options=TransferOptions(rate_bytes_per_s=40_000_000, sessions=1))
        wait_until(lambda: sizes, 5)
        done.append(True)
    assert len(result.arrived) == 1
    assert sizes == {24_000_000}


@pytest.fixture
def small_disk(pair: Pair) -> Iterator[Path]:
    """The destination's root becomes a file system of 4 MB of its own."""
    root = pair.destination.root
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", root], capture_output=True, check=False)
    if mounted.returncode != 0:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(
            "a small disk needs the right to mount a tmpfs"
        )
    yield root
    subprocess.run(["umount", "-l", root], check=True)


def test_a_full_disk_is_said_and_leaves_no_half_file(pair: Pair, small_disk: Path) -> None:
    """What fits arrives; what does not has the reason, and nothing of it lies about."""
    small, large = pair.write(b"n/1-small", os.urandom(100_000)), pair.write(b"n/2-large", os.urandom(8_000_000))
    result = pair.carry([small, large])
    assert [one.item for one in result.arrived] == [small]
    assert "no space left" in reasons(result)[b"n/2-large"]
    assert pair.arrived() == [b"n/1-small"]
    sweep(pair.destination.endpoint, os.fsencode(small_disk))
    assert pair.ours() == []


@pytest.mark.parametrize("pair", WRITTEN_HERE, indirect=True, ids="-".join)
def test_what_found_no_room_is_removed_also_where_the_connection_was_lost(
    pair: Pair, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left there it would keep its room from all that comes after it."""
    endpoint, lost = pair.destination.endpoint, []
    remove = endpoint.remove

    def losing(path: bytes) -> None:
        if not lost:
            lost.append(path)
            raise HostUnreachable(endpoint.name, "the connection was lost")
        remove(path)

    monkeypatch.setattr(endpoint, "remove", losing)
    result = pair.carry([pair.write(b"n/0", os.urandom(8_000_000))])
    assert "no space left" in reasons(result)[b"n/0"]
    assert len(lost) == 1 and list((small_disk / ".nightferry" / "tmp").iterdir()) == []


@pytest.mark.parametrize("pair", WRITTEN_HERE, indirect=True, ids="-".join)
def test_files_that_only_fit_one_by_one_do_not_starve_one_another(pair: Pair, small_disk: Path) -> None:
    """Several written at once fill the disk together; what then has room arrives all the same."""
    items = [pair.write(b"n/%d" % number, os.urandom(3_000_000)) for number in range(4)]
    result = pair.carry(items, options=TransferOptions(sessions=4))
    assert len(result.arrived) == 1
    assert ["no space left" in reason for reason in reasons(result).values()] == [True] * 3


def test_a_destination_that_is_read_only_is_a_reason_for_each_file(pair: Pair, small_disk: Path) -> None:
    """Nothing is raised and nothing arrives."""
    items = [pair.write(b"n/a", b"a"), pair.write(b"n/b", b"b")]
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    result = pair.carry(items)
    assert result.arrived == ()
    assert set(reasons(result)) == {b"n/a", b"n/b"}


def test_no_items_is_no_work(pair: Pair) -> None:
    """An empty batch touches nothing."""
    result = pair.carry([])
    assert (result.arrived, result.failed) == ((), ())
    assert list(pair.destination.root.iterdir()) == []


def test_a_destination_name_never_leaves_the_root(pair: Pair) -> None:
    """The plan refuses such names; an engine that is handed one all the same writes nothing outside."""
    item = pair.write(b"n/a", b"a")
    outside = Item(b"n/a", b"../outside/a", item.size_bytes, item.mtime_s, item.mtime_ns)
    result = pair.carry([outside])
    assert result.arrived == ()
    assert not (pair.destination.root.parent / "outside").exists()


def test_sweeping_leaves_the_marker_and_what_was_replaced(pair: Pair) -> None:
    """What a dead run left goes; partial files stay where the run is to go on from them; links are not followed."""
    kept = [b".nightferry/replaced/20160907T120000Z/n/a", b".nightferry/root"]
    for path in (*kept, b".nightferry/tmp/.a.X1y2Z3", b".nightferry/tmp/folder/b", b".nightferry/partial/c", b"n/data"):
        pair.put(pair.destination, path, b"x")
    (pair.destination.root / ".nightferry/tmp/link").symlink_to(pair.destination.root / "n")
    root = os.fsencode(pair.destination.root)
    assert sweep(pair.destination.endpoint, root, keep_partial=True) >= 3
    assert pair.ours() == [b".nightferry/partial/c", *kept]
    sweep(pair.destination.endpoint, root)
    assert pair.ours() == kept
    assert pair.arrived() == [b"n/data"]
    assert sweep(pair.destination.endpoint, root) == 0


def test_what_was_replaced_is_freed_after_thirty_days(pair: Pair) -> None:
    """By the stamp in the folder's name; a folder that is not ours to judge stays."""
    now = dt.datetime(2016, 10, 8, tzinfo=dt.UTC)
    old, young, strange = (
        b".nightferry/replaced/%s/n/a" % stamp for stamp in (b"20160907T120000Z", b"20160909T120000Z", b"by-hand")
    )
    for path in (old, young, strange):
        pair.put(pair.destination, path, b"x")
    root = os.fsencode(pair.destination.root)
    endpoint, by_clock = pair.destination.endpoint, lambda days: now - dt.timedelta(days=days)
    assert free_old_replaced(endpoint, root, now) == []  # one clock alone is not believed
    assert free_old_replaced(endpoint, root, now, old_before=lambda days: now - dt.timedelta(days=40)) == []
    assert pair.ours() == [old, young, strange]
    assert old in free_old_replaced(endpoint, root, now, old_before=by_clock)
    assert pair.ours() == [young, strange]
    assert free_old_replaced(endpoint, root, now, old_before=by_clock) == []
