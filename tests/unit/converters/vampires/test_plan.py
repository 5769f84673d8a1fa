"""The plan of a night: which frames go where, and that none is lost or doubled on the way."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.vampires.cubes import timing_of
from converters.vampires.cutting import cut, runs_of
from converters.vampires.night import Cube, make_plan
from converters.vampires.plan import Listed, Output, Plan, PlanFault, Run, Source, decode, encode
from converters.vampires.reading import Found, read_cubes
from converters.vampires.rules import Flc, Rules
from converters.vampires.timing import parse_timing
from tests.cubes import NIGHT, Night, put

FLC = Flc({"U_FLCEN": ("T",), "U_FLCST": ("IN",), "U_FLC": ("", "NA")})
RULES = Rules(flc=FLC)


def found_in(folder: Path) -> list[Found]:
    """Return the cubes of both cameras."""
    found = []
    for camera, stream in (("cam1", "vcam1"), ("cam2", "vcam2")):
        for path in sorted((folder / stream).glob("*.fits")):
            timing = path.with_suffix(".txt")
            below = os.fsencode(timing.relative_to(folder)) if timing.exists() else None
            found.append(Found(camera, os.fsencode(path.relative_to(folder)), below))
    return found


def plan_of(folder: Path, rules: Rules = RULES) -> Plan:
    """Plan a night."""
    cubes = read_cubes(folder, NIGHT, found_in(folder), rules)
    return make_plan(NIGHT, ("cam1", "cam2"), cubes, rules, {"folder": "vgen2"})


def reasons(plan: Plan) -> set[str | None]:
    """Return why frames are solo."""
    return {output.reason for output in plan.outputs if output.kind == "solo"}


def test_pairs_become_cubes_of_the_same_names_and_frames(tmp_path: Path) -> None:
    """Each of them knows its sibling, and the n-th frame of one belongs to the n-th of the other."""
    night = Night(tmp_path, jitter_us=500, offset_us=600)
    night.expose(triggers=500)
    plan = plan_of(tmp_path)
    by_path = {output.path: output for output in plan.outputs}
    synced = [output for output in plan.outputs if output.kind == "sync" and output.camera == "cam1"]
    assert {output.state for output in synced} == {"A", "B"}
    for output in synced:
        sibling = by_path[output.sibling or b""]
        assert output.path.replace(b".cam1", b".cam2") == sibling.path
        assert (sibling.sibling, sibling.frames, sibling.match) == (output.path, output.frames, 0)
    assert plan.matches[0].offset_us == pytest.approx(600, abs=3)
    assert plan.facts().frames_in == plan.facts().frames_out == len(night.truth)


def test_an_offset_beyond_the_tolerance_hides_nothing(tmp_path: Path) -> None:
    """A night that would not pair by a fixed tolerance alone."""
    night = Night(tmp_path, period_us=7000, offset_us=1500)
    night.expose(triggers=300, **{"PRD-RNG2": 1104})
    kinds = plan_of(tmp_path).kinds()
    assert kinds["sync cam1"] == kinds["sync cam2"] > 0.95 * 300


def test_a_night_past_midnight_is_one_night(tmp_path: Path) -> None:
    """Cubes of 23:59 and 00:00 follow one another by their times, not by their names."""
    night = Night(tmp_path, drops=0.0)
    night.expose("23:59:59.9", 200)
    plan = plan_of(tmp_path)
    (first, _) = plan.outputs
    assert first.path == b"vgen2/vsync_23:59:59.900" + first.path[len(b"vgen2/vsync_23:59:59.900") :]
    assert first.frames == 200


def test_new_cubes_begin_where_the_instrument_changed(tmp_path: Path) -> None:
    """Retarder, filter or exposure time; and after three seconds without frames."""
    night = Night(tmp_path, drops=0.0)
    night.expose("10:20:00", 100)
    night.expose("10:20:01", 100, **{"RET-ANG1": 22.5})
    night.expose("10:20:02", 100, **{"RET-ANG1": 22.5, "FILTER01": "Halpha"})
    night.expose("10:20:09", 100, **{"RET-ANG1": 22.5, "FILTER01": "Halpha"})
    synced = [output for output in plan_of(tmp_path).outputs if output.camera == "cam1"]
    assert [output.frames for output in synced] == [100, 100, 100, 100]


def test_new_cubes_last_no_longer_than_ten_seconds(tmp_path: Path) -> None:
    """However the old ones were cut."""
    night = Night(tmp_path, period_us=50_000, drops=0.0)
    night.expose(triggers=500)
    plan = plan_of(tmp_path)
    assert {(output.end_us or 0) - (output.start_us or 0) <= 10_000_000 for output in plan.outputs} == {True}
    frames = [output.frames for output in plan.outputs if output.camera == "cam1"]
    assert (len(frames), sum(frames)) == (3, 500)


def test_cubes_without_a_trigger_stay_as_they_are(tmp_path: Path) -> None:
    """Under their own names, and nobody calls them a fault."""
    night = Night(tmp_path)
    night.expose(triggers=150, EXTTRIG=False)
    plan = plan_of(tmp_path)
    assert reasons(plan) == {"no external trigger"}
    assert sorted(output.path for output in plan.outputs) == sorted(
        b"vgen2/" + source.path.rpartition(b"/")[2] for source in plan.sources
    )


def test_a_camera_alone_is_solo_with_its_flc_states(tmp_path: Path) -> None:
    """The other one was off."""
    night = Night(tmp_path, jitter_us=500)
    night.expose(triggers=200)
    for path in (tmp_path / "vcam2").iterdir():
        path.unlink()
    plan = plan_of(tmp_path)
    assert set(plan.kinds()) == {"solo cam1 A", "solo cam1 B"}
    assert reasons(plan) == {"no cube of the other camera to pair with"}


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda txt: txt.unlink(), "it has no timing file"),
        (lambda txt: txt.write_bytes(b""), "its timing file is empty"),
        (lambda txt: txt.write_bytes(txt.read_bytes()[:-30]), "line 100 of 100 of the timing file has"),
        (
            lambda txt: txt.write_bytes(b"\n".join(txt.read_bytes().splitlines()[:-1]) + b"\n"),
            "99 lines for 100 frames",
        ),
        (lambda txt: txt.write_bytes(txt.read_bytes().replace(b"176242", b"174242")), "which is another night"),
    ],
)
def test_frames_without_usable_times_are_kept_and_say_why(tmp_path: Path, damage: Any, words: str) -> None:
    """The pipeline that this one replaces deleted them."""
    night = Night(tmp_path, drops=0.0)
    night.expose(triggers=300)
    txt = sorted((tmp_path / "vcam1").glob("*.txt"))[1]
    damage(txt)
    plan = plan_of(tmp_path)
    (whole,) = [output for output in plan.outputs if output.camera == "cam1" and output.kind == "solo"]
    assert words in str(whole.reason)
    assert whole.frames == 100
    assert plan.facts().frames_out == 600


def test_a_cube_that_is_cut_short_is_listed_with_all_its_frames(tmp_path: Path) -> None:
    """They cannot be copied; the file stays where it is, and the plan says so."""
    night = Night(tmp_path, drops=0.0)
    night.expose(triggers=300)
    short, _, foreign = sorted((tmp_path / "vcam1").glob("*.fits"))
    put(short, short.read_bytes()[:-5000])
    put(foreign, b"no FITS at all")
    plan = plan_of(tmp_path)
    (listed,) = plan.listed
    assert listed.run.count == 100
    assert "its header promises" in listed.reason
    assert [source.reason for source in plan.sources if source.frames == 0] == ["the file ends within its header"]
    facts = plan.facts()
    assert facts.frames_in == facts.frames_out + facts.listed


def test_two_clocks_are_never_paired(tmp_path: Path) -> None:
    """Acquisition times of one camera and the logger's of the other differ by what nobody knows."""
    night = Night(tmp_path, drops=0.0)
    night.expose(triggers=100)
    (txt,) = (tmp_path / "vcam2").glob("*.txt")
    lines = [line for line in txt.read_bytes().splitlines() if not line.startswith(b"#")]
    put(txt, b"\n".join(b" ".join([*line.split()[:4], *line.split()[5:]]) for line in lines) + b"\n")
    assert set(plan_of(tmp_path).kinds()) == {"solo cam1", "solo cam2"}


