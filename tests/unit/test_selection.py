"""What was asked for: which instruments, hops and nights; and nothing grows old unseen."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalogue.records import HopRecord, NightRecord, NightState
from nightferry.selection import (
    Asked,
    all_away,
    are_to_come,
    away_now,
    hops_asked,
    instruments_asked,
    nights_asked,
    scope_asked,
)
from nightferry.workplace import Workplace
from observatory.errors import UsageError
from observatory.truth import State
from tests.unit.spec.folders import instrument, write

NOW = dt.datetime(2016, 9, 7, 18, 0, tzinfo=dt.UTC)
TODAY = dt.date(2016, 9, 7)
DAY = dt.timedelta(days=1)
AWAY = "[{from: 20160901, until: 20160910, reason: at the workshop}]"


@pytest.fixture
def workplace(tmp_path: Path) -> Iterator[Workplace]:
    """A site of two instruments, one of which is away, on a fixed evening."""
    folder = write(tmp_path, sha=instrument("sha"), shd=instrument("shd", window_nights="3", away=AWAY))
    with Workplace.at(folder, lambda: NOW) as opened:
        yield opened


def test_without_words_everything_is_meant(workplace: Workplace) -> None:
    """Instruments by name, hops along the chain."""
    assert [one.instrument for one in instruments_asked(workplace, Asked())] == ["sha", "shd"]
    assert [hop.name for hop in hops_asked(workplace, Asked())] == ["sha:astro.suth"] * 2


def test_an_instrument_named_twice_is_done_once(workplace: Workplace) -> None:
    """And in its order."""
    asked = Asked(instruments=("shd", "sha", "shd"))
    assert [one.instrument for one in instruments_asked(workplace, asked)] == ["sha", "shd"]
    only = Asked(instruments=("shd",), hops=("sha:astro.suth",))
    assert [hop.instrument.instrument for hop in hops_asked(workplace, only)] == ["shd"]


def test_what_is_not_declared_is_a_usage_error_that_guesses(workplace: Workplace) -> None:
    """Or lists what there is."""
    with pytest.raises(UsageError, match=r"no instrument 'shaa' is declared; did you mean 'sha'\?"):
        instruments_asked(workplace, Asked(instruments=("shaa",)))
    with pytest.raises(UsageError, match=r"; known here: sha, shd"):
        instruments_asked(workplace, Asked(instruments=("xyz",)))
    with pytest.raises(UsageError, match="no hop 'b:a'"):
        hops_asked(workplace, Asked(hops=("b:a",)))


def test_contradictions_are_refused() -> None:
    """Before anything is opened."""
    with pytest.raises(UsageError, match="one of the two"):
        Asked(dates=("today",), nights=3)
    for nights in (0, -1):
        with pytest.raises(UsageError, match="from 1 on"):
            Asked(nights=nights)


def test_nights_are_those_named_or_counted_or_the_window(workplace: Workplace) -> None:
    """The window is the instrument's own."""
    sha, shd = instruments_asked(workplace, Asked())
    assert nights_asked(workplace, Asked(dates=("today", "20160101..20160102")), sha) == (
        dt.date(2016, 1, 1),
        dt.date(2016, 1, 2),
        TODAY,
    )
    assert nights_asked(workplace, Asked(nights=2), sha) == (TODAY - DAY, TODAY)
    assert (len(nights_asked(workplace, Asked(), sha)), len(nights_asked(workplace, Asked(), shd))) == (30, 3)


def test_nights_are_to_come_where_not_one_has_begun(workplace: Workplace) -> None:
    """Those of a month under way are not; no night at all is none to come."""
    sha = workplace.instruments["sha"]
    found = [
        are_to_come(workplace, sha, nights_asked(workplace, Asked(dates=(words,)), sha))
        for words in ("20161107", "20160908..20160930", "20160901..20160930", "today")
    ]
    assert found == [True, True, False, False]
    assert not are_to_come(workplace, sha, ())


def test_the_local_time_is_the_sites(workplace: Workplace) -> None:
    """By the rules of its zone, wherever this machine stands."""
    assert workplace.local_now().isoformat() == "2016-09-07T20:00:00+02:00"


