"""Frame ids: in the order of time, from the ledger or a command, in name and header, and never over another file."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from catalogue.ledger import Ledger
from converters.base import Done, NightFolder, Task
from converters.cards import Header, read_header
from converters.frame_ids import FrameIdsStep
from converters.nightstep import Desk, Survey
from observatory.spec.models import Instrument
from tests.cubes import NIGHT, cube_header, put
from tests.unit.converters.test_packing import Leash

NOON = dt.datetime(2025, 11, 7, 12, tzinfo=dt.UTC)
TIMES = {"b": 60985.2, "a": 60985.3, "c": 60985.1}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Give an empty ledger."""
    with Ledger.open("sqlite:///catalogue.db", tmp_path) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A night's folder with three cubes whose names do not follow their times."""
    night = tmp_path / "data" / "20251106"
    for name, time in TIMES.items():
        cube(night / "vgen2" / f"vsync_{name}.cam1.fits", time)
        put(night / "vgen2" / f"vsync_{name}.cam1.txt", name.encode())
    return night


def cube(path: Path, mjd: float, **keys: Any) -> None:
    """Write a small cube."""
    header = cube_header((1, 2, 2), 1, False, 0, {"MJD-STR": mjd, **keys})
    put(path, header.to_bytes() + bytes(2880))


def instrument() -> Instrument:
    """Declare the instrument."""
    cameras = {"vgen2": {"files": ["vgen2/*"]}}
    copies = [{"host": "sc5", "root": "/data"}]
    return Instrument.model_validate(
        {"instrument": "vampires", "layout": "%Y%m%d", "cameras": cameras, "copies": copies}
    )


def step(**keys: Any) -> FrameIdsStep:
    """Return the step."""
    return FrameIdsStep.model_validate({"step": "frame-ids", "series": "VMPA", "first": 425199} | keys)


def night_folder(folder: Path) -> NightFolder:
    """Look at the folder."""
    files = sorted(str(path.relative_to(folder)).encode() for path in folder.rglob("*") if path.is_file())
    return NightFolder(NIGHT, None, folder.parent, b"20251106", tuple(files))


def planned(step: FrameIdsStep, folder: Path) -> list[Task]:
    """Return the tasks of the night."""
    return list(step.plan(night_folder(folder), Survey(instrument(), "sc5", None, False, NOON)))


def name(step: FrameIdsStep, folder: Path, memory: object) -> Done:
    """Do the one task of the night."""
    (task,) = planned(step, folder)
    scratch = folder.parents[1] / f"scratch-{len(list(folder.parents[1].iterdir()))}"
    scratch.mkdir()
    return step.make(task, [scratch / "names"], Desk(instrument(), "sc5", scratch, Leash(), NOON, memory))


def header_of(done: Done, path: bytes) -> Header:
    """Return the header of a product."""
    with done.made[path].open("rb") as stream:
        return read_header(stream)


def test_ids_follow_the_times_and_stand_in_name_and_header(folder: Path, ledger: Ledger) -> None:
    """Timing files go along; the list of names says which was which."""
    done = name(step(), folder, ledger)
    assert done.failure is None
    assert sorted(done.made) == [
        f"vgen2/VMPA{number:08d}.{ending}".encode() for number in range(425199, 425202) for ending in ("fits", "txt")
    ]
    first = header_of(done, b"vgen2/VMPA00425199.fits")
    assert (first.get("FRAMEID"), first.get("EXP-ID"), first.get("MJD-STR")) == (
        "VMPA00425199",
        "VMPE00425199",
        TIMES["c"],
    )
    assert done.made[b"vgen2/VMPA00425201.txt"].read_bytes() == b"a"
    names = next(folder.parents[1].glob("scratch-*/names")).read_text().splitlines()
    assert names == [f"vsync_{old}.cam1.fits\tVMPA{425199 + at:08d}.fits" for at, old in enumerate("cba")]


def test_the_same_files_asked_again_have_the_same_ids(folder: Path, ledger: Ledger) -> None:
    """And the same bytes."""
    one, other = name(step(), folder, ledger), name(step(), folder, ledger)
    assert one.sha256 == other.sha256


def test_the_exposures_letter_is_replaced_by_its_place(folder: Path, ledger: Ledger) -> None:
    """SCXC00000123 is of SCXE00000123: a C may stand before it too."""
    done = name(step(series="SCXC", first=123), folder, ledger)
    assert header_of(done, b"vgen2/SCXC00000123.fits").get("EXP-ID") == "SCXE00000123"


def test_cubes_of_the_same_moments_may_share_their_exposure(folder: Path, ledger: Ledger) -> None:
    """Both cameras, and every state; siblings are called by their new names."""
    for path in list((folder / "vgen2").iterdir()):
        path.unlink()
    for end, sibling in (("cam1.A", "cam2.A"), ("cam2.A", "cam1.A"), ("cam1.B", "cam2.B")):
        cube(folder / f"vgen2/vsync_x.{end}.fits", 60985.1, U_SIBL=f"vgen2/vsync_x.{sibling}.fits")
    done = name(step(shared_exp_id="true"), folder, ledger)
    headers = [header_of(done, f"vgen2/VMPA{number:08d}.fits".encode()) for number in range(425199, 425202)]
    assert {header.get("EXP-ID") for header in headers} == {"VMPE00425199"}
    assert [header.get("U_SIBL") for header in headers] == ["VMPA00425201", "vgen2/vsync_x.cam2.B.fits", "VMPA00425199"]


