"""A night of which files came after its steps is processed no more."""

from __future__ import annotations

import datetime as dt

import pytest

from catalogue.evidence_records import ReadFile
from catalogue.records import Product, StepInput, StepRecord, StepResult
from nightferry.retention.late import came_late

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