@settings(max_examples=15)
@given(
    drops=st.floats(0, 0.6),
    jitter=st.sampled_from([0.0, 150.0, 500.0]),
    frames=st.integers(1, 60),
    starts=st.lists(st.floats(0, 30), min_size=1, max_size=4, unique_by=round),
    seed=st.integers(0, 99),
)
def test_whatever_the_cameras_lose_every_frame_is_somewhere_once(
    tmp_path_factory: pytest.TempPathFactory,
    drops: float,
    jitter: float,
    frames: int,
    starts: Sequence[float],
    seed: int,
) -> None:
    """The law of conservation; and no pair is of two triggers."""
    folder = tmp_path_factory.mktemp("night")
    night = Night(folder, drops=drops, jitter_us=jitter, frames=frames, size=(1, 2), seed=seed, noise_us=5)
    for start in sorted(starts):
        night.expose(f"10:20:{start:.3f}", 40)
    plan = plan_of(folder)
    plan.check()
    assert plan.facts().frames_out == sum(source.frames for source in plan.sources)
    assert decode(encode(plan)) == plan


def test_a_plan_is_read_as_it_was_written_and_the_same_night_gives_the_same_bytes(tmp_path: Path) -> None:
    """So that it can be reviewed, compared, and does not count as changed."""
    night = Night(tmp_path, jitter_us=500)
    night.expose(triggers=300)
    raw = encode(plan_of(tmp_path))
    assert decode(raw) == plan_of(tmp_path)
    assert encode(plan_of(tmp_path)) == raw
    counts = json.loads(raw)["counts"]
    assert counts["frames_in"] == counts["frames_out"] == len(night.truth)


