"""One chain over several machines: word of a finished hop is left and waited for; its copies are counted."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from catalogue.records import HopNight, NightRecord, NightState, NightStatus
from nightferry.relay import await_earlier_hops, earlier_hops, heed_earlier_hops, leave_records, word_of
from nightferry.reporting.status import Declared
from nightferry.runs import Run
from nightferry.selection import Asked, hops_asked, instruments_asked, scope_asked
from nightferry.workplace import Workplace
from observatory.nights import night_text
from observatory.spec.chain import hops
from observatory.truth import State
from reports.model import Note
from syncer.outcome import HopOutcome
from tests.unit.spec.folders import SITE, instrument, write
from tests.worlds import instrument as made

NOW = dt.datetime(2016, 9, 7, 18, 0, tzinfo=dt.UTC)
FIRST, SECOND = Asked(hops=("a:b",)), Asked(hops=("b:c",))


class Clock:
    """A clock that goes on when somebody sleeps."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> dt.datetime:
        """Tell the time."""
        return self.now

    def sleep(self, span_s: float) -> None:
        """Go on."""
        self.now += dt.timedelta(seconds=span_s)


@pytest.fixture
def clock() -> Clock:
    """The time of both machines."""
    return Clock()


@pytest.fixture
def workplace(tmp_path: Path, clock: Clock) -> Iterator[Workplace]:
    """A chain of three copies on this machine."""
    lines = []
    for name in "abc":
        (tmp_path / name / ".nightferry").mkdir(parents=True)
        lines.append(f"\n  - {{host: here, name: {name}, root: {tmp_path / name}}}")
    site = SITE.replace("hosts:\n", "hosts:\n  here: {local: true}\n")
    folder = write(tmp_path / "etc", site, sha=instrument("sha", copies="".join(lines)))
    with Workplace.at(folder, clock) as opened:
        yield opened


def outcome(hop: str = "a:b") -> HopOutcome:
    """Return a hop that went well."""
    return HopOutcome("sha", hop, "a", "b", "/a/", "/b/", (), markers=("source", "destination"))


def word(workplace: Workplace) -> dt.datetime | None:
    """Return when the first hop was completed, as its word says."""
    said = word_of(workplace.endpoint("here"), hops_asked(workplace, FIRST)[0])
    return said.completed_utc if said is not None else None


def test_word_is_left_where_a_machine_has_its_part_of_a_chain(workplace: Workplace, tmp_path: Path) -> None:
    """Beside the marker, over the word of yesterday; a machine that does all of it leaves none."""
    leave_records(workplace, Asked(), [outcome()])
    assert word(workplace) is None
    for _ in range(2):
        leave_records(workplace, FIRST, [outcome(), outcome("b:c")])
    assert word(workplace) == NOW
    assert [path.name for path in (tmp_path / "b" / ".nightferry").iterdir()] == ["completed-sha-a-to-b"]


def test_no_word_is_left_of_what_could_not_be_told_or_was_not_done(workplace: Workplace) -> None:
    """The next machine must not start on it."""
    leave_records(workplace, FIRST, [replace(outcome(), unknown_reason="b: lost"), replace(outcome(), dry_run=True)])
    assert word(workplace) is None


def test_a_word_that_cannot_be_left_stops_nothing(workplace: Workplace, tmp_path: Path) -> None:
    """The run goes on to its report; the next machine says that it waited."""
    (tmp_path / "b" / ".nightferry").rmdir()
    leave_records(workplace, FIRST, [replace(outcome(), away_reason="the drive is not there")])
    assert word(workplace) is None


def test_no_word_is_left_below_a_root_that_was_not_seen(workplace: Workplace) -> None:
    """A drive that is away: what lies there now may be a stranger's."""
    leave_records(workplace, FIRST, [replace(outcome(), away_reason="the drive is not there", markers=(None, None))])
    assert word(workplace) is None


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"{}",
        b"[]",
        b'{"completed_utc": 5}',
        b'{"completed_utc": "2016-09-07T18:00:00"}',
        b'{"completed_utc": "2016-09-07T18:00:00Z", "late": {"20161301": "2016-09-07T18:00:00Z"}}',
        b'{"completed_utc": "2016-09-07T18:00:00Z", "late": [20160901]}',
    ],
)
def test_a_word_that_makes_no_sense_is_none(workplace: Workplace, tmp_path: Path, said: bytes) -> None:
    """Nor one that does not know its zone."""
    (tmp_path / "b" / ".nightferry" / "completed-sha-a-to-b").write_bytes(said)
    assert word(workplace) is None


