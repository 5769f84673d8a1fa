"""Exports from damaged archives, absent roots and full disks: one failure stays one, and nothing unseen is green."""

from __future__ import annotations

import os
import resource
import shutil
from pathlib import Path

import pytest

from converters.telemetry.writer import record
from converters.xrif import read
from tests.integration.export.night import _FAKE_XRIF2FITS, PLACE, Night, opened
from tests.magaox import at, files_below, observer, stamp


def test_a_damaged_archive_stops_nothing_and_is_named(night: Night) -> None:
    """One bad archive is one failure: exit 1, the others are made, and once it is whole it is made too."""
    night.ordinary()
    path = night.drive.place("icc", "rawimages", "camsci1", 30, "xrif")
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    answer = night.export()
    assert answer.status == 1
    assert path.name in answer.err
    assert night.made() == [stamp(t) for t in (21, 24, 65, 80, 99)]
    path.write_bytes(whole)
    assert night.export().status == 0
    assert len(night.made()) == 9


def test_a_damaged_frame_counter_stops_nothing(night: Night) -> None:
    """It leaps as far as 64 bits can: no count of dropped frames that a ledger cannot hold."""
    night.ordinary()
    night.drive.archive([70, 71, 72], numbers=[5, 2**64 - 1, 6])
    answer = night.export()
    assert answer.status == 0, answer
    assert {stamp(t) for t in (70, 71, 72)} < set(night.made())


def test_an_archive_of_another_century_is_exported_once(night: Night) -> None:
    """A clock without a battery: no 64 bits hold the nanoseconds of the year 2400; the hash tells it is the same."""
    night.ordinary()
    wrong_s = 13_569_465_600
    os.utime(night.drive.place("icc", "rawimages", "camsci1", 65, "xrif"), (wrong_s, wrong_s))
    assert night.export().status == 0
    made = {path: path.stat().st_ino for path in night.output.rglob("*.fits")}
    assert len(made) == 9
    assert night.export().status == 0
    assert made == {path: path.stat().st_ino for path in night.output.rglob("*.fits")}


def test_of_two_copies_of_an_archive_the_whole_one_is_taken(night: Night) -> None:
    """The first root's is cut short; the second's is the same archive, whole."""
    night.drive.observe(20, 100)
    path = night.drive.archive([30, 40])
    copy = night.drive.roots["aoc"] / path.relative_to(night.drive.roots["icc"])
    copy.parent.mkdir(parents=True)
    copy.write_bytes(path.read_bytes()[:-40])
    assert night.export("-O").status == 0
    assert night.made() == [stamp(30), stamp(40)]


def test_damaged_observers_telemetry_is_unknown_unless_it_is_to_be_ignored(night: Night) -> None:
    """Defect 12: --ignore-data-integrity reached nothing, and a fault at the end of a file went unseen."""
    night.ordinary()
    path = night.drive.place("aoc", "telem", "observers", 10, "bintel")
    content = path.read_bytes()
    good = len(record(at(10), "telem_observer", observer(False)))
    path.write_bytes(content[: 3 * good] + b"\xff" * 50 + content[3 * good :])
    answer = night.export()
    assert answer.status == 3
    assert str(path) in answer.err
    assert len(night.made()) == 9
    assert night.export("--ignore-data-integrity").status == 0


def test_a_root_that_is_not_mounted_is_unknown_and_the_others_are_exported(night: Night) -> None:
    """Exit 3: what it may hold nobody can tell."""
    night.ordinary()
    empty = night.drive.folder / "empty"
    empty.mkdir()
    answer = night.export(roots=[*night.drive.words, "-X", str(empty)])
    assert answer.status == 3
    assert str(empty) in answer.err
    assert len(night.made()) == 9
    assert night.export(roots=["-X", str(empty)]).status == 3


def test_without_the_observers_root_nothing_is_said_to_be_nothing(night: Night) -> None:
    """The sentence names the remedy."""
    night.ordinary()
    answer = night.export(roots=["-X", str(night.drive.roots["icc"])])
    assert answer.status == 3
    assert "no telemetry of observers" in answer.err


def test_a_camera_without_a_folder_below_any_root_is_unknown(night: Night) -> None:
    """Its computer's root was not named."""
    night.ordinary()
    answer = night.export("-c", "camwfs")
    assert answer.status == 3
    assert "name its root with -X" in answer.err


def test_too_little_room_is_refused_before_the_first_byte(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    """Defect 14. The disk is as full as this says: no test may fill a real one."""
    night.ordinary()
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9 - 1, 1))
    answer = night.export()
    assert answer.status == 1
    assert "nothing was exported" in answer.err
    assert files_below(night.output) == []


def test_a_disk_that_takes_no_more_leaves_nothing_half(night: Night) -> None:
    """The system refuses a file in the middle of its writing; the smaller archive is published, the large one named."""
    night.drive.observe(20, 100)
    night.drive.archive([30])
    night.drive.archive([50], shape=(1, 1000, 1000))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limits[1]))
    try:
        answer = night.export("-O")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert answer.status == 1
    assert "File too large" in answer.err
    assert night.made() == [stamp(30)]
    assert not (night.output / ".nightferry" / "export").exists()
    assert night.export("-O").status == 0
    assert night.made() == [stamp(30), stamp(50)]


def test_of_two_copies_of_one_length_the_damaged_one_is_passed_over(night: Night) -> None:
    """Its payload makes no sense where it is unpacked; the other copy is made, and nothing of the first is left."""
    night.drive.observe(20, 100)
    path = night.drive.archive([30, 40], shape=(1, 20, 20))
    copy = night.drive.roots["aoc"] / path.relative_to(night.drive.roots["icc"])
    copy.parent.mkdir(parents=True)
    content = path.read_bytes()
    copy.write_bytes(content[:48] + b"\xff" * 64 + content[112:])  # aoc's comes first
    assert night.export("-O").status == 0
    data = opened(night.output / PLACE / "camsci1" / f"camsci1_{stamp(40)}.fits")[0]
    assert (data == read(path).images[1, 0]).all()
    assert night.made() == [stamp(30), stamp(40)]


def test_a_worker_that_is_killed_takes_nothing_with_it_but_its_own_archive(night: Night, tmp_path: Path) -> None:
    """As the system does it where memory ends; here the program that it calls kills it, for one archive."""
    night.ordinary()
    program = tmp_path / "xrif2fits"
    deadly = f'case "$file" in *camsci1_{stamp(30)}*) kill -9 $PPID;; esac'
    program.write_text(_FAKE_XRIF2FITS.replace("exec ", f"{deadly}\nexec "))
    program.chmod(0o755)
    answer = night.export("-O", "-j", "2", "--xrif2fits-cmd", str(program))
    assert answer.status == 1
    assert "its process was ended" in answer.err
    assert night.made() == [stamp(t) for t in (21, 24, 65, 80, 99)]
