"""Exposures from files: what their headers say, night by night, and what is not readable; in both databases."""

from __future__ import annotations

import datetime as dt
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from catalogue.catalogue import Catalogue
from catalogue.holdings.filling import fill_place
from catalogue.holdings.records import Place
from tests.exposures import DESI, NIGHT, NOON, Held, fits, header, unit, write

HOUR = dt.timedelta(hours=1)
NEXT = NIGHT + dt.timedelta(days=1)


def test_an_exposure_is_what_its_header_says(held: Held) -> None:
    """Columns by keyword, fallback, type and unit; what no file says is absent."""
    held.expose(111388, SKYRA=None, TARGTRA=185.04, PURPOSE="main survey", EFFTIME=812.5)
    outcome = held.fill()
    assert (outcome.counts.files, outcome.counts.read, outcome.counts.new_exposures) == (1, 1, 1)
    exposure = held.only()
    assert (exposure.number, exposure.name, exposure.night) == (111388, "111388", NIGHT)
    assert exposure.columns == {
        "header_night": NIGHT,
        "date": dt.datetime(2021, 11, 30, 5, 0, 0, 250_000, dt.UTC),
        "exptime": 900.0,
        "exptype": "SCIENCE",
        "program": "DARK",
        "tile_id": 80605,
        "skyra": 185.04,
        "airmass": 1.1,
        "purpose": "main survey",
        "efftime": 812.5,
    }
    assert exposure.data_written
    assert exposure.data_written_utc == NOON


def test_what_the_header_lacks_a_file_beside_it_may_say(held: Held) -> None:
    """And where both say it, the header's word counts."""
    held.expose(1)
    held.expose(2, SEEING=0.9)
    for expid in (1, 2):
        write(held.folder(expid) / f"etc-{expid:08d}.json", json.dumps({"expinfo": {"seeing": 1.25}}).encode())
    held.fill()
    assert [exposure.columns["seeing"] for exposure in held.exposures()] == [1.25, 0.9]


def test_what_is_known_is_not_read_again_and_what_changed_is(held: Held) -> None:
    """A night costs the more the more of it is new."""
    held.expose(1)
    held.fill()
    held.now += HOUR
    assert held.fill().counts.read == 0
    before = held.only()
    held.expose(1, EXPTIME=60.0)
    held.now += HOUR
    assert held.fill().counts.read == 1
    after = held.only()
    assert (before.columns["exptime"], after.columns["exptime"]) == (900.0, 60.0)
    assert (after.id, after.catalogued_utc) == (before.id, before.catalogued_utc)


