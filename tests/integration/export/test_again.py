"""A second export: nothing is made twice, nothing of others' is touched, nothing half made is left."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
import yaml

from catalogue.exports import ExportBook
from tests.integration.export.night import PLACE, Night, opened
from tests.magaox import EMAIL, Fields, files_below, stamp


def test_a_second_export_does_nothing_and_loses_nothing(night: Night) -> None:
    """Defect 2: the history erased itself, so that the third run made everything again."""
    night.ordinary()
    (night.output / PLACE / "camsci1").mkdir(parents=True)
    notes = night.output / PLACE / "camsci1" / "notes.txt"
    notes.write_text("seeing was bad")
    night.export()
    before = {path: (night.output / path).stat().st_mtime_ns for path in files_below(night.output)}
    for _ in range(3):
        answer = night.export("--json")
        archives = answer.document["observations"][0]["cameras"][0]["archives"]
        assert {one["fate"] for one in archives} == {"done"}
        assert all(one["products"] is None for one in archives)
    assert {path: (night.output / path).stat().st_mtime_ns for path in files_below(night.output)} == before
    assert notes.read_text() == "seeing was bad"


def test_ignoring_the_history_makes_everything_again_and_remembers_it(night: Night) -> None:
    """Defect 3: it was honoured all the same, and only no longer written."""
    night.ordinary()
    night.export()
    path = night.output / files_below(night.output)[0]
    before, old = path.read_bytes(), path.stat().st_ino
    assert night.export("-i").status == 0
    assert path.stat().st_ino != old
    assert path.read_bytes() == before
    answer = night.export("--json")
    assert answer.document["observations"][0]["cameras"][0]["archives"][0]["fate"] == "done"


def test_what_lookyloo_exported_is_not_made_again(night: Night) -> None:
    """Its history is read wherever it lies in the semester, and never written; without FITS files it proves nothing."""
    night.ordinary()
    theirs = night.output / "2025B" / EMAIL / "2025-12-02_235900_20251202_betaPic_deep" / "camsci1"
    theirs.mkdir(parents=True)
    history = theirs / ".lookyloo_succeeded"
    history.write_text(f"camsci1_{stamp(30)}.xrif\n")
    assert len(night.spans("-s", "2025B")) == 1
    assert night.export("-r", "--json").document["observations"][0]["cameras"][0]["archives"][1]["fate"] == "to do"
    (theirs / f"camsci1_{stamp(30)}.fits").write_bytes(b"theirs")
    assert night.export().status == 0
    assert history.read_text() == f"camsci1_{stamp(30)}.xrif\n"
    assert (theirs / f"camsci1_{stamp(30)}.fits").read_bytes() == b"theirs"
    ours = [path for path in files_below(night.output) if path.startswith(PLACE)]
    assert stamp(40) not in " ".join(ours)
    assert stamp(65) in " ".join(ours)
    night.export("-i")
    assert stamp(40) in " ".join(files_below(night.output))


def test_an_output_of_others_is_never_touched(night: Night) -> None:
    """Defect 14 and the first rule: a file that stands there and is not ours is refused, and stays."""
    night.ordinary()
    foreign = night.output / PLACE / "camsci1" / f"camsci1_{stamp(40)}.fits"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"mine")
    answer = night.export()
    assert answer.status == 1
    assert "is not what this export left there" in answer.err
    assert foreign.read_bytes() == b"mine"
    assert night.made() == [stamp(t) for t in (21, 24, 40, 65, 80, 99)]


def test_a_product_that_somebody_changed_is_not_overwritten(night: Night) -> None:
    """It was ours, and is no longer as we left it; even -i keeps its hands off."""
    night.ordinary()
    night.export()
    path = night.output / PLACE / "camsci1" / f"camsci1_{stamp(40)}.fits"
    path.write_bytes(path.read_bytes() + b"x")
    assert night.export("-i").status == 1
    assert path.read_bytes().endswith(b"x")


def test_a_product_that_vanished_is_made_again(night: Night) -> None:
    """What the ledger says is looked at."""
    night.ordinary()
    night.export()
    path = night.output / PLACE / "camsci1" / f"camsci1_{stamp(40)}.fits"
    content = path.read_bytes()
    path.unlink()
    assert night.export().status == 0
    assert path.read_bytes() == content


def test_without_its_ledger_an_export_finds_its_own_files_again(night: Night) -> None:
    """The same facts give the same bytes, so that what stands there is recognised."""
    night.ordinary()
    night.export()
    before = {path: (night.output / path).read_bytes() for path in files_below(night.output)}
    shutil.rmtree(night.config / "var")
    assert night.export().status == 0
    assert {path: (night.output / path).read_bytes() for path in files_below(night.output)} == before


def test_two_exports_into_one_output_do_not_meet(night: Night) -> None:
    """Defect 14: the daemon and a one-shot could collide; here the second is told who holds the lock."""
    from converters.export.staging import our_folder
    from nightferry.locks import instrument_lock

    night.ordinary()
    night.output.mkdir()
    with instrument_lock(our_folder(night.output), "export"):
        answer = night.export()
    assert answer.status == 4
    assert "holds the lock" in answer.err
    assert files_below(night.output) == []


def test_what_a_killed_export_left_is_swept(night: Night) -> None:
    """Half made things lie in our own folder only, and the next run removes them."""
    night.ordinary()
    left = night.output / ".nightferry" / "export" / "dead" / "0"
    left.mkdir(parents=True)
    (left / "half.fits").write_bytes(b"half")
    night.export()
    assert not (night.output / ".nightferry" / "export").exists()


def test_a_dry_run_says_what_would_be_done_and_leaves_no_trace(night: Night) -> None:
    """Not even the output's folder; the original made that."""
    night.ordinary()
    answer = night.export("-r")
    assert answer.status == 0
    assert f"{PLACE}\tcamsci1\tframes\t3\t9\t2+2\t0\t3\t0\t0" in answer.out
    assert not night.output.exists()


