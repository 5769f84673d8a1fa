"""This machine's clock leaps: what waits for its time is not made older by that, and somebody is told."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from nightferry.clocks import Running, aged, clock_notes, leapt, lived_through, old_before, running
from nightferry.daemon import Daemon, trigger_of
from nightferry.retention.pruning import PruneWishes, prune
from nightferry.runs import Run
from nightferry.selection import Asked
from nightferry.workplace import Workplace
from observatory.spec.chain import places
from observatory.truth import State
from syncer.transfer.folders import free_old_replaced
from tests.unit.spec.folders import instrument, write

NOW = dt.datetime(2016, 9, 7, 18, 0, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
MONTH = 30 * DAY
SITE = "site: Sutherland\ntimezone: Africa/Johannesburg\nhosts: {dome: {local: true}, hill: {local: true}}\n"


@pytest.fixture
def workplace(tmp_path: Path) -> Iterator[Workplace]:
    """A site of one instrument, on a fixed evening."""
    for host in ("dome", "hill"):
        (tmp_path / host / ".nightferry").mkdir(parents=True)
        (tmp_path / host / ".nightferry" / "root").write_text(host)
    chain = f"[{{host: dome, root: {tmp_path / 'dome'}}}, {{host: hill, root: {tmp_path / 'hill'}}}]"
    retention = "{keep_nights: 3, copies: 1}"
    folder = write(tmp_path, SITE, sha=instrument("sha", copies=chain, retention=retention))
    with Workplace.at(folder, lambda: NOW) as opened:
        yield opened


def nightly(last: dt.datetime, count: int, apart: dt.timedelta = DAY) -> list[dt.datetime]:
    """Return when so many runs began, the last one first."""
    return [last - number * apart for number in range(count)]


@pytest.mark.parametrize("apart", [DAY / 24, DAY, 7 * DAY])
def test_what_runs_saw_pass_has_passed(apart: dt.timedelta) -> None:
    """Every hour, every night or every week."""
    assert lived_through(NOW, nightly(NOW, 31 * 24, apart), MONTH) == NOW - MONTH


@pytest.mark.parametrize("apart", [DAY / 24, DAY, 7 * DAY])
@pytest.mark.parametrize("count", [0, 1, 3, 200])
def test_what_has_a_date_of_its_own_ages_before_the_first_run_too(apart: dt.timedelta, count: int) -> None:
    """A ledger of yesterday keeps no night for longer than its date says."""
    assert aged(NOW, nightly(NOW, count, apart), MONTH) == NOW - MONTH


def test_a_clock_ahead_makes_no_night_older_that_runs_saw() -> None:
    """The leap counts for a quarter of what is waited for, and what is older than the first run for as old as it is."""
    runs = nightly(NOW, 20)
    for ahead in (31 * DAY, 400 * DAY):
        found = aged(NOW + ahead, runs, MONTH)
        assert found == NOW + MONTH / 4 - MONTH
        assert found < runs[-1]


def test_a_clock_a_month_ahead_makes_nothing_a_month_older() -> None:
    """By the runs a quarter of what is waited for has passed at most, however far the clock leapt."""
    runs = nightly(NOW, 20)
    for ahead in (31 * DAY, 400 * DAY):
        assert lived_through(NOW + ahead, runs, MONTH) is None
        assert lived_through(NOW + ahead + DAY, [NOW + ahead, *runs], MONTH) is None


def test_a_clock_that_went_there_and_back_adds_a_quarter_once() -> None:
    """Runs are looked at in the order in which they were noted, not by their dates."""
    before, after = nightly(NOW, 60), nightly(NOW + 10 * DAY, 10)
    found = lived_through(NOW + 10 * DAY, [*after, NOW + 40 * DAY, *before], MONTH)
    assert found is not None
    assert abs(found - (NOW + 10 * DAY - MONTH)) <= MONTH / 4


def test_what_no_run_saw_is_not_known(workplace: Workplace) -> None:
    """A ledger that was begun anew; what is kept for no time at all goes at once."""
    assert lived_through(NOW, [], MONTH) is None
    assert lived_through(NOW, [], 0 * DAY) == NOW
    assert old_before(workplace)(30) is None
    note_runs(workplace, nightly(NOW, 40))
    assert old_before(workplace)(30) == NOW - MONTH


def note_runs(workplace: Workplace, began: Sequence[dt.datetime]) -> None:
    """Note runs in the ledger."""
    for instant in reversed(began):
        workplace.ledger.finish_run(workplace.ledger.start_run("run", ["sha"], instant, "a", 1), State.OK, instant)


def note_clock(workplace: Workplace, ahead_s: float) -> Running:
    """Note that the machine was seen running while its clock was so much behind what it shows now."""
    now = running()
    assert now is not None
    then = replace(now, began_s=now.began_s - ahead_s, noted_s=now.noted_s - ahead_s)
    workplace.state.mkdir(parents=True, exist_ok=True)
    (workplace.state / "clock.json").write_text(json.dumps(asdict(then)))
    return then


@pytest.mark.parametrize(("ahead", "words"), [(31 * DAY, "31 days ahead of"), (-3 * DAY, "3 days behind")])
def test_a_clock_that_was_set_is_told_until_it_is_right(workplace: Workplace, ahead: dt.timedelta, words: str) -> None:
    """Each run says it, with what to do; right again it is quiet by itself."""
    then = note_clock(workplace, ahead.total_seconds())
    for _ in range(2):
        (note,) = clock_notes(workplace)
        assert note.is_urgent
        assert words in note.sentence
        assert f"rm {workplace.state / 'clock.json'}" in note.sentence
    assert leapt(workplace, then) is None


def test_a_person_may_say_that_the_clock_is_right_now(workplace: Workplace) -> None:
    """The note is taken away, and the next run begins to remember anew."""
    note_clock(workplace, MONTH.total_seconds())
    (workplace.state / "clock.json").unlink()
    assert list(clock_notes(workplace)) == []
    assert json.loads((workplace.state / "clock.json").read_text())["boot"]


@pytest.mark.parametrize("change", [{"boot": "another"}, {"boot": 7, "more": 1}])
def test_of_another_boot_nothing_is_said(workplace: Workplace, change: dict[str, object]) -> None:
    """How long a machine was off no clock tells; nor does a note that cannot be read."""
    then = note_clock(workplace, MONTH.total_seconds())
    (workplace.state / "clock.json").write_text(json.dumps(asdict(then) | change))
    assert list(clock_notes(workplace)) == []


def test_a_clock_that_went_back_while_the_machine_was_off_is_told(workplace: Workplace) -> None:
    """Its battery is dead: after a power cut it begins at 2015; no time comes before one that was."""
    later = note_clock(workplace, -MONTH.total_seconds())
    (workplace.state / "clock.json").write_text(json.dumps(asdict(later) | {"boot": "before"}))
    for _ in range(2):
        (note,) = clock_notes(workplace)
        assert "clock went back while it was off: it is 30 days behind" in note.sentence
        assert f"rm {workplace.state / 'clock.json'}" in note.sentence


def test_summer_time_and_a_drifting_clock_are_no_leap(workplace: Workplace) -> None:
    """An hour, or two."""
    note_clock(workplace, 7200.0)
    assert list(clock_notes(workplace)) == []


def test_nothing_is_freed_after_a_leap(workplace: Workplace) -> None:
    """Neither by prune, whose nights are older by now than they are, nor what was set aside."""
    note_runs(workplace, nightly(NOW, 40))
    note_clock(workplace, MONTH.total_seconds())
    (_, hill) = places(workplace.instruments["sha"])
    aside = Path(hill.root) / ".nightferry/replaced/20160101T120000Z/frame.fits"
    aside.parent.mkdir(parents=True)
    aside.touch()
    endpoint = workplace.endpoint(hill.host)
    (pruned,) = prune(workplace, Run(workplace, "prune", ["sha"]), Asked(), PruneWishes())
    assert pruned.state is State.UNKNOWN
    assert "was set while it was running" in pruned.unknown[0]
    assert free_old_replaced(endpoint, hill.root.encode(), NOW, 30, old_before(workplace)) == []
    (workplace.state / "clock.json").unlink()
    assert len(free_old_replaced(endpoint, hill.root.encode(), NOW, 30, old_before(workplace))) == 1


def test_the_daemon_reckons_anew_when_the_clock_was_set(workplace: Workplace) -> None:
    """Jobs that were reckoned by a clock a month ahead would be waited for, for a month."""
    zone = ZoneInfo("Africa/Johannesburg")
    daemon = Daemon(workplace, lambda words: 0, {"run": trigger_of("0 8 * * *", zone)})
    scheduler = daemon._scheduler
    scheduler.start(paused=True)
    try:
        job = scheduler.add_job(print, daemon._triggers["run"], id="run")
        job.modify(next_run_time=dt.datetime.now(zone) + MONTH)
        now = running()
        assert now is not None
        assert daemon.mind_clock(replace(now, began_s=now.began_s + 30.0), now) == now
        assert job.next_run_time - dt.datetime.now(zone) > 29 * DAY  # a clock that drifts is nothing
        daemon.mind_clock(replace(now, began_s=now.began_s + MONTH.total_seconds()), now)
        assert job.next_run_time - dt.datetime.now(zone) <= DAY
    finally:
        scheduler.shutdown()