SOURCE = Source(b"vcam1/a.fits", None, "cam1", "0" * 64, "", 10, 0, None, {}, None)


def small(*runs: Run, listed: Sequence[Listed] = (), path: bytes = b"vgen2/x.fits") -> Plan:
    """Return a plan over one source of ten frames."""
    outputs = (Output(path, "cam1", "solo", "", runs, None, None),) if runs else ()
    return Plan(dt.date(2025, 11, 6), {}, (SOURCE,), (), outputs, tuple(listed))


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (small(Run(0, 0, 9)), "1 of 10 frames are in no output, or in several"),
        (small(Run(0, 0, 10), Run(0, 3, 1)), "1 of 10 frames"),
        (small(Run(0, 0, 5, 2)), "5 of 10 frames"),
        (small(Run(0, 0, 10), listed=[Listed(Run(0, 0, 2), "damaged")]), "2 of 10 frames"),
        (small(Run(0, 5, 6)), "has no 6 frames from 5 in steps of 1: it has 10"),
        (small(Run(1, 0, 10)), "there is no source 1"),
        (small(), "10 of 10 frames"),
        (dataclasses.replace(small(Run(0, 0, 10)), outputs=small(Run(0, 0, 10)).outputs * 2), "10 of 10 frames"),
    ],
)
def test_a_plan_that_loses_or_doubles_a_frame_is_refused(plan: Plan, words: str) -> None:
    """When it is made, and again when its file is read: somebody may have edited it."""
    with pytest.raises(PlanFault, match=words):
        plan.check()
    with pytest.raises(PlanFault, match=words):
        decode(encode(plan))


