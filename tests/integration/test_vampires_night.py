"""A night of VAMPIRES through all of its steps, by the command: what arrives at the end, and that nothing is lost."""

from __future__ import annotations

import os
import re
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from converters.manifests import decode
from tests import vampires
from tests.observatory import Observatory, tree


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """A site with one machine: this one."""
    observatory = Observatory(tmp_path / "site", [], capsys)
    observatory.add_local("sc5")
    vampires.declare(observatory)
    return observatory


def test_a_night_goes_through_all_steps_and_loses_no_frame(site: Observatory) -> None:
    """Every frame of both cameras is in exactly one packed cube; what arrived lies there as it was."""
    night = vampires.night(site, jitter_us=500, offset_us=600)
    night.expose("10:20:00", 400)
    night.expose("23:59:59.8", 300)
    night.expose("12:00:00", 60, EXTTRIG=False)
    before = tree(night.folder)
    answer = vampires.convert(site)
    assert answer.status == 0, answer.out + answer.err
    after = tree(night.folder)
    assert {path: after.get(path) for path in before} == before
    assert vampires.frames_in(night.folder) == dict.fromkeys(night.truth, 1)
    made = sorted(set(after) - set(before))
    ids = [path for path in made if path.endswith(".fits.fz")]
    assert [Path(path).name for path in ids] == [f"VMPA{425199 + place:08d}.fits.fz" for place in range(len(ids))]
    others = [path for path in made if not re.fullmatch(r"vgen2/VMPA[0-9]{8}\.(fits\.fz|txt)", path)]
    assert others == [
        f"manifest_VMP_{vampires.DATE}.csv",
        *(f"summary_{vampires.DATE}.{ending}" for ending in ("json", "svg", "txt")),
        f"syncdeint_{vampires.DATE}.json",
        "vgen2/name_changes.txt",
    ]
    again = vampires.convert(site)
    assert again.status == 0, again.out + again.err
    assert tree(night.folder) == after


def test_a_cube_that_comes_late_is_taken_too_and_the_night_is_counted_whole(site: Observatory) -> None:
    """What was made before is part of the night: its frames are not said to be lost, and keep their frame ids."""
    night = vampires.night(site, jitter_us=500, offset_us=600)
    night.expose("10:20:00", 100)
    assert vampires.convert(site).status == 0
    ids = {path.name for path in (night.folder / "vgen2").glob("*.fits.fz")}
    night.expose("11:00:00", 50)
    answer = vampires.convert(site)
    assert answer.status == 0, answer.out + answer.err
    assert ids < {path.name for path in (night.folder / "vgen2").glob("*.fits.fz")}
    assert vampires.frames_in(night.folder) == dict.fromkeys(night.truth, 1)
    assert f"{len(night.truth)} frames in, {len(night.truth)} out" in answer.out


def test_of_a_cube_that_changed_all_is_made_anew_and_the_others_keep_their_ids(site: Observatory) -> None:
    """One conversion later every frame is in one packed cube again; what was made of the old bytes is set aside."""
    night = vampires.night(site, jitter_us=500, offset_us=600)
    night.expose("10:20:00", 100)
    night.expose("11:00:00", 40, EXTTRIG=False)
    assert vampires.convert(site).status == 0
    before = {path.name for path in (night.folder / "vgen2").glob("*.fits.fz")}
    cube = min((night.folder / "vcam1").glob("*.fits"))
    content = cube.read_bytes()
    cube.write_bytes(content[:-2000] + bytes([content[-2000] ^ 1]) + content[-1999:])
    os.utime(cube, (1_700_000_000, 1_700_000_000))
    answer = vampires.convert(site)
    assert answer.status == 0, answer.out + answer.err
    after = {path.name for path in (night.folder / "vgen2").glob("*.fits.fz")}
    assert len(after) == len(before)
    assert len(after - before) == 1
    assert vampires.frames_in(night.folder) == dict.fromkeys(night.truth, 1)
    assert site.call("status", "-i", vampires.NAME, "--csv").out.splitlines()[1].split(",")[2] == "True"
    tree_after = tree(night.folder)
    assert vampires.convert(site).status == 0
    assert tree(night.folder) == tree_after


