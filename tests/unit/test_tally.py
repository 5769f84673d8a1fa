"""What a merge shows the verifier is counted once, by night, and split by what could not be looked at."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from observatory.compare import merge, not_files, split
from observatory.endpoints.contract import Trouble
from observatory.records import NUL, Entry, encode_file
from tests.worlds import NIGHT, NOW_S, OLD_S, records, scope_of
from verifier.tally import Tally, is_below, under_troubles

ONE, TWO, THREE, FOUR = (b"2016/0907/SHA_%d.fits" % number for number in (1, 2, 3, 4))


def test_every_file_is_counted_on_each_side_and_sorted_once() -> None:
    """Alike, of other size, missing, young, extra."""
    tally = Tally(scope_of(), settle_s=300, clock_s=NOW_S, keep_same=True)
    here = {ONE: (1, OLD_S), TWO: (2, OLD_S), THREE: (3, OLD_S), FOUR: (4, NOW_S)}
    there = {ONE: (1, OLD_S), TWO: (9, OLD_S), b"2016/0907/SHA_5.fits": (5, OLD_S)}
    merge(records(here), records(there), tally)
    assert (tally.source_counts, tally.destination_counts) == ({NIGHT: 4}, {NIGHT: 3})
    assert [[entry.path for entry in some] for some in (tally.missing, tally.size_differs, tally.young)] == [
        [THREE],
        [TWO],
        [FOUR],
    ]
    assert (list(tally.alike()), tally.extra) == ([ONE], [b"2016/0907/SHA_5.fits"])


def test_what_lies_in_no_night_is_counted_in_none() -> None:
    """It was not asked for."""
    tally = Tally(scope_of(), settle_s=300, clock_s=NOW_S)
    merge(records({b"elsewhere/SHA_1.fits": (1, OLD_S)}), [], tally)
    assert tally.source_counts == {}


RECORDS = st.sets(
    st.tuples(st.sampled_from([b"f", b"l", b"o", b"u"]), st.sampled_from([b"a", b"b\n", b"\xff", b"f", b"d/f"])),
    min_size=1,
)


@given(RECORDS)
def test_what_is_no_file_is_found_at_the_end_of_a_block(things: set[tuple[bytes, bytes]]) -> None:
    """Whatever names look like kinds."""
    block = NUL.join(sorted(encode_file(path, 1, 0, kind) for kind, path in things)) + NUL
    assert not_files(block) == [record for record in split(block) if record[:1] != b"f"]


def test_a_path_is_below_its_folders_and_below_nothing_else() -> None:
    """``a-b`` is not below ``a``; everything is below the root."""
    assert all(is_below(b"a/b/c", folder) for folder in (b"", b"a", b"a/b", b"a/b/c"))
    assert not any(is_below(b"a-b/c", folder) for folder in (b"a", b"a-", b"b", b"a-b/c/d"))


def test_troubles_poison_what_lies_below_them_by_the_name_that_it_has_there() -> None:
    """And nothing beside it."""
    entries = [Entry(path, 0, 0.0) for path in (b"a/x", b"b/x")]
    assert under_troubles(entries, []) == (entries, [])
    assert under_troubles(entries, [Trouble(b"", "gone")]) == ([], entries)
    assert under_troubles(entries, [Trouble(b"b", "closed")]) == (entries[:1], entries[1:])
    moved = under_troubles(entries, [Trouble(b"new/b", "closed")], lambda path: b"new/" + path)
    assert moved == (entries[:1], entries[1:])