def test_the_window_holds_every_older_night_that_is_still_open(workplace: Workplace) -> None:
    """Seen and not proven; what was asked for by name or number holds no more than that."""
    hop = hops_asked(workplace, Asked(instruments=("sha",)))[0]
    old, proven = dt.date(2016, 1, 1), dt.date(2016, 1, 2)
    run = workplace.ledger.start_run("sync", ["sha"], NOW, "here", 1)
    seen = {old: NightRecord(5, 0), proven: NightRecord(5, 0, NightState.PROVEN, "size"), TODAY: NightRecord(5, 0)}
    workplace.ledger.record_nights(run, "sha", hop.key, seen, NOW)
    nights = scope_asked(workplace, Asked(), hop).nights
    assert (nights[0], len(nights)) == (old, 31)
    assert list(nights) == sorted(nights)
    assert scope_asked(workplace, Asked(nights=2), hop).nights == (TODAY - DAY, TODAY)
    assert scope_asked(workplace, Asked(dates=("today",)), hop).nights == (TODAY,)


def test_what_comes_late_goes_on_down_the_chain(tmp_path: Path) -> None:
    """An instrument that was cut off for longer than the window: its nights do not end at the first archive."""
    chain = "[{host: sha, root: /a}, {host: astro.suth, root: /b}, {host: astro.cape, root: /c}]"
    with Workplace.at(write(tmp_path, sha=instrument("sha", copies=chain)), lambda: NOW) as workplace:
        first, second = hops_asked(workplace, Asked())
        old = dt.date(2016, 1, 1)
        run = workplace.ledger.start_run("sync", ["sha"], NOW, "here", 1)
        workplace.ledger.record_nights(run, "sha", second.key, {TODAY: NightRecord(5, 0)}, NOW - DAY)
        workplace.ledger.record_nights(run, "sha", first.key, {old: NightRecord(5, 0, moved_files=5)}, NOW)
        assert scope_asked(workplace, Asked(), second).nights[0] == old
        assert scope_asked(workplace, Asked(nights=2), second).nights[0] == TODAY - DAY


def renamed(folder: Path, *names: str) -> Workplace:
    """Open the same site, its copies called otherwise than their hosts, the last of so many names last."""
    hosts = ("sha", "astro.suth", "astro.cape")
    copies = [f"{{host: {host}, root: /{host}, name: {name}}}" for host, name in zip(hosts, names, strict=False)]
    return Workplace.at(write(folder, sha=instrument("sha", copies=f"[{', '.join(copies)}]")), lambda: NOW)


def test_what_was_open_stays_open_under_another_name(tmp_path: Path) -> None:
    """A copy was renamed, or put between two others: the hops bear other names, and lack what they lacked."""
    old, proven, accepted = (dt.date(2016, 1, day) for day in (1, 2, 3))
    seen = {old: NightRecord(5, 2), accepted: NightRecord(5, 2), proven: NightRecord(5, 0, NightState.PROVEN, "size")}
    with renamed(tmp_path, "dome", "archive") as workplace:
        run = workplace.ledger.start_run("verify", ["sha"], NOW, "here", 1)
        workplace.ledger.record_nights(run, "sha", "dome:archive", seen, NOW)
        workplace.ledger.accept("sha", accepted, reason="dome shut", by="ann", at_utc=NOW)
    with renamed(tmp_path, "dome", "between", "archive") as workplace:
        first, second = hops_asked(workplace, Asked())
        for hop in (first, second):
            nights = scope_asked(workplace, Asked(), hop).nights
            assert [night for night in nights if night < TODAY - 30 * DAY] == [old], hop.key
            whole = {old: NightRecord(5, 0, NightState.PROVEN, "size")}
            workplace.ledger.record_nights(run, "sha", hop.key, whole, NOW)
            assert old not in scope_asked(workplace, Asked(), hop).nights, "proven on the new hop, it is done"


