"""Evidence in the ledger: the last reading counts, the first sum is kept, and what is gone is not forgotten."""

from __future__ import annotations

import datetime as dt

from catalogue.evidence_records import FreedFile, FreeingState, ReadFile, Reading, SafeNight, SafeState
from catalogue.ledger import Ledger
from catalogue.records import NightRecord

NIGHT = dt.date(2016, 9, 7)
DAY = dt.timedelta(days=1)
NOON = dt.datetime(2016, 9, 8, 12, tzinfo=dt.UTC)
LATER = NOON + dt.timedelta(days=3)


def holder(ledger: Ledger, root: str = "/data/sha") -> int:
    """Return the number of one copy."""
    return ledger.holder("sha", "sha", "sha", root)


def file(number: int, sha256: str | None = "aa") -> ReadFile:
    """Return one file as read."""
    name = b"%d\xff.fits" % number
    return ReadFile(b"2016/0907/" + name, NIGHT, b"sha/" + name, sha256, 10, 1.25, 2.5, "1:2")


def test_a_copy_keeps_its_number_and_another_root_is_another_copy(ledger: Ledger) -> None:
    """Evidence never moves with a name to another disk."""
    assert holder(ledger) == holder(ledger) != holder(ledger, "/data/other")


def test_a_copy_that_was_renamed_keeps_its_number_and_one_beside_it_does_not_get_it(ledger: Ledger) -> None:
    """The folder is the same, whatever it is called; but copies for other cameras may share a root."""
    dome = ledger.holder("sha", "dome", "hill", "/data")
    assert ledger.known_holder("sha", "kuppel", "hill", "/data") is None
    assert ledger.known_holder("sha", "kuppel", "hill", "/data", ["dome"]) is None
    assert ledger.known_holder("sha", "kuppel", "hill", "/data", []) == dome
    assert ledger.known_holder("shd", "kuppel", "hill", "/data", []) is None
    beside = ledger.holder("sha", "beside", "hill", "/data", ["dome"])
    assert ledger.holder("sha", "kuppel", "hill", "/data", ["beside"]) == dome != beside
    assert ledger.known_holder("sha", "kuppel", "hill", "/data") == dome
    assert ledger.holder("sha", "dome", "hill", "/data", ["kuppel", "beside"]) not in (dome, beside)


def test_the_last_reading_counts_and_the_first_sum_stays(ledger: Ledger) -> None:
    """What was recorded when it was first read is what everything later is compared with."""
    one = holder(ledger)
    ledger.record_reading(one, Reading(NOON, "verify", "id", "boot"), [file(1)])
    ledger.record_reading(one, Reading(LATER, "status"), [file(1, "bb")])
    (found,) = ledger.evidence_of(one, NIGHT).values()
    assert (found.file, found.reading) == (file(1, "bb"), Reading(LATER, "status"))
    assert (found.first_sha256, found.first_utc) == ("aa", NOON)
    assert ledger.evidence_nights(one) == {NIGHT}


def test_what_is_gone_has_no_sum_and_keeps_its_first(ledger: Ledger) -> None:
    """A file that vanished is no evidence any more, and what it held is still known."""
    one = holder(ledger)
    ledger.record_reading(one, Reading(NOON, "verify"), [file(1), file(2)])
    ledger.record_reading(one, Reading(LATER, "verify"), [file(1, None)])
    ledger.record_gone(one, [file(2).path])
    found = ledger.evidence_of(one, NIGHT)
    assert [(row.file.sha256, row.first_sha256) for row in found.values()] == [(None, "aa"), (None, "aa")]


def test_the_newest_instant_is_that_of_any_run_or_reading(ledger: Ledger) -> None:
    """A clock that was set back is noticed by it."""
    assert ledger.newest_instant() is None
    ledger.start_run("sync", ["sha"], NOON, "astro", 1)
    assert ledger.newest_instant() == NOON
    ledger.record_reading(holder(ledger), Reading(LATER, "verify"), [file(1)])
    assert ledger.newest_instant() == LATER