def test_the_next_machine_waits_for_its_word_and_says_when_it_does_not_come(workplace: Workplace, clock: Clock) -> None:
    """Half an hour, and not half a minute more."""
    said = list(await_earlier_hops(workplace, SECOND, 0.5, clock.sleep))
    assert said == [Note("the hop a:b did not come within 0.5 h; went on with what b holds", "sha", is_urgent=True)]
    assert clock.now == NOW + dt.timedelta(minutes=30)


def test_the_next_machine_starts_when_the_word_comes(workplace: Workplace, clock: Clock) -> None:
    """In the middle of its waiting."""

    def sleep(span_s: float) -> None:
        clock.sleep(span_s)
        leave_records(workplace, FIRST, [outcome()])

    assert list(await_earlier_hops(workplace, SECOND, 2, sleep)) == []
    assert clock.now < NOW + dt.timedelta(minutes=1)


def test_a_word_is_good_for_one_start(workplace: Workplace, clock: Clock) -> None:
    """Neither yesterday's, nor one that a run has gone on from."""
    leave_records(workplace, FIRST, [outcome()])
    clock.sleep(21 * 3600)
    assert list(await_earlier_hops(workplace, SECOND, 0, clock.sleep)) != []
    leave_records(workplace, FIRST, [outcome()])
    assert list(await_earlier_hops(workplace, SECOND, 0, clock.sleep)) == []
    clock.sleep(60)
    run = workplace.ledger.start_run("run", ["sha"], clock.now, "here", 1)
    workplace.ledger.finish_run(run, State.OK, clock.now)
    assert list(await_earlier_hops(workplace, SECOND, 0, clock.sleep)) != []
    clock.sleep(60)
    leave_records(workplace, FIRST, [outcome()])
    assert list(await_earlier_hops(workplace, SECOND, 0, clock.sleep)) == []


def test_a_word_from_a_clock_that_is_ahead_starts_nobody(workplace: Workplace, clock: Clock) -> None:
    """It would be newer than every run until its date has come; what lies between two good clocks does no harm."""
    clock.now += dt.timedelta(days=300)
    leave_records(workplace, FIRST, [outcome()])
    clock.now = NOW
    assert list(await_earlier_hops(workplace, SECOND, 0, clock.sleep)) != []
    leave_records(workplace, FIRST, [outcome()])
    clock.now -= dt.timedelta(seconds=30)
    assert list(await_earlier_hops(workplace, SECOND, 0, clock.sleep)) == []


def test_a_run_of_ours_that_is_dated_ahead_does_not_make_the_word_old(workplace: Workplace, clock: Clock) -> None:
    """Our clock was wrong once; the word that came today is still today's."""
    ahead = NOW + dt.timedelta(days=300)
    run = workplace.ledger.start_run("run", ["sha"], ahead, "here", 1)
    workplace.ledger.finish_run(run, State.OK, ahead)
    leave_records(workplace, FIRST, [outcome()])
    assert list(await_earlier_hops(workplace, SECOND, 0, clock.sleep)) == []


def test_a_word_names_the_nights_that_were_brought_late_and_no_others(workplace: Workplace) -> None:
    """Those of the last two nights every machine looks at by itself."""
    run = Run(workplace, "sync", ["sha"])
    nights = {NOW.date() - dt.timedelta(days=back): NightRecord(1, 0, moved_files=1) for back in (0, 1, 2, 40)}
    workplace.ledger.record_nights(run.id, "sha", "a:b", nights, NOW)
    leave_records(workplace, FIRST, [outcome()])
    said = word_of(workplace.endpoint("here"), hops_asked(workplace, FIRST)[0])
    assert said is not None
    assert said.late == {NOW.date() - dt.timedelta(days=back): NOW for back in (2, 40)}


def test_what_a_word_names_is_in_the_window_until_it_is_proven(
    workplace: Workplace, clock: Clock, tmp_path: Path
) -> None:
    """And again when more of it is brought; a dry run notes nothing."""
    ledger, night = workplace.ledger, NOW.date() - dt.timedelta(days=40)
    (hop,) = hops_asked(workplace, SECOND)
    first_use = Run(workplace, "sync", ["sha"])
    ledger.record_nights(first_use.id, "sha", hop.key, {NOW.date(): NightRecord(1, 0)}, NOW)
    for _ in range(2):
        clock.sleep(3600)
        said = {"completed_utc": clock.now.isoformat(), "late": {night_text(night): clock.now.isoformat()}}
        (tmp_path / "b" / ".nightferry" / "completed-sha-a-to-b").write_text(json.dumps(said))
        heed_earlier_hops(workplace, Run(workplace, "sync", ["sha"], dry_run=True), SECOND)
        assert night not in scope_asked(workplace, SECOND, hop).nights
        clock.sleep(3600)
        run = Run(workplace, "sync", ["sha"])
        heed_earlier_hops(workplace, run, SECOND)
        assert night in scope_asked(workplace, SECOND, hop).nights
        ledger.record_nights(run.id, "sha", hop.key, {night: NightRecord(1, 0, NightState.PROVEN, "size")}, clock.now)
        heed_earlier_hops(workplace, run, SECOND)
        assert night not in scope_asked(workplace, SECOND, hop).nights


