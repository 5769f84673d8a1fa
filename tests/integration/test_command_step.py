"""The command step with real programs: fpack, and small ones of our own that fail in every way we know."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from catalogue.ledger import Ledger
from catalogue.records import StepResult
from converters.command import CommandStep
from converters.outcome import ConvertOutcome, ConvertRow, RowResult
from converters.pipeline import ConvertOptions, convert
from observatory.errors import UsageError
from observatory.listing import Scope, scope_of
from observatory.nights import NightClock
from observatory.spec.chain import Place
from observatory.spec.models import Instrument, StepSection
from observatory.truth import State

NIGHT = dt.date(2016, 9, 7)
NEXT = dt.date(2016, 9, 8)
FPACK = {"run": ["fpack", "-r", "{input}"], "inputs": ["*.fits"], "outputs": ["{input}.fz"]}


def instrument(**keys: Any) -> Instrument:
    """Declare an instrument with one copy, here."""
    return Instrument.model_validate(
        {
            "instrument": "sha",
            "layout": "%Y/%m%d",
            "cameras": {"sha": {"files": ["*.fits"]}},
            "copies": [{"host": "here", "root": "/data"}],
            "settle_s": 0,
        }
        | keys
    )


def scope(root: Path, nights: tuple[dt.date, ...] = (NIGHT, NEXT), **keys: Any) -> Scope:
    """Ask for some nights of a root."""
    declared = instrument(**keys)
    place = Place("here", "here", str(root), declared.layout, declared.copies[0])
    return scope_of(declared, place, declared.cameras, nights, NightClock.from_spec("UTC", "12:00"))


def step(**keys: Any) -> CommandStep:
    """Declare a command step."""
    return CommandStep.model_validate({"step": "command"} | keys)


def program(text: str, *arguments: str) -> list[str]:
    """Return the arguments that run a few lines of Python."""
    return [sys.executable, "-c", text.replace("{", "{{").replace("}", "}}"), *arguments]


COPY = program("import sys, shutil; shutil.copyfile(sys.argv[1], sys.argv[2])", "{input}", "{output}")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Give an empty ledger."""
    with Ledger.open("sqlite:///catalogue.db", tmp_path / "state") as opened:
        yield opened


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give a root with two nights: two frames and a log, and one frame."""
    root = tmp_path / "data"
    for night, names in (("2016/0907", ["a.fits", "b.fits"]), ("2016/0908", ["c.fits"])):
        (root / night).mkdir(parents=True)
        for name in names:
            pixels = np.arange(4096, dtype=np.int16).reshape(64, 64)
            fits.PrimaryHDU(pixels).writeto(root / night / name)
    (root / "2016/0907/log.txt").write_text("cloudy\n")
    return root


Carry = Callable[..., ConvertOutcome]


@pytest.fixture
def carry(ledger: Ledger, root: Path) -> Carry:
    """Give what carries out steps over both nights."""

    def carry_out(*steps: StepSection, **options: Any) -> ConvertOutcome:
        return convert(instrument(), scope(root), steps, ledger, ConvertOptions(**options))

    return carry_out


def results(outcome: ConvertOutcome) -> list[RowResult]:
    """Return what became of each row."""
    return [row.result for row in outcome.rows]


def files_below(root: Path) -> list[str]:
    """Return every file and empty folder below a root."""
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() or not any(path.iterdir()))


def only(outcome: ConvertOutcome, name: str) -> ConvertRow:
    """Return the row of one input."""
    (row,) = [row for row in outcome.rows if row.subject.endswith(name.encode())]
    return row


def test_fpack_compresses_every_frame_of_every_night(carry: Carry, root: Path) -> None:
    """The products open and hold the same pixels; originals, log and folder are as they were."""
    before = {path: path.read_bytes() for path in root.rglob("*.fits")}
    outcome = carry(step(**FPACK), workers=4)
    assert (outcome.state, results(outcome)) == (State.OK, [RowResult.DONE] * 3)
    for path, content in before.items():
        assert path.read_bytes() == content
        with fits.open(path) as original, fits.open(f"{path}.fz") as packed:
            assert np.array_equal(original[0].data, packed[1].data)
    assert len(files_below(root)) == 7


def test_what_succeeded_on_the_same_bytes_is_skipped(carry: Carry, root: Path) -> None:
    """The program is not even started; --force starts it."""
    carry(step(**FPACK))
    stamp = (root / "2016/0907/a.fits.fz").stat().st_ino
    assert results(carry(step(**FPACK))) == [RowResult.SKIPPED] * 3
    assert (root / "2016/0907/a.fits.fz").stat().st_ino == stamp
    assert results(carry(step(**FPACK), force=True)) == [RowResult.DONE] * 3
    assert (root / "2016/0907/a.fits.fz").stat().st_ino != stamp
    assert not (root / ".nightferry").exists()


@pytest.mark.parametrize("harm", ["input changed", "output gone", "output flipped", "other arguments"])
def test_what_is_no_longer_the_same_is_done_again(carry: Carry, root: Path, harm: str) -> None:
    """Other input bytes at the same size, a product that is gone or damaged, another option."""
    carry(step(**FPACK))
    frame, packed = root / "2016/0907/a.fits", root / "2016/0907/a.fits.fz"
    whole = packed.read_bytes()
    if harm == "input changed":
        frame.write_bytes(frame.read_bytes().replace(b"\x01\x00", b"\x01\x01", 1))
    elif harm == "output gone":
        packed.unlink()
    elif harm == "output flipped":
        packed.write_bytes(whole[:-100] + b"\xff" + whole[-99:])
    keys = FPACK | {"run": ["fpack", "-g", "{input}"]} if harm == "other arguments" else FPACK
    outcome = carry(step(**keys))
    assert outcome.state is State.OK
    assert outcome.counts[RowResult.DONE] == (3 if harm == "other arguments" else 1)
    assert packed.is_file()
    assert carry(step(**keys)).counts[RowResult.SKIPPED] == 3


def test_a_product_is_under_its_name_only_when_it_is_whole(carry: Carry, root: Path) -> None:
    """With {output} the program writes below .nightferry, under the product's own name, and nothing is left there."""
    text = "import sys, os; assert not os.path.exists('a.bin'); open(sys.argv[1], 'w').write(sys.argv[1])"
    outcome = carry(step(run=program(text, "{output}", "{input}"), inputs=["a.fits"], outputs=["out/{stem}.bin"]))
    assert results(outcome) == [RowResult.DONE]
    written = (root / "2016/0907/out/a.bin").read_text()
    assert written.startswith(str(root / ".nightferry/tmp/convert-sha@"))
    assert written.endswith("/a.bin")
    assert not (root / ".nightferry").exists()