def test_safe_nights_are_noted_anew(ledger: Ledger) -> None:
    """The last word on a night counts."""
    one = holder(ledger)
    ledger.record_safe(one, {NIGHT: SafeNight(SafeState.SAFE, 5, NOON)})
    ledger.record_safe(one, {NIGHT: SafeNight(SafeState.UNSAFE, 5, LATER, "1 differs")})
    assert ledger.safe_nights(one) == {NIGHT: SafeNight(SafeState.UNSAFE, 5, LATER, "1 differs")}
    assert ledger.safe_nights(one, []) == {}


def test_unsafe_nights_are_found_among_all_that_were_judged(ledger: Ledger) -> None:
    """Of any age; what could not be told is not called unsafe."""
    one, bad = holder(ledger), SafeNight(SafeState.UNSAFE, 5, LATER, "1 differs")
    states = {
        NIGHT: SafeNight(SafeState.SAFE, 5, NOON),
        NIGHT + DAY: bad,
        NIGHT + 2 * DAY: SafeNight(SafeState.UNKNOWN, 0, NOON),
    }
    ledger.record_safe(one, states)
    assert ledger.unsafe_nights(one) == {NIGHT + DAY: bad}


def test_a_confirmation_names_files_and_can_be_taken_back(ledger: Ledger) -> None:
    """What an archive said is kept with who noted it."""
    sums = {b"sha/1\xff.fits": "aa"}
    ledger.confirm("sha", NIGHT, sums, kind="archive", archive="STARS", by="ana", at_utc=NOON)
    ledger.confirm("sha", NIGHT, {}, kind="manifest", archive="STARS", by="run", at_utc=NOON)
    first, second = ledger.confirmations("sha", NIGHT)
    assert (first.archive, dict(first.files), first.by, second.kind) == ("STARS", sums, "ana", "manifest")
    assert ledger.revoke_confirmations("sha", NIGHT, "STARS", LATER) == 2
    assert ledger.confirmations("sha", NIGHT) == ()


def freed(number: int) -> FreedFile:
    """Return one file to be freed."""
    one = file(number)
    return FreedFile(one.path, NIGHT, one.name, 10, "aa")


def known(ledger: Ledger) -> int:
    """Return how many files the next sync will expect of the night."""
    return ledger.last_counts("sha", "sha:archive", [NIGHT])[NIGHT]


def test_what_is_being_freed_is_no_loss_and_what_stays_is_expected_again(ledger: Ledger) -> None:
    """A sync that comes by while files are set aside misses nothing; put back they are missed again."""
    run, one = ledger.start_run("prune", ["sha"], NOON, "astro", 1), holder(ledger)
    ledger.record_nights(run, "sha", "sha:archive", {NIGHT: NightRecord(source_files=5)}, NOON)
    number = ledger.begin_freeing(one, "sha", ["sha:archive"], [freed(1), freed(2), freed(3)], NOON)
    (begun,) = ledger.open_freeings(one)
    assert (begun.id, begun.state, len(begun.files), known(ledger)) == (number, FreeingState.BEGUN, 3, 2)
    assert ledger.freed(one, [NIGHT]) == {}
    ledger.prove_freeing(number, {freed(1).path, freed(2).path}, "proof.json")
    assert ledger.open_freeings(one)[0].state is FreeingState.PROVEN
    ledger.finish_freeing(number, "sha", ["sha:archive"], {freed(2).path, freed(3).path}, LATER)
    assert (ledger.open_freeings(one), known(ledger)) == ((), 4)
    assert ledger.freed(one, [NIGHT]) == {freed(1).path: freed(1)}
    assert ledger.freed(one, []) == {}


def test_what_a_dead_prune_left_in_its_place_is_expected_once(ledger: Ledger) -> None:
    """A run had counted it anew before the next prune saw that it is there."""
    run, one = ledger.start_run("prune", ["sha"], NOON, "astro", 1), holder(ledger)
    ledger.record_nights(run, "sha", "sha:archive", {NIGHT: NightRecord(source_files=5)}, NOON)
    number = ledger.begin_freeing(one, "sha", ["sha:archive"], [freed(1), freed(2)], NOON)
    ledger.record_nights(run, "sha", "sha:archive", {NIGHT: NightRecord(source_files=5)}, NOON)
    ledger.finish_freeing(number, "sha", ["sha:archive"], {freed(1).path, freed(2).path}, LATER)
    assert known(ledger) == 5