def test_a_night_of_which_nothing_is_left_to_do_is_listed_and_no_more(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until it lists otherwise: the window's thirty nights cost no more than their listings."""
    asked: list[dt.date] = []
    known = held.catalogue.files_of_night

    def counted(place: Place, night: dt.date) -> Any:
        asked.append(night)
        return known(place, night)

    monkeypatch.setattr(held.catalogue, "files_of_night", counted)  # no behaviour is replaced, calls are counted
    held.expose(1)
    held.expose(2, NEXT, age_s=10)
    held.fill(NIGHT, NEXT)
    assert asked == [NIGHT, NEXT]
    asked.clear()
    outcome = held.fill(NIGHT, NEXT)
    assert asked == [NEXT]
    asked.clear()
    assert (outcome.counts.files, outcome.counts.exposures) == (2, 2)
    held.now += HOUR
    held.expose(3)
    held.fill(NIGHT, NEXT)
    assert asked == [NIGHT, NEXT]
    asked.clear()
    held.fill(NIGHT, NEXT)
    assert asked == []


def test_a_file_that_cannot_be_read_is_listed_and_catalogued_later(held: Held) -> None:
    """Its exposure is known by its name and says nothing else; no other file is stopped."""
    path = held.expose(1)
    content = path.read_bytes()
    write(path, content[:-1000])
    held.expose(2)
    (fault,) = held.fill().counts.faults
    assert (fault.path, fault.is_damage) == (b"20211129/00000001/desi-00000001.fits", True)
    assert "promises a file of" in fault.reason
    broken, whole = held.exposures()
    assert (broken.columns, broken.data_written, whole.data_written) == ({}, False, True)
    assert fault.reason in (broken.waits_for or "")
    assert [file.reason for file in held.catalogue.unreadable_files("desi")] == [fault.reason]
    write(path, content)
    assert held.fill().counts.faults == []
    assert held.catalogue.unreadable_files() == ()
    assert held.exposures()[0].data_written


def test_a_file_that_could_not_be_read_is_tried_again_though_nothing_of_it_changed(held: Held) -> None:
    """The fault was the disk's or the moment's; a folder in its place is none of ours to open."""
    path = held.expose(1)
    broken = replace(held.job(), endpoint=_Blind(held.endpoint))
    (fault,) = fill_place(broken, [NIGHT]).counts.faults
    assert (fault.is_damage, "Input/output error" in fault.reason) == (False, True)
    held.fill()
    assert held.only().data_written
    assert path.exists()


class _Blind:
    """An endpoint whose disk answers no read."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def open(self, path: bytes) -> Any:
        raise OSError(5, "Input/output error", path)


def test_a_young_file_that_cannot_be_read_is_growing_and_no_fault(held: Held) -> None:
    """It may still be written; after the settle time it is at fault."""
    path = held.expose(1)
    write(path, path.read_bytes()[:3000], age_s=10)
    outcome = held.fill()
    assert (outcome.counts.faults, outcome.counts.growing) == ([], 1)
    assert not held.only().data_written
    held.now += HOUR
    assert len(held.fill().counts.faults) == 1


def test_a_header_of_another_night_is_said_once_and_can_be_asked_for(held: Held) -> None:
    """The folder's night is the exposure's; the header's stays beside it."""
    held.expose(1)
    held.expose(2, NIGHT=20211128)
    assert held.fill().counts.warnings == ["exposure 2 lies in the night 20211129, its header says 20211128"]
    assert held.fill().counts.warnings == []
    assert [exposure.number for exposure in held.exposures(where="header_night != night")] == [2]


def test_the_night_of_new_years_eve_is_one_night(held: Held) -> None:
    """D7: a status file per calendar year tears it in two; D10: two rules of night in one program."""
    eve = dt.date(2021, 12, 31)
    held.now = dt.datetime(2022, 1, 1, 19, tzinfo=dt.UTC)
    held.expose(1, eve, NIGHT=None, DATE_OBS="2021-12-31T23:30:00")
    held.expose(2, eve, NIGHT=None, DATE_OBS="2022-01-01T09:00:00")
    assert held.fill(eve).counts.warnings == []
    assert [exposure.columns["header_night"] for exposure in held.exposures(nights=(eve, eve))] == [eve, eve]


def test_a_value_of_the_wrong_kind_is_absent_and_said(held: Held) -> None:
    """Nothing is guessed, and no other column suffers."""
    held.expose(1, EXPTIME="long", TILEID=3.5)
    (first, second) = held.fill().counts.warnings
    assert "exptime: EXPTIME holds 'long', no number" in first + second
    assert "tile_id: TILEID holds '3.5', no whole number" in first + second
    assert {"exptime", "tile_id"}.isdisjoint(held.only().columns)
    assert held.only().columns["program"] == "DARK"


def test_an_exposure_across_a_rollover_is_one(held: Held) -> None:
    """Its files lie in two nights; it belongs to the first."""
    held.expose(1)
    held.fill()
    held.expose(1, NEXT, PROGRAM="BRIGHT")
    held.fill(NEXT)
    exposure = held.only()
    assert (exposure.night, exposure.columns["program"]) == (NIGHT, "DARK")
    assert len(held.catalogue.files_of([exposure])[exposure.id]) == 2


@pytest.mark.parametrize(("apart", "again"), [(1, False), (1, True), (3, False)])
def test_an_exposure_that_lies_in_two_nights_as_none_can_is_said(held: Held, apart: int, again: bool) -> None:
    """Numbers that begin anew make one of two exposures, and the second night's was in no answer; no word was said."""
    later = NIGHT + dt.timedelta(days=apart)
    held.expose(1)
    (held.expose if again else held.folder)(1, later)
    if not again:
        write(held.folder(1, later) / "done", b"")
    outcome = held.fill(NIGHT, later)
    said = f"exposure 1 lies in the nights 20211129 and {later:%Y%m%d}: where numbers begin anew each night say"
    assert [said in warning for warning in outcome.counts.warnings] == [True] * (again or apart > 1)


def test_numbers_that_begin_anew_each_night_are_other_exposures(database: str, tmp_path: Path) -> None:
    """SHOC counts from 1 every night."""
    section = {**DESI, "numbers": "night"}
    (tmp_path / "data").mkdir()
    with Catalogue.open(database) as catalogue:
        held = Held(tmp_path / "data", catalogue, section)
        held.expose(1)
        held.expose(1, NEXT)
        held.fill(NIGHT, NEXT)
        assert [(one.number, one.night) for one in held.exposures()] == [(1, NIGHT), (1, NEXT)]


def test_without_an_expression_each_image_is_an_exposure_of_its_own(held: Held) -> None:
    """`catalogue: {}` is enough to begin with."""
    held.section = {}
    held.expose(1)
    write(held.folder(1) / "done", b"")
    held.fill()
    exposure = held.only()
    assert (exposure.name, exposure.number) == ("00000001/desi-00000001.fits", 1)
    assert exposure.columns["exptime"] == 900.0


def test_names_that_are_no_text_harm_nothing(held: Held) -> None:
    """Bytes that are not UTF-8, newlines and quotes in names are catalogued as any other."""
    held.section = {}
    for name in (b"desi-\xff.fits", b"desi-a\nb.fits", b"desi-'; drop table exposures.fits"):
        write(Path(os.fsdecode(os.fsencode(held.root) + b"/20211129/" + name)), fits(header(1)))
    held.fill()
    assert len(held.exposures()) == 3
    assert {exposure.columns["exptime"] for exposure in held.exposures()} == {900.0}
    assert held.exposures(where="name = 'desi-\\xff.fits'")[0].data_written


def test_the_whole_header_is_found_in_whichever_hdu_holds_it(held: Held) -> None:
    """The first of those that are named, compressed or not."""
    path = held.folder(1) / "desi-00000001.fits"
    write(path, fits(header(1)))
    held.fill()
    assert held.only().columns["program"] == "DARK"
    write(path, unit({"PROGRAM": "EMPTY"}) + unit({"EXTNAME": "SPEC", **header(1)}, 10, False))
    held.fill()
    assert held.only().columns["program"] == "DARK"