def test_a_dry_run_says_what_it_would_do_and_writes_nothing(carry: Carry, root: Path, ledger: Ledger) -> None:
    """Neither on the disk nor in the ledger; what is done already is not in the plan."""
    carry(step(**FPACK), steps=frozenset({"command"}))
    (root / "2016/0907/a.fits.fz").unlink()
    before = files_below(root)
    outcome = carry(step(**FPACK), dry_run=True)
    assert results(outcome) == [RowResult.PLANNED, RowResult.SKIPPED, RowResult.SKIPPED]
    assert files_below(root) == before
    assert outcome.complete_nights("command") == {NEXT}


FAILURES = {
    "exit status 3: no dark frame": program("import sys; print('no dark frame'); sys.exit(3)", "{input}"),
    "ended by signal SIGSEGV": program("import os; os.kill(os.getpid(), 11)", "{input}"),
    "cannot be started: no-such-program: No such file": ["no-such-program", "{input}"],
    "cannot be started: /etc/passwd: Permission denied": ["/etc/passwd", "{input}"],
    "made no 2016/0907/a.out": ["true", "{input}"],
    "a.out, which is empty": program("import sys; open(sys.argv[1][:-4] + 'out', 'w')", "{input}"),
    "no regular file": program("import os, sys; os.symlink('/', sys.argv[1][:-4] + 'out')", "{input}"),
}


