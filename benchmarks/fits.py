"""`make bench-fits`: is a FITS file whole? The project's own judgement beside astropy's and fitsio's.

Small and large files, by structure alone and with the sums that the file carries; one of each folder is cut short,
one has a flipped bit, and who does not find them is said. Writes docs/benchmarks-fits.md.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib.util
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits

from benchmarks import machine
from benchmarks.bench import default_folder, say
from benchmarks.fits_readers import READERS, WHAT
from benchmarks.page import spread

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks-fits.md"
SHORT, FLIPPED = "short.fits", "flipped.fits"
TARGET = 10.0
"""Times as many files a second as astropy."""
SUMS_BOUND = (
    "What bounds the sums of large files: they are added up in plain Python, about 1 ns a byte, because the same"
    " text runs on far hosts that have python3 and nothing else; astropy and cfitsio add in C. Small files are bound by"
    " opening and walking them."
)
FOLDERS = (("5.8 kB", 2880, 4000), ("8 MiB", (8 << 20) - 2880, 60))
"""What is said of a folder, bytes of data of each file, files."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one run of one reader said."""

    files_per_s: float
    cpu_s: float
    peak_bytes: int
    bad: tuple[str, ...]


def make(folder: Path, data_bytes: int, files: int) -> None:
    """Make files of one unit each with CHECKSUM and DATASUM, one cut short, and one with a flipped bit."""
    folder.mkdir()
    pixels = np.random.default_rng(1).integers(-32768, 32767, data_bytes // 2, dtype=np.int16)
    first = folder / "0000.fits"
    fits.PrimaryHDU(pixels).writeto(first, checksum=True)
    whole = first.read_bytes()
    for number in range(1, files - 2):
        (folder / f"{number:04d}.fits").write_bytes(whole)
    (folder / SHORT).write_bytes(whole[:-2880])
    middle = len(whole) - 1440
    (folder / FLIPPED).write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])


def ask(reader: str, depth: str, folder: Path) -> Seen:
    """Run one reader over one folder."""
    argv = [sys.executable, "-m", "benchmarks.fits_readers", reader, depth, str(folder)]
    said = json.loads(subprocess.run(argv, capture_output=True, check=True, cwd=PAGE.parents[1]).stdout)
    rate = said["files"] / said["seconds"]
    return Seen(rate, said["cpu_s"] / said["files"] * 1000, said["peak_bytes"], tuple(said["bad"]))


def verdict(depth: str, bad: Sequence[str]) -> str:
    """Say whether a reader found what had to be found, and nothing else."""
    expected = {SHORT, FLIPPED} if depth == "sums" else {SHORT}
    overlooked, invented = sorted(expected - set(bad)), sorted(set(bad) - expected)
    words = [f"overlooks {', '.join(overlooked)}"] if overlooked else []
    words += [f"calls {len(invented)} whole files bad"] if invented else []
    return "; ".join(words) or "all"


def lines(depth: str, seen: dict[str, list[Seen]]) -> list[str]:
    """Return a table's lines."""
    ours = [one.files_per_s for one in seen["nightferry"]]
    made = []
    for reader, runs in seen.items():
        theirs = [one.files_per_s for one in runs]
        pairs = [mine / other for mine, other in zip(ours, theirs, strict=True)]
        times = statistics.median(ours) / statistics.median(theirs)
        ratio = "" if reader == "nightferry" else spread(min(pairs), times, max(pairs))
        has_target = reader == "astropy" and depth == "structure"
        reached = "" if not has_target else f"≥ {TARGET:g}: {'reached' if times >= TARGET else '**falls short**'}"
        rate = f"{statistics.median(theirs):,.0f} ({min(theirs):,.0f} to {max(theirs):,.0f})"
        cpu = f"{statistics.median(one.cpu_s for one in runs):.3f}"
        peak = f"{max(one.peak_bytes for one in runs) / 1e6:.0f}"
        found = verdict(depth, runs[0].bad)
        made.append(f"| {reader} | {rate} | {cpu} | {peak} | {ratio} | {reached} | {found} |")
    return made


def measure(depth: str, folder: Path, rounds: int) -> dict[str, list[Seen]]:
    """Ask every reader that is installed, by turns."""
    readers = [name for name in READERS if name == "nightferry" or importlib.util.find_spec(name)]
    seen: dict[str, list[Seen]] = {name: [] for name in readers}
    for _ in range(rounds):
        for name in readers:
            seen[name].append(ask(name, depth, folder))
    return seen


def sections(scratch: Path, rounds: int, scale: float) -> list[str]:
    """Measure everything and return the tables."""
    made = []
    for number, (title, data_bytes, files) in enumerate(FOLDERS):
        folder = scratch / str(number)
        make(folder, data_bytes, max(4, round(files * scale)))
        for depth, words in (("structure", "by structure"), ("sums", "with DATASUM and CHECKSUM")):
            head = [
                f"## Files of {title}, {words}",
                "",
                "| reader | files/s | processor ms a file | peak MB | nightferry's / this | target | finds |",
                "|---|---|---|---|---|---|---|",
            ]
            made.append("\n".join([*head, *lines(depth, measure(depth, folder, rounds))]))
            say(f"\n{made[-1]}")
        shutil.rmtree(folder)
    return made


def main() -> int:
    """Measure, print, and write the page."""
    parser = argparse.ArgumentParser(prog="benchmarks.fits", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--no-page", action="store_true", help="print only")
    options = parser.parse_args()
    load = machine.load_fact()
    with tempfile.TemporaryDirectory(prefix="nightferry-bench-", dir=default_folder(0.1)) as scratch:
        tables = sections(Path(scratch), options.rounds, options.scale)
    lacking = [name for name in READERS if name != "nightferry" and not importlib.util.find_spec(name)]
    intro = [
        "# Is a FITS file whole?",
        "",
        f"Measured {dt.datetime.now(dt.UTC):%Y-%m-%d} by `make bench-fits`, {options.rounds} rounds by turns, one"
        " process and one thread each, imports left out; files of one unit in memory. In every folder one file is cut"
        " short by a block and one has a flipped bit; the last column says who finds them (by structure alone, only the"
        " first).",
        "",
        *(f"* {fact}" for fact in machine.facts(default_folder(0.1))),
        f"* {load}",
        *(f"* {name} is not installed and was left out" for name in lacking),
        "",
        *(f"* {reader}, {depth}: {what}" for (reader, depth), what in WHAT.items()),
    ]
    if not options.no_page and options.scale == 1:
        PAGE.write_text("\n\n".join(["\n".join(intro), *tables, SUMS_BOUND]) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
