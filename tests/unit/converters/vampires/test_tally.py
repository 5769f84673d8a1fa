"""A night's counts: by minute and kind, as text, JSON and drawing; and when a person should look."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
import zoneinfo
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from converters.vampires.plan import Plan
from converters.vampires.showing import as_drawing, as_json, as_text
from converters.vampires.tally import Tally, Thresholds, tally
from converters.vampires.timing import parse_timing
from tests.cubes import Night
from tests.unit.converters.vampires.test_plan import plan_of

HAWAII = zoneinfo.ZoneInfo("Pacific/Honolulu")
STRICT = Thresholds(0.9, 0.1, 0.0)


def times_of(folder: Path, plan: Plan) -> Mapping[int, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Return the times of every source that has a clock."""
    return {
        number: parse_timing((folder / source.timing.decode()).read_bytes()).times_us
        for number, source in enumerate(plan.sources)
        if source.timing is not None and source.clock
    }


def counted(folder: Path) -> Tally:
    """Plan a night and count it."""
    plan = plan_of(folder)
    return tally(plan, times_of(folder, plan))


def test_frames_are_counted_in_the_minute_in_which_they_were_exposed(tmp_path: Path) -> None:
    """A cube over a minute's edge is in both, frame by frame; all minutes together are the night."""
    night = Night(tmp_path, drops=0.0, jitter_us=500)
    night.expose("10:20:59.9", 200)
    found = counted(tmp_path)
    assert [f"{minute:%H:%M}" for minute in found.minutes] == ["10:20", "10:21"]
    kinds = [one.kinds for one in found.minutes.values()]
    assert sum((one.total() for one in kinds), 0) == found.frames == 400
    assert 0 < kinds[0].total() < kinds[1].total()
    assert {label for one in kinds for label in one} == {
        f"sync {camera} {state}" for camera in ("cam1", "cam2") for state in "AB"
    }


def test_a_good_night_needs_no_look(tmp_path: Path) -> None:
    """Nearly all paired, no state dubious."""
    Night(tmp_path, jitter_us=500).expose(triggers=400)
    assert counted(tmp_path).reasons(STRICT) == []


def test_a_night_that_was_not_to_be_synchronised_is_not_a_bad_one(tmp_path: Path) -> None:
    """Nothing was triggered: nothing could be paired, and no state was asked."""
    Night(tmp_path).expose(triggers=200, EXTTRIG=False)
    found = counted(tmp_path)
    assert (found.triggered, found.paired, found.told) == (0, 0, 0)
    assert found.reasons(STRICT) == []


def test_a_night_that_did_not_pair_or_switch_as_it_should_is_looked_at(tmp_path: Path) -> None:
    """With the counts that it rests on."""
    night = Night(tmp_path, drops=0.4)
    night.expose(triggers=300, U_FLCEN=True, U_FLCST="IN", U_TRIGJT=500)
    (tmp_path / "vcam1" / "cut.fits").write_bytes(sorted((tmp_path / "vcam1").glob("*.fits"))[0].read_bytes()[:-5000])
    found = counted(tmp_path)
    paired, sure, listed = found.reasons(STRICT)
    assert paired.startswith(f"{found.paired} of {found.triggered} frames of both cameras are paired (")
    assert sure.startswith(f"0 of {found.told} FLC states are sure (0.0%), at least 90.0% are wanted")
    assert "frames are in a cube" in listed
    assert found.reasons(Thresholds(0, 1, 1)) == []


def test_frames_without_times_have_a_row_of_their_own(tmp_path: Path) -> None:
    """They are counted all the same."""
    night = Night(tmp_path, drops=0.0)
    night.expose(triggers=200)
    sorted((tmp_path / "vcam1").glob("*.txt"))[0].unlink()
    found = counted(tmp_path)
    assert found.untimed is not None
    assert found.untimed.kinds == {"solo cam1": 100}
    assert "\nno time " in as_text(found, HAWAII, [])


def test_the_text_is_a_table_in_local_time_with_the_whole_below(tmp_path: Path) -> None:
    """HST, objects, exposure times, a column a kind."""
    Night(tmp_path, drops=0.0).expose(triggers=100, OBJECT="AB Aur")
    lines = as_text(counted(tmp_path), HAWAII, ["too few"]).splitlines()
    assert lines[2].split() == ["HST", "object", "exposure", "s", "sync", "cam1", "sync", "cam2"]
    assert lines[-3:] == [
        "200 frames, 0 of them in no cube",
        "200 of the 200 frames of both cameras are paired (100.00%)",
        "LOOK: too few",
    ]


def test_the_document_says_everything_again(tmp_path: Path) -> None:
    """For programs."""
    Night(tmp_path, drops=0.0).expose(triggers=100)
    document = json.loads(as_json(counted(tmp_path), ["too few"]))
    assert (document["frames"], document["paired"], document["look"]) == (200, 200, ["too few"])
    assert sum(sum(one["kinds"].values()) for one in document["minutes"]) == 200


@pytest.mark.parametrize("triggers", [0, 1, 300])
def test_the_drawing_is_a_picture_of_all_frames(tmp_path: Path, triggers: int) -> None:
    """A bar a minute; the heights of all bars together are all frames. An empty night is an empty picture."""
    if triggers:
        Night(tmp_path, drops=0.0, jitter_us=500).expose("10:20:59.8", triggers, OBJECT="<&>")
    found = counted(tmp_path)
    root = ET.fromstring(as_drawing(found, HAWAII))  # noqa: S314  # our own text
    space = "{http://www.w3.org/2000/svg}"
    bars = [one for one in root.iter(f"{space}rect") if one.get("x") and one.get("height") != "12"]
    assert len(bars) == sum(len(one.kinds) for one in found.minutes.values())
    assert all(float(one.get("y", "0")) >= 80 for one in bars)
