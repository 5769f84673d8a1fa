"""Exposures from files: what their headers say, when they are complete, what is asked of them; in both databases."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from catalogue.catalogue import Catalogue
from catalogue.holdings.filling import fill_place, nights_on_disk
from catalogue.holdings.queries import location_of
from catalogue.ledger import Ledger
from catalogue.records import HopRecord, NightRecord, NightState
from observatory.errors import UsageError
from observatory.truth import State
from tests.exposures import DESI, NIGHT, NOON, Held, fits, header, sums, unit, write

HOUR = dt.timedelta(hours=1)
NEXT = NIGHT + dt.timedelta(days=1)


@pytest.fixture
def held(database: str, tmp_path: Path) -> Iterator[Held]:
    """An empty catalogue and an empty, marked root."""
    root = tmp_path / "data"
    (root / ".nightferry").mkdir(parents=True)
    (root / ".nightferry" / "root").touch()
    with Catalogue.open(database) as catalogue:
        yield Held(root, catalogue)


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


# ---- completeness: data_written


def rules(**complete: Any) -> Mapping[str, Any]:
    """Return DESI's section with other rules of completeness."""
    return {**DESI, "complete": complete}


def test_a_companion_that_is_absent_is_waited_for(held: Held) -> None:
    """D5: what a crashed transfer left behind is no exposure yet."""
    held.section = rules(needs=["desi-{exposure}.fits", "etc-{exposure}.json"])
    held.expose(1)
    held.fill()
    assert held.only().waits_for == "etc-00000001.json is absent"
    assert held.exposures(is_written=True) == []
    write(held.folder(1) / "etc-00000001.json", b"{}")
    held.now += HOUR
    assert held.fill().counts.written_exposures == 1
    assert (held.only().waits_for, held.only().data_written_utc) == (None, held.now)


def test_a_trigger_file_is_waited_for(held: Held) -> None:
    """It is written last, so that whoever sees it sees all."""
    held.section = rules(trigger="done")
    held.expose(1)
    held.fill()
    assert held.only().waits_for == "its trigger done is absent"
    write(held.folder(1) / "done", b"")
    held.fill()
    assert held.only().data_written


def test_what_changes_is_not_complete(held: Held) -> None:
    """By the file's own time, or, where its clock runs ahead, by what was seen before."""
    held.section = rules(stable_s=600)
    held.expose(1, age_s=60)
    held.fill()
    assert held.only().waits_for == "00000001/desi-00000001.fits changed less than 600 s ago"
    held.now += HOUR
    held.fill()
    assert held.only().data_written
    held.expose(2, age_s=-86400)
    held.fill()
    held.now += HOUR
    held.fill()
    assert held.only(numbers=(2, 2)).data_written


def test_hdus_are_counted_against_a_keyword(held: Held) -> None:
    """PFSB: as many IMAGE_n as W_H4NRED says."""
    counted = {"files": "desi-*.fits", "extension": "IMAGE_*", "keyword": "W_H4NRED"}
    held.section = rules(hdus=counted)
    path = held.folder(1) / "desi-00000001.fits"
    pairs = [(f"{kind}_{number}", {}) for number in (1, 2) for kind in ("IMAGE", "REF")]
    write(path, fits({**header(1), "W_H4NRED": 3}, pairs))
    held.fill()
    assert held.only().waits_for == "00000001/desi-00000001.fits holds 2 of 3 HDUs"
    write(path, fits({**header(1), "W_H4NRED": 3}, [*pairs, ("IMAGE_3", {})]))
    held.fill()
    assert held.only().data_written
    write(path, fits(header(1), pairs))
    assert "W_H4NRED, which says how many HDUs IMAGE_* there must be, is absent" in held.fill().counts.faults[0].reason


def test_a_link_publishes_an_exposure(held: Held) -> None:
    """As DESI's DTS area does it; a folder that merely lies there is not published."""
    held.section = rules(published={"link": "{exposure}", "copy": "dts"})
    held.expose(1)
    held.fill()
    assert held.only().waits_for == "it is not published: 00000001 is no link"
    spool = held.root / "spool"
    held.folder(1).rename(spool)
    held.folder(1).symlink_to(spool)
    held.fill()
    assert held.only().data_written


def test_a_link_that_cannot_be_looked_at_publishes_nothing(held: Held) -> None:
    """D3, D4: not being able to look is neither yes nor no."""
    held.section = rules(published={"link": "{exposure}", "copy": "dts"})
    archive = Path(f"{held.root}-archive")
    held.expose(1)
    shutil.move(held.root, archive)
    held.fill(copy=1)
    assert held.only().waits_for == "whether 00000001 is published could not be looked at"


MANIFEST = {"files": "checksum-*.sha256sum"}


