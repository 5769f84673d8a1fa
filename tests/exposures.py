"""Exposures for tests: small FITS files with the headers one wants, and a catalogue filled from a folder of them.

Leaves to each test what it asks of them.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from catalogue.catalogue import Catalogue
from catalogue.holdings.filling import FillJob, FillOutcome, fill_place
from catalogue.holdings.queries import ExposureQuery
from catalogue.holdings.records import Exposure, Place
from catalogue.holdings.section import CatalogueSection
from nightferry.sections import section_models
from observatory.endpoints.contract import HostAccess
from observatory.endpoints.local import LocalEndpoint
from observatory.nights import NightClock
from observatory.spec import chain
from observatory.spec.models import Instrument
from observatory.spec.owned import instrument_model

BLOCK = 2880
NIGHT = dt.date(2021, 11, 29)
NOON = dt.datetime(2021, 11, 30, 19, tzinfo=dt.UTC)
"""Noon after that night at Kitt Peak."""
DESI: Mapping[str, Any] = {
    "exposure": "(?P<exposure>[0-9]{8})/.+",
    "headers": ["spectro"],
    "hdu": ["SPEC", "0"],
    "columns": {
        "header_night": [{"keyword": "NIGHT", "type": "night"}, {"keyword": "DATE-OBS", "type": "instant"}],
        "skyra": {"keyword": ["SKYRA", "TARGTRA"], "unit": "deg"},
        "program": {"keyword": "PROGRAM"},
        "tile_id": {"keyword": "TILEID"},
        "seeing": [{"keyword": "SEEING"}, {"keyword": "expinfo.seeing", "file": "etc-*.json"}],
        "purpose": {"keyword": "PURPOSE"},
        "efftime": {"keyword": "EFFTIME", "type": "number", "unit": "s"},
    },
    "classes": {"spectro": "desi-*.fits", "etc": "etc-*.json"},
}
"""A section such as DESI's."""
MANIFEST: Mapping[str, Any] = {"files": "checksum-*.sha256sum"}


def rules(**complete: Any) -> Mapping[str, Any]:
    """Return DESI's section with other rules of completeness."""
    return {**DESI, "complete": complete}


