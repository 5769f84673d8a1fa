"""Night steps through the pipeline: one after the other, skipped, redone, stopped, held, and killed on the way."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from catalogue.ledger import Ledger
from converters.base import Done, NightFolder, Task
from converters.facts import letter_of
from converters.nightstep import Desk, NightStepSection, Survey
from converters.outcome import ConvertOutcome, RowResult
from converters.pipeline import ConvertOptions, convert
from observatory.listing import Scope, scope_of
from observatory.nights import NightClock
from observatory.spec.chain import Place
from observatory.spec.models import Instrument
from observatory.truth import State
from tests.nightsteps import Gather, List, Number, Pack, Stamp

FIRST = dt.date(2025, 11, 6)
SECOND = dt.date(2025, 11, 7)
CHAIN: tuple[NightStepSection, ...] = (Gather(), Stamp(), Number(), Pack(), List())
ENDED = ["made/N0001.cube.z", "made/N0002.cube.z"]
DONE, SKIPPED, WAITING, HELD = RowResult.DONE, RowResult.SKIPPED, RowResult.WAITING, RowResult.HELD


def instrument(**keys: Any) -> Instrument:
    """Declare an instrument of two cameras in one folder."""
    cameras = {name: {"files": [f"{name}/*.raw"], "companions": ["{stem}.txt"]} for name in ("cam1", "cam2")}
    return Instrument.model_validate(
        {
            "instrument": "vampires",
            "layout": "%Y%m%d",
            "cameras": cameras,
            "copies": [{"host": "here", "root": "/data"}],
            "settle_s": 0,
        }
        | keys
    )


def scope(root: Path, **keys: Any) -> Scope:
    """Ask for both nights of a root."""
    declared = instrument(**keys)
    place = Place("here", "here", str(root), declared.layout, declared.copies[0])
    return scope_of(declared, place, declared.cameras, (FIRST, SECOND), NightClock.from_spec("UTC", "12:00"))


def expose(root: Path, night: dt.date, lines: str = "one\ntwo\nbad\n") -> None:
    """Make a night: two raw files a camera, with their companions, older than any settle time."""
    for camera in ("cam1", "cam2"):
        for number in (1, 2):
            for ending, text in ((".raw", f"{camera} {number}\n{lines}"), (".txt", "times\n")):
                path = root / night.strftime("%Y%m%d") / camera / f"f{number}{ending}"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
                os.utime(path, (1_700_000_000, 1_700_000_000))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give a root with one night."""
    root = tmp_path / "data"
    expose(root, FIRST)
    return root


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Give an empty ledger."""
    with Ledger.open("sqlite:///catalogue.db", tmp_path / "state") as opened:
        yield opened


Carry = Callable[..., ConvertOutcome]


@pytest.fixture
def carry(root: Path, ledger: Ledger) -> Carry:
    """Give what takes steps over both nights."""

    def carry_out(*steps: NightStepSection, keys: dict[str, Any] | None = None, **options: Any) -> ConvertOutcome:
        declared = keys or {}
        given = ConvertOptions(**options)
        return convert(instrument(**declared), scope(root, **declared), steps or CHAIN, ledger, given)

    return carry_out


def results(outcome: ConvertOutcome) -> list[tuple[str, RowResult]]:
    """Return what became of each row."""
    return [(row.step, row.result) for row in outcome.rows]


def tree(root: Path) -> dict[str, str]:
    """Return every file below a root with the hash of its bytes."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def made(root: Path, night: dt.date = FIRST) -> list[str]:
    """Return what lies in a night's folder of products."""
    return sorted(path.name for path in (root / night.strftime("%Y%m%d") / "made").glob("*"))


