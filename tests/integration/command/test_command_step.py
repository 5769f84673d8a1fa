"""The command step with real programs: fpack, and small ones of our own that fail in every way we know."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from catalogue.ledger import Ledger
from converters.outcome import ConvertOutcome, ConvertRow, RowResult
from converters.pipeline import convert
from observatory.errors import UsageError
from observatory.spec.models import StepSection
from observatory.truth import State
from tests.integration.command.declared import FPACK, NEXT, NIGHT, Carry, instrument, program, results, scope, step

COPY = program("import sys, shutil; shutil.copyfile(sys.argv[1], sys.argv[2])", "{input}", "{output}")


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


@pytest.mark.parametrize("run", [COPY, program("import shutil; shutil.copyfile('a.fits', 'a.x')", "{input}")])
def test_what_a_person_made_of_a_product_is_kept(carry: Carry, root: Path, run: list[str]) -> None:
    """Its name is that of a product, its bytes are nobody's but theirs; what is as it was made makes way."""
    made = root / "2016/0907/a.x"
    carry(step(run=run, inputs=["a.fits"], outputs=["{stem}.x"]))
    assert results(carry(step(run=run, inputs=["a.fits"], outputs=["{stem}.x"]), force=True)) == [RowResult.DONE]
    assert not list(root.glob(".nightferry/replaced/*"))
    made.write_text("an evening's work")
    assert results(carry(step(run=run, inputs=["a.fits"], outputs=["{stem}.x"]))) == [RowResult.DONE]
    (kept,) = root.glob(".nightferry/replaced/*/2016/0907/a.x")
    assert kept.read_text() == "an evening's work"
    assert made.read_bytes() == (root / "2016/0907/a.fits").read_bytes()


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
    for name, words in (("mount", "neither its marker"), ("absent", "No such file")):
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