def test_an_outage_is_looked_back_over_under_another_name(tmp_path: Path) -> None:
    """The archive's host died, and weeks later another of another name took its place."""
    last = NOW - 50 * DAY
    with renamed(tmp_path, "dome", "archive") as workplace:
        for state, at in ((State.OK, last), (State.UNKNOWN, NOW - DAY)):
            run = workplace.ledger.start_run("verify", ["sha"], at, "here", 1)
            workplace.ledger.record_hop(run, HopRecord("sha", "dome:archive", "dome", "archive", state))
    with renamed(tmp_path, "dome", "store") as workplace:
        (hop,) = hops_asked(workplace, Asked())
        assert scope_asked(workplace, Asked(), hop).nights[0] == last.date() - DAY
    with renamed(tmp_path, "dome", "archive") as workplace:
        (hop,) = hops_asked(workplace, Asked())
        run = workplace.ledger.start_run("verify", ["sha"], NOW, "here", 1)
        workplace.ledger.record_hop(run, HopRecord("sha", "dome:archive", "dome", "archive", State.OK))
        assert scope_asked(workplace, Asked(), hop).nights[0] == TODAY - 29 * DAY


def note_look(workplace: Workplace, key: str, state: State, at: dt.datetime) -> None:
    """Note that a run asked about a hop of sha, and what it came to."""
    run = workplace.ledger.start_run("verify", ["sha"], at, "here", 1)
    workplace.ledger.record_hop(run, HopRecord("sha", key, "dome", "archive", state))


def test_an_outage_at_the_very_first_look_costs_no_night_of_its_window(tmp_path: Path) -> None:
    """A new instrument could not be reached for weeks: what its first window held had been asked for, and is."""
    first = NOW - 20 * DAY
    with renamed(tmp_path, "dome", "archive") as workplace:
        (hop,) = hops_asked(workplace, Asked())
        for at in (first, NOW - DAY):
            note_look(workplace, hop.key, State.UNKNOWN, at)
        assert scope_asked(workplace, Asked(), hop).nights[0] == first.date() - 29 * DAY
        note_look(workplace, hop.key, State.DIFFERENT, NOW)
        assert scope_asked(workplace, Asked(), hop).nights[0] == TODAY - 29 * DAY


def test_an_outage_is_looked_back_over_where_the_first_look_under_another_name_fails_too(tmp_path: Path) -> None:
    """It reached back to the failed one alone."""
    last = NOW - 50 * DAY
    with renamed(tmp_path, "dome", "archive") as workplace:
        note_look(workplace, "dome:archive", State.OK, last)
    with renamed(tmp_path, "dome", "store") as workplace:
        (hop,) = hops_asked(workplace, Asked())
        note_look(workplace, hop.key, State.UNKNOWN, NOW - DAY)
        assert scope_asked(workplace, Asked(), hop).nights[0] == last.date() - DAY


def test_a_night_whose_source_is_gone_stays_open(workplace: Workplace) -> None:
    """Nobody proved it, and nothing on the source is no proof."""
    hop = hops_asked(workplace, Asked(instruments=("sha",)))[0]
    old = dt.date(2016, 1, 1)
    for files in (5, 0):
        run = workplace.ledger.start_run("sync", ["sha"], NOW, "here", 1)
        workplace.ledger.record_nights(run, "sha", hop.key, {old: NightRecord(files, 0)}, NOW)
    assert scope_asked(workplace, Asked(), hop).nights[0] == old


def test_away_is_what_yaml_and_people_say(workplace: Workplace) -> None:
    """Ends included; of all nights only where each is covered; of no night at all never."""
    sha, shd = instruments_asked(workplace, Asked())
    assert (away_now(workplace, sha), away_now(workplace, shd)) == (None, "away until 20160910: at the workshop")
    first, last = dt.date(2016, 9, 1), dt.date(2016, 9, 10)
    assert all_away(workplace, shd, [first, last]) == "away on all 2 nights: at the workshop"
    assert all_away(workplace, shd, [first - DAY, first]) is None
    assert all_away(workplace, shd, [last, last + DAY]) is None
    assert all_away(workplace, shd, []) is None
