"""The parts of the pipeline that only decide: the gate, what frames add up to, letters as text, sealed headers."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.base import Attachment, Facts, Letter, NightFolder
from converters.facts import facts_of, facts_text, letter_of, letter_text
from converters.gate import Moment, reason_to_wait
from converters.nightstep import NightStepSection
from converters.remembered import NightMemory
from observatory.spec.check import check_instrument
from observatory.spec.models import Camera, Instrument, StepSection

NIGHT = dt.date(2025, 11, 6)
NOW_S = 1_800_000_000.0
OLD_S = NOW_S - 1000.0


class Nothing(NightStepSection):
    """A night step that has nothing against any night."""

    step: Literal["nothing"] = "nothing"


class _Empty:
    """What is known of a night of which nothing is known."""

    def made(self) -> set[tuple[bytes, str]]:
        """Nothing."""
        return set()

    def is_of_an_attempt(self, path: bytes) -> bool:
        """Of none."""
        return False


def waits(
    root: Path, names: list[str], camera: dict[str, Any], young: tuple[str, ...] = (), settle_limit_s: float = 86400.0
) -> str | None:
    """Ask the gate about a folder that holds some files."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")
        age = 10.0 if name in young else 1000.0
        os.utime(root / name, (NOW_S - age, NOW_S - age))
    folder = NightFolder(NIGHT, None, root, b".", tuple(sorted(os.fsencode(name) for name in names)))
    cameras = {"cam": Camera.model_validate(camera)}
    known: NightMemory = _Empty()  # type: ignore[assignment]
    return reason_to_wait(folder, [Nothing()], cameras, known, Moment(None, NOW_S, 300.0, settle_limit_s))


COMPANIONS = [
    (["a.fits", "a.txt"], ["{stem}.txt"], None),
    (["a.fits"], ["{stem}.txt"], "a.txt, which belongs to a.fits"),
    (["cam/a.fits", "cam/a.txt"], ["{stem}.txt"], None),
    (["cam/a.fits", "a.txt"], ["{stem}.txt"], "cam/a.txt"),
    (["cam/a.fits", "logs/a.log"], ["logs/{stem}.log"], None),
    (["cam/a.fits", "logs/b.log"], ["logs/{stem}.log"], "logs/a.log"),
    (["a.fits", "a.7.txt"], ["{stem}.*.txt"], None),
    (["a.fits", "ab.7.txt"], ["{stem}.*.txt"], "which belongs to a.fits"),
    (["[a].fits", "[a].txt"], ["{stem}.txt"], None),
    (["a*.fits", "ab.txt"], ["{stem}.txt"], "which belongs to a*.fits"),
    (["a.fits", "a.txt", "a.log", "other.dat"], ["{stem}.txt", "{stem}.log"], None),
    (["a.fits", "a.txt"], ["{stem}.txt", "{stem}.log"], "a.log"),
]


@pytest.mark.parametrize(("names", "companions", "words"), COMPANIONS)
def test_a_night_waits_for_companions(
    tmp_path: Path, names: list[str], companions: list[str], words: str | None
) -> None:
    """Beside their file, or where a slash says so; characters of patterns in names stand for themselves."""
    reason = waits(tmp_path, names, {"files": ["*.fits"], "companions": companions})
    assert (reason is None) == (words is None), reason
    assert words is None or words in str(reason)


def test_a_companion_is_waited_for_no_longer_than_the_limit(tmp_path: Path) -> None:
    """Then its file goes on without it, and the steps say what becomes of it."""
    assert waits(tmp_path, ["a.fits"], {"files": ["*.fits"], "companions": ["{stem}.txt"]}, settle_limit_s=900) is None


def test_of_several_reasons_the_first_is_told_and_the_others_counted(tmp_path: Path) -> None:
    """A night of a thousand young files is one sentence."""
    names = ["a.fits", "b.fits", "c.fits"]
    reason = waits(tmp_path, names, {"files": ["*.fits"]}, young=tuple(names))
    assert reason == "a.fits is younger than 300 s, and 2 more"


COUNTS = st.builds(
    Facts,
    st.integers(0, 99),
    st.integers(0, 99),
    st.integers(0, 99),
    st.integers(0, 99),
    st.dictionaries(st.text(max_size=5), st.integers(1, 99), max_size=3),
)


@given(COUNTS, COUNTS, COUNTS)
def test_frames_add_up_in_any_order(one: Facts, two: Facts, three: Facts) -> None:
    """And survive the ledger."""
    assert (one + two) + three == one + (three + two)
    assert facts_of(facts_text(one)) == one
    assert one + Facts() == Facts() + one


@given(st.text(), st.text(), st.binary(max_size=50))
def test_a_letter_survives_the_ledger(subject: str, text: str, content: bytes) -> None:
    """Whatever is in it and attached to it."""
    letter = Letter(("a@b", "c@d"), subject, text, (Attachment("m.csv", content),))
    assert letter_of(letter_text(letter)) == letter


class Headers(StepSection):
    """Changes headers."""

    changes_headers: ClassVar[bool] = True


class Seal(StepSection):
    """Says how files are."""

    seals: ClassVar[bool] = True


@pytest.mark.parametrize(
    ("steps", "is_refused"),
    [
        ((Headers(step="fix"), Seal(step="pack")), False),
        ((Seal(step="pack"), Headers(step="fix")), True),
        ((Seal(step="pack"), StepSection(step="look"), Headers(step="fix")), True),
        ((Seal(step="pack", copy="a"), Headers(step="fix", copy="b")), False),
    ],
)
def test_headers_are_not_changed_after_what_seals_them(steps: tuple[StepSection, ...], is_refused: bool) -> None:
    """On one copy; the sentence names both."""
    copies = [{"host": "h", "root": f"/{name}", "name": name} for name in ("a", "b")]
    declared = {"instrument": "sha", "layout": "%Y%m%d", "cameras": {"sha": {"files": ["*"]}}, "copies": copies}
    instrument = Instrument.model_validate(declared | {"convert": {"workers": 1}})
    assert instrument.convert is not None
    whole = instrument.model_copy(update={"convert": instrument.convert.model_copy(update={"steps": steps})})
    reasons = [finding.reason for finding in check_instrument(whole, ["h"])]
    assert reasons == (["fix changes headers and comes after pack: put it before"] if is_refused else [])
