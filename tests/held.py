"""Datasets for tests: a type like PFS's raw files, and records of files that need not exist.

Leaves to each test what it asks of them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from catalogue.catalogue import Catalogue
from catalogue.datasets.grammar import DatasetType, Described, Key
from catalogue.datasets.records import CollectionKind, NewDataset

NOON = dt.datetime(2024, 10, 5, 12, tzinfo=dt.UTC)
RUN = "PFS/raw/all"
RAW = DatasetType(
    "raw",
    "pfs",
    (
        Key("instrument", "text"),
        Key("arm", "text"),
        Key("dither", "real", identifies=False),
        Key("pfs_design_id", "hexadecimal", identifies=False),
        Key("spectrograph", "integer"),
        Key("visit", "integer"),
    ),
)


def new(visit: int, arm: str = "r", spectrograph: int = 1, run: str = RUN, design: int = 1) -> NewDataset:
    """Return one raw file of a visit."""
    values = {
        "instrument": "PFS",
        "arm": arm,
        "dither": 0.0,
        "pfs_design_id": design,
        "spectrograph": spectrograph,
        "visit": visit,
    }
    name = f"PFSA{visit:06d}{spectrograph}{'brnm'.index(arm) + 1}.fits".encode()
    return NewDataset(
        id=Described(RAW, values).id_in(run),
        type=RAW,
        run=run,
        values=values,
        exposure=visit,
        night=dt.date(2024, 10, 5),
        path=run.encode() + b"/" + name,
        transfer="hardlink",
        origin=b"/data/raw/" + name,
        size_bytes=2880,
        mtime_s=1.5,
    )


def hold(
    catalogue: Catalogue,
    exposures: Iterable[Sequence[NewDataset]],
    runs: Sequence[str] = (RUN,),
    at: dt.datetime = NOON,
) -> None:
    """Record some exposures."""
    catalogue.declare_types([RAW], {"raw": "visit"})
    for run in runs:
        catalogue.make_collection(run, CollectionKind.RUN, at)
    datastore = catalogue.open_datastore("here", b"/data/store")
    ingest = catalogue.start_ingest("pfs", datastore, "hardlink", "here", 1, at)
    catalogue.record_exposures(ingest, datastore, exposures, at)


def visit(number: int, run: str = RUN) -> list[NewDataset]:
    """Return the six files of one visit: three arms of two spectrographs."""
    return [new(number, arm, spectrograph, run) for spectrograph in (1, 2) for arm in "brn"]