def listed(held: Held, content: bytes) -> str | None:
    """Fill with a list of checksums of this content beside a whole file; return what the exposure waits for."""
    write(held.folder(1) / "checksum-00000001.sha256sum", content)
    held.fill()
    return held.only().waits_for


def test_a_list_of_checksums_must_be_there_and_agree(held: Held) -> None:
    """Bytes are read for it once; then the sum is kept with the copy, which proves it."""
    held.section = rules(manifest=MANIFEST)
    path = held.expose(1)
    held.fill()
    assert held.only().waits_for == "its list of checksums checksum-*.sha256sum is absent"
    wrong = b"0" * 64 + b"  desi-00000001.fits\n"
    name = "00000001/checksum-00000001.sha256sum"
    assert listed(held, wrong) == f"00000001/desi-00000001.fits is not what {name} says"
    assert listed(held, sums(path)) is None
    (file, _) = held.catalogue.files_of([held.only()])[held.only().id][::-1]
    assert file.copies[0].copy.sha256 == sums(path)[:64].decode()


def test_an_optional_list_that_is_absent_is_no_fault_and_one_that_is_there_must_agree(held: Held) -> None:
    """`required: false`: older nights have none."""
    held.section = rules(manifest={**MANIFEST, "required": False})
    held.expose(1)
    held.fill()
    assert held.only().data_written
    assert "is not what" in (listed(held, b"0" * 64 + b"  desi-00000001.fits\n") or "")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: b"", "lists no file"),
        (lambda text: b"# nothing\n\n", "lists no file"),
        (lambda text: text + b"no checksum at all\n", "line 2 cannot be read"),
        (lambda text: text + b"0" * 64 + b"  guide-00000001.fits\n", "which is absent"),
        (lambda text: text.rstrip(b"\n"), None),
        (lambda text: text.replace(b"  ", b" *"), None),
        (lambda text: text.replace(b"\n", b"\r\n"), None),
        (lambda text: text.replace(b"  ", b"  ./"), None),
    ],
)
def test_lists_are_read_as_tools_write_them_and_an_empty_one_proves_nothing(
    held: Held, change: Any, said: str | None
) -> None:
    """D6: an empty list passed, one without a last newline or with a binary marker failed."""
    held.section = rules(manifest=MANIFEST)
    found = listed(held, change(sums(held.expose(1))))
    assert (found is None) if said is None else said in (found or "")


def test_a_damaged_part_of_an_exposure_withholds_all_of_it(held: Held) -> None:
    """B6: nothing incomplete is called complete."""
    held.expose(1)
    write(held.folder(1) / "etc-00000001.json", b"{ no json")
    held.fill()
    assert "etc-00000001.json: no JSON" in (held.only().waits_for or "")
    assert held.only().columns["program"] == "DARK"


def test_what_was_complete_and_changes_is_complete_anew_at_a_later_time(held: Held) -> None:
    """`data_written_utc` is when that was noticed last, so that who asks by arrival sees the new data."""
    held.expose(1)
    held.fill()
    held.now += HOUR
    held.expose(1, PROGRAM="BRIGHT", age_s=10)
    held.fill()
    assert not held.only().data_written
    held.now += HOUR
    held.fill()
    assert held.only().data_written_utc == NOON + 2 * HOUR


# ---- copies, places, and doubts


def test_a_second_copy_is_noted_and_read_only_where_it_differs(held: Held) -> None:
    """What one place said of the same bytes holds for the other; nothing becomes incomplete by it."""
    held.expose(1)
    held.fill()
    shutil.copytree(held.root, f"{held.root}-archive")
    outcome = held.fill(copy=1)
    assert (outcome.counts.files, outcome.counts.read) == (1, 0)
    (file,) = held.catalogue.files_of([held.only()])[held.only().id]
    assert sorted(lying.place.copy for lying in file.copies) == ["dts", "nersc"]
    assert held.fill().counts.read == held.fill(copy=1).counts.read == 0


def test_a_copy_in_the_making_takes_nothing_back(held: Held) -> None:
    """Times that were not kept are another file only if it says something else."""
    held.section = rules(needs=["etc-{exposure}.json"])
    held.expose(1)
    write(held.folder(1) / "etc-00000001.json", b"{}")
    held.fill()
    archive = Path(f"{held.root}-archive") / "20211129" / "00000001"
    write(archive / "desi-00000001.fits", (held.folder(1) / "desi-00000001.fits").read_bytes(), age_s=5000)
    held.fill(copy=1)
    assert held.only().data_written_utc == NOON


