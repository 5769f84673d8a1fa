"""The ledger's pages on observations exported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from catalogue.ledger import Ledger
from tests.exports import RECORD


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