def test_a_night_goes_through_all_steps_in_one_run(carry: Carry, root: Path) -> None:
    """Each takes what the one before it made; originals stay, and nothing of ours is left but the products."""
    before = tree(root)
    outcome = carry(workers=2)
    expected = [("gather", 2), ("stamp", 2), ("number", 2), ("pack", 2), ("list", 1)]
    assert results(outcome) == [(step, DONE) for step, count in expected for _ in range(count)]
    assert outcome.state is State.OK
    after = tree(root)
    assert {name: after[name] for name in before} == before
    assert made(root) == ["N0001.cube.z", "N0002.cube.z", "manifest-20251106.json"]
    assert not (root / ".nightferry").exists()


def test_a_second_run_makes_nothing(carry: Carry, root: Path) -> None:
    """What stands in the place of a product that was consumed is known for it; the bytes are the same."""
    carry()
    before = tree(root)
    outcome = carry()
    assert {result for _, result in results(outcome)} == {SKIPPED}
    assert tree(root) == before


def test_an_input_that_changed_is_taken_through_every_step_again(carry: Carry, root: Path) -> None:
    """The other camera's cube is gathered anew no more than it needs to be; the end is that of a fresh night."""
    carry()
    (root / "20251106/cam1/f1.raw").write_text("new\n")
    rows = results(carry())
    assert rows[:2] == [("gather", DONE), ("gather", SKIPPED)]
    assert rows[2:] == [(step, DONE) for step in ("stamp", "number", "pack", "list")]
    assert made(root) == ["N0001.cube.z", "N0002.cube.z", "manifest-20251106.json"]
    assert b"new" in zlib.decompress((root / "20251106" / ENDED[0]).read_bytes())
    assert {result for _, result in results(carry())} == {SKIPPED}


@pytest.mark.parametrize("harm", ["gone", "flipped"])
def test_a_product_that_was_harmed_is_made_again(carry: Carry, root: Path, harm: str) -> None:
    """From the first step on, as everything between has been consumed; the tree is as it was."""
    carry()
    before = tree(root)
    victim = root / "20251106" / ENDED[0]
    if harm == "gone":
        victim.unlink()
    else:
        victim.write_bytes(victim.read_bytes()[::-1])
    assert carry().state is State.OK
    after = {name: sha for name, sha in tree(root).items() if not name.startswith(".nightferry/replaced/")}
    assert after == before


def test_facts_are_counted_and_remembered(carry: Carry, ledger: Ledger) -> None:
    """Frames in are frames out and frames listed."""
    rows = carry().rows
    facts = [row.facts for row in rows if row.facts]
    assert [(one.frames_in, one.frames_out, one.listed) for one in facts] == [(8, 6, 2), (8, 6, 2)]
    records = [record for record in ledger.step_records("vampires", FIRST) if record.facts]
    assert len(records) == 2


def test_a_letter_waits_in_the_ledger_until_it_is_sent(carry: Carry, ledger: Ledger) -> None:
    """Written once, however often the night is looked at."""
    carry()
    carry()
    (waiting,) = ledger.letters("vampires")
    assert letter_of(waiting.content).subject == "manifest 20251106"
    ledger.letters_sent([waiting.id], dt.datetime.now(dt.UTC))
    assert ledger.letters("vampires") == ()
    assert len(ledger.letters("vampires", unsent=False)) == 1


def test_a_step_that_fails_stops_what_comes_after_it_in_its_night_alone(carry: Carry, root: Path) -> None:
    """The next night goes on, but for the step whose numbers follow the nights."""
    expose(root, SECOND)
    (root / "20251106/made").mkdir()
    outcome = carry(Gather(), Stamp(), Number(), Pack(timeout_s=0.1, sleep_s=30, dies_once=""), List())
    first = [(row.step, row.result) for row in outcome.rows if row.night == FIRST]
    assert first[-2:] == [("pack", RowResult.FAILED), ("list", WAITING)]
    assert outcome.state is State.DIFFERENT
    assert "took longer than 0.1 s" in str([row.reason for row in outcome.rows])