def test_the_nearest_proven_copy_is_named_for_rsync(held: Held, database: str, tmp_path: Path) -> None:
    """Where data are born, until a verification has found the night whole on the archive."""
    held.expose(1)
    held.fill()
    shutil.copytree(held.root, f"{held.root}-archive")
    held.fill(copy=1)
    exposure = held.only()
    below = "20211129/00000001/desi-00000001.fits"
    assert held.catalogue.locations_of([exposure]) == {exposure.id: f"dts:{held.root}/{below}"}
    with Ledger.open(database, tmp_path) as ledger:
        run = ledger.start_run("verify", ["desi"], NOON, "here", 1)
        ledger.record_hop(run, HopRecord("desi", "dts:nersc", "dts", "nersc", State.OK))
        proven = {NIGHT: NightRecord(1, 0, NightState.PROVEN, "size")}
        ledger.record_nights(run, "desi", "dts:nersc", proven, NOON)
    assert held.catalogue.locations_of([exposure]) == {exposure.id: f"nersc:{held.root}-archive/{below}"}


def test_an_exposure_of_several_files_lies_in_their_folder(held: Held) -> None:
    """And one whose only copy is not proven lies nowhere."""
    held.expose(1)
    write(held.folder(1) / "done", b"")
    held.fill()
    exposure = held.only()
    assert held.catalogue.locations_of([exposure])[exposure.id] == f"dts:{held.folder(1)}"
    files = held.catalogue.files_of([exposure])[exposure.id]
    unproven = [replace(one, copies=tuple(replace(copy, is_proven=False) for copy in one.copies)) for one in files]
    assert location_of(unproven) is None


def test_what_is_gone_from_a_place_is_no_copy_there_and_the_exposure_stays(held: Held) -> None:
    """What its header said is still true, but its data are not on disk, until they are again."""
    held.expose(1)
    write(held.folder(1) / "done", b"")
    held.fill()
    content = (held.folder(1) / "desi-00000001.fits").read_bytes()
    (held.folder(1) / "desi-00000001.fits").unlink()
    held.fill()
    exposure = held.only()
    copies = {file.file.path: len(file.copies) for file in held.catalogue.files_of([exposure])[exposure.id]}
    assert copies == {b"00000001/desi-00000001.fits": 0, b"00000001/done": 1}
    assert exposure.columns["program"] == "DARK"
    words = "no copy of 00000001/desi-00000001.fits is left where the catalogue looks"
    assert (exposure.data_written, exposure.waits_for) == (False, words)
    held.fill()
    assert held.only() == exposure
    write(held.folder(1) / "desi-00000001.fits", content)
    held.fill()
    assert held.only().data_written


def test_what_is_pruned_on_the_instrument_is_held_by_the_archive(held: Held) -> None:
    """Nothing of its record changes but where it lies."""
    held.expose(1)
    held.fill()
    shutil.copytree(held.root, f"{held.root}-archive")
    held.fill(copy=1)
    before = held.only()
    shutil.rmtree(held.folder(1))
    held.fill()
    assert held.only() == before
    (file,) = held.catalogue.files_of([before])[before.id]
    assert [lying.place.copy for lying in file.copies] == ["nersc"]


def test_an_empty_mount_point_is_a_doubt_and_takes_nothing_away(held: Held) -> None:
    """D13: of what could not be looked at nothing is concluded."""
    held.expose(1)
    held.fill()
    shutil.rmtree(held.root)
    held.root.mkdir()
    outcome = held.fill()
    assert len(outcome.doubts) == 1
    assert "holds neither its marker" in outcome.doubts[0]
    assert len(held.catalogue.files_of([held.only()])[held.only().id][0].copies) == 1
    held.root.rmdir()
    assert len(held.fill().doubts) == 1


def test_data_that_come_nights_late_are_found(held: Held) -> None:
    """D14: the window is looked at every time, not yesterday alone."""
    held.expose(1)
    held.fill(NIGHT, NEXT)
    held.expose(2)
    held.now += 5 * 24 * HOUR
    assert held.fill(NIGHT, NEXT).counts.new_exposures == 1


# ---- rebuilding


def test_what_is_rebuilt_from_files_is_what_was_there(held: Held, tmp_path: Path) -> None:
    """In another database the same exposures get the same ids and say the same: two sites agree."""
    held.section = rules(manifest={**MANIFEST, "required": False})
    for expid in (1, 2, 3):
        path = held.expose(expid)
    write(held.folder(3) / "checksum-00000003.sha256sum", sums(path))
    write(held.folder(2) / "etc-00000002.json", b"{}")
    held.expose(4, NEXT)
    held.fill(NIGHT, NEXT)
    with Catalogue.open(f"sqlite:///{tmp_path}/other.db") as catalogue:
        other = Held(held.root, catalogue, held.section)
        nights = nights_on_disk(other.job())
        assert nights == (NIGHT, NEXT)
        other.fill(*nights)
        assert other.exposures() == held.exposures()
        before, after = (one.catalogue.files_of(one.exposures()) for one in (held, other))
        assert dict(before) == dict(after)


