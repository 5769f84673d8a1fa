"""A small observatory in a folder: three hosts, three instruments, real FITS files, and faults planted in them.

Verifies, does the nightly run, verifies again, and says whether exactly the planted faults were found. Shows the
real program; the hosts alone are folders of this machine.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits

from nightferry.hop_verify import VerifyWishes
from nightferry.locks import free_locks
from nightferry.nightly import NightlyWishes, nightly
from nightferry.reporting import delivery
from nightferry.runs import Run
from nightferry.selection import Asked
from nightferry.verifying import verify
from nightferry.workplace import Workplace
from observatory.errors import UsageError
from observatory.layouts import Layout
from observatory.names import show
from observatory.nights import night_text
from observatory.truth import State
from reports.model import Report

_ZONE = "Africa/Johannesburg"
_NIGHTS_BACK = (3, 2, 1)
_FRAMES = 6
_SIDE_PIXELS = 64


@dataclass(frozen=True, slots=True)
class DemoInstrument:
    """One instrument of the demonstration; `prefix` begins its file names."""

    name: str
    title: str
    folder: str
    prefix: str


INSTRUMENTS = (
    DemoInstrument("sha", "SHOC'n'Awe on the 74-inch", "74in/sha", "SHA"),
    DemoInstrument("shd", "SHOC'n'Disbelief on the 40-inch", "40in/shd", "SHD"),
    DemoInstrument("spupnic", "SpUpNIC on the 74-inch", "74in/spupnic", "SPU"),
)
_LAYOUT = Layout("%Y/%m%d")

_SITE = """\
site: Demonstration
timezone: {zone}
hosts:
  telescope:  {{address: telescope.demo, local: true}}
  astro.suth: {{address: astro.suth.demo, local: true}}
  astro.cape: {{address: astro.cape.demo, local: true}}
mail:
  folder: mail
  from: nightferry@demo.invalid
  to: [data-managers@demo.invalid]
"""

_INSTRUMENT = """\
instrument: {name}
title: {title}
layout: "%Y/%m%d"
cameras:
  {name}: {{files: ["{prefix}_*.fits"]}}
window_nights: 7
copies:
  - {{host: telescope,  root: "{base}/telescope/data/{folder}"}}
  - {{host: astro.suth, root: "{base}/astro.suth/data/telescopedata/{folder}"}}
  - {{host: astro.cape, root: "{base}/astro.cape/data/telescopedata/{folder}"}}
