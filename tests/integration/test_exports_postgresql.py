"""Exports in a real PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from catalogue.ledger import Ledger
from tests.databases import fresh_database
from tests.exports import RECORD


def test_exports_are_kept_in_postgresql_too(postgresql: str, tmp_path: Path) -> None:
    """The same answers as SQLite's: bytes, 64-bit numbers, instants and truths."""
    with Ledger.open(fresh_database(postgresql), tmp_path) as ledger:
        ledger.record_export(replace(RECORD, is_done=False, products=()))
        ledger.record_export(RECORD)
        assert ledger.export_records("magaox", "/obs", RECORD.folder) == (RECORD,)