def test_where_a_timing_file_changed_the_night_is_counted_as_it_is_now(site: Observatory) -> None:
    """Other pairs, other cubes, other ids; what the plan before made is set aside, and counts no more."""
    vampires.declare(site, [vampires.STEPS[0], *vampires.STEPS[2:]])
    night = vampires.night(site, jitter_us=500, offset_us=600)
    night.expose("10:20:00", 100)
    night.expose("11:00:00", 60)
    assert vampires.convert(site).status == 0
    timing = max((night.folder / "vcam2").glob("*.txt"))
    timing.write_bytes(b"".join(timing.read_bytes().splitlines(keepends=True)[:-1]))
    os.utime(timing, (1_700_000_000, 1_700_000_000))
    answer = vampires.convert(site)
    assert answer.status == 0, answer.out + answer.err
    assert vampires.frames_in(night.folder) == dict.fromkeys(night.truth, 1)
    assert f"{len(night.truth)} frames in, {len(night.truth)} out" in answer.out


def test_a_frame_that_somebody_copied_beside_itself_is_not_sent_as_one_more(site: Observatory) -> None:
    """Renamed by hand, it is made again under its id; the stranger stops the manifest until it is moved away."""
    night = vampires.night(site, jitter_us=500, offset_us=600)
    night.expose("10:20:00", 60)
    assert vampires.convert(site).status == 0
    before = tree(night.folder)
    frame = min((night.folder / "vgen2").glob("*.fits.fz"))
    stranger = frame.rename(frame.with_name(frame.name.replace(".fits", ".copy.fits")))
    os.utime(stranger, (1_700_000_000, 1_700_000_000))
    answer = vampires.convert(site)
    assert answer.status == 1
    assert f"{stranger.name}: its name is no frame id but begins like one; move it away" in answer.out
    stranger.unlink()
    assert vampires.convert(site).status == 0
    assert tree(night.folder) == before


def test_a_night_that_hardly_pairs_waits_for_a_person(site: Observatory) -> None:
    """The summary says why; approved, the night goes on."""
    vampires.declare(site, vampires.STEPS[:3])
    night = vampires.night(site, drops=0.4)
    night.expose("10:20:00", 40)
    held = vampires.convert(site)
    assert "frames of both cameras are paired" in held.out
    assert not (night.folder / "vgen2").exists()
    assert "LOOK: " in (night.folder / f"summary_{vampires.DATE}.txt").read_text()
    assert vampires.convert(site, "--approve").status == 0
    assert vampires.convert(site).status == 0
    assert vampires.frames_in(night.folder) == dict.fromkeys(night.truth, 1)


def test_the_manifests_of_two_nights_are_one_letter(site: Observatory) -> None:
    """Sent once: the next run has nothing to say."""
    mail = {"to": ["archive@example.org"], "address": "192.0.2.6", "subject": "VMP manifest {nights}"}
    listing = {"step": "manifest", "inputs": ["vgen2/*.fits"], "mail": mail}
    vampires.declare(site, [vampires.STEPS[0], vampires.STEPS[2], listing])
    box = site.folder / "box"
    site.write_site(mail={"folder": str(box), "from": "nightferry@example.org", "to": ["people@example.org"]})
    for name in ("20251106", "20251107"):
        vampires.night(site, drops=0.0, frames=20, folder=name).expose("10:20:00", 20)
    words = ("convert", "-i", vampires.NAME, "-d", "20251106..20251107", "--mail")
    assert site.call(*words).status == 0
    assert site.call(*words).status == 0
    letters = [message_from_bytes(path.read_bytes(), policy=default) for path in box.rglob("*") if path.is_file()]
    (letter,) = [one for one in letters if one["To"] == "archive@example.org"]
    assert letter["Subject"] == "VMP manifest 20251106, 20251107"
    assert "192.0.2.6" in letter.get_body(("plain",)).get_content()
    (attached,) = letter.iter_attachments()
    rows, _ = decode(attached.get_content())
    assert sorted(row.path.rpartition("/vampires/")[2][:14] for row in rows) == [
        "20251106/vgen2",
        "20251106/vgen2",
        "20251107/vgen2",
        "20251107/vgen2",
    ]
