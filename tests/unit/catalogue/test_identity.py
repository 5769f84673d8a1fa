"""Ids that follow from what a thing is: the same everywhere and for ever."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.holdings.records import exposure_id, file_id
from catalogue.identity import identity

FACTS = st.lists(st.one_of(st.none(), st.text(max_size=5), st.binary(max_size=5)), max_size=4)
NIGHT = dt.date(2021, 11, 29)


def test_ids_stay_what_they_were() -> None:
    """Written down once: another value would make every record of every site a stranger."""
    assert exposure_id("desi", "", None, "111388") == uuid.UUID("8c55b8fc-0b81-5bb6-ade7-c2de6a1ab0c8")
    assert file_id("desi", "", NIGHT, "spectro", b"00111388/desi-\xff.fits") == uuid.UUID(
        "aa05558e-5ab8-5265-88cc-43aeaee16c47"
    )


def test_what_tells_things_apart_tells_their_ids_apart() -> None:
    """Kind, instrument, night where numbers begin anew, and none of it run together."""
    ids = {
        exposure_id("desi", "", None, "1"),
        exposure_id("pfs", "", None, "1"),
        exposure_id("desi", "a", None, "1"),
        exposure_id("desi", "", NIGHT, "1"),
        exposure_id("desi", "", None, "11"),
        identity("file", "desi", "", None, "1"),
        identity("exposure", "des", "i", None, "1"),
    }
    assert len(ids) == 7
    assert {one.version for one in ids} == {5}


@given(FACTS, FACTS)
def test_no_two_sequences_of_facts_are_written_alike(
    first: list[str | bytes | None], second: list[str | bytes | None]
) -> None:
    """Whatever they hold; a text and the bytes that encode it are one."""
    plain = [[one.encode() if isinstance(one, str) else one for one in facts] for facts in (first, second)]
    assert (identity("x", *first) == identity("x", *second)) == (plain[0] == plain[1])


def test_a_name_that_is_no_text_has_an_id() -> None:
    """Every file name is bytes."""
    assert file_id("i", "", NIGHT, "c", b"\xff") != file_id("i", "", NIGHT, "c", b"\xfe")
    with pytest.raises(UnicodeEncodeError):
        identity("x", "\ud800")
