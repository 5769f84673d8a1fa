"""What a merge answers for names that waited on the source."""

from __future__ import annotations

from collections.abc import Iterable

from observatory.compare import merge
from observatory.records import Entry, encode_file, encode_link
from verifier.roll import Called, Facts, RollCall

TIME_NS = 1_500_000_000_250_000_000
FACTS: Facts = (7, 1_500_000_000.25)


class Heard:
    """A visitor that writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, bytes]] = []

    def same(self, block: bytes) -> None:
        """Take a block."""
        self.told.append(("same", block))

    def pair(self, source: bytes, destination: bytes) -> None:
        """Take a pair."""
        self.told.append(("pair", source))

    def only_source(self, record: bytes) -> None:
        """Take a record of the source."""
        self.told.append(("source", record))

    def only_destination(self, record: bytes) -> None:
        """Take a record of the destination."""
        self.told.append(("destination", record))


def listing(*records: bytes) -> Iterable[bytes]:
    """Return a listing of one chunk."""
    return [b"".join(record + b"\0" for record in sorted(records))]


def call(here: Iterable[bytes], there: Iterable[bytes], names: dict[bytes, Facts]) -> Called:
    """Merge two listings while some names are called; another visitor hears the same as without."""
    through, alone = Heard(), Heard()
    roll = RollCall(through, names)
    merge(here, there, roll)
    merge(here, there, alone)
    assert through.told == alone.told
    return roll.called()


def a_file(name: bytes, size_bytes: int = 7) -> bytes:
    """Return a record."""
    return encode_file(name, size_bytes, TIME_NS)


def test_each_name_is_on_the_destination_or_on_the_source_alone_or_absent() -> None:
    """As the same, as other, or as the only one; what waits still is none of what is told."""
    here = listing(a_file(b"same"), a_file(b"other"), a_file(b"waits"), encode_link(b"link", b"same"))
    there = listing(a_file(b"same"), a_file(b"other", 8), a_file(b"cleared"), encode_link(b"old", b"same"))
    names = dict.fromkeys((b"same", b"other", b"waits", b"cleared", b"gone", b"link", b"old"), (1, 2.0))
    called = call(here, there, names)
    assert called.carried == {b"same", b"other", b"cleared"}
    assert called.absent == {b"gone", b"link", b"old"}, "a link is not the file that was seen"
    assert called.alike == []


def test_alike_is_what_the_source_has_of_size_and_time_of_an_absent_one() -> None:
    """Carried or not, known by name or not; of files whose like is there nothing is told."""
    here = listing(a_file(b"a"), a_file(b"b"), a_file(b"c", 8), a_file(b"d", 9))
    there = listing(a_file(b"a"), a_file(b"d", 9), a_file(b"e"))
    called = call(here, there, {b"b": FACTS, b"gone": FACTS, b"d": (9, FACTS[1]), b"lost": (5, FACTS[1])})
    assert called.absent == {b"gone", b"lost"}
    assert called.alike == [Entry(b"a", *FACTS), Entry(b"b", *FACTS)]
