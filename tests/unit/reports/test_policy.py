"""When a mail is sent: quiet days stay quiet, and a run that could not tell never is."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observatory.truth import State
from reports.model import Note, StepRow
from reports.policy import LastMail, When, digest, should_send, state_to_tell
from syncer.outcome import Failure
from tests.unit.reports.made import EVERYTHING, FIRST_HOP, FULL, NEXT_NIGHT, OK_HOP, SEED, SHD_UNKNOWN, report
from verifier.verdict import Finding

NOW = dt.datetime(2016, 9, 8, 6, 0, tzinfo=dt.UTC)
WHENS: tuple[When, ...] = ("always", "differences", "change")


def last(days_ago: float, content: str = "same", state: State = State.DIFFERENT) -> LastMail:
    """Return a mail of some days ago."""
    return LastMail(NOW - dt.timedelta(days=days_ago), content, state)


def sends(
    when: When, state: State, before: LastMail | None, alive: Literal["weekly"] | None = None, content: str = "same"
) -> bool:
    """Say whether a report of today is sent, with three days between repeats."""
    return should_send(when, state, content, before, NOW, 3, alive).send


@given(
    st.sampled_from(WHENS),
    st.none() | st.floats(0, 30).map(lambda days: last(days, state=State.UNKNOWN)),
    st.booleans(),
)
def test_a_run_that_could_not_tell_is_never_quiet(when: When, before: LastMail | None, is_alive: bool) -> None:
    """Whatever was sent before, however recently, with the same words."""
    assert sends(when, State.UNKNOWN, before, "weekly" if is_alive else None)


def test_differences_are_sent_each_time_and_quiet_days_are_quiet() -> None:
    """The default."""
    assert sends("differences", State.DIFFERENT, last(0))
    assert not sends("differences", State.OK, last(1))
    assert not sends("differences", State.AWAY, None)


def test_always_is_always() -> None:
    """Whoever wants a mail a day gets one."""
    assert all(sends("always", state, last(0)) for state in State)


def test_unchanged_differences_are_said_again_after_some_days_only() -> None:
    """change: at once, then not, then again on the third day."""
    assert sends("change", State.DIFFERENT, None)
    assert not sends("change", State.DIFFERENT, last(1))
    assert not sends("change", State.DIFFERENT, last(2))
    assert sends("change", State.DIFFERENT, last(3))


def test_other_differences_are_said_at_once() -> None:
    """change: one more missing file is another content."""
    assert sends("change", State.DIFFERENT, last(0.1), content="other")


def test_that_all_is_well_again_is_said_once() -> None:
    """change: from differences to none is a change; from none to none is not."""
    assert sends("change", State.OK, last(1, state=State.DIFFERENT))
    assert not sends("change", State.OK, last(1, state=State.OK))
    assert not sends("change", State.OK, None)
    assert not sends("differences", State.OK, last(1, state=State.DIFFERENT))


@pytest.mark.parametrize("when", ["differences", "change"])
def test_once_a_week_all_is_well_is_said(when: When) -> None:
    """Silence is an alarm: a week without any mail ends in one."""
    assert sends(when, State.OK, None, "weekly")
    assert not sends(when, State.OK, last(6, state=State.OK), "weekly")
    assert sends(when, State.OK, last(7, state=State.OK), "weekly")
    assert sends(when, State.AWAY, last(8, state=State.AWAY), "weekly")


def test_a_run_that_began_a_minute_earlier_still_counts_as_days_later() -> None:
    """A nightly run's minute wanders, and summer time takes an hour; the third day is the third day."""
    assert sends("change", State.DIFFERENT, last(3 - 1.1 / 24))


def test_a_clock_set_back_does_not_silence_anybody() -> None:
    """A last mail of the future counts as long ago."""
    assert sends("change", State.DIFFERENT, last(-400))


def test_every_decision_has_a_reason() -> None:
    """The log says why a mail went or did not."""
    for when in WHENS:
        for state in State:
            assert should_send(when, state, "same", last(1), NOW, 3, None).why


def test_a_digest_does_not_depend_on_times_windows_or_order() -> None:
    """The same findings on the next morning are the same content."""
    later = replace(
        report(*reversed([replace(FIRST_HOP, nights=(NEXT_NIGHT,), compared=200), SHD_UNKNOWN])),
        started_utc=NOW,
        finished_utc=NOW,
        notes=(Note("a run was missed"),),
    )
    assert digest(later) == digest(report(FIRST_HOP, SHD_UNKNOWN))


def test_a_digest_changes_with_each_finding() -> None:
    """Every list that can make a hop different is in it."""
    variants = [
        OK_HOP,
        FIRST_HOP,
        replace(FIRST_HOP, missing=FIRST_HOP.missing[1:]),
        replace(OK_HOP, extra=(b"x",)),
        replace(OK_HOP, size_differs=(b"x",)),
        replace(OK_HOP, checksum_differs=(b"x",)),
        replace(OK_HOP, damaged=(Finding(b"x", "source", "cut"),)),
        replace(OK_HOP, damaged=(Finding(b"x", "destination", "cut"),)),
        replace(OK_HOP, sequence_gaps=EVERYTHING.sequence_gaps),
        replace(OK_HOP, unreadable=EVERYTHING.unreadable),
        replace(OK_HOP, unknown_reason="the listing broke off"),
    ]
    digests = [digest(report(variant)) for variant in variants] + [digest(FULL)]
    assert len(set(digests)) == len(digests)
    assert digest(SEED) == digest(SEED)


def test_what_stops_work_beside_differences_that_are_known_is_news() -> None:
    """Else a full archive, or a night that waits for a person, would stay unsaid for as long as an older fault is."""
    known = replace(FULL.outcomes[0], failed=(Failure(b"x", "gone"),), refused_reason=None, postponed=0)
    step = StepRow("sha", NEXT_NIGHT, "fpack", failed=1)
    variants = [
        replace(FULL, outcomes=[known], steps=[step]),
        replace(FULL, outcomes=[replace(known, refused_reason="8 bytes are free")], steps=[step]),
        replace(FULL, outcomes=[replace(known, postponed=3)], steps=[step]),
        replace(FULL, outcomes=[known], steps=[step, StepRow("sha", NEXT_NIGHT, "summary", held=1)]),
        replace(FULL, outcomes=[known], steps=[replace(step, held=1)]),
    ]
    assert len({digest(variant) for variant in variants}) == len(variants)
    assert digest(variants[2]) == digest(replace(FULL, outcomes=[replace(known, postponed=2)], steps=[step]))


def test_an_urgent_note_ends_a_quiet_day_and_an_ordinary_one_does_not() -> None:
    """All that lies here is well, and the machine that should have brought more is dead: nobody else would say so."""
    late = Note("the hop a:b did not come within 2 h; went on with what b holds", "sha", is_urgent=True)
    well, told = report(OK_HOP), report(OK_HOP, notes=[late])
    assert state_to_tell(well) is state_to_tell(replace(told, notes=[Note("made up")])) is State.OK
    assert state_to_tell(told) is State.DIFFERENT
    assert digest(well) == digest(replace(well, notes=[Note("made up")])) != digest(told)


def test_an_urgent_note_makes_no_run_that_could_not_tell_any_better() -> None:
    """Unknown stays unknown."""
    assert state_to_tell(report(SHD_UNKNOWN, notes=[Note("late", is_urgent=True)])) is State.UNKNOWN
