"""What the ledger says of files that wait on a source, by name."""

from __future__ import annotations

import datetime as dt

import pytest

from catalogue.ledger import Ledger
from catalogue.records import MovedFile, Uncarried

NOON = dt.datetime(2016, 9, 8, 12, tzinfo=dt.UTC)
LATER = NOON + dt.timedelta(hours=1)
NIGHTS = (dt.date(2016, 9, 7), dt.date(2016, 9, 8), dt.date.min)


def waiting(name: bytes, night: dt.date = NIGHTS[0], size_bytes: int = 10) -> Uncarried:
    """Return one file."""
    return Uncarried(name, night, size_bytes, 1.25, NOON)


def test_what_waits_is_known_until_it_waits_no_more(ledger: Ledger) -> None:
    """Names of any bytes, hop by hop and night by night; noted again a file is as it looks now."""
    odd, other, tree = waiting(b"\xff\n"), waiting(b"b", NIGHTS[1]), waiting(b"c", NIGHTS[2])
    ledger.note_uncarried("sha", "a:b", [tree, other, odd])
    ledger.note_uncarried("sha", "b:c", [odd])
    ledger.note_uncarried("shd", "a:b", [])
    assert ledger.uncarried("sha", "a:b", NIGHTS[:1]) == (odd,)
    assert set(ledger.uncarried("sha", "a:b")) == {odd, other, tree}
    assert ledger.uncarried("shd", "a:b") == ()
    ledger.note_uncarried("sha", "a:b", [waiting(b"\xff\n", size_bytes=12)], [b"b", b"c", b"never"])
    assert ledger.uncarried("sha", "a:b", NIGHTS) == (waiting(b"\xff\n", size_bytes=12),)
    assert ledger.uncarried("sha", "b:c", NIGHTS) == (odd,)


@pytest.mark.parametrize("files", [2, 1000])
def test_when_a_file_was_moved_is_asked_of_many_at_a_time(ledger: Ledger, files: int) -> None:
    """The last time, and over that hop alone."""
    paths = [b"%04d" % number for number in range(files)]
    run = ledger.start_run("sync", ["sha"], NOON, "astro", 1)
    ledger.record_moved(run, "sha", "a:b", [MovedFile(path, 1, 1.25) for path in paths], NOON)
    ledger.record_moved(run, "sha", "a:b", [MovedFile(paths[1], 1, 1.25)], LATER)
    ledger.record_moved(run, "sha", "b:c", [MovedFile(b"x", 1, 1.25)], NOON)
    moved = ledger.moved_when("sha", "a:b", [*paths, b"x"])
    assert moved == dict.fromkeys(paths, NOON) | {paths[1]: LATER}
