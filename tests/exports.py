"""A record of an export for tests of the ledger, with every kind of value."""

from __future__ import annotations

import datetime as dt

from catalogue.export_records import ExportProduct, ExportRecord

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