@pytest.mark.parametrize("words", FAILURES)
def test_a_failure_says_why_and_leaves_nothing_half_made(carry: Carry, root: Path, words: str) -> None:
    """Each input fails by itself, all are tried, and the next run tries again."""
    before = files_below(root)
    declared = step(run=FAILURES[words], inputs=["*.fits"], outputs=["{stem}.out"])
    outcome = carry(declared, workers=2)
    assert (outcome.state, results(outcome)) == (State.DIFFERENT, [RowResult.FAILED] * 3)
    assert words in str(only(outcome, "a.fits").reason)
    assert outcome.reason == "3 failed"
    assert files_below(root) == before
    assert results(carry(declared)) == [RowResult.FAILED] * 3
    assert outcome.complete_nights("command") == frozenset()


def test_one_failing_input_stops_neither_the_others_nor_the_next_step(carry: Carry, root: Path) -> None:
    """A damaged frame costs its own product, no more."""
    (root / "2016/0907/a.fits").write_bytes(b"SIMPLE  =                    F")
    count = program("import sys; open('count.txt', 'w').write(str(len(sys.argv) - 1))", "{inputs}")
    outcome = carry(step(**FPACK), step(name="count", run=count, inputs=["*.fz"], outputs=["count.txt"]))
    assert only(outcome, "a.fits").result is RowResult.FAILED
    assert outcome.counts == {RowResult.FAILED: 1, RowResult.DONE: 4}
    assert (root / "2016/0907/count.txt").read_text() == "1"
    assert outcome.complete_nights("command") == {NEXT}
    assert outcome.complete_nights("count") == {NIGHT, NEXT}


def test_an_exit_status_named_a_warning_is_a_success_with_a_word(carry: Carry) -> None:
    """What the program said is in the row."""
    text = "import sys; open(sys.argv[1], 'w').write('x'); print('few stars'); sys.exit(4)"
    declared = step(run=program(text, "{output}", "{input}"), inputs=["c.fits"], outputs=["{stem}.x"], warning=[4])
    (row,) = carry(declared).rows
    assert (row.result, row.reason) == (RowResult.DONE, "exit status 4: few stars")


def is_alive(process: int) -> bool:
    """Say whether a process runs; one that ended and was not buried yet does not."""
    try:
        return Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z"
    except OSError:
        return False


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait for something that takes a moment."""
    deadline = time.monotonic() + 60  # a busy machine takes its time to start a program
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


SLOW = """
import os, subprocess, sys, time
deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", deaf])
open(sys.argv[1] + ".half", "w").write("half")
with open(sys.argv[2] + ".new", "w") as stream:
    stream.write(f"{os.getpid()} {child.pid}")
