"""The header map: what stands in which card, and that a value is absent rather than wrong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from converters.export.headers import Rule, Series, Value, columns, exposures, rules_of
from converters.export.section import ExportSection
from converters.stamps import NS_PER_S
from converters.telemetry.schemas import CODE_BY_EVENT, schema_of
from tests.shared import REPOSITORY

S = NS_PER_S
GAP = 25 * S


class Told:
    """Telemetry with one series."""

    def __init__(self, *records: tuple[float, Value | None]) -> None:
        self._series = Series(np.array([round(t * S) for t, _ in records], np.int64), [value for _, value in records])

    def series(self, device: str, kind: str, field: str) -> Series:
        """Return it, whatever is asked for."""
        return self._series


def values(
    when: str, ends: Sequence[float], length: float | None, *records: tuple[float, Value | None]
) -> list[object]:
    """Return a card's value for frames that ended at some seconds."""
    known = Series(np.array([0], np.int64), [length]) if length is not None else Series(np.empty(0, np.int64), [])
    exposed = exposures(np.array([round(end * S) for end in ends], np.int64), known, 10**6 * S)
    rule = Rule("d", "k", "f", "KEY", when, "")  # type: ignore[arg-type]
    return list(columns([rule], Told(*records), exposed, GAP)[rule])


def test_a_state_is_what_held_when_the_exposure_began() -> None:
    """Not what held at its end, and not what came after it."""
    assert values("state", [10, 30], 2, (0, "a"), (9, "a"), (20, "b"), (31, "c")) == ["a", "b"]


def test_a_state_that_changed_within_the_exposure_is_absent() -> None:
    """The originals took the first other value, and said nothing."""
    assert values("state", [10], 5, (4, "a"), (7, "b")) == [None]
    assert values("state", [10], 5, (4, "a"), (7, "a")) == ["a"]


def test_a_state_too_long_ago_is_absent() -> None:
    """The device was silent: nobody knows what it did."""
    assert values("state", [26, 28], 2, (0, "a"), (500, "a")) == ["a", None]
    assert values("state", [10], 2, (9, "a")) == [None]


def test_a_number_is_interpolated_to_the_middle_of_the_exposure() -> None:
    """Between the records around it, both of which must be near."""
    assert values("interpolated", [10], 4, (0, 0.0), (20, 20.0)) == [8.0]
    assert values("interpolated", [10], 4, (8, 5.0)) == [5.0]
    assert values("interpolated", [10], 4, (0, 0.0)) == [None]
    assert values("interpolated", [60], 4, (0, 0.0), (70, 70.0)) == [None]
    assert values("interpolated", [10], 4, (0, 1.0), (20, float("nan")), (24, 25.0)) == [1.0 + 8.0]
    assert values("interpolated", [10], 4, (0, "text"), (20, None)) == [None]


@pytest.mark.parametrize(
    ("first", "second", "middle"),
    [(179.0, -179.0, -180.0), (-170.0, 170.0, -180.0), (10.0, 20.0, 15.0), (350.0, 10.0, 0.0), (359.0, 0.0, 359.5)],
)
def test_an_angle_goes_the_short_way_round(first: float, second: float, middle: float) -> None:
    """In the turn in which the telemetry writes it."""
    (found,) = values("angle", [10], 0, (5, first), (15, second))
    assert found == pytest.approx(middle)


@given(st.floats(0, 359.9), st.floats(-100, 100))
def test_an_angle_between_two_records_lies_between_them(begin: float, step: float) -> None:
    """Never on the other side of the circle."""
    (found,) = values("angle", [10], 0, (5, begin), (15, (begin + step) % 360))
    assert isinstance(found, float)
    away = (found - begin - step / 2 + 180) % 360 - 180
    assert abs(away) < 1e-6


def test_without_an_exposure_time_the_beginning_is_not_known() -> None:
    """Absent, negative and absurd lengths; a length too long ago says nothing."""
    for length in (None, -1.0, 1e9, "long", True):
        known = Series(np.array([0], np.int64), [length])
        assert exposures(np.array([5 * S]), known, GAP).begin_ns.tolist() == [-1]
    late = exposures(np.array([26 * S]), Series(np.array([0], np.int64), [0.5]), GAP)
    assert late.begin_ns.tolist() == [-1]
    assert exposures(np.array([5 * S]), Series(np.array([0], np.int64), [0.5]), GAP).begin_ns.tolist() == [4.5 * S]


def shipped() -> ExportSection:
    """Return the section of the shipped instrument."""
    declared = yaml.safe_load((REPOSITORY / "instruments.d" / "magaox.yaml").read_text())
    return ExportSection.model_validate(declared["export"])


def test_every_field_of_the_shipped_header_map_is_one_that_telemetry_has() -> None:
    """A slip of the pen in the YAML would leave a card out for ever, unseen."""
    for kind, fields in shipped().records.items():
        assert kind in CODE_BY_EVENT
        for field in fields:
            schema = schema_of(kind)
            for part in field.split("."):
                found = {one.name: one for one in schema}
                assert part in found, (kind, field)
                schema = found[part].fields


def test_lists_are_included_in_order_and_a_camera_is_its_own_device() -> None:
    """The header of camsci1 holds that of all; camwfs has no more than its own."""
    rules = {rule.keyword: rule for rule in rules_of(shipped(), "camsci1")}
    assert rules["OBSERVER"].device == "observers"
    assert rules["HIERARCH camsci1 EXPTIME"].field == "exptime"
    assert rules["HIERARCH fwsci1 PRESET NAME"].kind == "telem_stage"
    assert rules["HIERARCH TARGET NAME"].field == "tgt_name"
    assert rules["PARANG"].when == "angle"
    wavefront = {rule.keyword for rule in rules_of(shipped(), "camwfs")}
    assert "HIERARCH camwfs FPS" in wavefront
    assert not any("fwpupil" in keyword for keyword in wavefront)
    assert "HIERARCH camtip MODE" in {rule.keyword for rule in rules_of(shipped(), "camtip")}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"lists": {"a": {"include": ["b"]}, "b": {"include": ["a"]}}}, "include one another"),
        ({"lists": {"a": {"include": ["c"]}}}, "no list 'c'"),
        ({"headers": {"cam": {"include": ["c"]}}}, "no list 'c'"),
        ({"headers": {"cam": {"devices": {"d": {"telem_stage": ["presetName"]}}}}}, "has no card"),
        ({"records": {"telem_stage": {"preset": "date-obs"}}}, "no keyword"),
        ({"records": {"telem_stage": {"preset": "DATE-OBS"}}}, "by the export itself"),
        ({"records": {"telem_stage": {"preset": "NAXIS1"}}}, "how a FITS file is to be read"),
        ({"records": {"telem_stage": {"preset": "CONTINUE"}}}, "how a FITS file is to be read"),
        ({"semesters": {"starts": {"A": "1. January"}}}, "first night as MM-DD"),
        ({"watch": {"by_daemon": True}}, "needs output"),
        ({"gap_s": 0}, "greater than 0"),
    ],
)
def test_a_header_map_that_cannot_be_is_refused_when_it_is_read(changes: dict[str, object], reason: str) -> None:
    """With a sentence that says what is wrong."""
    with pytest.raises(ValidationError, match=reason):
        ExportSection.model_validate(changes)
