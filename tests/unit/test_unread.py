"""What the schedule reads, beside what `prune` rests on: said before the disk is full."""

from __future__ import annotations

from pathlib import Path

import pytest

from nightferry.retention.unread import why_never_freed
from observatory.spec.load import load
from tests.unit.spec.folders import SITE, instrument, write

MORNINGS = 'schedule: {run: "0 8 * * *", prune: "0 12 * * 1"}\n'


def why(folder: Path, schedule: str = MORNINGS, **changes: str) -> str | None:
    """Return what is said of an instrument whose retention is the example of every page, but for some changes."""
    declared = {"retention": "{keep_nights: 60, copies: 1, within_days: 30}", "verify": "{level: checksum}"} | changes
    read = load(write(folder, SITE + schedule, sha=instrument("sha", **declared)))
    retention = read.instruments["sha"].retention
    assert retention is not None
    return why_never_freed(read.instruments["sha"], retention, read.site.schedule)


def test_a_window_that_ends_before_the_hashes_may_count_is_told(tmp_path: Path) -> None:
    """With the window that would do, and the command that reads what no window holds."""
    said = why(tmp_path) or ""
    assert "29 nights old, and may go when it is 60, by hashes of the last 30 days" in said
    assert "Set window_nights to 38, or have cron call `nightferry status --safe -i sha -n 67`" in said
    assert why(tmp_path, window_nights="38") is None


def test_a_schedule_that_hashes_nothing_is_told(tmp_path: Path) -> None:
    """Sizes prove nothing to `prune`."""
    assert "declare `verify: {level: checksum}` (it is size)" in (why(tmp_path, verify="") or "")


@pytest.mark.parametrize(
    "retention",
    [
        "{keep_nights: 20, copies: 1}",
        "{keep_nights: 60, copies: 1, within_days: 45}",
        "{keep_nights: 60, copies: 1, kinds: {raw: {files: ['*'], keep_nights: 9}}}",
    ],
)
def test_what_is_read_in_time_is_not_complained_of(tmp_path: Path, retention: str) -> None:
    """Shorter keeping, longer evidence, or some kind of files that goes early."""
    assert why(tmp_path, retention=retention) is None


def test_this_and_last_month_hold_two_months_at_most(tmp_path: Path) -> None:
    """On the last day of the month, that is; then a night is hashed in time."""
    assert why(tmp_path, window_nights="this-and-last-month") is None


@pytest.mark.parametrize("schedule", ["", 'schedule: {prune: "0 12 * * 1"}\n', 'schedule: {run: "0 8 * * *"}\n'])
def test_what_people_start_by_hand_is_their_business(tmp_path: Path, schedule: str) -> None:
    """Nothing is known of the crontabs of others."""
    assert why(tmp_path, schedule) is None
