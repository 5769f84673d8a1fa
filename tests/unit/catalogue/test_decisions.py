"""What the ledger says of people's decisions, of roots and jobs."""

from __future__ import annotations

import datetime as dt

from catalogue.ledger import Ledger
from catalogue.records import Loss, RootRecord
from observatory.truth import State

NIGHT = dt.date(2016, 9, 7)
DAY = dt.timedelta(days=1)
NOON = dt.datetime(2016, 9, 8, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def test_an_acceptance_says_who_why_and_how_long(ledger: Ledger) -> None:
    """Frames and files come back sorted; names may be any bytes."""
    ledger.accept(
        "sha",
        NIGHT,
        reason="never written",
        by="ann",
        at_utc=NOON,
        frames=[141, 140],
        files=[b"\xff", b"a"],
        until=NIGHT,
    )
    (one,) = ledger.acceptances("sha")
    assert (one.frames, one.files, one.reason, one.by) == ((140, 141), (b"a", b"\xff"), "never written", "ann")
    assert (one.at_utc, one.until, one.is_whole_night) == (NOON, NIGHT, False)


def test_an_acceptance_holds_through_its_last_day_and_for_its_instrument(ledger: Ledger) -> None:
    """The day after it is over; without an end it holds for good."""
    ledger.accept("sha", NIGHT, reason="r", by="b", at_utc=NOON, until=NIGHT + DAY)
    ledger.accept("sha", NIGHT + DAY, reason="r", by="b", at_utc=NOON)
    assert len(ledger.acceptances("sha", NIGHT + DAY)) == 2
    assert [one.night for one in ledger.acceptances("sha", NIGHT + 2 * DAY)] == [NIGHT + DAY]
    assert ledger.acceptances("shd") == ()


def test_revoking_some_frames_or_files_leaves_the_other_decisions(ledger: Ledger) -> None:
    """Only the decisions that name one of them; without any, all of that night."""
    for frames, files in (([140], []), ([141], []), ([], [b"x.fits"]), ([], [])):
        ledger.accept("sha", NIGHT, reason="r", by="b", at_utc=NOON, frames=frames, files=files)
    assert ledger.revoke("sha", NIGHT, NOON, frames=[140, 999]) == 1
    assert ledger.revoke("sha", NIGHT, NOON, files=[b"x.fits"]) == 1
    assert [one.frames for one in ledger.acceptances("sha")] == [(141,), ()]
    assert ledger.revoke("sha", NIGHT + DAY, NOON) == 0
    assert ledger.revoke("sha", NIGHT, NOON) == 2
    assert ledger.acceptances("sha") == ()


def test_an_instrument_is_away_on_the_nights_said_both_ends_included(ledger: Ledger) -> None:
    """Not before, not after, and not once it was taken back."""
    number = ledger.away("sha", NIGHT, NIGHT + DAY, reason="off the telescope", by="ann", at_utc=NOON)
    nights = [NIGHT - DAY, NIGHT, NIGHT + DAY, NIGHT + 2 * DAY]
    assert [bool(ledger.aways("sha", night)) for night in nights] == [False, True, True, False]
    (one,) = ledger.aways("sha")
    assert (one.first_night, one.last_night, one.reason, one.by) == (NIGHT, NIGHT + DAY, "off the telescope", "ann")
    ledger.revoke_away(number, NOON)
    assert ledger.aways("sha") == ()


def test_a_loss_stays_pending_until_somebody_accepts_it(ledger: Ledger) -> None:
    """Whoever notes it again does not shrink it; after it is accepted the next one counts anew."""
    assert ledger.loss_pending("sha", "/data") is None
    ledger.record_loss("sha", "/data", 100, 10, NOON)
    ledger.record_loss("sha", "/data", 10, 1, NOON + HOUR)
    loss = Loss("sha", "/data", 100, 10, NOON)
    assert ledger.loss_pending("sha", "/data") == loss
    assert ledger.losses_pending() == (loss,)
    assert ledger.loss_pending("sha", "/other") is None
    assert ledger.accept_loss("sha", "/data", "ann", NOON) == loss
    assert ledger.loss_pending("sha", "/data") is None
    ledger.record_loss("sha", "/data", 50, 5, NOON + HOUR)
    assert ledger.loss_pending("sha", "/data") == Loss("sha", "/data", 50, 5, NOON + HOUR)


def test_accepting_a_loss_that_is_not_there_is_no_licence_for_the_next(ledger: Ledger) -> None:
    """A word given in advance would hide what nobody has seen."""
    assert ledger.accept_loss("sha", "/data", "ann", NOON) is None
    ledger.record_loss("sha", "/data", 100, 10, NOON + HOUR)
    assert ledger.loss_pending("sha", "/data") is not None


def test_a_root_that_a_person_vouched_for_stays_so_while_it_is_the_same(ledger: Ledger) -> None:
    """Seen again under no name or the same name it is the same; another identity is nobody's word."""
    ledger.vouch_root("sha", "/data", "device 7", NOON)
    ledger.record_root_seen("sha", "/data", NOON + HOUR)
    ledger.record_root_seen("sha", "/data", NOON + 2 * HOUR, "device 7")
    assert ledger.root("sha", "/data") == RootRecord("sha", "/data", "device 7", True, NOON, NOON + 2 * HOUR)
    ledger.record_root_seen("sha", "/data", NOON + 3 * HOUR, "device 8")
    other = RootRecord("sha", "/data", "device 8", False, NOON + 3 * HOUR, NOON + 3 * HOUR)
    assert ledger.root("sha", "/data") == other


def test_a_root_is_known_from_the_first_time_that_it_was_seen(ledger: Ledger) -> None:
    """Nobody vouched for it; a root never seen is not known."""
    assert ledger.root("usb", "/media/drive") is None
    ledger.record_root_seen("usb", "/media/drive", NOON)
    ledger.vouch_root("usb", "/media/drive", "", NOON + HOUR)
    assert ledger.root("usb", "/media/drive") == RootRecord("usb", "/media/drive", "", True, NOON, NOON + HOUR)


def test_a_job_that_fell_due_and_was_never_started_is_seen(ledger: Ledger) -> None:
    """Due, started and finished are each remembered; noting a due time twice forgets nothing."""
    ledger.job_due("run", NOON)
    ledger.job_started("run", NOON, NOON + HOUR)
    ledger.job_finished("run", NOON, NOON + 2 * HOUR, State.DIFFERENT)
    ledger.job_due("run", NOON)
    ledger.job_due("run", NOON + 24 * HOUR)
    last = ledger.last_job("run")
    assert last is not None
    assert (last.due_utc, last.started_utc, last.state) == (NOON + 24 * HOUR, None, None)
    done = ledger.last_job("run", is_finished=True)
    assert done is not None
    assert (done.due_utc, done.started_utc, done.finished_utc) == (NOON, NOON + HOUR, NOON + 2 * HOUR)
    assert done == ledger.last_job("run", is_started=True)
    assert done.state is State.DIFFERENT
    assert ledger.last_job("prune") is None
