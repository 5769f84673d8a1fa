"""Reports made by code: the seed's own example, and one with everything in it.

Pure data; what they look like is asserted by the tests that use them.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from reports.model import Note, Report, StepRow
from syncer.outcome import Failure, HopOutcome
from verifier.verdict import Finding, HopVerdict, SequenceGap

NIGHT = dt.date(2016, 9, 7)
NEXT_NIGHT = dt.date(2016, 9, 8)
STARTED = dt.datetime(2016, 9, 8, 7, 0, 0, tzinfo=dt.UTC)
FINISHED = dt.datetime(2016, 9, 8, 7, 3, 20, tzinfo=dt.UTC)
MISSING = tuple(b"2016/0907/SHA_20160907.%04d.fits" % number for number in range(122, 164))

FIRST_HOP = HopVerdict(
    instrument="sha",
    hop="sha:astro.suth",
    source="sha.suth.saao.ac.za",
    destination="astro.suth.saao.ac.za",
    source_root="/data/74in/sha",
    destination_root="/data/telescopedata/74in/sha",
    level="size",
    nights=(NIGHT,),
    source_files=163,
    destination_files=121,
    compared=163,
    missing=MISSING,
)
SECOND_HOP = replace(
    FIRST_HOP,
    hop="astro.suth:astro.cape",
    source="astro.suth.saao.ac.za",
    destination="astro.cape.saao.ac.za",
    source_root="/data/telescopedata/74in/sha",
    source_files=121,
    compared=121,
    missing=(),
)
SHD = replace(FIRST_HOP, instrument="shd", hop="shd:astro.suth", source="shd.suth.saao.ac.za", source_root="/data/shd/")
SHD_UNKNOWN = replace(
    SHD,
    missing=(),
    source_files=0,
    compared=0,
    destination_files=0,
    unknown_reason="shd.suth.saao.ac.za: not reached: connection refused",
)
AWAY = replace(SHD, missing=(), source_files=0, compared=0, away_reason="off the telescope until Friday")
OK_HOP = replace(FIRST_HOP, missing=(), destination_files=163)

EVERYTHING = replace(
    FIRST_HOP,
    missing=(b"2016/0907/a.fits", b"2016/0907/b\nc.fits", b"2016/0907/\xff.fits"),
    extra=(b"2016/0907/extra.fits",),
    size_differs=(b"2016/0907/short.fits",),
    checksum_differs=(b"2016/0907/flipped.fits",),
    damaged=(
        Finding(b"2016/0907/cut.fits", "destination", "ends after 2 of 3 blocks"),
        Finding(b"2016/0907/cut.fits", "source", "ends after 1 of 3 blocks"),
    ),
    unreadable=(Finding(b"2016/0907/locked", "source", "permission denied"),),
    in_progress=(b"2016/0907/new.fits",),
    unrecognised=(b"2016/0907/notes.txt",),
    sequence_gaps=(SequenceGap(NIGHT, "sha", (140, 143, 144, 145)),),
    not_comparable=1,
    compared=161,
    accepted={"lost in the storm": 2, "bias frames, not wanted": 1},
)

MOVED = HopOutcome(
    instrument="sha",
    hop="sha:astro.suth",
    source="sha.suth.saao.ac.za",
    destination="astro.suth.saao.ac.za",
    source_root="/data/74in/sha",
    destination_root="/data/telescopedata/74in/sha",
    nights=(NIGHT, NEXT_NIGHT),
    source_files=163,
    planned=42,
    planned_bytes=42_000_000,
    transferred=42,
    moved_bytes=42_000_000,
    seconds=8.4,
    engine="rsync",
)
NOT_MOVED = replace(
    MOVED,
    transferred=41,
    failed=(Failure(b"2016/0907/SHA_20160907.0163.fits", "disk full"),),
    kept=(Failure(b"2016/0907/SHA_20160907.0001.fits", "the source is shorter"),),
    replaced=(b"2016/0907/SHA_20160907.0002.fits",),
    in_progress=(b"2016/0908/SHA_20160908.0001.fits",),
)
STEP = StepRow("sha", NIGHT, "fpack", done=40, failed=1, skipped=1, seconds=200.0, reasons=("x.fits: not FITS",))


def report(*verdicts: HopVerdict, **further: object) -> Report:
    """Return a verify report of some hops."""
    facts: dict[str, object] = {"site": "Sutherland", "kind": "verify", "verdicts": verdicts, **further}
    return Report(started_utc=STARTED, finished_utc=FINISHED, **facts)  # type: ignore[arg-type]


SEED = report(FIRST_HOP, SECOND_HOP)
FULL = report(
    EVERYTHING,
    SECOND_HOP,
    SHD_UNKNOWN,
    kind="run",
    outcomes=(NOT_MOVED,),
    steps=(STEP,),
    notes=(Note("the run of 08:00 was missed (the machine was off) and is made up now"),),
    problems=(Note("the catalogue could not be written: disk full", "shd"),),
)
