"""What headers and JSON files hold, as columns: types, units, nights; and what cannot be read as such."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.holdings.section import STANDARD, CatalogueSection, Source, column_type, sources_of
from catalogue.holdings.values import Value, columns_from, from_json, to_json
from observatory.nights import NightClock

CLOCK = NightClock.from_spec("America/Phoenix")


def read(name: str, value: Any, **source: Any) -> tuple[Value | None, list[str]]:
    """Read one column from a keyword that holds this value."""
    sources = {name: (Source(keyword=("KEY",), **source),)}
    columns, faults = columns_from(sources, lambda keyword, hdus: value if keyword == "KEY" else None, CLOCK)
    return columns.get(name), faults


@pytest.mark.parametrize(
    ("name", "value", "source", "expected"),
    [
        ("exptime", 900, {}, 900.0),
        ("exptime", " 1.5 ", {}, 1.5),
        ("exptime", 1500, {"unit": "ms"}, 1.5),
        ("exptime", 2, {"unit": "min"}, 120.0),
        ("skyra", "01:00:00", {"unit": "hourangle"}, 15.0),
        ("skydec", "-00:30:00.0", {"unit": "deg"}, -0.5),
        ("skydec", "+12 30 00", {"unit": "deg"}, 12.5),
        ("skydec", 3600, {"unit": "arcsec"}, 1.0),
        ("seeing", 0.001, {"unit": "deg"}, 3.6),
        ("tile_id", 80605.0, {}, 80605),
        ("tile_id", "0080605", {}, 80605),
        ("object", "  M31 ", {}, "M31"),
        ("object", True, {}, "true"),
        ("header_night", 20211129, {}, dt.date(2021, 11, 29)),
        ("header_night", "2021-11-29", {}, dt.date(2021, 11, 29)),
        # MJD and night of real DESI exposures (desispec's table of 2021-11-29)
        ("header_night", 59547.904523467, {"type": "mjd"}, dt.date(2021, 11, 29)),
        ("header_night", 59548.512169023, {"type": "mjd"}, dt.date(2021, 11, 29)),
        ("header_night", 59593.461317476, {"type": "mjd"}, dt.date(2022, 1, 13)),
        ("header_night", "2022-01-14T11:04:00", {"type": "instant"}, dt.date(2022, 1, 13)),
        ("date", "2022-01-14T11:04:00.5", {}, dt.datetime(2022, 1, 14, 11, 4, 0, 500_000, dt.UTC)),
        ("date", "2022-01-14T13:04:00+02:00", {}, dt.datetime(2022, 1, 14, 11, 4, tzinfo=dt.UTC)),
        # a leap second, and the seconds of a writer that rounds
        ("date", "2016-12-31T23:59:60.5", {}, dt.datetime(2016, 12, 31, 23, 59, 59, 999_999, dt.UTC)),
        ("date", "2022-01-14T11:04:60.00", {}, dt.datetime(2022, 1, 14, 11, 4, 59, 999_999, dt.UTC)),
        ("own", "12", {}, "12"),
        ("own", "12", {"type": "integer"}, 12),
        ("own", 7, {"type": "number", "unit": "furlong"}, 7.0),
    ],
)
def test_a_value_becomes_what_its_column_holds(
    name: str, value: Any, source: Mapping[str, Any], expected: Value
) -> None:
    """By the column's type and unit, or the source's own."""
    found, faults = read(name, value, **source)
    assert faults == []
    assert found == pytest.approx(expected) if isinstance(expected, float) else found == expected


@pytest.mark.parametrize(
    ("name", "value", "source"),
    [
        ("exptime", "long", {}),
        ("exptime", float("nan"), {}),
        ("exptime", True, {}),
        ("exptime", "1_000", {}),
        ("tile_id", "1_000", {}),
        ("exptime", [1], {}),
        ("skyra", "12:34:56", {}),
        ("tile_id", 1.5, {}),
        ("tile_id", 2**70, {}),
        ("header_night", 20211131, {}),
        ("header_night", "yesterday", {}),
        ("date", "2022-13-14T11:04:00", {}),
        ("date", "11:04:00", {}),
        ("date", "2022-01-14T11:60:60", {}),
        ("date", 5e9, {"type": "mjd"}),
        ("object", "a\0b", {}),
    ],
)
def test_what_is_of_another_kind_is_absent_and_said(name: str, value: Any, source: Mapping[str, Any]) -> None:
    """With the keyword and what it holds."""
    found, faults = read(name, value, **source)
    assert found is None
    assert len(faults) == 1
    assert faults[0].startswith(f"{name}: KEY holds ")


def test_a_date_alone_is_no_instant_unless_the_time_stands_beside_it() -> None:
    """Subaru's DATE-OBS; nothing is guessed, and nothing is wrong with it."""
    assert read("date", "2013-11-02") == (None, [])
    header = {"DATE-OBS": "2013-11-02", "UT-STR": "06:15:55.908"}
    sources = {"date": (Source(keyword=("DATE-OBS",), time="UT-STR"),)}
    columns, _ = columns_from(sources, lambda keyword, hdus: header.get(keyword), CLOCK)
    assert columns["date"] == dt.datetime(2013, 11, 2, 6, 15, 55, 908_000, dt.UTC)


def test_the_first_source_that_holds_a_value_counts_and_a_fault_only_where_none_does() -> None:
    """Empty cards are none; a card that cannot be read makes way for the next."""
    header = {"A": "", "B": "wrong", "C": 3.0, "D": 4.0}
    sources = {"exptime": (Source(keyword=("A", "B")), Source(keyword=("C", "D")))}
    assert columns_from(sources, lambda keyword, hdus: header.get(keyword), CLOCK) == ({"exptime": 3.0}, [])


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.lists(st.integers())))
def test_any_value_is_read_or_refused_for_every_column(value: Any) -> None:
    """Never a traceback, and what comes out can be kept."""
    for name in (*STANDARD, "own"):
        found, _ = read(name, value)
        if found is not None:
            assert from_json(to_json(found)) == found


def test_what_every_instrument_has_need_not_be_declared_and_can_be_replaced() -> None:
    """An empty list wants no such column at all."""
    section = CatalogueSection.model_validate({"columns": {"object": [], "exptime": {"keyword": "TEXP"}}})
    sources = sources_of(section)
    assert "object" not in sources
    assert sources["exptime"][0].keyword == ("TEXP",)
    assert sources["airmass"][0].keyword == ("AIRMASS",)
    assert column_type("date", sources["date"]) == "instant"


@pytest.mark.parametrize(
    ("section", "reason"),
    [
        ({"exposure": "[0-9]+"}, r"needs a group \(\?P<exposure>"),
        ({"exposure": "(?P<exposure>[0-9+"}, "no regular expression"),
        ({"columns": {"night": {"keyword": "N"}}}, "means something else already"),
        ({"columns": {"exptime": {"keyword": "N", "type": "text"}}}, "is number in every catalogue"),
        ({"columns": {"exptime": {"keyword": "N", "unit": "deg"}}}, "is kept in s; 'deg' is no unit"),
        ({"columns": {"seeing": {"keyword": "N", "unit": "pixel"}}}, "is kept in arcsec"),
        ({"columns": {"Bad-Name": {"keyword": "N"}}}, "pattern"),
    ],
)
def test_a_section_that_makes_no_sense_is_refused(section: Mapping[str, Any], reason: str) -> None:
    """Before anything is read."""
    with pytest.raises(ValueError, match=reason):
        CatalogueSection.model_validate(section)
