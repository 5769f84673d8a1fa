"""The archive's log: where a night lies on the first copy, which columns there are, and what an old log claims."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from catalogue.evidence_records import SafeNight, SafeState
from catalogue.records import HopNight, NightState
from nightferry.reporting.archive_log import headings, night_path, read_log, still_safe
from observatory.errors import UsageError
from observatory.spec.chain import places
from tests.worlds import NIGHT, instrument

NOON = dt.datetime(2016, 9, 8, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({}, "/data/sha/2016/0907"),
        ({"layout": "%Y%m%d/{camera}"}, "/data/sha/20160907"),
        ({"layout": "%Y/{camera}/%m%d"}, "/data/sha/2016/a/0907"),
        ({"layout": "{camera}/%Y_%m_%d"}, "/data/sha/a/2016_09_07"),
        ({"layout": None, "night_in_name": r"(?P<night>\d{8})"}, "/data/sha"),
    ],
)
def test_a_night_lies_in_the_folder_that_its_cameras_share(changes: dict[str, Any], path: str) -> None:
    """Else in that of the first of them; trees without nights have none."""
    cameras = {"a": {"files": ["*"]}, "b": {"files": ["*"]}, "calib": {"files": ["*"], "nights": "none"}}
    declared = instrument(cameras=cameras, **changes)
    assert str(night_path(declared, places(declared)[0], NIGHT)) == path


def test_columns_of_further_copies_bear_their_names() -> None:
    """A table cannot have two columns of one name."""
    copies = [{"host": host, "root": f"/{host}"} for host in ("sc5", "sc6", "cape")]
    assert headings(instrument(copies=copies)) == [
        *("sc5_path", "utc_date", "processed", "processed_timestamp"),
        *("transferred_to_sc6", "transferred_timestamp", "safe_on_sc6", "safe_timestamp"),
        *("transferred_to_cape", "transferred_timestamp_cape", "safe_on_cape", "safe_timestamp_cape"),
    ]


HEAD = ",".join(headings(instrument()))
HONOLULU = ZoneInfo("Pacific/Honolulu")


def test_an_old_log_is_read_with_the_clocks_that_wrote_it() -> None:
    """Processed and transferred in UTC, safe by the local clock."""
    line = "/x/20250603,2025-06-03,True,2025-06-04T01:00:00,True,2025-06-04T02:00:00,True,2025-06-03T20:38:15"
    found = read_log(f"{HEAD}\n{line}\n", "ARCHIVE_LOG.csv", instrument(), HONOLULU)
    assert (found.nights, found.faults) == (1, [])
    assert [(claim.what, claim.copy, claim.holds, claim.at_utc) for claim in found.claims] == [
        ("processed", "sha", True, dt.datetime(2025, 6, 4, 1, tzinfo=dt.UTC)),
        ("transferred", "archive", True, dt.datetime(2025, 6, 4, 2, tzinfo=dt.UTC)),
        ("safe", "archive", True, dt.datetime(2025, 6, 4, 6, 38, 15, tzinfo=dt.UTC)),
    ]


@pytest.mark.parametrize(
    "line",
    ["x,20250603_bak,True,,True,,True,", "x,2025-06-03,yes,,True,,True,", "x,2025-06-03,True,noon,True,,True,", ""],
)
def test_a_line_that_makes_no_sense_is_named_and_claims_nothing(line: str) -> None:
    """By its number; the others count."""
    good = "x,2025-06-04,True,,False,,False,"
    found = read_log("\n".join([HEAD, line, good]), "log.csv", instrument(), HONOLULU)
    assert found.nights == 1
    assert [fault.startswith("log.csv, line 2: ") for fault in found.faults] == ([True] if line else [])


def test_what_is_no_such_log_is_refused() -> None:
    """Without its columns, or about other machines."""
    with pytest.raises(UsageError, match="no columns utc_date and processed"):
        read_log("a,b\n1,2\n", "log.csv", instrument(), HONOLULU)
    with pytest.raises(UsageError, match="no copy 'elsewhere'"):
        read_log(HEAD.replace("on_archive", "on_elsewhere"), "log.csv", instrument(), HONOLULU)


def hop(**changes: Any) -> HopNight:
    """Return a night on a hop, whole and moved an hour before it was hashed."""
    values: dict[str, Any] = {"hop": "sha:archive", "night": NIGHT, "state": NightState.PROVEN, "source_files": 5}
    values |= {"open_files": 0, "first_seen_utc": NOON, "proven_utc": NOON, "level": "size", "moved_files": 5}
    values |= {"moved_bytes": 5, "moved_utc": NOON - dt.timedelta(hours=1)}
    return HopNight(**(values | changes))


def test_safe_ends_with_whatever_was_seen_since() -> None:
    """A file that came, one that is open, one more than was hashed; and what was never safe is not."""
    safe = SafeNight(SafeState.SAFE, 5, NOON)
    assert still_safe(safe, [hop()])
    assert still_safe(safe, [hop(source_files=2, moved_utc=None)])
    assert not still_safe(safe, [hop(), hop(open_files=1)])
    assert not still_safe(safe, [hop(source_files=6)])
    assert not still_safe(safe, [hop(moved_utc=NOON + dt.timedelta(seconds=1))])
    assert not still_safe(SafeNight(SafeState.UNKNOWN, 5, NOON), [hop()])