os.rename(sys.argv[2] + ".new", sys.argv[2])
time.sleep(600)
"""


def test_the_time_limit_ends_the_program_and_all_that_it_started(carry: Carry, root: Path, tmp_path: Path) -> None:
    """A child that ignores TERM too; the half-made product is removed."""
    note = tmp_path / "processes"
    declared = step(run=program(SLOW, "{input}", str(note)), inputs=["c.fits"], outputs=["{input}.half"], timeout_s=5)
    (row,) = carry(declared).rows
    assert row.reason == "it took longer than 5 s and was ended"
    processes = [int(word) for word in note.read_text().split()]
    wait_until(lambda: not any(is_alive(process) for process in processes))
    assert not (root / "2016/0908/c.fits.half").exists()


def test_what_a_program_leaves_running_is_ended(carry: Carry, root: Path, tmp_path: Path) -> None:
    """It exits at once and well, its child holds its output open: no waiting, and nothing writes on unseen."""
    text = (
        "import subprocess, sys; open(sys.argv[1] + '.x', 'w').write('x');"
        "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid,"
        " file=open(sys.argv[2], 'w'))"
    )
    note = tmp_path / "child"
    declared = step(run=program(text, "{input}", str(note)), inputs=["c.fits"], outputs=["{input}.x"], timeout_s=60)
    started_s = time.monotonic()
    assert results(carry(declared)) == [RowResult.DONE]
    assert time.monotonic() - started_s < 30
    wait_until(lambda: not is_alive(int(note.read_text())))


def test_a_program_that_says_much_is_neither_stopped_nor_kept_whole(carry: Carry) -> None:
    """Ten million bytes of output; the reason is their end."""
    text = "import sys; sys.stderr.write('x' * 10_000_000 + chr(10) + 'the end'); sys.exit(1)"
    (row,) = carry(step(run=program(text, "{input}"), inputs=["c.fits"])).rows
    assert str(row.reason).endswith("the end")
    assert len(str(row.reason)) < 1000


@pytest.mark.parametrize("how", ["grow", "remove", "replace"])
def test_a_program_that_alters_its_input_is_told_and_nothing_is_removed(carry: Carry, root: Path, how: str) -> None:
    """What it made may be all there is left: it stays."""
    change = {
        "grow": "open(sys.argv[1], 'a').write('x')",
        "remove": "os.unlink(sys.argv[1])",
        "replace": "open('new', 'w').write('y' * os.path.getsize(sys.argv[1])); os.replace('new', sys.argv[1])",
    }[how]
    text = f"import os, shutil, sys; shutil.copyfile(sys.argv[1], sys.argv[1] + '.x'); {change}"
    (row,) = carry(step(run=program(text, "{input}"), inputs=["c.fits"], outputs=["{input}.x"])).rows
    assert row.result is RowResult.FAILED
    assert "altered or removed its input" in str(row.reason)
    assert (root / "2016/0908/c.fits.x").is_file()


@pytest.mark.parametrize("run", [COPY, program("import shutil; shutil.copyfile('a.fits', 'a.x')", "{input}")])
def test_a_file_that_is_not_known_to_be_ours_is_kept(carry: Carry, root: Path, run: list[str]) -> None:
    """Whoever made it: it is set aside under .nightferry/replaced, and put back where the step fails."""
    (root / "2016/0907/a.x").write_text("somebody's")
    assert results(carry(step(run=run, inputs=["a.fits"], outputs=["{stem}.x"]))) == [RowResult.DONE]
    (kept,) = root.glob(".nightferry/replaced/*/2016/0907/a.x")
    assert kept.read_text() == "somebody's"
    assert (root / "2016/0907/a.x").read_bytes() == (root / "2016/0907/a.fits").read_bytes()


def test_a_failing_step_puts_back_what_was_there(carry: Carry, root: Path) -> None:
    """Somebody's file, and our own product of an earlier success."""
    (root / "2016/0907/a.x").write_text("somebody's")
    good = program("import sys; open(sys.argv[1][:-4] + 'x', 'w').write('good')", "{input}")
    bad = program("import sys; open(sys.argv[1][:-4] + 'x', 'w').write('bad'); sys.exit(1)", "{input}")
    carry(step(run=good, inputs=["b.fits"], outputs=["{stem}.x"]))
    outcome = carry(step(run=bad, inputs=["a.fits", "b.fits"], outputs=["{stem}.x"]))
    assert results(outcome) == [RowResult.FAILED] * 2
    assert (root / "2016/0907/a.x").read_text() == "somebody's"
    assert (root / "2016/0907/b.x").read_text() == "good"
    carry(step(run=good, inputs=["b.fits"], outputs=["{stem}.x"]))
    assert not list(root.glob(".nightferry/replaced/*/2016/0907/b.x"))