def test_a_plan_that_makes_one_file_twice_is_refused() -> None:
    """Two cubes of one name would be one cube."""
    half = small(Run(0, 0, 5)).outputs + small(Run(0, 5, 5)).outputs
    with pytest.raises(PlanFault, match=r"vgen2/x.fits is to be made 2 times"):
        dataclasses.replace(small(), outputs=half).check()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"[]",
        b'{"format": "something else", "version": 1}',
        encode(small(Run(0, 0, 10))).replace(b'"version": 1', b'"version": 2'),
        encode(small(Run(0, 0, 10))).replace(b"vgen2/x.fits", b"../x.fits"),
        encode(small(Run(0, 0, 10))).replace(b"vgen2/x.fits", b"/etc/passwd"),
        encode(small(Run(0, 0, 10)))[:-20],
    ],
)
def test_what_is_no_plan_of_ours_is_refused(raw: bytes) -> None:
    """Damaged, of another version, or with paths that leave the night's folder."""
    with pytest.raises(PlanFault):
        decode(raw)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), max_size=40))
def test_runs_say_briefly_which_frames_and_in_which_order(frames: list[tuple[int, int]]) -> None:
    """Whatever the order is."""
    sources, indices = (np.array([one[place] for one in frames], dtype=np.int64) for place in (0, 1))
    runs = runs_of(sources, indices)
    assert [(run.source, frame) for run in runs for frame in run.frames] == frames


def test_alternate_frames_are_one_run() -> None:
    """As those of one FLC state are."""
    assert runs_of(np.zeros(50, dtype=np.int64), np.arange(0, 100, 2)) == (Run(0, 0, 50, 2),)


@given(st.lists(st.integers(1, 20), min_size=1, max_size=60), st.integers(1, 50), st.integers(1, 15))
def test_pieces_cover_all_frames_and_keep_the_limits(steps: list[int], longest: int, gap: int) -> None:
    """None is longer than allowed, and none goes over a gap."""
    times = np.cumsum(steps).astype(np.int64)
    pieces = list(cut(times, np.zeros(len(times), dtype=np.int64), longest, gap))
    assert [place for piece in pieces for place in range(len(times))[piece]] == list(range(len(times)))
    for piece in pieces:
        assert times[piece][-1] - times[piece][0] <= longest
        assert (np.diff(times[piece]) <= gap).all()


def test_rules_follow_the_header() -> None:
    """Tolerance by rows and mode; 400 us without; FLC only where every key says so."""
    assert RULES.tolerance_of({"PRD-RNG2": 536}) == 465
    assert RULES.tolerance_of({"PRD-RNG2": 536, "U_DETMOD": "Slow"}) == 1163
    assert RULES.tolerance_of({"PRD-RNG2": 1104}) == 958
    assert RULES.tolerance_of({"PRD-RNG2": 1104, "U_DETMOD": "slow    "}) == 2395
    assert RULES.tolerance_of({}) == 400
    assert Rules(tolerance_us=100).tolerance_of({"PRD-RNG2": 536}) == 100
    keys = {"U_FLCEN": True, "U_FLCST": "IN", "U_FLC": None}
    assert RULES.has_flc(keys)
    assert not RULES.has_flc(keys | {"U_FLC": "A"})
    assert not RULES.has_flc(keys | {"U_FLCEN": False})
    assert not Rules().has_flc(keys)
    assert (RULES.jitter_of({}), RULES.jitter_of({"U_TRIGJT": 250})) == (500, 250)
    assert (Rules().jitter_of({"U_TRIGJT": 250}), Rules().noise_of({})) == (0, 0)


def test_a_night_of_thousands_of_cubes_far_apart_is_planned_in_seconds() -> None:
    """Every stretch was held against every other, frame by frame: 10,000 cubes would have taken the day."""
    start, size = time.process_time(), 1500
    begins = int(dt.datetime.combine(NIGHT, dt.time(5), dt.UTC).timestamp() * 1e6) + np.arange(size) * 7_000_000
    cubes = [_bare_cube(camera, number, int(begin)) for camera in (1, 2) for number, begin in enumerate(begins)]
    plan = make_plan(NIGHT, ("cam1", "cam2"), cubes, Rules(), {})
    assert len(plan.matches) == size
    assert sum(output.frames for output in plan.outputs if output.kind == "sync") == 2 * 8 * size
    assert time.process_time() - start < 15