def test_nobody_waits_who_was_not_told_to(workplace: Workplace, clock: Clock) -> None:
    """Without a limit, without ``--hop``, and before the first hop of a chain."""
    for asked, limit_h in ((SECOND, None), (Asked(), 1.0), (FIRST, 1.0)):
        assert list(await_earlier_hops(workplace, asked, limit_h, clock.sleep)) == []
    assert clock.now == NOW
    sha = instruments_asked(workplace, Asked())[0]
    assert [[one.name for one in earlier_hops(hop)] for hop in hops(sha)] == [[], ["a:b"]]


def proven(*keys: str, still_open: tuple[str, ...] = ()) -> NightStatus:
    """Return a night that is proven on some hops and open on others."""
    rows = [(key, NightState.PROVEN) for key in keys] + [(key, NightState.OPEN) for key in still_open]
    night = dt.date(2016, 9, 7)
    seen = [HopNight(key, night, state, 1, 0, NOW, None, None, 0, 0, None) for key, state in rows]
    return NightStatus(night, tuple(seen))


def test_a_copy_filled_from_two_is_one_copy() -> None:
    """Proven where all that filled it is."""
    joined = made(
        copies=[
            {"host": "a", "root": "/a"},
            {"host": "b", "root": "/b", "origin": True},
            {"host": "c", "root": "/c", "from": ["a", "b"]},
        ]
    )
    assert Declared(joined).row(proven("a:c", "b:c")).proven == "1/1"
    assert Declared(joined).row(proven("a:c")).proven == "1/1"
    assert Declared(joined).row(proven("a:c", still_open=("b:c",))).proven == "0/1"
    assert Declared(joined).row(proven()).proven == "0/1"


def test_the_copies_of_a_variant_are_declared_where_the_instrument_was() -> None:
    """An instrument that moves is at one telescope at a time."""
    moving = made(
        variants={"telescope": ["1m", "74in"]},
        copies=[{"host": name, "root": f"/{name}/{{telescope}}"} for name in "abc"],
    )
    assert Declared(moving).row(proven("a:b@74in")).proven == "1/2"
    assert Declared(moving).row(proven("a:b@74in", "b:c@74in", "a:b@1m")).proven == "3/4"
    assert Declared(moving).row(proven()).proven == "0/2"


def counted(**files: int) -> NightStatus:
    """Return a night of so many files, all moved, on each of some hops; ``a_c`` stands for ``a:c``."""
    night = proven(*(key.replace("_", ":") for key in files))
    hops_counted = (
        replace(hop, source_files=count, moved_files=count)
        for hop, count in zip(night.hops, files.values(), strict=True)
    )
    return NightStatus(night.night, tuple(hops_counted))


def test_a_night_has_the_files_of_all_the_computers_that_they_are_born_on() -> None:
    """Two cameras, each with its own: not those of the one that has more. What forks or goes on is counted once."""
    joined = made(
        copies=[
            {"host": "a", "root": "/a"},
            {"host": "b", "root": "/b", "origin": True},
            {"host": "c", "root": "/c", "from": ["a", "b"]},
            {"host": "d", "root": "/d"},
            {"host": "e", "root": "/e", "from": "c"},
        ]
    )
    for night, files in (
        (counted(a_c=20, b_c=30), 50),
        (counted(a_c=20, b_c=30, c_d=50, c_e=50), 50),
        (counted(a_c=20, b_c=30, c_d=70), 70),  # with what steps made on c
        (counted(b_c=30), 30),
        (counted(old_c=9), 9),
    ):
        row = Declared(joined).row(night)
        assert (row.files, row.moved) == (files, files)


def test_the_files_of_a_night_at_two_telescopes_are_those_of_both() -> None:
    """Each variant is a chain of its own."""
    moving = made(
        variants={"telescope": ["1m", "74in"]},
        copies=[{"host": name, "root": f"/{name}/{{telescope}}"} for name in "abc"],
    )
    night = counted(**{"a:b@74in": 3, "b:c@74in": 3, "a:b@1m": 2})
    assert Declared(moving).row(night).files == 5
