"""What is asked of exposures: nights, numbers, times, arrival, any column; in both databases."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from observatory.errors import UsageError
from tests.exposures import NIGHT, NOON, Held

HOUR = dt.timedelta(hours=1)
NEXT = NIGHT + dt.timedelta(days=1)


@pytest.fixture
def three(held: Held) -> Held:
    """Three exposures of two nights, the second of which still waits; they arrived an hour after one another."""
    held.expose(5, PROGRAM="BRIGHT", OBJECT="M31")
    held.fill()
    held.now += HOUR
    held.expose(7, age_s=10)
    held.fill()
    held.now += HOUR
    held.expose(9, NEXT, EXPTIME=60.0, PURPOSE="test", EFFTIME=30)
    held.fill(NEXT)
    return held


def numbers(held: Held, **asked: Any) -> list[int | None]:
    """Return the numbers of the exposures asked for."""
    return [exposure.number for exposure in held.exposures(**asked)]


def test_exposures_are_asked_by_night_number_time_and_arrival(three: Held) -> None:
    """Both ends are included, and an open end has no bound."""
    assert numbers(three) == [5, 7, 9]
    assert numbers(three, nights=(NIGHT, NIGHT)) == [5, 7]
    assert numbers(three, nights=(NIGHT, NEXT), limit=2) == [5, 7]
    assert numbers(three, numbers=(5, 7)) == [5, 7]
    assert numbers(three, numbers=(6, None)) == [7, 9]
    assert numbers(three, numbers=(8, 8)) == []
    assert numbers(three, is_written=True) == [5, 9]
    assert numbers(three, arrived=(NOON, NOON), is_written=True) == [5]
    assert numbers(three, arrived=(NOON + HOUR, None)) == [7, 9]
    begun = dt.datetime(2021, 12, 1, 5, 0, 0, 250_000, dt.UTC)
    assert numbers(three, observed=(begun, begun)) == [9]


def test_the_last_is_the_newest_by_arrival_number_or_time(three: Held) -> None:
    """One exposure, or none where there is none."""
    assert numbers(three, last="arrived") == [9]
    assert numbers(three, last="arrived", nights=(NIGHT, NIGHT)) == [7]
    assert numbers(three, last="number", is_written=True) == [9]
    assert numbers(three, last="observed", nights=(NIGHT, NIGHT)) == [7]
    assert numbers(three, last="number", numbers=(100, 200)) == []


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("exptime > 60", [5, 7]),
        ("program = 'DARK' and night = 20211129", [7]),
        ("night in (20211129..20211130) and not program = 'BRIGHT'", [7, 9]),
        ("expid in (5, 9)", [5, 9]),
        ("object like 'M%'", [5]),
        ("object is null", [7, 9]),
        ("purpose = 'test'", [9]),
        ("efftime < 100", [9]),
        ("waits_for is not null", [7]),
    ],
)
def test_a_where_expression_may_name_any_column(three: Held, where: str, expected: list[int]) -> None:
    """Those that every exposure has, and the instrument's own."""
    own = {"purpose": "text", "efftime": "number"}
    assert numbers(three, where=where, own_columns=own) == expected


@pytest.mark.parametrize("where", ["colour = 1", "exptime > 'long'", "exptime >", "1; drop table exposures"])
def test_a_where_expression_that_cannot_be_is_refused(three: Held, where: str) -> None:
    """In one sentence, and nothing is asked."""
    with pytest.raises(UsageError):
        three.exposures(where=where)
    assert len(three.exposures()) == 3
