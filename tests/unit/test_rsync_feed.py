"""Names are given to rsync as it takes them in: none is lost, few are on the way, and silence stops nothing."""

from __future__ import annotations

import threading
import time

from hypothesis import given
from hypothesis import strategies as st

from syncer.transfer.feed import LEAST_ON_THE_WAY, STEP, Feed, most_on_the_way
from syncer.transfer.rsync_words import listed_in

NAMES = [b"%d\0" % number for number in range(2050)]


def test_without_a_bound_all_names_are_given_at_once() -> None:
    """Where rsync tells nothing, or is not the one that compares."""
    assert list(Feed(NAMES, None).blocks()) == [b"".join(NAMES)]
    assert list(Feed([], None).blocks()) == []


@given(count=st.integers(0, 1200), most=st.integers(1, 2000), heard=st.integers(0, 2000))
def test_every_name_is_given_once_and_in_order_whatever_is_heard(count: int, most: int, heard: int) -> None:
    """Also where nothing is heard: of files that are gone no news comes."""
    feed = Feed(NAMES[:count], most, wait_s=0.0)
    feed.hear(heard)
    assert b"".join(feed.blocks()) == b"".join(NAMES[:count])


def test_no_more_names_are_on_the_way_than_may_be() -> None:
    """The rest waits for news, and comes with it."""
    feed, given_out = Feed(NAMES, LEAST_ON_THE_WAY, wait_s=60.0), list[bytes]()
    taker = threading.Thread(target=lambda: given_out.extend(feed.blocks()))
    taker.start()
    assert _comes_to(given_out, LEAST_ON_THE_WAY // STEP)
    feed.hear(STEP)
    assert _comes_to(given_out, LEAST_ON_THE_WAY // STEP + 1)
    feed.hear(len(NAMES))
    taker.join(10)
    assert b"".join(given_out) == b"".join(NAMES)


def _comes_to(given_out: list[bytes], blocks: int) -> bool:
    """Wait until so many blocks are there, and a moment for one too many."""
    end = time.monotonic() + 10
    while len(given_out) < blocks and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(0.05)
    return len(given_out) == blocks


def test_a_far_line_has_room_for_what_fits_into_its_round_trip() -> None:
    """Else names would wait for the line."""
    assert most_on_the_way(0.0) == LEAST_ON_THE_WAY
    assert most_on_the_way(0.1) >= 10_000


def test_the_count_of_names_is_read_from_what_rsync_says() -> None:
    """The last one counts; other words are none."""
    assert listed_in(b"receiving file list ... \n 100 files...\r 200 files...\r") == 200
    assert listed_in(b"  1,024 100% 1.00MB/s 0:00:00 (xfr#1, to-chk=0/1)\r") is None
