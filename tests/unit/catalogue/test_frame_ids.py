"""Numbers of frames: each is given out once, in order, and stays whose it is."""

from __future__ import annotations

import datetime as dt

import pytest

from catalogue.frame_id_records import Series
from catalogue.ledger import Ledger
from observatory.errors import UsageError

NIGHT, NEXT = dt.date(2025, 11, 6), dt.date(2025, 11, 7)
NOON = dt.datetime(2025, 11, 7, 12, tzinfo=dt.UTC)
RAW = Series("VMPA", 425_199, 69_999_999)


def test_numbers_follow_one_another_over_files_and_nights(ledger: Ledger) -> None:
    """In the order in which they were wanted, from the first of the range on."""
    one = ledger.reserve_frame_ids(RAW, "vampires", NIGHT, [(b"b", "2"), (b"a", "1")], NOON)
    assert one == {(b"b", "2"): 425_199, (b"a", "1"): 425_200}
    assert ledger.reserve_frame_ids(RAW, "vampires", NEXT, [(b"a", "1")], NOON) == {(b"a", "1"): 425_201}
    assert ledger.last_frame_id_night("VMPA", "vampires") == NEXT


def test_the_same_file_keeps_its_number_and_another_content_has_another(ledger: Ledger) -> None:
    """A killed run asks again; a cube that was made anew is another cube, and the old number stays spent."""
    first = ledger.reserve_frame_ids(RAW, "vampires", NIGHT, [(b"a", "1")], NOON)
    both = ledger.reserve_frame_ids(RAW, "vampires", NIGHT, [(b"a", "2"), (b"a", "1")], NOON)
    assert both == {(b"a", "1"): first[b"a", "1"], (b"a", "2"): 425_200}
    assert ledger.known_frame_ids("VMPA", "vampires", NIGHT) == both


def test_series_and_ranges_count_by_themselves(ledger: Ledger) -> None:
    """Engineering frames have numbers that begin with 9, and another series has nothing to do with it."""
    engineering = Series("VMPA", 90_000_000, 99_999_999)
    ledger.reserve_frame_ids(engineering, "vampires", NIGHT, [(b"e", "1")], NOON)
    assert ledger.reserve_frame_ids(RAW, "vampires", NIGHT, [(b"a", "1")], NOON) == {(b"a", "1"): 425_199}
    other = ledger.reserve_frame_ids(Series("SCXC", 1, 9), "vampires", NIGHT, [(b"a", "1")], NOON)
    assert other == {(b"a", "1"): 1}


def test_a_range_that_ends_gives_nothing_out(ledger: Ledger) -> None:
    """Half a night without numbers would be worse than none."""
    small = Series("VMPA", 7, 8)
    with pytest.raises(UsageError, match="3 numbers wanted, 2 are left up to 8"):
        ledger.reserve_frame_ids(small, "vampires", NIGHT, [(b"a", "1"), (b"b", "1"), (b"c", "1")], NOON)
    assert ledger.known_frame_ids("VMPA", "vampires", NIGHT) == {}


def test_a_number_that_somebody_gives_out_twice_is_refused(ledger: Ledger) -> None:
    """A stale file of ids once gave the same ones again (facts of scxkw)."""
    ledger.record_frame_ids("VMPA", "vampires", NIGHT, {(b"a", "1"): 5}, "gen2", NOON)
    with pytest.raises(UsageError, match="gen2 gave out number 5 of VMPA a second time"):
        ledger.record_frame_ids("VMPA", "vampires", NIGHT, {(b"b", "1"): 6, (b"c", "1"): 5}, "gen2", NOON)
    assert ledger.known_frame_ids("VMPA", "vampires", NIGHT) == {(b"a", "1"): 5}
    assert ledger.last_frame_id_night("VMPA", "shd") is None
