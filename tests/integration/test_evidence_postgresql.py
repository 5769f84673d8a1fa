"""Evidence, confirmations and what was freed in a real PostgreSQL: the same answers as SQLite's."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from catalogue.evidence_records import Claim, FreedFile, ReadFile, Reading, SafeNight, SafeState
from catalogue.ledger import Ledger
from catalogue.records import NightRecord
from tests.databases import fresh_database

NOON = dt.datetime(2016, 9, 8, 12, tzinfo=dt.UTC)
NIGHT = dt.date(2016, 9, 7)


def test_the_books_of_evidence_and_retention_are_kept_in_postgresql(postgresql: str, tmp_path: Path) -> None:
    """One pass through both: upserts that keep the first sum, bytes, instants, booleans and counts."""
    with Ledger.open(fresh_database(postgresql), tmp_path) as ledger:
        holder = ledger.holder("sha", "sha", "sha", "/data")
        assert ledger.known_holder("sha", "sha", "sha", "/data") == holder
        file = ReadFile(b"2016/0907/\xff.fits", NIGHT, b"sha/\xff.fits", "aa", 2**40, 1.25, 2.5, "1:2")
        for at, sum_ in ((NOON, "aa"), (NOON + dt.timedelta(days=1), "bb")):
            ledger.record_reading(
                holder, Reading(at, "verify", "id", "boot"), [ReadFile(file.path, NIGHT, file.name, sum_)]
            )
        (found,) = ledger.evidence_of(holder, NIGHT).values()
        assert (found.file.sha256, found.first_sha256, found.first_utc) == ("bb", "aa", NOON)
        ledger.record_gone(holder, [file.path])
        assert ledger.evidence_of(holder, NIGHT)[file.path].file.sha256 is None
        assert ledger.newest_instant() == NOON + dt.timedelta(days=1)
        for state in (SafeState.SAFE, SafeState.UNSAFE):
            ledger.record_safe(holder, {NIGHT: SafeNight(state, 1, NOON)})
        assert ledger.safe_nights(holder)[NIGHT].state is SafeState.UNSAFE
        ledger.confirm("sha", NIGHT, {file.name: "aa"}, kind="archive", archive="STARS", by="ana", at_utc=NOON)
        assert dict(ledger.confirmations("sha", NIGHT)[0].files) == {file.name: "aa"}
        assert ledger.revoke_confirmations("sha", NIGHT, "STARS", NOON) == 1
        for holds in (True, False):
            ledger.record_claims("sha", [Claim("sha", NIGHT, "processed", holds, None, "log")])
        assert [claim.holds for claim in ledger.claims("sha")] == [False]
        _free(ledger, holder, file)


def _free(ledger: Ledger, holder: int, file: ReadFile) -> None:
    run = ledger.start_run("prune", ["sha"], NOON, "astro", 1)
    ledger.record_nights(run, "sha", "sha:b", {NIGHT: NightRecord(source_files=2)}, NOON)
    freed = FreedFile(file.path, NIGHT, file.name, 5, "aa")
    number = ledger.begin_freeing(holder, "sha", ["sha:b"], [freed], NOON)
    ledger.prove_freeing(number, [file.path], "proof")
    assert ledger.last_counts("sha", "sha:b", [NIGHT]) == {NIGHT: 1}
    ledger.finish_freeing(number, "sha", ["sha:b"], [], NOON)
    assert (ledger.open_freeings(holder), ledger.freed(holder, [NIGHT])) == ((), {file.path: freed})
    assert ledger.freed_products("sha", "sha", NIGHT) == {(file.path, "aa")}
    assert ledger.freed_products("sha", "sha@/data", NIGHT) == {(file.path, "aa")}