def test_files_that_come_later_are_another_task_with_a_list_of_its_own(folder: Path, ledger: Ledger) -> None:
    """What is known of the first ones stays."""
    put(folder / "vgen2/name_changes.txt", b"vsync_old.cam1.fits\tVMPA00425100.fits\n")
    (task,) = planned(step(), folder)
    assert task.outputs == (b"vgen2/name_changes-2.txt",)
    put(folder / "vgen2/name_changes.txt", b"vsync_a.cam1.fits\tVMPA00425100.fits\n")
    (task,) = planned(step(), folder)
    assert task.outputs == (b"vgen2/name_changes.txt",), "a run that was killed left it"


def test_files_with_ids_are_left_alone(folder: Path) -> None:
    """A night that is through has nothing to do."""
    for path in list((folder / "vgen2").iterdir()):
        path.rename(path.with_name(f"VMPA0042519{ord(path.name[6]) - 96}{path.suffix}"))
    assert planned(step(inputs=["vgen2/*.fits"]), folder) == []


def command(text: str) -> dict[str, Any]:
    """Return the keys of an allocator: a program in Python that has `count` and `series`."""
    program = f"import sys; series, count = sys.argv[1], int(sys.argv[2])\n{text}"
    return {"allocator": {"command": [sys.executable, "-c", program, "{series}", "{count}"], "timeout_s": "5"}}


GIVES = "print(*(f'{series}{500 + at:08d}' for at in range(count)), sep='\\n')"


def test_a_command_may_give_ids_out_and_is_asked_once(folder: Path, ledger: Ledger, tmp_path: Path) -> None:
    """What it gave is noted before a file bears it: a killed run does not ask again."""
    asked = tmp_path / "asked"
    keys = command(f"open({str(asked)!r}, 'a').write('x'); {GIVES}")
    assert name(step(**keys), folder, ledger).failure is None
    assert name(step(**keys), folder, ledger).failure is None
    assert asked.read_text() == "x"
    assert sorted(ledger.known_frame_ids("VMPA", "vampires", NIGHT).values()) == [500, 501, 502]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("print('VMPA00000500')", "gave 1 ids of VMPA in 1 words, wanted 3"),
        ("print('VMPA00000500 VMPA00000500 VMPA00000501')", "an id twice"),
        ("print('VMPA90000000 VMPA90000001 VMPA90000002')", "not raw"),
        ("print('VMPA00000500 VMPA00000501 VMPA90000002')", "not raw"),
        ("print('VMPA00000500 VMPA00000501 VMPA00000502 late')", "gave 3 ids of VMPA in 4 words, wanted 3"),
        ("print('VMPQ00000500 VMPA00000501 VMPA00000502')", "gave 2 ids of VMPA in 3 words"),
        ("print('VMPA500 VMPA501 VMPA502')", "gave 0 ids"),
        ("sys.exit('gen2 is down')", "ended with status 1: gen2 is down"),
    ],
)
def test_what_a_command_says_is_believed_only_if_it_is_what_was_asked(
    folder: Path, ledger: Ledger, text: str, words: str
) -> None:
    """Too few, twice, of another range or series, or none at all: no file is named, no id noted."""
    done = name(step(**command(text)), folder, ledger)
    assert words in str(done.failure)
    assert ledger.known_frame_ids("VMPA", "vampires", NIGHT) == {}


def test_a_command_that_gives_spent_ids_is_refused(folder: Path, ledger: Ledger) -> None:
    """A stale file of ids once named frames of two nights alike."""
    ledger.record_frame_ids("VMPA", "vampires", dt.date(2025, 11, 5), {(b"x", "1"): 501}, "gen2", NOON)
    done = name(step(**command(GIVES)), folder, ledger)
    assert "gave out number 501 of VMPA a second time" in str(done.failure)


def test_a_command_that_does_not_answer_is_ended(folder: Path, ledger: Ledger) -> None:
    """The original waited for ever."""
    keys = command("import time; time.sleep(60)")
    keys["allocator"]["timeout_s"] = "0.5"
    said = str(name(step(**keys), folder, ledger).failure)
    assert said.endswith("the allocator gave no ids: it took longer than 0.5 s")
    keys["allocator"]["command"] = ["/nowhere/get-ids"]
    assert "cannot be started" in str(name(step(**keys), folder, ledger).failure)


def test_an_older_night_that_comes_late_says_so(folder: Path, ledger: Ledger) -> None:
    """Its ids do not follow the nights; that cannot be mended, only known."""
    ledger.record_frame_ids("VMPA", "vampires", dt.date(2025, 12, 1), {(b"x", "1"): 501}, "gen2", NOON)
    assert "20251201 had its ids before this night" in str(name(step(), folder, ledger).warning)