def test_numbers_follow_the_nights(carry: Carry, root: Path) -> None:
    """A later night waits at that step while an older one has not come so far."""
    expose(root, SECOND)
    expose(root, FIRST, "bad\nbad\nbad\n")
    outcome = carry(Gather(most_bad=2), Stamp(), Number(), Pack(), List())
    rows = [(row.night, row.step, row.result) for row in outcome.rows]
    assert (FIRST, "stamp", HELD) in rows
    assert (SECOND, "stamp", DONE) in rows
    assert (SECOND, "number", WAITING) in rows
    assert outcome.state is State.DIFFERENT


def test_what_is_held_goes_on_when_a_person_has_looked(carry: Carry, ledger: Ledger) -> None:
    """Approved are these results, and no others."""
    steps = (Gather(hold="review"), *CHAIN[1:])
    assert results(carry(*steps))[2:] == [(step, HELD) for step in ("stamp", "number", "pack", "list")]
    assert ledger.nights_processed("vampires", "here") == {}
    from converters.remembered import NightMemory

    digest = NightMemory(ledger, "vampires", "here", FIRST, Path("/")).hold_digest("gather")
    ledger.approve("vampires", "here", "gather", FIRST, digest, "me", dt.datetime.now(dt.UTC))
    assert results(carry(*steps))[-1] == ("list", DONE)
    assert set(ledger.nights_processed("vampires", "here")) == {FIRST}
    again = carry(Gather(hold="review", suffix="!"), *CHAIN[1:])
    assert results(again)[2:] == [(step, HELD) for step in ("stamp", "number", "pack", "list")]


def test_a_dry_run_writes_nothing(carry: Carry, root: Path, ledger: Ledger) -> None:
    """Of what is not made yet it says that it waits."""
    before = tree(root)
    rows = results(carry(dry_run=True))
    assert rows[:2] == [("gather", RowResult.PLANNED)] * 2
    assert {result for _, result in rows[2:]} == {WAITING}
    assert tree(root) == before
    assert ledger.step_records("vampires", FIRST) == ()


def test_a_step_asked_for_alone_is_not_taken_before_those_before_it(carry: Carry, root: Path) -> None:
    """Not on what is out of date; as nothing else will take those, that is no success. Taken from there on, it is."""
    asked = carry(steps=frozenset({"pack", "list"}))
    assert results(asked) == [("pack", RowResult.FAILED), ("list", RowResult.FAILED)]
    assert asked.state is State.DIFFERENT
    assert "gather is not complete, and was not asked for" in str(asked.rows[0].reason)
    assert results(carry(steps=frozenset({"pack"}), dry_run=True)) == [("pack", WAITING)]
    carry(steps=frozenset({"gather", "stamp", "number"}))
    assert results(carry(steps=frozenset({"pack"}))) == [("pack", DONE)] * 2


def test_a_plan_that_cannot_be_made_is_a_failure_with_its_reason(carry: Carry) -> None:
    """Nothing else is tried in that night."""
    outcome = carry(Gather(refuse="plan.json is damaged"), *CHAIN[1:])
    assert outcome.rows[0].reason == "plan.json is damaged"
    assert results(outcome)[0] == ("gather", RowResult.FAILED)
    assert {result for _, result in results(outcome)[1:]} == {WAITING}


GATES: dict[str, Callable[[Path], object]] = {
    "f3.txt, which belongs to cam1/f3.raw, is not there": lambda night: (night / "cam1/f3.raw").write_text("x"),
    "cam2/f1.raw is younger than 300 s": lambda night: os.utime(night / "cam2/f1.raw"),
    "still open": lambda night: (night / "open").write_text("x"),
}