def test_a_step_that_would_write_over_its_input_is_not_begun(carry: Carry, root: Path) -> None:
    """Nor two inputs over one product."""
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    declared = step(run=["truncate", "-s", "0", "{input}"], inputs=["*.fits"], outputs=["{stem}.fits"])
    outcome = carry(declared)
    assert results(outcome) == [RowResult.FAILED] * 3
    assert "own input" in str(outcome.rows[0].reason)
    (root / "2016/0907/a.txt").write_text("x")
    outcome = carry(step(run=COPY, inputs=["a.*"], outputs=["{stem}.x"]))
    assert [row.reason for row in outcome.rows] == ["two inputs would both make a.x"] * 2
    assert all(path.read_bytes() == content for path, content in before.items())


def test_inputs_that_are_still_young_wait(root: Path, ledger: Ledger) -> None:
    """They are left for the next run: green, and the night is not complete."""
    declared = instrument(settle_s=300)
    os.utime(root / "2016/0907/b.fits", (time.time() - 3600,) * 2)
    outcome = convert(declared, scope(root, (NIGHT,)), [step(**FPACK)], ledger)
    assert results(outcome) == [RowResult.IN_PROGRESS, RowResult.DONE]
    assert outcome.state is State.OK
    assert outcome.complete_nights("command") == frozenset()


def test_names_of_any_bytes_come_through(carry: Carry, root: Path) -> None:
    """Newlines, quotes, dollars, a leading hyphen, and bytes that are no UTF-8."""
    names = [b"-rf.x", b"new\nline.x", b"'\"$(touch pwned).x", b"\xff\xfe.x", b"{night}.x"]
    for name in names:
        (root / "2016/0907" / os.fsdecode(name)).write_bytes(name)
    outcome = carry(step(run=COPY, inputs=["*.x"], outputs=["{input}.copy"]))
    assert results(outcome) == [RowResult.DONE] * 5
    for name in names:
        assert (root / "2016/0907" / os.fsdecode(name + b".copy")).read_bytes() == name
    assert carry(step(run=COPY, inputs=["*.x"], outputs=["{input}.copy"])).counts[RowResult.SKIPPED] == 5


def test_an_empty_mount_point_is_unknown_and_never_nothing_to_do(tmp_path: Path, ledger: Ledger) -> None:
    """A root that shows neither marker nor night, or is not there at all."""
    (tmp_path / "mount").mkdir()
    for name, words in (("mount", "neither marker nor night"), ("absent", "No such file")):
        outcome = convert(instrument(), scope(tmp_path / name), [step(**FPACK)], ledger)
        assert outcome.state is State.UNKNOWN
        assert words in str(outcome.reason)
        assert outcome.complete_nights("command") == frozenset()
    (tmp_path / "mount/.nightferry").mkdir()
    (tmp_path / "mount/.nightferry/root").touch()
    assert convert(instrument(), scope(tmp_path / "mount"), [step(**FPACK)], ledger).state is State.OK


def test_a_step_that_nobody_has_is_a_fault_of_usage(carry: Carry) -> None:
    """As a name asked for, and as a section without a converter."""
    with pytest.raises(UsageError, match="no step thumbs here"):
        carry(step(**FPACK), steps=frozenset({"thumbs"}))
    with pytest.raises(UsageError, match="no converter 'thumbs'"):
        carry(StepSection(step="thumbs"))


def test_a_night_found_by_name_is_converted_by_name(tmp_path: Path, ledger: Ledger) -> None:
    """Folders that count UT dates hold parts of two nights; each file is of the night that its stamp says."""
    root = tmp_path / "data"
    (root / "20160908").mkdir(parents=True)
    for stamp in ("20160908T010000", "20160908T230000"):
        (root / "20160908" / f"x_{stamp}.fits").write_text("x")
    keys = {"layout": "%Y%m%d", "night_in_name": r"_(?P<utc>\d{8}T\d{6})"}
    asked = scope(root, (NIGHT,), **keys)
    outcome = convert(instrument(**keys), asked, [step(run=COPY, inputs=["*.fits"], outputs=["{stem}.c"])], ledger)
    assert [(row.night, row.subject) for row in outcome.rows] == [(NIGHT, b"20160908/x_20160908T010000.fits")]


