"""The night that a header tells: instants in every form that instruments write, and clocks that were never set."""

from __future__ import annotations

import datetime as dt
import zoneinfo

import pytest

from catalogue.datasets.grammar import Grammar
from catalogue.datastore import DatastoreSection
from nightferry.holdings.describing import Memory
from observatory.nights import NightClock

NOTHING = Grammar("hawaii", DatastoreSection.model_construct(root="/", types={}))
HAWAII = zoneinfo.ZoneInfo("Pacific/Honolulu")
BY_NOON, BY_UT = NightClock(HAWAII), NightClock(HAWAII, None)


@pytest.mark.parametrize(
    ("told", "by_noon", "by_ut"),
    [
        ("2026-11-21T10:00:00", (2026, 11, 20), (2026, 11, 21)),
        ("2026-11-21 10:00:00 ", (2026, 11, 20), (2026, 11, 21)),
        ("2026-11-21T00:30:00+02:00", (2026, 11, 20), (2026, 11, 20)),
        ("2026-11-21", None, (2026, 11, 21)),
        (60635.25, (2024, 11, 20), (2024, 11, 21)),
        (60635, (2024, 11, 20), (2024, 11, 21)),
        ("2026-11-21T23:59:60", (2026, 11, 21), (2026, 11, 21)),
        ("9999-12-31T23:59:59", None, None),
        ("0001-01-01T00:00:00", None, None),
        ("0000-00-00T00:00:00", None, None),
        (1e300, None, None),
        (True, None, None),
    ],
)
def test_a_header_tells_the_night_or_none_and_never_ends_the_ingest(
    told: object, by_noon: tuple[int, int, int] | None, by_ut: tuple[int, int, int] | None
) -> None:
    """The last second of the year 9999 has no night in Hawaii: one such header ended all of it in a traceback."""
    for clock, night in ((BY_NOON, by_noon), (BY_UT, by_ut)):
        assert Memory(NOTHING, clock).night_at(told) == (None if night is None else dt.date(*night))
