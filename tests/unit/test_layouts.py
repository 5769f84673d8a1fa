"""Where a night lies below a root, and which night a path is of."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observatory.layouts import Layout, LayoutError

LAYOUTS = ("%Y/%m%d", "%y/%b/%d", "%Y-%j", "{camera}/%Y%m%d", "%Y/{camera}/%Y%m%d", "100%%/%y%j")


@pytest.mark.parametrize("text", LAYOUTS)
@given(night=st.dates(dt.date(2000, 1, 1), dt.date(2099, 12, 31)))
def test_the_folder_of_a_night_is_of_that_night_with_all_below_it(text: str, night: dt.date) -> None:
    """Two digits of a year are of this century; the last night of a leap year is day 366."""
    layout = Layout(text)
    folder = layout.folder(night, "red")
    camera = "red" if "{camera}" in text else ""
    assert layout.night_of(folder) == layout.night_of(folder + b"/sub/a.fits") == (night, camera)
    assert layout.night_of(folder + b"x") is None


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("%Y/%m%d", b"2016/0231"),
        ("%Y/%m%d", b"2016/1301"),
        ("%Y-%j", b"2015-366"),
        ("%Y-%j", b"2015-000"),
        ("%Y/%b%d", b"2016/Foo07"),
        ("%Y/%Y%m%d", b"2015/20160907"),
        ("%Y/%m%d", b"old/2016/0907"),
    ],
)
def test_a_folder_of_no_day_is_of_no_night(text: str, path: bytes) -> None:
    """The 31st of February, day 366 of an ordinary year, two years at once."""
    assert Layout(text).night_of(path) is None


@pytest.mark.parametrize("text", ["%Y/%d", "%Y/%m", "%m%d", "%j", "%Y", "%Y/%m/%e", "%Y%m%d%", "/%Y%m%d", "%Y//%m%d"])
def test_what_names_no_day_is_no_layout(text: str) -> None:
    """Two nights would share a folder; a directive that we do not know is none."""
    with pytest.raises(LayoutError):
        Layout(text)
