"""The ledger's pages on observations exported."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

from catalogue.export_records import ExportProduct, ExportRecord
from catalogue.ledger import Ledger

NOW = dt.datetime(2025, 12, 2, 3, 4, 5, tzinfo=dt.UTC)
RECORD = ExportRecord(
    instrument="magaox",
    output="/obs",
    folder=b"2025B/a@x.org/2025-12-02_000012/camsci1",
    form="frames",
    archive=b"camsci1_20251202000012500000000.xrif",
    source=b"/icc/rawimages/camsci1/camsci1_20251202000012500000000.xrif",
    source_size_bytes=2**40,
    source_mtime_ns=1764633612500000000,
    source_sha256="ab" * 32,
    digest="d",
    is_done=True,
    frames=8,
    before=1,
    after=2,
    lost=3,
    absent_cards=4,
    telemetry="t",
    has_header=True,
    attempts=0,
    reason=None,
    at_utc=NOW,
    seconds=0.5,
    products=(ExportProduct(b"a.fits", 2880, "cd"), ExportProduct(b"b\xff.fits", 5760, "ef")),
)


def test_what_was_exported_is_known_by_its_folder(tmp_path: Path) -> None:
    """Everything comes back as it was told, products and bytes of names too; another folder knows nothing of it."""
    with Ledger.open("sqlite:///l.db", tmp_path) as ledger:
        ledger.record_export(RECORD)
        other = replace(RECORD, archive=b"camsci1_1.xrif", products=())
        ledger.record_export(other)
        assert ledger.export_records("magaox", "/obs", RECORD.folder) == (other, RECORD)
        assert ledger.export_records("magaox", "/other", RECORD.folder) == ()
        assert ledger.export_records("vampires", "/obs", RECORD.folder) == ()


def test_of_one_archive_the_last_word_counts(tmp_path: Path) -> None:
    """The products of the word before are forgotten with it."""
    with Ledger.open("sqlite:///l.db", tmp_path) as ledger:
        ledger.record_export(RECORD)
        failed = replace(RECORD, is_done=False, reason="no such file", attempts=2, products=())
        ledger.record_export(failed)
        assert ledger.export_records("magaox", "/obs", RECORD.folder) == (failed,)