@pytest.mark.parametrize("words", GATES)
def test_a_night_is_not_begun_before_it_is_complete(carry: Carry, root: Path, words: str) -> None:
    """Nothing grows, every companion is there, and no step says that it must wait."""
    GATES[words](root / "20251106")
    settle_s = 300 if "younger" in words else 0
    outcome = carry(keys={"settle_s": settle_s})
    assert [(row.step, row.result) for row in outcome.rows] == [("", RowResult.IN_PROGRESS)]
    assert words in (outcome.rows[0].reason or "")
    assert outcome.state is State.OK
    assert outcome.complete_nights("list") == {SECOND}


def test_a_companion_that_never_comes_does_not_hold_its_night_for_ever(carry: Carry, root: Path) -> None:
    """What becomes of a file without it the steps say."""
    (root / "20251106/cam1/f1.txt").unlink()
    assert carry().state is State.OK


def test_the_present_night_is_not_begun(carry: Carry) -> None:
    """Not even if it was asked for by its date."""
    outcome = carry(present=FIRST)
    assert outcome.rows[0].reason == "the night is not over"


def test_a_task_whose_process_dies_fails_alone_and_leaves_nothing(carry: Carry, root: Path, tmp_path: Path) -> None:
    """The other cube is packed; the next run does the rest."""
    steps = (*CHAIN[:3], Pack(dies_once=str(tmp_path / "died")), List())
    outcome = carry(*steps)
    assert sorted(result for step, result in results(outcome) if step == "pack") == [DONE, RowResult.FAILED]
    assert "ended by SIGKILL" in str([row.reason for row in outcome.rows])
    assert carry(*steps).state is State.OK
    assert made(root) == ["N0001.cube.z", "N0002.cube.z", "manifest-20251106.json"]


def test_an_original_is_never_consumed(carry: Carry, root: Path) -> None:
    """A step that names one as such is refused before it begins."""
    (root / "20251106/made").mkdir()
    (root / "20251106/made/strange.cube").write_text("a person put it here\n")
    outcome = carry(Stamp())
    assert "it would remove 20251106/made/strange.cube, which no step has made" in str(outcome.rows[0].reason)
    assert (root / "20251106/made/strange.cube").exists()


def test_a_product_that_is_made_no_more_is_put_aside(carry: Carry, root: Path) -> None:
    """So that no manifest lists what belongs to nothing."""
    carry(Gather())
    for path in (root / "20251106/cam2").iterdir():
        path.unlink()
    (root / "20251106/cam2").rmdir()
    carry(Gather(), Pack())
    assert made(root) == ["cam1.cube.z", "cam2.cube.z"]
    (root / "20251106/cam1/f1.raw").write_text("other\n")
    carry(Gather(), Pack())
    assert made(root) == ["cam1.cube.z", "cam2.cube.z"]


def test_what_was_hashed_is_not_read_again(carry: Carry, root: Path) -> None:
    """Size, times and inode tell; whoever changes a file changes one of them."""
    carry()
    time.sleep(0.01)
    accessed = root / "20251106/cam1/f1.raw"
    os.utime(accessed, ns=(0, accessed.stat().st_mtime_ns))
    carry()
    assert carry().state is State.OK


def test_forced_a_night_is_made_again_from_its_first_step(carry: Carry, root: Path) -> None:
    """What was consumed is gone, so that everything follows; the bytes are the same."""
    carry()
    before = tree(root)
    assert {result for _, result in results(carry(force=True))} == {DONE}
    assert tree(root) == before


def test_a_file_of_somebody_else_in_a_product_s_place_is_kept(carry: Carry, root: Path) -> None:
    """Set aside with its bytes, as everything that is not ours, and said: it may be what an instrument made."""
    (root / "20251106/made").mkdir()
    (root / "20251106/made/cam1.cube").write_text("a person put it here\n")
    outcome = carry(Gather())
    assert outcome.state is State.OK
    assert {row.reason for row in outcome.rows} == {
        None,
        "20251106/made/cam1.cube stood there and no step had made it so: set aside below .nightferry/replaced",
    }
    (kept,) = (root / ".nightferry/replaced").glob("*/20251106/made/cam1.cube")
    assert kept.read_text() == "a person put it here\n"


