"""Copies of exposures, the nearest proven one, places that cannot be looked at, rebuilding; in both databases."""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import replace
from pathlib import Path

from catalogue.catalogue import Catalogue
from catalogue.holdings.filling import fill_place, nights_on_disk
from catalogue.holdings.queries import location_of
from catalogue.ledger import Ledger
from catalogue.records import HopRecord, NightRecord, NightState
from observatory.truth import State
from tests.exposures import MANIFEST, NIGHT, NOON, Held, rules, sums, write

HOUR = dt.timedelta(hours=1)
NEXT = NIGHT + dt.timedelta(days=1)


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


def test_a_copy_that_is_damaged_takes_nothing_back_while_another_is_whole(held: Held) -> None:
    """The header was forgotten and the data called not written, for a fault of the archive alone."""
    original = held.expose(1)
    held.fill()
    whole, content = held.only(), original.read_bytes()
    archive = Path(f"{held.root}-archive") / "20211129" / "00000001" / original.name
    write(archive, content[:-2880])
    for _ in range(2):
        held.now += HOUR
        outcome = held.fill(copy=1)
        assert [fault.is_damage for fault in outcome.counts.faults] == [True]
        assert held.only() == whole
    (file,) = held.catalogue.files_of([whole])[whole.id]
    assert [lying.place.copy for lying in file.copies] == ["dts"]
    original.unlink()
    held.fill()
    held.fill(copy=1)
    assert not held.only().data_written
    write(archive, content)
    held.fill(copy=1)
    assert (held.only().data_written, held.only().columns) == (True, whole.columns)


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


def test_a_copy_that_moved_lies_where_it_lies_now(held: Held) -> None:
    """Its root was changed in the instrument's file; nothing is left of the old one."""
    held.expose(1)
    held.fill()
    moved = held.root.with_name("moved")
    held.root.rename(moved)
    held.root = moved
    held.fill()
    exposure = held.only()
    assert exposure.data_written
    (file,) = held.catalogue.files_of([exposure])[exposure.id]
    assert [lying.place.root for lying in file.copies] == [str(moved)]


def test_a_copy_that_is_no_longer_declared_is_forgotten_by_a_rebuild(held: Held) -> None:
    """Until then its records stand: it may only be off."""
    held.expose(1)
    held.fill()
    shutil.copytree(held.root, f"{held.root}-archive")
    held.fill(copy=1)
    held.catalogue.forget_places("desi", {held.job().place.id})
    (file,) = held.catalogue.files_of([held.only()])[held.only().id]
    assert [lying.place.copy for lying in file.copies] == ["dts"]


def test_a_dry_run_reads_and_notes_nothing(held: Held) -> None:
    """What it says is what would be noted."""
    held.expose(1)
    outcome = fill_place(replace(held.job(), dry_run=True), [NIGHT])
    assert (outcome.counts.read, outcome.counts.new_exposures) == (1, 1)
    assert held.exposures() == []
    assert held.fill().counts.new_exposures == 1


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