def _bare_cube(camera: int, number: int, begin_us: int) -> Cube:
    keys = {"BITPIX": 16, "NAXIS1": 4, "NAXIS2": 2, "EXTTRIG": True, "EXPTIME": 0.001}
    path = b"vcam%d/vcam%d_%05d.fits" % (camera, camera, number)
    source = Source(path, None, f"cam{camera}", "0" * 64, "", 8, 0, "acquisition", keys, None)
    counters = number * 100 + np.arange(8)
    return Cube(source, begin_us + 2000 * np.arange(8) + camera * 300, counters=counters)


def test_the_part_of_a_plan_says_of_its_output_what_the_whole_does(tmp_path: Path) -> None:
    """A cube is made from its own part: thousands of cubes must not each read the plan of all."""
    night = Night(tmp_path, jitter_us=500, offset_us=600, frames=30)
    night.expose(triggers=200)
    plan = plan_of(tmp_path)
    for number, output in enumerate(plan.outputs):
        part = plan.part(number)
        (alone,) = part.outputs
        frames = [
            [(whole.sources[run.source].path, frame) for run in one.runs for frame in run.frames]
            for whole, one in ((plan, output), (part, alone))
        ]
        assert frames[0] == frames[1]
        assert {source.path for source in part.sources} == {path for path, _ in frames[0]}
        assert part.matches == (() if output.match is None else (plan.matches[output.match],))
        assert (alone.path, alone.sibling, alone.label) == (output.path, output.sibling, output.label)


def test_two_cubes_of_the_same_moments_stay_two_cubes(tmp_path: Path) -> None:
    """Copied beside itself under another name: the frames of both alternate in time, and once each became a cube."""
    night = Night(tmp_path, frames=50, drops=0.0)
    night.expose(triggers=50)
    (cube,) = (tmp_path / "vcam1").glob("*.fits")
    for path in (cube, cube.with_suffix(".txt")):
        put(path.with_name(path.name.replace("123.", "124.")), path.read_bytes())
    (tmp_path / "vcam2").rename(tmp_path / "elsewhere")
    plan = plan_of(tmp_path)
    assert [output.frames for output in plan.outputs] == [50, 50]


def test_a_cube_with_one_wild_time_is_left_whole(tmp_path: Path) -> None:
    """Six columns, so that no other clock contradicts it: it would be cut out, with a date of the year 5138."""
    night = Night(tmp_path, frames=50, drops=0.0)
    night.expose(triggers=50)
    (timing,) = (tmp_path / "vcam1").glob("*.txt")
    lines = [line.split() for line in timing.read_bytes().splitlines() if not line.startswith(b"#")]
    old = [[*fields[:4], *fields[5:]] for fields in lines]
    old[20][3] = b"99999999999.000000000"
    put(timing, b"".join(b" ".join(fields) + b"\n" for fields in old))
    (output,) = (one for one in plan_of(tmp_path).outputs if one.camera == "cam1")
    assert output.frames == 50
    assert output.reason == "1 of its 50 times are of another night, first 5138-11-16"


def test_cubes_of_old_and_new_timing_files_are_joined_with_all_their_lines(tmp_path: Path) -> None:
    """Six columns, and seven of which the acquisition's time is zero, are of one clock: the logger's."""
    night = Night(tmp_path, frames=25, drops=0.0)
    night.expose(triggers=50)
    for number, timing in enumerate(sorted(tmp_path.glob("vcam?/*.txt"))):
        lines = timing.read_bytes().splitlines()
        fields = [line.split() for line in lines if not line.startswith(b"#")]
        told = [b"0.000000"] if number % 2 else []
        rows = [b" ".join([*one[:4], *told, *one[5:]]) for one in fields]
        put(timing, b"".join(line + b"\n" for line in [*lines[: -len(rows)], *rows]))
    plan = plan_of(tmp_path)
    for number, output in enumerate(plan.outputs):
        timing_file = parse_timing(timing_of(tmp_path, plan.part(number), plan.part(number).outputs[0]))
        assert (timing_file.frames, timing_file.clock.value) == (50, "logger")
        assert output.kind == "sync"