def test_without_a_ledger_and_for_damaged_files_there_are_no_ids(folder: Path, ledger: Ledger) -> None:
    """A sentence, no traceback."""
    assert "cannot give out frame ids" in str(name(step(), folder, None).failure)
    put(folder / "vgen2/vsync_z.cam1.fits", b"no FITS")
    assert "within its header" in str(name(step(), folder, ledger).failure)
    assert ledger.known_frame_ids("VMPA", "vampires", NIGHT) == {}


@pytest.mark.parametrize("series", ["VMPE", "VMPZ", "VMP", "vmpa", "VMPA1", "1MPA"])
def test_a_series_that_cannot_be_is_refused(series: str) -> None:
    """E is for exposures, Z is the archive's."""
    with pytest.raises(ValidationError, match="is no series such as VMPA"):
        step(series=series)


def test_codes_with_digits_are_series() -> None:
    """K3D is an instrument."""
    assert step(series="K3DA").series == "K3DA"


def test_an_id_that_the_ledger_never_gave_out_stops_the_night_that_it_lies_in(folder: Path, ledger: Ledger) -> None:
    """As after a ledger was lost: the same frames would be there under two ids."""
    put(folder / "vgen2" / "VMPA00425205.fits.fz", b"of the ledger before")
    done = name(step(first=425300), folder, ledger)
    assert done.failure is not None
    assert done.failure.startswith("vgen2/VMPA00425205.fits.fz has an id that the ledger never gave out: bring")
    assert ledger.known_frame_ids("VMPA", "vampires", NIGHT) == {}


def test_an_empty_ledger_gives_out_no_id_that_a_file_of_another_night_bears(folder: Path, ledger: Ledger) -> None:
    """It says which number comes next; with that it goes on, and what lies in our own folder does not count."""
    put(folder.parent / "20251105" / "vgen2" / "VMPA00425230.fits.fz", b"of the ledger before")
    put(folder.parent / "20251105" / "vgen2" / "VMPA00425228.txt", b"of the ledger before")
    put(folder.parent / ".nightferry" / "replaced" / "VMPA00425300.fits", b"set aside")
    done = name(step(), folder, ledger)
    assert done.failure is not None
    assert "but 20251105/vgen2/VMPA00425230.fits.fz is there: " in done.failure
    assert done.failure.endswith("say `first: 425231`")
    assert name(step(first=425231), folder, ledger).failure is None
    assert sorted(ledger.known_frame_ids("VMPA", "vampires", NIGHT).values()) == [425231, 425232, 425233]


@pytest.mark.parametrize(("number", "first", "is_given"), [(425205, 425205, False), (425205, 425206, True)])
def test_the_first_number_of_a_new_ledger_is_none_that_a_file_bears(
    folder: Path, ledger: Ledger, number: int, first: int, is_given: bool
) -> None:
    """Not even the very one that would be given out first."""
    put(folder.parent / "20251105" / "vgen2" / f"VMPA{number:08d}.fits", b"of the ledger before")
    put(folder.parent / "20251105" / "vgen2" / "VMPA90000001.fits", b"of another range, which is numbered by itself")
    assert (name(step(first=first), folder, ledger).failure is None) is is_given


def test_files_that_come_later_get_the_next_ids_beside_those_that_the_ledger_gave_out(
    folder: Path, ledger: Ledger
) -> None:
    """An id of the ledger is no stranger, in this night or in the one before."""
    done = name(step(), folder, ledger)
    for path, place in done.made.items():
        put(folder / path.decode(), place.read_bytes())
    for old in TIMES:
        (folder / "vgen2" / f"vsync_{old}.cam1.fits").unlink()
        (folder / "vgen2" / f"vsync_{old}.cam1.txt").unlink()
    cube(folder / "vgen2" / "vsync_d.cam1.fits", 60985.4)
    later = name(step(), folder, ledger)
    assert (later.failure, sorted(later.made)) == (None, [b"vgen2/VMPA00425202.fits"])


def test_numbers_are_ordered_as_numbers_before_texts_and_what_has_none_comes_last(
    tmp_path: Path, ledger: Ledger
) -> None:
    """Below zero too."""
    night = tmp_path / "data" / "20251106"
    values: dict[str, Any] = {"text": "5", "third": 10.5, "second": 3, "first": -2.5, "zeroth": -10, "none": None}
    for stem, value in values.items():
        keys = {} if value is None else {"U_AT": value}
        cube(night / "vgen2" / f"vsync_{stem}.cam1.fits", 60985.2, **keys)
    assert name(step(order_by=["U_AT"]), night, ledger).failure is None
    names = next(tmp_path.glob("scratch-*/names")).read_text().splitlines()
    ordered = [line.partition(".")[0].removeprefix("vsync_") for line in names]
    assert ordered == ["zeroth", "first", "second", "third", "text", "none"]
