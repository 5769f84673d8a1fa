"""The merge of two listings says of every record, once, what a comparison of two dictionaries says."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observatory.compare import UnsortedListing, merge, split
from observatory.records import NUL, RecordError, encode_file, encode_link, encode_other, key_of

PARTS = st.binary(min_size=1, max_size=6).map(lambda raw: raw.replace(b"\0", b"n").replace(b"/", b"s"))
PATHS = st.lists(PARTS, min_size=1, max_size=3).map(b"/".join)
FACTS = st.tuples(st.sampled_from([b"f", b"u"]), st.integers(0, 3), st.integers(0, 3))


@dataclass
class Told:
    """Remembers everything that it is told, record by record."""

    same_records: list[bytes] = field(default_factory=list)
    pairs: list[tuple[bytes, bytes]] = field(default_factory=list)
    here: list[bytes] = field(default_factory=list)
    there: list[bytes] = field(default_factory=list)

    def same(self, block: bytes) -> None:
        """Take a block apart."""
        assert block.endswith(NUL)
        self.same_records += split(block)

    def pair(self, source: bytes, destination: bytes) -> None:
        """Remember both."""
        self.pairs.append((source, destination))

    def only_source(self, record: bytes) -> None:
        """Remember it."""
        self.here.append(record)

    def only_destination(self, record: bytes) -> None:
        """Remember it."""
        self.there.append(record)


def merged(source: Iterable[bytes], destination: Iterable[bytes]) -> Told:
    """Merge two listings given as chunks."""
    told = Told()
    merge(source, destination, told)
    return told


def chunked(records: Sequence[bytes], cuts: Iterable[int]) -> Iterator[bytes]:
    """Give some records as chunks that end behind the numbers of records given."""
    edges = [0, *sorted(cut % (len(records) + 1) for cut in cuts), len(records)]
    for start, end in itertools.pairwise(edges):
        yield b"".join(record + NUL for record in records[start:end])


def as_expected(source: Sequence[bytes], destination: Sequence[bytes]) -> Told:
    """Compare by dictionary: slow and plain."""
    here, there = ({key_of(record): record for record in side} for side in (source, destination))
    both = sorted(here.keys() & there.keys())
    return Told(
        same_records=[here[key] for key in both if here[key] == there[key]],
        pairs=[(here[key], there[key]) for key in both if here[key] != there[key]],
        here=[here[key] for key in sorted(here.keys() - there.keys())],
        there=[there[key] for key in sorted(there.keys() - here.keys())],
    )


def listing(things: dict[bytes, tuple[bytes, int, int]]) -> list[bytes]:
    """Write the sorted records of some files."""
    return sorted(encode_file(path, size, mtime, kind) for path, (kind, size, mtime) in things.items())


THINGS = st.dictionaries(PATHS, FACTS, max_size=12)
CUTS = st.lists(st.integers(0, 40), max_size=6)


@given(THINGS, THINGS, THINGS, CUTS, CUTS)
def test_every_record_is_told_once_and_rightly(
    common: dict[bytes, tuple[bytes, int, int]],
    mine: dict[bytes, tuple[bytes, int, int]],
    theirs: dict[bytes, tuple[bytes, int, int]],
    my_cuts: list[int],
    their_cuts: list[int],
) -> None:
    """Whatever the names hold and wherever the chunks end, empty ones included."""
    source, destination = listing(common | mine), listing(common | theirs)
    assert merged(chunked(source, my_cuts), chunked(destination, their_cuts)) == as_expected(source, destination)


@given(st.integers(1, 2000), st.sets(st.integers(0, 1999), max_size=3), CUTS, CUTS)
def test_long_stretches_that_agree_hide_no_difference(
    count: int, changed: set[int], my_cuts: list[int], their_cuts: list[int]
) -> None:
    """Strides that grow still stop at the one record that differs."""
    source = [encode_file(b"%06d" % number, number, 0) for number in range(count)]
    destination = [record + b"1" if number in changed else record for number, record in enumerate(source)]
    assert merged(chunked(source, my_cuts), chunked(destination, their_cuts)) == as_expected(source, destination)


def test_records_of_every_kind_come_in_the_order_of_their_keys() -> None:
    """Files, links, others: the kind sorts first, a path is no prefix of another's key."""
    source = sorted([encode_file(b"a", 1, 0), encode_link(b"a", b"b"), encode_other(b"a"), encode_file(b"a/b", 1, 0)])
    told = merged([NUL.join(source) + NUL], [])
    assert told.here == source


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("names", [(b"b", b"a"), (b"a", b"a")], ids=["descending", "twice"])
def test_an_unsorted_listing_is_not_believed(side: int, names: tuple[bytes, bytes]) -> None:
    """On either side, for what goes down and for what comes twice."""
    chunks = [encode_file(name, 1, 0) + NUL for name in names]
    with pytest.raises(UnsortedListing, match="comes after"):
        merged(*((chunks, []) if side == 0 else ([], chunks)))


def test_an_unsorted_listing_is_not_believed_behind_a_stretch_that_agrees() -> None:
    """A block that agrees moves the mark behind which everything must lie."""
    agreed = b"".join(encode_file(name, 1, 0) + NUL for name in (b"m", b"n"))
    with pytest.raises(UnsortedListing):
        merged([agreed, encode_file(b"a", 1, 0) + NUL], [agreed])
    with pytest.raises(UnsortedListing):
        merged([agreed, encode_file(b"a", 1, 0) + NUL], [agreed, encode_file(b"a", 1, 0) + NUL])


def test_two_listings_that_repeat_themselves_alike_are_not_believed() -> None:
    """Equal on both sides is not enough where it stands twice."""
    twice = [encode_file(b"a", 1, 0) + NUL] * 2
    with pytest.raises(UnsortedListing):
        merged(twice, twice)


def test_an_empty_chunk_is_no_end() -> None:
    """What comes behind it is seen: a listing that seems to end early would make what follows look copied."""
    late = encode_file(b"z", 1, 0)
    assert merged([encode_file(b"a", 1, 0) + NUL, b"", late + NUL], [encode_file(b"a", 1, 0) + NUL]).here == [late]


@pytest.mark.parametrize("broken", [b"fa//1/0", b"fa//1/0.0\0fb//", b"f\0", b"nonsense\0"])
def test_what_is_no_listing_is_refused(broken: bytes) -> None:
    """A chunk that ends within a record, or holds none, is an error and never a shorter listing."""
    with pytest.raises(RecordError):
        merged([broken], [])
    with pytest.raises(RecordError):
        merged([broken], [encode_file(b"a", 1, 0) + NUL])


def test_splitting_a_block_gives_its_records() -> None:
    """The closing NULs are not part of them."""
    assert split(b"one\0two\0") == [b"one", b"two"]
