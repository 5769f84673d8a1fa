"""One reader of FITS files, asked of every file of a folder whether it is whole; run by fits.py, a process each.

    python -m benchmarks.fits_readers nightferry|astropy|fitsio structure|sums FOLDER

Prints one JSON document: seconds in the loop (imports left out), files, processor seconds, memory, and the names
of those that are not whole. What each of them does is said in `WHAT`.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

IsWhole = Callable[[str], bool]

WHAT = {
    (
        "nightferry",
        "structure",
    ): "walks the headers; every unit must lie within the file, which must end in whole blocks",
    ("astropy", "structure"): "`fits.open`, all units loaded, data left where they are; a warning is a fault",
    ("fitsio", "structure"): "reads every unit, pixels included: its headers alone do not show a short file",
    ("nightferry", "sums"): "the same, and DATASUM and CHECKSUM of every unit computed anew",
    ("astropy", "sums"): "`fits.open(checksum=True)`, every unit touched: DATASUM and CHECKSUM; a warning is a fault",
    ("fitsio", "sums"): "`verify_checksum` of every unit: DATASUM and CHECKSUM by cfitsio",
}


def nightferry(sums: bool) -> IsWhole:
    """Return the project's own judgement."""
    judge = importlib.import_module("observatory.formats.whole").judge
    return lambda path: bool(judge(os.fsencode(path), sums)[0] == "whole")


def astropy(sums: bool) -> IsWhole:
    """Return astropy's: it warns of what is wrong."""
    fits: Any = importlib.import_module("astropy.io.fits")

    def is_whole(path: str) -> bool:
        try:
            with fits.open(path, checksum=sums, lazy_load_hdus=False) as units:
                return len(units) > 0
        except (OSError, ValueError, TypeError, Warning):
            return False

    return is_whole


def fitsio(sums: bool) -> IsWhole:
    """Return cfitsio's, through its Python wrapper."""
    module: Any = importlib.import_module("fitsio")

    def is_whole(path: str) -> bool:
        try:
            with module.FITS(path) as units:
                for unit in units:
                    if sums:
                        unit.verify_checksum()
                    elif unit.has_data():
                        unit.read()
            return True
        except (OSError, ValueError):
            return False

    return is_whole


READERS = {"nightferry": nightferry, "astropy": astropy, "fitsio": fitsio}


def main() -> None:
    """Ask one reader of every file of a folder."""
    name, depth, folder = sys.argv[1:]
    is_whole = READERS[name](depth == "sums")
    warnings.simplefilter("error")
    paths = sorted(entry.path for entry in os.scandir(folder))
    is_whole(paths[-1])  # whatever is loaded at the first file
    before, start = time.process_time(), time.perf_counter()
    found = [path for path in paths if not is_whole(path)]
    seconds, cpu_s = time.perf_counter() - start, time.process_time() - before
    bad = [Path(path).name for path in found]
    status = Path("/proc/self/status").read_text()  # getrusage would say what the parent held when it forked
    peak = int(re.findall(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)[0]) * 1024
    print(json.dumps({"seconds": seconds, "files": len(paths), "cpu_s": cpu_s, "peak_bytes": peak, "bad": bad}))


if __name__ == "__main__":
    main()