verify: {{level: structure}}
sequence: "{prefix}_{{night}}.{{number}}.fits"
"""


@dataclass(frozen=True, slots=True)
class Planted:
    """What was planted, to be held against what is found.

    Attributes
    ----------
    late_night : date
        Lies on the telescope's computer only, for the first instrument.
    damaged : bytes
        Path of a file that is truncated on every copy, of the second instrument.
    lost : tuple of (date, int)
        Night and frame number that are nowhere, of the third instrument.
    """

    late_night: dt.date
    damaged: bytes
    lost: tuple[dt.date, int]


def build(folder: Path, now: dt.datetime) -> tuple[Path, Planted]:
    """Build the observatory in a folder that is empty or absent; return the specification's folder.

    Raises
    ------
    UsageError
        The folder holds something already.
    """
    if show(os.fsencode(folder)) != str(folder):
        raise UsageError(f"{show(os.fsencode(folder))}: give the demo a folder whose name can be printed")
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty; give the demo a folder of its own")
    base = folder / "hosts"
    configuration = folder / "nightferry"
    (configuration / "instruments.d").mkdir(parents=True)
    (configuration / "site.yaml").write_text(_SITE.format(zone=_ZONE), "utf-8")
    for instrument in INSTRUMENTS:
        text = _INSTRUMENT.format(
            name=instrument.name, title=instrument.title, prefix=instrument.prefix, base=base, folder=instrument.folder
        )
        (configuration / "instruments.d" / f"{instrument.name}.yaml").write_text(text, "utf-8")
    present = Workplace.at(configuration, lambda: now)
    with present:
        night = present.present_night(present.instruments["sha"])
    nights = [night - dt.timedelta(days=back) for back in _NIGHTS_BACK]
    return configuration, _fill(base, nights)


def _roots(base: Path, instrument: DemoInstrument) -> tuple[Path, Path, Path]:
    telescope = base / "telescope" / "data" / instrument.folder
    archives = (base / host / "data" / "telescopedata" / instrument.folder for host in ("astro.suth", "astro.cape"))
    suth, cape = archives
    return telescope, suth, cape


def _fill(base: Path, nights: Sequence[dt.date]) -> Planted:
    lost = (nights[1], 4)
    damaged = _path(INSTRUMENTS[1], nights[0], 3)
    for instrument in INSTRUMENTS:
        for night in nights:
            for number in range(1, _FRAMES + 1):
                if instrument is INSTRUMENTS[2] and (night, number) == lost:
                    continue
                is_late = instrument is INSTRUMENTS[0] and night == nights[-1]
                roots = _roots(base, instrument)[: 1 if is_late else 3]
                _write_copies(roots, instrument, night, number, _path(instrument, night, number) == damaged)
    return Planted(nights[-1], damaged, lost)


def _path(instrument: DemoInstrument, night: dt.date, number: int) -> bytes:
    name = f"{instrument.prefix}_{night_text(night)}.{number:04d}.fits"
    return _LAYOUT.folder(night) + b"/" + name.encode()


def _write_copies(
    roots: Sequence[Path], instrument: DemoInstrument, night: dt.date, number: int, is_damaged: bool
) -> None:
    taken = dt.datetime.combine(night, dt.time(20, 0), dt.UTC) + dt.timedelta(minutes=10 * number)
    first = roots[0] / os.fsdecode(_path(instrument, night, number))
    first.parent.mkdir(parents=True, exist_ok=True)
    exposure(instrument.title, taken, number).writeto(first, checksum=True)
    data = first.read_bytes()
    for root in roots:
        path = root / os.fsdecode(_path(instrument, night, number))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data[: len(data) // 2] if is_damaged else data)
        os.utime(path, (taken.timestamp(), taken.timestamp()))


def exposure(instrument: str, taken: dt.datetime, number: int) -> fits.HDUList:
    """Return a FITS exposure: a sky with read noise and some stars, 64 x 64 pixels of 16 bits."""
    random = np.random.default_rng(number + 1000 * taken.toordinal())
    image = random.normal(1000.0, 12.0, (_SIDE_PIXELS, _SIDE_PIXELS))
    rows, columns = np.mgrid[:_SIDE_PIXELS, :_SIDE_PIXELS]
    for row, column, flux in zip(*random.uniform(4, _SIDE_PIXELS - 4, (2, 12)), random.pareto(1.2, 12), strict=True):
        image += 300.0 * flux * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 6.0)
    hdu = fits.PrimaryHDU(np.clip(image, 0, 65535).astype(np.uint16))
    hdu.header["INSTRUME"] = instrument
    hdu.header["DATE-OBS"] = taken.strftime("%Y-%m-%dT%H:%M:%S")
    hdu.header["EXPTIME"] = (10.0, "[s]")
    hdu.header["FRAME"] = number
    return fits.HDUList([hdu])


def unlike_planted(report: Report, planted: Planted, is_late_night_there: bool) -> Iterator[str]:
    """Yield what a report says other than what was planted; nothing where it is exactly that."""
    found: dict[str, set[object]] = {
        "missing": {path for one in report.verdicts for path in one.missing},
        "damaged": {finding.path for one in report.verdicts for finding in one.damaged},
        "gaps": {(gap.night, number) for one in report.verdicts for gap in one.sequence_gaps for number in gap.numbers},
        "unknown": {one.hop for one in report.verdicts if one.state is State.UNKNOWN},
        "other": {p for one in report.verdicts for p in (*one.size_differs, *one.checksum_differs, *one.unrecognised)},
    }
    late = {_path(INSTRUMENTS[0], planted.late_night, number) for number in range(1, _FRAMES + 1)}
    expected: dict[str, set[object]] = {
        "missing": set() if is_late_night_there else set(late),
        "damaged": {planted.damaged},
        "gaps": {planted.lost},
        "unknown": set(),
        "other": set(),
    }
    for kind, wanted in expected.items():
        if found[kind] != wanted:
            yield f"{kind}: planted {sorted(wanted, key=repr)}, found {sorted(found[kind], key=repr)}"


@dataclass(frozen=True, slots=True)
class Shown:
    """What the demonstration showed.

    Attributes
    ----------
    before, after : Report
        The verification before, and the nightly run with the verification after it.
    page : Path
        The HTML page of the last report.
    mail : Path
        The folder with the mail.
    surprises : tuple of str
        What was found other than planted; empty where all is as it should be.
    """

    before: Report
    after: Report
    page: Path
    mail: Path
    surprises: tuple[str, ...]


def play(folder: Path, now: dt.datetime) -> Shown:
    """Build the observatory and do one night's work over it."""
    configuration, planted = build(folder, now)
    with Workplace.at(configuration) as workplace:
        names = sorted(workplace.instruments)
        run = Run(workplace, "verify", names)
        verdicts = verify(workplace, run, Asked(), VerifyWishes())
        before = Report("Demonstration", "verify", run.started_utc, workplace.now(), verdicts=verdicts).in_order()
        run.finish(before.state)
        delivery.keep(workplace, before)
        with free_locks(workplace.state, names):
            run = Run(workplace, "run", names)
            after = nightly(workplace, run, Asked(), NightlyWishes()).in_order()
            run.finish(after.state)
        kept = delivery.keep(workplace, after)
        faults = [*delivery.send(workplace, after, by_hand=True)]
    surprises = [
        *(f"before the run: {words}" for words in unlike_planted(before, planted, False)),
        *(f"after the run: {words}" for words in unlike_planted(after, planted, True)),
        *faults,
    ]
    return Shown(before, after, kept / "report.html", configuration / "mail", tuple(surprises))