def test_rebuilding_reads_all_anew_and_keeps_when_data_arrived(held: Held) -> None:
    """Each night is replaced whole; what no copy is left of is forgotten in the end."""
    held.expose(1)
    held.expose(2)
    held.fill()
    before = held.exposures()
    shutil.rmtree(held.folder(2))
    held.now += HOUR
    assert held.fill(again=True).counts.read == 1
    assert held.catalogue.forget_unheld("desi") == 1
    assert held.exposures() == before[:1]


def test_the_nights_on_disk_are_those_of_the_layout(held: Held) -> None:
    """Folders of other names are no nights, nor are files."""
    for name in ("20211129", "20211130", "calib", "2021113", "20219999"):
        (held.root / name).mkdir()
    write(held.root / "20211201", b"")
    assert nights_on_disk(held.job()) == (NIGHT, NEXT)


# ---- questions


@pytest.fixture
def three(held: Held) -> Held:
    """Three exposures of two nights, the second of which still waits; they arrived an hour after one another."""
    held.expose(5, PROGRAM="BRIGHT", OBJECT="M31")
    held.fill()
    held.now += HOUR
    held.expose(7, age_s=10)
    held.fill()
    held.now += HOUR
    held.expose(9, NEXT, EXPTIME=60.0, PURPOSE="test", EFFTIME=30)
    held.fill(NEXT)
    return held


def numbers(held: Held, **asked: Any) -> list[int | None]:
    """Return the numbers of the exposures asked for."""
    return [exposure.number for exposure in held.exposures(**asked)]


def test_exposures_are_asked_by_night_number_time_and_arrival(three: Held) -> None:
    """Both ends are included, and an open end has no bound."""
    assert numbers(three) == [5, 7, 9]
    assert numbers(three, nights=(NIGHT, NIGHT)) == [5, 7]
    assert numbers(three, nights=(NIGHT, NEXT), limit=2) == [5, 7]
    assert numbers(three, numbers=(5, 7)) == [5, 7]
    assert numbers(three, numbers=(6, None)) == [7, 9]
    assert numbers(three, numbers=(8, 8)) == []
    assert numbers(three, is_written=True) == [5, 9]
    assert numbers(three, arrived=(NOON, NOON), is_written=True) == [5]
    assert numbers(three, arrived=(NOON + HOUR, None)) == [7, 9]
    begun = dt.datetime(2021, 12, 1, 5, 0, 0, 250_000, dt.UTC)
    assert numbers(three, observed=(begun, begun)) == [9]


def test_the_last_is_the_newest_by_arrival_number_or_time(three: Held) -> None:
    """One exposure, or none where there is none."""
    assert numbers(three, last="arrived") == [9]
    assert numbers(three, last="arrived", nights=(NIGHT, NIGHT)) == [7]
    assert numbers(three, last="number", is_written=True) == [9]
    assert numbers(three, last="observed", nights=(NIGHT, NIGHT)) == [7]
    assert numbers(three, last="number", numbers=(100, 200)) == []


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("exptime > 60", [5, 7]),
        ("program = 'DARK' and night = 20211129", [7]),
        ("night in (20211129..20211130) and not program = 'BRIGHT'", [7, 9]),
        ("expid in (5, 9)", [5, 9]),
        ("object like 'M%'", [5]),
        ("object is null", [7, 9]),
        ("purpose = 'test'", [9]),
        ("efftime < 100", [9]),
        ("waits_for is not null", [7]),
    ],
)
def test_a_where_expression_may_name_any_column(three: Held, where: str, expected: list[int]) -> None:
    """Those that every exposure has, and the instrument's own."""
    own = {"purpose": "text", "efftime": "number"}
    assert numbers(three, where=where, own_columns=own) == expected


@pytest.mark.parametrize("where", ["colour = 1", "exptime > 'long'", "exptime >", "1; drop table exposures"])
def test_a_where_expression_that_cannot_be_is_refused(three: Held, where: str) -> None:
    """In one sentence, and nothing is asked."""
    with pytest.raises(UsageError):
        three.exposures(where=where)
    assert len(three.exposures()) == 3


def test_the_whole_header_is_found_in_whichever_hdu_holds_it(held: Held) -> None:
    """The first of those that are named, compressed or not."""
    path = held.folder(1) / "desi-00000001.fits"
    write(path, fits(header(1)))
    held.fill()
    assert held.only().columns["program"] == "DARK"
    write(path, unit({"PROGRAM": "EMPTY"}) + unit({"EXTNAME": "SPEC", **header(1)}, 10, False))
    held.fill()
    assert held.only().columns["program"] == "DARK"
