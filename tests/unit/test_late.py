"""A night of which files came after its steps is processed no more."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest

from catalogue.evidence_records import ReadFile
from catalogue.records import Product, StepInput, StepRecord, StepResult
from nightferry.retention.late import came_late, reopen_if_late
from nightferry.workplace import Workplace
from observatory.spec.chain import hops
from tests.unit.spec.folders import instrument, write

NIGHT, NOTED = dt.date(2025, 11, 6), dt.datetime(2025, 11, 7, 20, 0, tzinfo=dt.UTC)
RAW, MADE = b"20251106/cam1/f1.raw", b"20251106/made/N1.cube"
RECORD = StepRecord(
    *("vamp", "here", "gather", NIGHT, RAW, "d" * 64, StepResult.DONE, NOTED),
    products=(Product(MADE, "b" * 64),),
    inputs=(StepInput(RAW, "a" * 64),),
)


@pytest.mark.parametrize(
    ("path", "sha256", "after_s", "is_late"),
    [
        (b"20251106/cam1/f2.raw", "c" * 64, 60.0, True),
        (b"20251106/cam1/f2.raw", "c" * 64, -60.0, False),
        (b"20251106/cam1/f2.raw", "c" * 64, None, False),
        (b"20251106/cam1/f2.raw", None, 60.0, False),
        (RAW, "a" * 64, 60.0, False),
        (RAW, "c" * 64, 60.0, False),
        (MADE, "b" * 64, 60.0, False),
    ],
)
def test_only_what_no_step_knows_and_came_after_them_is_late(
    path: bytes, sha256: str | None, after_s: float | None, is_late: bool
) -> None:
    """A log that was there is none of theirs; what rotted is no reason to take the steps again."""
    changed_s = None if after_s is None else NOTED.timestamp() + after_s
    read = ReadFile(path, NIGHT, b"cam1/" + path, sha256, 5, 0.0, changed_s, "1:2")
    assert came_late([RECORD], [read], NOTED) is is_late


def test_a_night_is_open_again_where_its_own_copy_holds_what_came_late(tmp_path: Path) -> None:
    """Not where another copy's steps know the file, nor a second time; without steps nothing is asked."""
    late = ReadFile(b"2025/1106/f2.raw", NIGHT, b"f2.raw", "c" * 64, 5, 0.0, NOTED.timestamp() + 60.0, "1:2")
    steps = '{steps: [{step: command, run: [x, "{input}"], inputs: ["*"], outputs: ["{input}.x"]}]}'
    with Workplace.at(write(tmp_path, vamp=instrument("vamp", convert=steps)), lambda: NOTED) as workplace:
        declared = workplace.instruments["vamp"]
        source, copy = hops(declared)[0].source, hops(declared)[0].destination

        def is_opened(*read: ReadFile) -> bool:
            was_opened = reopen_if_late(workplace, declared, copy, NIGHT, read)
            assert was_opened is not bool(workplace.ledger.nights_processed("vamp", copy.name))
            return was_opened

        workplace.ledger.record_step(replace(RECORD, copy=source.name, inputs=(StepInput(late.path, "c" * 64),)))
        assert not reopen_if_late(workplace, declared, copy, NIGHT, [late]), "it never was processed there"
        workplace.ledger.night_processed("vamp", copy.name, NIGHT, ["gather"], NOTED)
        assert not is_opened()
        assert is_opened(late)
        workplace.ledger.night_processed("vamp", copy.name, NIGHT, ["gather"], NOTED)
        workplace.ledger.record_step(replace(RECORD, copy=copy.name, inputs=(StepInput(late.path, "c" * 64),)))
        assert not is_opened(late)
        plain = declared.model_copy(update={"convert": None})
        newer = replace(late, path=b"2025/1106/f3.raw")
        assert not reopen_if_late(workplace, plain, copy, NIGHT, [newer])