KILLED = """
import pathlib, sys
from catalogue.ledger import Ledger
from converters.pipeline import convert
from tests.integration.test_command_step import NIGHT, half_step, instrument, scope
root, state, note = map(pathlib.Path, sys.argv[1:])
with Ledger.open("sqlite:///catalogue.db", state) as ledger:
    convert(instrument(), scope(root, (NIGHT,)), [half_step(note)], ledger)
"""

HANGS_ONCE_ON_B = """
printf half > "$1.half"
if [ "$1" = b.fits ] && ! [ -e "$2" ]; then
    echo $$ > "$2.new"; mv "$2.new" "$2"; trap '' TERM; while :; do sleep 1; done
fi
printf whole > "$1.half"
"""


def half_step(note: Path) -> CommandStep:
    """Declare a step that writes beside its input, and hangs on b.fits until it has left a note."""
    run = ["sh", "-c", HANGS_ONCE_ON_B, "sh", "{input}", str(note)]
    return step(name="half", run=run, inputs=["*.fits"], outputs=["{input}.half"])


def test_a_run_that_was_killed_is_gone_on_with_by_the_next(root: Path, tmp_path: Path) -> None:
    """SIGKILL in the middle: what was done is skipped, what was half made is made whole, the orphan is ended."""
    note = tmp_path / "orphan"
    driver = subprocess.Popen([sys.executable, "-c", KILLED, root, tmp_path / "state", note])
    wait_until(note.exists)
    orphan = int(note.read_text())
    driver.kill()
    driver.wait()
    assert is_alive(orphan)
    assert (root / "2016/0907/b.fits.half").read_text() == "half"
    with Ledger.open("sqlite:///catalogue.db", tmp_path / "state") as ledger:
        records = {record.subject: record.result for record in ledger.step_records("sha", NIGHT)}
        assert records == {b"2016/0907/a.fits": StepResult.DONE, b"2016/0907/b.fits": StepResult.STARTED}
        outcome = convert(instrument(), scope(root, (NIGHT,)), [half_step(note)], ledger)
    assert results(outcome) == [RowResult.SKIPPED, RowResult.DONE]
    wait_until(lambda: not is_alive(orphan))
    assert (root / "2016/0907/b.fits.half").read_text() == "whole"
    assert not (root / ".nightferry").exists()


def test_an_interrupted_run_ends_its_programs_at_once(root: Path, tmp_path: Path) -> None:
    """Ctrl-C, or the TERM of a shutdown: nothing is left running, and no half product."""
    note = tmp_path / "orphan"
    driver = subprocess.Popen([sys.executable, "-c", KILLED, root, tmp_path / "state", note], stderr=subprocess.DEVNULL)
    wait_until(note.exists)
    driver.send_signal(signal.SIGINT)
    assert driver.wait(timeout=30) != 0
    assert not is_alive(int(note.read_text()))
    assert sorted(path.name for path in (root / "2016/0907").glob("*.half")) == ["a.fits.half"]


def test_a_lost_ledger_makes_everything_anew_and_loses_nothing(root: Path, tmp_path: Path) -> None:
    """The products of before are nobody's then: they are kept, and new ones made."""
    for state in ("one", "two"):
        with Ledger.open("sqlite:///catalogue.db", tmp_path / state) as ledger:
            outcome = convert(instrument(), scope(root), [step(**FPACK)], ledger)
            assert results(outcome) == [RowResult.DONE] * 3
    assert len(list(root.glob(".nightferry/replaced/*/*/*/*.fz"))) == 3
