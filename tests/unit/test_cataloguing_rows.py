"""What a nightly run says of files that the catalogue found damaged."""

from __future__ import annotations

import datetime as dt

from catalogue.holdings.filling import FillOutcome
from catalogue.holdings.night import Fault, NightOutcome
from nightferry.holdings.cataloguing import Filled

NIGHT = dt.date(2016, 9, 7)


def outcome(instrument: str, copy: str, *paths: bytes) -> FillOutcome:
    """Return what filling from a copy came to, where some of its files are empty and one could not be read."""
    faults = [Fault(NIGHT, path, "the file is empty", is_damage=True) for path in paths]
    unread = Fault(NIGHT, b"c.fits", "Input/output error", is_damage=False)
    return FillOutcome(instrument, copy, counts=NightOutcome(faults=[*faults, unread]))


def test_a_file_that_is_damaged_on_two_copies_is_said_once_with_their_names() -> None:
    """The report had two lines alike and did not say where; both copies count all the same."""
    filled = Filled([outcome("sha", "astro.suth", b"a.fits", b"b.fits"), outcome("sha", "astro.cape", b"b.fits")])
    (row,) = filled.step_rows()
    assert (row.failed, list(row.reasons)) == (
        3,
        ["a.fits on astro.suth: the file is empty", "b.fits on astro.suth and astro.cape: the file is empty"],
    )


def test_where_an_instrument_has_one_copy_here_it_needs_no_name() -> None:
    """And each instrument has a row of its own."""
    rows = list(Filled([outcome("shd", "here", b"a.fits"), outcome("sha", "here", b"a.fits")]).step_rows())
    assert [(row.instrument, *row.reasons) for row in rows] == [
        ("sha", "a.fits: the file is empty"),
        ("shd", "a.fits: the file is empty"),
    ]