def told(exptime: float) -> Fields:
    """Return what a camera says of itself."""
    return {"mode": "default", "exptime": exptime, "fps": 1 / exptime, "emGain": 5.0}


def of_header(night: Night, seconds: float, keyword: str) -> Any:
    """Return a card of the file of a frame."""
    return opened(night.output / PLACE / "camsci1" / f"camsci1_{stamp(seconds)}.fits")[1].get(keyword)


def test_what_a_device_said_last_is_asked_again_when_it_has_said_more(night: Night) -> None:
    """Every card was told, by a word that no longer held: the rest of the telemetry had not been brought yet."""
    place = night.config / "instruments.d" / "magaox.yaml"
    declared = yaml.safe_load(place.read_text())
    declared["export"]["headers"] = {"default": {"devices": {"camsci1": {"telem_stdcam": ["fps"]}}}}
    place.write_text(yaml.safe_dump(declared, sort_keys=False))
    early = [(t, told(0.5)) for t in (0, 10, 20, 30)]
    later = [(t, told(2.0)) for t in (35, 40, 50, 60)]
    night.drive.observe(20, 100)
    night.drive.archive([40, 41, 42])
    night.drive.telemetry("camsci1", "telem_stdcam", early)
    assert night.export().status == 0
    assert of_header(night, 40, "EXPTIME") == 0.5
    night.drive.telemetry("camsci1", "telem_stdcam", early + later)
    assert night.export().status == 0
    assert of_header(night, 40, "EXPTIME") == 2.0
    archives = night.export("--json").document["observations"][0]["cameras"][0]["archives"]
    assert [(one["fate"], one["products"]) for one in archives] == [("done", None)]


def test_frames_of_an_archive_that_goes_on_beyond_the_next_are_taken(night: Night) -> None:
    """A clock was set back: an archive before the last one before the observation held frames of it, unseen."""
    night.drive.observe(20, 100)
    night.drive.archive([5, 15, 25, 35])
    night.drive.archive([12, 13])
    damaged = night.drive.archive([8, 9])
    damaged.write_bytes(damaged.read_bytes()[:-20])
    assert night.export("-O").status == 0
    assert night.made() == [stamp(25), stamp(35)]


def test_telemetry_that_comes_for_the_first_frames_only_is_taken_too(night: Night) -> None:
    """Two files of one device: the later one was there, and what was looked at again lay around the last frame."""
    night.drive.observe(20, 300)
    night.drive.archive([40, 100, 200, 250])
    night.drive.camera_telemetry(150, 340)
    night.export()
    assert of_header(night, 40, "EXPTIME") is None
    night.drive.camera_telemetry(0, 140)
    night.export()
    assert of_header(night, 40, "EXPTIME") == 0.5


def test_an_export_that_was_cut_off_while_it_published_knows_its_products_again(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger never heard of them, and with the telemetry that came since they are others."""
    night.ordinary()
    telescope = night.drive.roots["aoc"] / "telem" / "tcsi"
    telescope.rename(telescope.with_name("late"))

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(ExportBook, "record_export", cut)
        assert night.export().status == 130
    (path,) = night.output.rglob(f"camsci1_{stamp(21)}.fits")
    assert "AIRMASS" not in opened(path)[1]
    telescope.with_name("late").rename(telescope)
    answer = night.export()
    assert answer.status == 0, answer
    assert "AIRMASS" in opened(path)[1]
    assert not (night.output / ".nightferry" / "publishing.json").exists()
    path.write_bytes(b"a person's own")
    assert night.export("-i").status == 1
    assert path.read_bytes() == b"a person's own"
