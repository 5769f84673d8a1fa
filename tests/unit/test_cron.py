"""An expression means to the daemon and to systemd what it means to cron, found here by trying every minute."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightferry.cron import calendar, parse
from nightferry.daemon import due_since, trigger_of
from observatory.spec.forms import cron as accepted

DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
BOUNDS = ((0, 59, []), (0, 23, []), (1, 31, []), (1, 12, MONTHS), (0, 7, DAYS))
UTC = ZoneInfo("UTC")
START = dt.datetime(2016, 9, 7, 12, 0, tzinfo=dt.UTC)
Bound = tuple[int, int, list[str]]


def meant(field: str, bound: Bound) -> set[int]:
    """Return the numbers that a field names, by crontab(5)."""
    low, high, names = bound
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        ends = [low + names.index(word.lower()) if word.lower() in names else word for word in span.split("-")]
        if span == "*":
            first, last = low, high
        elif len(ends) == 2:
            first, last = int(ends[0]), int(ends[1])
        else:
            first, last = int(ends[0]), high if step else int(ends[0])
        found |= set(range(first, last + 1, int(step or 1)))
    return found


def by_cron(expression: str, count: int, days: int = 1500) -> list[dt.datetime]:
    """Return the first times after `START` at which cron would start a job in UTC, within some days."""
    fields = expression.split()
    minutes, hours, of_month, months, of_week = (meant(*pair) for pair in zip(fields, BOUNDS, strict=True))
    either = not fields[2].startswith("*") and not fields[4].startswith("*")
    found: list[dt.datetime] = []
    for number in range(days):
        day = START.date() + dt.timedelta(days=number)
        week_day = day.isoweekday() % 7
        in_week = week_day in of_week or (week_day == 0 and 7 in of_week)
        in_month = day.day in of_month
        if day.month in months and ((in_week or in_month) if either else (in_week and in_month)):
            times = (dt.time(hour, minute) for hour in sorted(hours) for minute in sorted(minutes))
            found += [at for time in times if (at := dt.datetime.combine(day, time, dt.UTC)) > START]
        if len(found) >= count:
            break
    return found[:count]


def by_daemon(expression: str, count: int, until: dt.datetime) -> list[dt.datetime]:
    """Return the first times after `START` at which the daemon would, up to an instant."""
    return list(_fires(expression, count, until))


def _fires(expression: str, count: int, until: dt.datetime) -> Iterator[dt.datetime]:
    trigger = trigger_of(expression, UTC)
    previous = START
    for _ in range(count):
        fire = trigger.get_next_fire_time(previous, previous + dt.timedelta(seconds=1))
        if fire is None or fire > until:
            return
        yield fire
        previous = fire


@st.composite
def part(draw: st.DrawFn, bound: Bound) -> str:
    """Write one part of a field: a star, a number or name, a range, each with or without a step."""
    low, high, names = bound
    first = draw(st.integers(low, high))
    last = draw(st.integers(first, high))

    def word(number: int) -> str:
        as_name = names and number - low < len(names) and draw(st.booleans())
        return draw(st.sampled_from([str.lower, str.title]))(names[number - low]) if as_name else str(number)

    span = draw(st.sampled_from(["*", word(first), f"{word(first)}-{word(last)}"]))
    return span + draw(st.sampled_from(["", "", "/1", "/2", "/3", "/5"]))


def field(bound: Bound) -> st.SearchStrategy[str]:
    """Write a field: mostly a star, or a list of parts."""
    return st.one_of(st.just("*"), st.lists(part(bound), min_size=1, max_size=3).map(",".join))


EXPRESSIONS = st.tuples(*(field(bound) for bound in BOUNDS)).map(" ".join)
CHOSEN = [
    "0 8 * * *",
    "0 8 * * 0",
    "0 8 * * 7",
    "0 8 * * 5-7",
    "30 6,18 * * mon-fri",
    "0 8 1,15 * fri",
    "0 8 */2 * mon",
    "0 8 1 * */2",
    "0 8 13 * *",
    "*/10 0-6/2 * jan-Mar,9 Sun",
    "0 0 29 2 *",
    "5/20 22 */5 */4 *",
    "0 8 *,5 * 0-7",
    "0 8 31 * 6/2",
    "* * * * *",
    "0 8 */31 9-9/1 *",
    "0-3/5 8/20 * */12 *",
]


@pytest.mark.parametrize("expression", CHOSEN)
def test_the_daemon_starts_a_job_when_cron_would(expression: str) -> None:
    """Sunday is 0 and 7; two restricted days are alternatives, one with a star is none."""
    expected = by_cron(accepted(expression), 20)
    assert expected
    assert by_daemon(expression, len(expected), expected[-1]) == expected


@settings(max_examples=60)
@given(EXPRESSIONS)
def test_any_expression_means_to_the_daemon_what_it_means_to_cron(expression: str) -> None:
    """Whatever stars, names, ranges, lists and steps it is made of."""
    expected = by_cron(accepted(expression), 6, days=800)
    until = expected[-1] if expected else START + dt.timedelta(days=799)
    assert by_daemon(expression, 6, until) == expected


@pytest.mark.parametrize("expression", CHOSEN)
def test_systemd_starts_a_job_when_cron_would(expression: str) -> None:
    """Asked of systemd itself where it is installed; everywhere the lines have their form."""
    lines = calendar(parse(expression), "UTC")
    assert all(line.endswith(":00 UTC") and "-0/" not in line for line in lines)
    program = shutil.which("systemd-analyze")
    if program is None:
        return
    found = sorted({at for line in lines for at in _asked_of_systemd(program, line)})
    expected = by_cron(expression, 8)
    assert found[: len(expected)] == expected


def _asked_of_systemd(program: str, line: str) -> list[dt.datetime]:
    words = [program, "calendar", "--iterations=12", f"--base-time={START:%Y-%m-%d %H:%M:%S} UTC", line]
    said = subprocess.run(words, capture_output=True, text=True, check=True, env={"TZ": "UTC", "LC_ALL": "C"}).stdout
    texts = [
        row.split(": ", 1)[1]
        for row in said.splitlines()
        if row.strip().startswith(("Next elapse", "Iter", "Iteration"))
    ]
    return [dt.datetime.strptime(text, "%a %Y-%m-%d %H:%M:%S UTC").replace(tzinfo=dt.UTC) for text in texts]


def test_the_zone_is_the_sites() -> None:
    """Two alternatives are two lines."""
    assert calendar(parse("0 8 1 * fri"), "Africa/Johannesburg") == (
        "*-*-1 8:0:00 Africa/Johannesburg",
        "Fri*-*-* 8:0:00 Africa/Johannesburg".replace("Fri", "Fri "),
    )


def test_a_word_is_five_fields() -> None:
    """As in crontab(5)."""
    assert parse("@daily") == parse("0 0 * * *")


def test_what_has_not_five_fields_is_no_expression() -> None:
    """It was refused with the specification; here it is an error and no schedule."""
    with pytest.raises(ValueError, match="unpack"):
        parse("0 8 * *")


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("30 2 * * *", ["24T02:30+02:00", "25T02:30+02:00", "25T02:30+01:00", "26T02:30+01:00"]),
        ("0 2-3 25 * *", ["25T02:00+02:00", "25T02:00+01:00", "25T03:00+01:00"]),
    ],
)
def test_what_was_missed_in_the_hour_that_comes_twice_comes_to_an_end(expression: str, found: list[str]) -> None:
    """The daemon that was started after such a night looked for its last job for ever, and never began another."""
    since = dt.datetime(2026, 10, 23, 22, tzinfo=dt.UTC)
    trigger = trigger_of(expression, ZoneInfo("Europe/Berlin"))
    due = due_since(trigger, since, since + dt.timedelta(days=3))
    assert [next(due).isoformat(timespec="minutes")[8:] for _ in found] == found
    assert next(due, None) is None


def test_what_was_missed_in_the_hour_that_never_comes_is_found() -> None:
    """Half past two is half past three on that morning."""
    since = dt.datetime(2026, 3, 28, 12, tzinfo=dt.UTC)
    due = due_since(trigger_of("30 2 * * *", ZoneInfo("Europe/Berlin")), since, since + dt.timedelta(days=1))
    assert [one.astimezone(UTC) for one in due] == [dt.datetime(2026, 3, 29, 1, 30, tzinfo=dt.UTC)]


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("30 0 * * *", ["05T00:30-04:00", "06T01:30-03:00", "07T00:30-03:00"]),
        ("0 0,3 * * *", ["05T00:00-04:00", "05T03:00-04:00", "06T01:00-03:00", "06T03:00-03:00", "07T00:00-03:00"]),
        ("0 * 6 9 *", ["06T01:00-03:00", "06T02:00-03:00", "06T03:00-03:00"]),
    ],
)
def test_no_night_is_left_out_where_clocks_go_forward_at_midnight(expression: str, found: list[str]) -> None:
    """As in Chile: what is due in the hour that never comes is started when it is over, once."""
    zone = ZoneInfo("America/Santiago")
    due = due_since(
        trigger_of(expression, zone),
        dt.datetime(2026, 9, 5, 3, 59, tzinfo=dt.UTC),
        dt.datetime(2027, 1, 1, tzinfo=dt.UTC),
    )
    shown = (one.astimezone(UTC).astimezone(zone) for one in due)
    assert [next(shown).isoformat(timespec="minutes")[8:] for _ in found] == found