def test_a_night_of_which_one_step_was_made_again_is_not_called_processed(carry: Carry, ledger: Ledger) -> None:
    """What comes after it has not seen that yet."""
    carry()
    assert FIRST in ledger.nights_processed("vampires", "here")
    carry(steps=frozenset({"gather"}))
    assert FIRST in ledger.nights_processed("vampires", "here")
    carry(steps=frozenset({"gather"}), force=True)
    assert FIRST not in ledger.nights_processed("vampires", "here")


def test_a_night_of_which_a_step_made_again_what_the_others_know_stays_processed(carry: Carry, ledger: Ledger) -> None:
    """The last step lists what lies there: nothing comes after it, and what came before stands."""
    carry()
    carry(steps=frozenset({"list"}), force=True)
    assert FIRST in ledger.nights_processed("vampires", "here")


def test_a_night_that_came_through_its_steps_one_by_one_is_processed_after_the_last(
    carry: Carry, ledger: Ledger
) -> None:
    """Whoever takes them singly has taken them all in the end."""
    for step in CHAIN:
        assert FIRST not in ledger.nights_processed("vampires", "here")
        carry(steps=frozenset({step.label}))
    assert FIRST in ledger.nights_processed("vampires", "here")


class _Stray(Gather):
    """Makes a file where none may be made: named beforehand, or only when it is made."""

    where: str = ""
    is_late: bool = False

    def plan(self, folder: NightFolder, survey: Survey) -> Sequence[Task]:
        """Return the one task."""
        outputs = () if self.is_late else (os.fsencode(self.where),)
        return [Task(folder, folder.subject, (b"cam1/f1.raw",), outputs, "")]

    def make(self, task: Task, outputs: Sequence[Path], desk: Desk) -> Done:
        """Write it where it is told."""
        place = desk.scratch / "stray"
        for one in (place, *outputs):
            one.write_text("x")
        return Done(made={os.fsencode(self.where): place} if self.is_late else {})


@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.parametrize("where", ["../20251107/x", "/etc/x", ".nightferry/root", "a/../b", ""])
def test_nothing_is_made_outside_of_the_night(carry: Carry, root: Path, where: str, is_late: bool) -> None:
    """Whatever a converter of somebody else says."""
    before = tree(root)
    outcome = carry(_Stray(where=where, is_late=is_late))
    assert [row.result for row in outcome.rows] == [RowResult.FAILED]
    assert tree(root) == before


class _Faulty(Gather):
    """A converter of somebody else, with a fault of its own."""

    where: str = ""

    def not_ready(self, folder: NightFolder) -> str | None:
        """Fail, perhaps."""
        return self._fail("not_ready", folder)

    def plan(self, folder: NightFolder, survey: Survey) -> Sequence[Task]:
        """Fail, perhaps."""
        self._fail("plan", folder)
        return super().plan(folder, survey)

    def make(self, task: Task, outputs: Sequence[Path], desk: Desk) -> Done:
        """Fail, perhaps."""
        self._fail("make", task.folder)
        return super().make(task, outputs, desk)

    def _fail(self, where: str, folder: NightFolder) -> None:
        if self.where == where and folder.night == FIRST:
            raise KeyError("no such key")


@pytest.mark.parametrize("where", ["not_ready", "plan", "make"])
def test_a_converter_with_a_fault_of_its_own_fails_in_its_night_alone(carry: Carry, root: Path, where: str) -> None:
    """It is said with its night, and the next night goes on."""
    expose(root, SECOND)
    outcome = carry(_Faulty(where=where), Pack())
    failed = [row for row in outcome.rows if row.result is RowResult.FAILED]
    assert {(row.night, row.reason) for row in failed} == {(FIRST, "KeyError: 'no such key'")}
    assert made(root, SECOND) == ["cam1.cube.z", "cam2.cube.z"]
    assert not made(root, FIRST)
