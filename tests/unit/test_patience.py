"""Which archives of a round wait, and that none waits for a clock that was wrong."""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import replace
from pathlib import Path

import pytest

from catalogue.export_records import ExportRecord
from converters.export.instants import from_datetime
from converters.export.jobs import Form, HeaderPlan
from converters.export.observations import Observation
from converters.export.plan import Camera, Fate, Item
from converters.export.section import WatchModel
from nightferry.observations.watching import Patience
from tests.exports import RECORD

NOW = dt.datetime(2025, 12, 3, tzinfo=dt.UTC)
MINUTE, YEAR = dt.timedelta(minutes=1), dt.timedelta(days=365)


def waits(fate: Fate, source: Path, record: ExportRecord | None = None) -> bool:
    """Say whether an archive of a fate has to wait."""
    form: Form = "frames"
    camera = Camera(HeaderPlan("camsci1", "MagAO-X", "", (), (), 0, with_telemetry=False), form)
    observation = Observation("a@b", "title", "target", 0, 1)
    item = Item(observation, camera, "x", source.name, (source,), 0, 1, fate, record=record)
    return Patience(WatchModel(), 300.0, from_datetime(NOW))(item).fate is Fate.WAITS


@pytest.mark.parametrize(("age", "is_waiting"), [(MINUTE, True), (-MINUTE, True), (YEAR, False), (-YEAR, False)])
def test_a_file_from_far_ahead_is_none_that_is_being_written(
    tmp_path: Path, age: dt.timedelta, is_waiting: bool
) -> None:
    """It would be so until that day; a damaged archive was not called one."""
    source = tmp_path / "camsci1.xrif"
    source.write_bytes(b"")
    written_ns = from_datetime(NOW - age)
    os.utime(source, ns=(written_ns, written_ns))
    assert waits(Fate.FAILED, source) == is_waiting


@pytest.mark.parametrize(("ago", "is_waiting"), [(dt.timedelta(seconds=1), True), (YEAR, False), (-YEAR, False)])
def test_an_attempt_that_is_still_to_come_is_made_now(tmp_path: Path, ago: dt.timedelta, is_waiting: bool) -> None:
    """The clock was a year ahead when it failed: the next one would have come in a year."""
    failed = replace(RECORD, is_done=False, attempts=1, at_utc=NOW - ago)
    assert waits(Fate.FAILED, tmp_path / "gone.xrif", failed) == is_waiting
