"""A report that was kept as a record comes back as it was, and nothing else comes out of one."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightferry.reporting import delivery
from nightferry.reporting.record import read_record, write_record
from nightferry.workplace import Workplace
from observatory.errors import CouldNotTell
from reports.model import Note, Report
from syncer.outcome import Failure, HopOutcome, NightMoves
from tests.unit.spec.folders import instrument, write
from tests.worlds import NIGHT
from verifier.verdict import Finding, HopVerdict, NightCount, SequenceGap

AT = dt.datetime(2016, 9, 8, 6, 0, tzinfo=dt.UTC)
NAMES = st.lists(st.binary(min_size=1), max_size=3).map(tuple)


def report(names: tuple[bytes, ...]) -> Report:
    """Return a report with something of every class in it."""
    verdict = HopVerdict(
        *("sha", "a:b", "a", "b", "/a/", "/b/", "size", (NIGHT,)),
        missing=names,
        damaged=tuple(Finding(name, "source", "cut") for name in names),
        sequence_gaps=(SequenceGap(NIGHT, "sha", (1, 2)),),
        accepted={"lost": 1},
        per_night={NIGHT: NightCount(1, 2, 3)},
        markers=("x", None),
    )
    outcome = HopOutcome(
        *("sha", "a:b", "a", "b", "/a/", "/b/", (NIGHT,)),
        failed=tuple(Failure(name, "why") for name in names),
        loss=(9, 1),
        seconds=0.25,
        per_night={NIGHT: NightMoves(1, 2, 3, 4)},
    )
    return Report(
        "Suther\nland",
        "run",
        AT,
        AT,
        verdicts=(verdict,),
        outcomes=(outcome,),
        notes=(Note("late"),),
        problems=(Note("lost", "sha"),),
    )


@given(NAMES)
def test_a_report_comes_back_as_it_was(names: tuple[bytes, ...]) -> None:
    """Whatever bytes its names are."""
    assert read_record(write_record(report(names))) == report(names)


def test_a_record_is_plain_json() -> None:
    """With nothing in it that a reader would run."""
    assert json.loads(write_record(report((b"\xff",))))["class"] == "Report"


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"null",
        b"{}",
        b'{"class": "Report", "fields": {}}',
        b'{"class": "Report", "fields": []}',
        b'{"class": "Path", "fields": {"x": 1}}',
        b'{"class": "Note", "fields": {"text": "not a report"}}',
        b'{"class": "Note", "fields": {"unknown": 1}}',
        b'{"class": ["Note"], "fields": {}}',
        b'{"pairs": [[{"pairs": []}, 1]]}',
        b'{"pairs": 5}',
        b'{"bytes": "="}',
        b'{"bytes": 5}',
        b'{"instant": "noon"}',
        b'{"instant": 5}',
        b'{"night": null}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_record_is_a_value_error(record: bytes) -> None:
    """Never another error, never an object of another class."""
    with pytest.raises(ValueError, match=r".*"):
        read_record(record)


def test_a_last_report_that_cannot_be_read_back_is_a_sentence_with_the_place_of_its_text(tmp_path: Path) -> None:
    """A disk at fault or another version's record: no traceback, and the way to the words."""
    with Workplace.at(write(tmp_path, sha=instrument("sha")), lambda: AT) as workplace:
        folder = delivery.keep(workplace, report((b"a.fits",)))
        whole = (folder / "record.json").read_bytes()
        for broken in (whole[:100], b"\xff", b"{}", whole.replace(b'"level"', b'"depth"')):
            (folder / "record.json").write_bytes(broken)
            with pytest.raises(CouldNotTell, match=r"cannot be read back .* report\.txt beside it"):
                delivery.last(workplace)
