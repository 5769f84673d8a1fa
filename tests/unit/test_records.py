"""A record says of a file what was listed, whatever its name holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observatory import records
from observatory.records import RecordError

PARTS = st.binary(min_size=1, max_size=20).map(lambda raw: raw.replace(b"\0", b"n").replace(b"/", b"s"))
PATHS = st.lists(PARTS, min_size=1, max_size=4).map(b"/".join)
TIMES_NS = st.integers(-(10**18), 4 * 10**18)
KINDS = st.sampled_from([records.FILE, records.UNRECOGNISED])


@given(PATHS, st.integers(0, 1 << 62), TIMES_NS, KINDS)
def test_a_files_record_gives_its_facts_back(path: bytes, size_bytes: int, mtime_ns: int, kind: bytes) -> None:
    """Path and size exactly, the time to a microsecond, also before 1970."""
    record = records.encode_file(path, size_bytes, mtime_ns, kind)
    entry = records.decode_file(record)
    assert (entry.path, entry.size_bytes) == (path, size_bytes)
    assert abs(entry.mtime_s - mtime_ns / 1e9) <= 1e-6
    assert records.path_of(record) == path
    assert records.key_of(record) == kind + path + b"//"


@given(PATHS, st.binary(min_size=1).map(lambda raw: raw.replace(b"\0", b"n")))
def test_a_links_record_gives_its_target_back(path: bytes, target: bytes) -> None:
    """Whatever the target holds, slashes included."""
    record = records.encode_link(path, target)
    assert (records.path_of(record), records.target_of(record)) == (path, target)
    assert records.key_of(records.encode_other(path)) == b"o" + path + b"//"


@given(st.sets(PATHS, min_size=2, max_size=2), st.integers(0, 99), st.integers(0, 99))
def test_records_sort_as_their_keys_do(paths: set[bytes], first: int, second: int) -> None:
    """No size or time changes the order that the paths give."""
    one, other = sorted(paths)
    earlier, later = records.encode_file(one, first, first), records.encode_file(other, second, second)
    assert (earlier < later) == (records.key_of(earlier) < records.key_of(later))


def test_a_time_is_written_as_find_writes_it() -> None:
    """Seconds, a dot and ten digits: records of a walk and of GNU find compare as bytes."""
    assert records.encode_file(b"a/b", 5, 1473280496_250000000) == b"fa/b//5/1473280496.2500000000"
    assert records.encode_file(b"a", 0, 0) == b"fa//0/0.0000000000"
    assert records.encode_file(b"a", 0, -2_750_000_000) == b"fa//0/-3.2500000000"


@pytest.mark.parametrize(
    "broken", [b"fa", b"fa//", b"fa//5", b"fa//x/1.0", b"fa//-5/1.0", b"fa//5/soon", b"fa//5/-inf", b""]
)
def test_what_is_no_record_of_a_file_is_refused(broken: bytes) -> None:
    """It is an error, which makes a hop unknown, and never a file of no size."""
    with pytest.raises(RecordError, match="not a"):
        records.decode_file(broken)


@pytest.mark.parametrize("broken", [b"", b"f", b"fa/b", b"//x"])
def test_a_record_without_its_two_slashes_has_no_key(broken: bytes) -> None:
    """And none that begins with them has a kind."""
    with pytest.raises(RecordError, match="not a record"):
        records.key_of(broken)


def test_a_file_reached_through_a_link_says_so() -> None:
    """Its mark stands behind its time, and is no part of it."""
    record = records.encode_file(b"n/a", 5, 1_473_280_496_250_000_000, mark=records.BY_LINK)
    assert record == b"fn/a//5/1473280496.2500000000/l"
    assert records.decode_file(record) == records.Entry(b"n/a", 5, 1473280496.25, by_link=True)
    assert not records.decode_file(record.removesuffix(records.BY_LINK)).by_link


def test_a_name_alone_is_a_file_of_nothing_of_no_time() -> None:
    """Both sides write it alike, whoever lists."""
    record = records.encode_name(b"n/a", records.UNRECOGNISED)
    assert record == b"un/a//0/0"
    assert records.decode_file(record) == records.Entry(b"n/a", 0, 0.0)
