"""The steps of a VAMPIRES night one by one: what they plan, what they make, what they refuse."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
from astropy.io import fits
from pydantic import ValidationError

from converters.base import NightFolder, Task, step_models
from converters.cards import read_header
from converters.compress import CompressStep
from converters.fix_headers import FixHeadersStep
from converters.nightstep import CannotPlan, Desk, NightStepSection, Survey
from converters.vampires.consolidate import ConsolidateStep
from converters.vampires.plan import decode
from converters.vampires.summary import SummaryStep
from converters.vampires.syncdeint import SyncDeintStep
from converters.vampires.timing import parse_timing
from observatory.formats.whole import judge
from tests.cubes import NIGHT, Night, cube_header, frames_of, put
from tests.unit.converters.test_frame_ids_step import instrument
from tests.unit.converters.test_packing import Leash

NOON = dt.datetime(2025, 11, 7, 12, tzinfo=dt.UTC)
PLAN = b"syncdeint_20251106.json"


def night_folder(folder: Path) -> NightFolder:
    """Look at the folder."""
    files = sorted(os.fsencode(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    return NightFolder(NIGHT, None, folder.parent, os.fsencode(folder.name), tuple(files))


def step(model: type[NightStepSection], **keys: Any) -> Any:
    """Return a step."""
    name = next(name for name, known in step_models().items() if known is model)
    return model.model_validate({"step": name} | keys)


def planned(step: NightStepSection, folder: Path) -> list[Task]:
    """Return the tasks of the night."""
    return list(step.plan(night_folder(folder), Survey(instrument(), "sc5", None, False, NOON)))


def take(step: NightStepSection, folder: Path) -> list[Any]:
    """Do every task of the night, and leave the products where they belong."""
    ended = []
    for task in planned(step, folder):
        places = [folder / os.fsdecode(path) for path in task.outputs]
        for place in places:
            place.parent.mkdir(exist_ok=True)
        beside = [place.with_name(place.name + ".new") for place in places]
        ended.append(step.make(task, beside, Desk(instrument(), "sc5", folder, Leash(), NOON)))
        for made, place in zip(beside, places, strict=True):
            if made.exists():
                made.replace(place)
    return ended


@pytest.fixture
def night(tmp_path: Path) -> Night:
    """A small night with the FLC, over midnight."""
    night = Night(tmp_path / "20251106", jitter_us=500, offset_us=600, frames=50, drops=0.0)
    night.expose("23:59:59.9", 100)
    return night


def test_cubes_are_made_of_the_bytes_of_their_sources(night: Night) -> None:
    """Every frame once, in its state; the hash that is told is that of the file; astropy finds no fault."""
    (planned_facts,) = take(step(SyncDeintStep), night.folder)
    ended = take(step(ConsolidateStep), night.folder)
    assert sum((done.facts.frames_out for done in ended), 0) == planned_facts.facts.frames_out == 200
    found: list[tuple[int, int]] = []
    for done in ended:
        ((path, sha256),) = done.sha256.items()
        place = night.folder / path.decode()
        assert hashlib.sha256(place.read_bytes()).hexdigest() == sha256
        with fits.open(place) as units:
            units.verify("exception")
            state = units[0].header["U_FLC"]
        frames = list(frames_of(place))
        assert {night.truth[frame][1] for frame in frames} == {state}
        found += frames
    assert sorted(found) == sorted(night.truth)


def test_a_cubes_header_is_that_of_its_own_frames(night: Night) -> None:
    """Times and day by its own stamps, past midnight too; what was found out; where it is from."""
    take(step(SyncDeintStep), night.folder)
    take(step(ConsolidateStep), night.folder)
    (path,) = (night.folder / "vgen2").glob("*.cam2.B.fits")
    with path.open("rb") as stream:
        header = read_header(stream)
    assert header.get("U_SYNC") is True
    assert (header.get("UT-STR"), header.get("DATE-OBS")) == ("23:59:59.90", "2025-11-06")
    assert (header.get("UT-END"), header.get("HST-END")) == ("00:00:00.15", "14:00:00.15")
    assert header.get("MJD-END") == pytest.approx(60986 + 0.15 / 86400, abs=1e-6)
    assert header.get("U_OFFSET") == pytest.approx(600, abs=5)
    assert header.get("U_SIBL") == "vgen2/" + path.name.replace("cam2", "cam1")
    assert (header.get("U_NSRC"), header.get("U_LOST"), header.get("NAXIS3")) == (2, 0, 50)
    assert str(header.get("U_SRC1")).startswith("vcam2_")


def test_a_new_cube_does_not_bear_the_sums_of_its_sources(night: Night) -> None:
    """They are of other frames under another header: every reader would call it damaged."""
    for path in night.folder.glob("vcam?/*.fits"):
        with fits.open(path, mode="update", checksum=True):
            pass
        assert b"DATASUM" in path.read_bytes()
    take(step(SyncDeintStep), night.folder)
    take(step(ConsolidateStep), night.folder)
    made = list((night.folder / "vgen2").glob("*.fits"))
    assert made
    assert {judge(os.fsencode(path), sums=True) for path in made} == {("whole", "")}


def test_the_timing_file_of_a_cube_holds_its_frames_lines(night: Night) -> None:
    """In their order, counters as they were."""
    take(step(SyncDeintStep), night.folder)
    take(step(ConsolidateStep), night.folder)
    for path in (night.folder / "vgen2").glob("*.txt"):
        counters = [int(counter) % 65536 for counter in parse_timing(path.read_bytes()).counters]
        assert counters == [counter for _, counter in frames_of(path.with_suffix(".fits"))]


def test_a_cube_without_usable_times_is_made_whole_with_what_there_is(tmp_path: Path) -> None:
    """Its damaged timing file goes along as it is; U_SYNC says F."""
    night = Night(tmp_path / "20251106", frames=50, drops=0.0)
    night.expose(triggers=50)
    (txt,) = (night.folder / "vcam1").glob("*.txt")
    put(txt, txt.read_bytes()[:-20])
    (done,) = take(step(SyncDeintStep), night.folder)
    assert "1 of 2 cubes could not be paired" in done.warning
    take(step(ConsolidateStep), night.folder)
    assert (night.folder / "vgen2" / txt.name).read_bytes() == txt.read_bytes()
    with (night.folder / "vgen2" / txt.with_suffix(".fits").name).open("rb") as stream:
        assert read_header(stream).get("U_SYNC") is False


def test_a_single_image_is_a_frame_and_stays_an_image(tmp_path: Path) -> None:
    """Of two axes."""
    folder = tmp_path / "20251106"
    header = cube_header((1, 2, 2), 1, False, 0, {"NAXIS": 2, "NAXIS3": None})
    put(folder / "vcam1" / "vcam1_10:20:00.5.fits", header.to_bytes() + bytes(2880))
    take(step(SyncDeintStep), folder)
    take(step(ConsolidateStep), folder)
    with fits.open(folder / "vgen2" / "vcam1_10:20:00.5.fits") as units:
        units.verify("exception")
        assert units[0].data.shape == (2, 2)


def test_a_night_without_cubes_is_nothing_to_do(tmp_path: Path) -> None:
    """No plan, no summary, no cubes."""
    (tmp_path / "20251106").mkdir()
    for model in (SyncDeintStep, SummaryStep, ConsolidateStep, FixHeadersStep, CompressStep):
        assert planned(step(model), tmp_path / "20251106") == []


def test_raw_cubes_that_were_freed_leave_nothing_to_do(night: Night) -> None:
    """Their plan stays; nobody plans anew, nobody misses them."""
    take(step(SyncDeintStep), night.folder)
    for path in [*night.folder.glob("vcam?/*")]:
        path.unlink()
    for model in (SyncDeintStep, SummaryStep, ConsolidateStep):
        assert planned(step(model), night.folder) == []


def test_from_a_part_of_a_night_no_new_plan_is_made(night: Night) -> None:
    """Frames would vanish from its products, and nobody would see it."""
    take(step(SyncDeintStep), night.folder)
    next((night.folder / "vcam1").glob("*.fits")).unlink()
    with pytest.raises(CannotPlan, match=r"2 of the 8 files that syncdeint_20251106\.json was made of are gone"):
        planned(step(SyncDeintStep), night.folder)


def test_cubes_of_an_earlier_plan_are_not_mixed_with_those_of_this_one(night: Night) -> None:
    """The same frames would be there twice."""
    take(step(SyncDeintStep), night.folder)
    put(night.folder / "vgen2" / "vsync_09:00:00.000000.cam1.A.fits.fz", b"old")
    with pytest.raises(CannotPlan, match="is of an earlier plan"):
        planned(step(ConsolidateStep), night.folder)


def test_a_damaged_plan_is_not_carried_out(night: Night) -> None:
    """And says how to get another."""
    take(step(SyncDeintStep), night.folder)
    plan = night.folder / os.fsdecode(PLAN)
    plan.write_bytes(plan.read_bytes()[:-10])
    for model in (SyncDeintStep, SummaryStep, ConsolidateStep):
        with pytest.raises(CannotPlan, match=r"Remove it: `syncdeint` makes it anew|cannot be read"):
            planned(step(model), night.folder)


def test_a_source_that_shrank_since_it_was_planned_makes_no_cube(night: Night) -> None:
    """Not one that is short."""
    take(step(SyncDeintStep), night.folder)
    cube = sorted((night.folder / "vcam1").glob("*.fits"))[0]
    cube.write_bytes(cube.read_bytes()[:-6000])
    failures = [done.failure for done in take(step(ConsolidateStep), night.folder)]
    assert any("is shorter than its header promises" in str(failure) for failure in failures)


def test_the_plans_parameters_are_those_of_the_step(night: Night) -> None:
    """So that it can be said later by which rules a night was made."""
    take(step(SyncDeintStep, tolerance_us="123", flc=None), night.folder)
    plan = decode((night.folder / os.fsdecode(PLAN)).read_bytes())
    assert (plan.parameters["tolerance_us"], plan.parameters["flc"]) == (123.0, None)
    assert plan.matches[0].tolerance_us == 123
    assert {output.state for output in plan.outputs} == {""}


def test_headers_are_fixed_once_and_what_stays_is_named(night: Night) -> None:
    """A second look finds nothing to do; the pixels are as they were."""
    take(step(SyncDeintStep), night.folder)
    take(step(ConsolidateStep), night.folder)
    before = {path: list(frames_of(path)) for path in (night.folder / "vgen2").glob("*.fits")}
    ended = take(step(FixHeadersStep, formats={"NAXIS3": "%20.8f", "U_SRC1": "%-8.8s"}), night.folder)
    assert len(ended) == len(before) == 4
    assert all("1 card was left as it is: U_SRC1 = " in str(done.warning) for done in ended)
    assert {path: list(frames_of(path)) for path in before} == before
    assert planned(step(FixHeadersStep), night.folder) == []
    with next(iter(before)).open("rb") as stream:
        assert read_header(stream).card("EXPTIME").field == "0.00100000"  # type: ignore[union-attr]


def test_a_dictionary_that_is_not_there_stops_the_step_with_its_name(night: Night) -> None:
    """And not every file by itself."""
    put(night.folder / "vgen2" / "vsync_x.fits", b"")
    with pytest.raises(CannotPlan, match=r"dictionary: /nowhere/d\.tsv cannot be read"):
        planned(step(FixHeadersStep, dictionary="/nowhere/d.tsv"), night.folder)


@pytest.mark.parametrize(
    ("model", "keys", "words"),
    [
        (SyncDeintStep, {"inputs": ["*.fits"]}, "this step knows them itself"),
        (ConsolidateStep, {"outputs": ["x"]}, "this step knows them itself"),
        (CompressStep, {"outputs": ["{input}.fz"]}, "this step knows them itself"),
        (CompressStep, {"floats": "maybe"}, "lossless"),
        (FixHeadersStep, {"dictionary": "relative.tsv"}, "an absolute path"),
        (FixHeadersStep, {"formats": {"A": "%q"}}, "is no format"),
        (SyncDeintStep, {"cameras": {"a": "x", "b": "y", "c": "z"}}, "at most 2"),
        (SyncDeintStep, {"tolerance_us": "wide"}, "valid number|auto"),
        (SummaryStep, {"zone": "Hawaii"}, "no IANA time zone"),
        (SummaryStep, {"least_paired": "2"}, "less than or equal to 1"),
    ],
)
def test_what_cannot_work_is_refused_when_it_is_read(
    model: type[NightStepSection], keys: dict[str, Any], words: str
) -> None:
    """Nothing is found out at night."""
    with pytest.raises(ValidationError, match=words):
        step(model, **keys)


def test_floats_may_be_refused(tmp_path: Path) -> None:
    """By policy; the file stays as it is."""
    path = tmp_path / "20251106" / "vgen2" / "real.fits"
    path.parent.mkdir(parents=True)
    fits.PrimaryHDU([[0.5, 1.5]]).writeto(path)
    (done,) = take(step(CompressStep, floats="refuse"), tmp_path / "20251106")
    assert "says not to pack those" in done.failure


def test_a_step_says_which_programs_it_cannot_do_without() -> None:
    """The doctor looks for them; where astropy may do it, fpack is no condition."""
    assert step(CompressStep).programs == ()
    assert step(CompressStep, program="fpack").programs == ("fpack", "funpack")


def test_cubes_named_in_local_time_are_paired_by_their_frames_and_said(night: Night) -> None:
    """The logger once wrote names ten hours off; times are never taken from names, but nobody should rely on these."""
    for path in sorted((night.folder / "vcam1").iterdir()):
        path.rename(path.with_name(path.name.replace("_23:59:59", "_13:59:59").replace("_00:00:00", "_14:00:00")))
    (done,) = take(step(SyncDeintStep), night.folder)
    assert done.warning.startswith("2 of 4 cubes are named for another time than their frames', first vcam1/vcam1_13")
    assert done.facts.kinds["sync cam1 A"] == 50


def test_names_that_tell_the_frames_time_are_not_worth_a_word(night: Night) -> None:
    """Over midnight neither."""
    (done,) = take(step(SyncDeintStep), night.folder)
    assert done.warning is None


def test_an_offset_that_nothing_tells_is_said_and_pairs_nothing(tmp_path: Path) -> None:
    """In the step's words, in the cubes' reasons, and in the summary, which holds the night; one key settles it."""
    night = Night(tmp_path / "20251106", offset_us=1300, frames=50, drops=0.0)
    night.expose("10:00:00", 200)
    (done,) = take(step(SyncDeintStep), night.folder)
    assert done.warning.startswith("400 frames were not paired: nothing tells their offset (-")
    plan = decode((night.folder / os.fsdecode(PLAN)).read_bytes())
    assert {output.kind for output in plan.outputs} == {"solo"}
    assert all("say `offset_us`" in str(output.reason) for output in plan.outputs)
    (summary,) = take(step(SummaryStep), night.folder)
    assert "0 of 400 frames of both cameras are paired" in summary.hold
    assert "nothing tells their offset" in (night.folder / "summary_20251106.txt").read_text()
    (settled,) = take(step(SyncDeintStep, offset_us=1000), night.folder)
    assert settled.facts.kinds == {"sync cam1": 200, "sync cam2": 200}
    assert settled.warning is None


def test_a_timing_file_without_its_cube_is_said(tmp_path: Path) -> None:
    """Frames were exposed of which nothing is left: nothing can be made of them, and it must not go unseen."""
    night = Night(tmp_path / "20251106", frames=20, drops=0.0)
    night.expose(triggers=60)
    lost = sorted((tmp_path / "20251106" / "vcam2").glob("*.fits"))[1]
    lost.unlink()
    (done,) = take(step(SyncDeintStep), tmp_path / "20251106")
    assert f"1 timing files without a cube, first vcam2/{lost.stem}.txt" in (done.warning or "")