def unit(cards: Mapping[str, Any], pixels: int = 0, is_first: bool = True) -> bytes:
    """Return one HDU of so many bytes of data."""
    start = ("SIMPLE", "T") if is_first else ("XTENSION", "'IMAGE   '")
    needed = [start, ("BITPIX", "8"), ("NAXIS", "1" if pixels else "0")]
    needed += [("NAXIS1", str(pixels))] if pixels else []
    needed += [] if is_first else [("PCOUNT", "0"), ("GCOUNT", "1")]
    lines = [f"{name:8}= {value:>20}" for name, value in needed]
    lines += [f"{name:8}= {_card(value)}" for name, value in cards.items()]
    header = "".join(line.ljust(80) for line in [*lines, "END"]).encode("ascii")
    data = bytes(index % 251 for index in range(pixels))
    return header.ljust(-(-len(header) // BLOCK) * BLOCK) + data.ljust(-(-pixels // BLOCK) * BLOCK, b"\0")


def _card(value: Any) -> str:
    if isinstance(value, bool):
        return f"{'T' if value else 'F':>20}"
    if isinstance(value, str):
        return f"'{value:8}'"
    return f"{value!r:>20}"


def fits(
    cards: Mapping[str, Any], extensions: Sequence[tuple[str, Mapping[str, Any]]] = (), pixels: int = 100
) -> bytes:
    """Return a FITS file: the first HDU with these cards, and named extensions."""
    others = (unit({"EXTNAME": name, **more}, pixels, False) for name, more in extensions)
    return unit(cards, pixels) + b"".join(others)


def header(expid: int, night: dt.date = NIGHT, **cards: Any) -> dict[str, Any]:
    """Return the cards of an exposure that began at five o'clock UT in a night."""
    begun = dt.datetime.combine(night + dt.timedelta(days=1), dt.time(5), dt.UTC)
    usual = {
        "EXPID": expid,
        "NIGHT": int(f"{night:%Y%m%d}"),
        "DATE-OBS": begun.strftime("%Y-%m-%dT%H:%M:%S.250"),
        "EXPTIME": 900.0,
        "OBSTYPE": "SCIENCE",
        "PROGRAM": "DARK",
        "TILEID": 80605,
        "SKYRA": 10.5,
        "AIRMASS": 1.1,
    }
    return {name.replace("_", "-"): value for name, value in (usual | cards).items() if value is not None}


def write(path: Path, content: bytes, age_s: float = 10_000.0, now: dt.datetime = NOON) -> Path:
    """Write a file that was last changed so many seconds ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (now.timestamp() - age_s,) * 2)
    return path


def sums(*paths: Path) -> bytes:
    """Return a list of checksums of some files, by their base names."""
    return b"".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n".encode() for path in paths)


def instrument(root: Path, section: Mapping[str, Any], **changes: Any) -> Instrument:
    """Return an instrument like DESI with one camera per kind of file; a change replaces or adds a key."""
    keys: dict[str, Any] = {
        "instrument": "desi",
        "layout": "%Y%m%d",
        "cameras": {
            "spectro": {"files": ["desi-*.fits"]},
            "others": {"files": ["*.json", "*.sha256sum", "*.fits.gz", "done"]},
        },
        "settle_s": 60,
        "copies": [{"host": "dts", "root": str(root)}, {"host": "nersc", "root": f"{root}-archive"}],
        "catalogue": section,
    }
    return instrument_model(section_models()).model_validate(keys | changes)


@dataclass
class Held:
    """A catalogue filled from one copy of an instrument, at an hour that the test sets.

    Parameters
    ----------
    root : Path
        Of the first copy, which is where data are born.
    catalogue : Catalogue
    """

    root: Path
    catalogue: Catalogue
    section: Mapping[str, Any] = field(default_factory=lambda: DESI)
    changes: Mapping[str, Any] = field(default_factory=dict)
    now: dt.datetime = NOON
    rollover: str = "12:00"
    endpoint: LocalEndpoint = field(default_factory=lambda: LocalEndpoint(HostAccess("here", "here", True)))

    def job(self, copy: int = 0, again: bool = False) -> FillJob:
        """Return what filling from a copy needs."""
        declared_in = instrument(self.root, self.section, **self.changes)
        section = declared_in.section(CatalogueSection)
        assert section is not None
        places = chain.places(declared_in)
        place = places[copy]
        known = Place("desi", "", place.name, copy, copy == 0, place.host, place.host, place.root, os.uname().nodename)
        return FillJob(
            book=self.catalogue,
            instrument=declared_in,
            section=section,
            place=known,
            declared=place,
            endpoint=self.endpoint,
            elsewhere=lambda name: next(((self.endpoint, one) for one in places if one.name == name), None),
            clock=NightClock.from_spec("America/Phoenix", self.rollover),
            now=lambda: self.now,
            again=again,
        )

    def fill(self, *nights: dt.date, copy: int = 0, again: bool = False) -> FillOutcome:
        """Fill from some nights; from the usual one without any."""
        return fill_place(self.job(copy, again), nights or (NIGHT,))

    def folder(self, expid: int, night: dt.date = NIGHT) -> Path:
        """Return the folder of an exposure."""
        return self.root / f"{night:%Y%m%d}" / f"{expid:08d}"

    def expose(self, expid: int, night: dt.date = NIGHT, age_s: float = 10_000.0, **cards: Any) -> Path:
        """Write the spectrograph's file of an exposure and return its path."""
        content = unit({}) + unit({"EXTNAME": "SPEC", **header(expid, night, **cards)}, 100, False)
        return write(self.folder(expid, night) / f"desi-{expid:08d}.fits", content, age_s, self.now)

    def exposures(self, **asked: Any) -> list[Exposure]:
        """Ask the catalogue."""
        return self.catalogue.exposures(ExposureQuery(instrument="desi", **asked))

    def only(self, **asked: Any) -> Exposure:
        """Ask for the one exposure that there is."""
        (exposure,) = self.exposures(**asked)
        return exposure
