"""`make bench-start`: how long a command takes before it does anything, beside a bare interpreter and what others load.

Leaves the names of hosts and files out: the site that is asked lies on this machine. Writes docs/benchmarks-start.md.
"""

from __future__ import annotations

import argparse
import datetime as dt
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import machine
from benchmarks.bench import default_folder, say
from benchmarks.measure import Cost
from benchmarks.page import spread
from benchmarks.retention import Site, measured

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks-start.md"
SLOWEST_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Start:
    """One command whose start is measured.

    Attributes
    ----------
    name : str
    argv : sequence of str
    limit_s : float or None
        The longest that is good enough.
    """

    name: str
    argv: Sequence[str]
    limit_s: float | None = None


def starts(site: Site) -> list[Start]:
    """Return what is started, a bare interpreter first."""

    def python(statement: str) -> list[str]:
        return [sys.executable, "-c", statement]

    return [
        Start("`python -c pass`", python("pass")),
        Start("`nightferry --help`", site.words("--help"), 0.25),
        Start("`nightferry --version`", site.words("--version")),
        Start("`nightferry check-config`", site.words("check-config")),
        Start("`nightferry status`, 30 nights known", site.words("status", "-n", "30"), 0.6),
        Start("`nightferry verify`, 30 nights on this machine", site.words("verify", "-n", "30")),
        Start("`import astropy.io.fits`", python("import astropy.io.fits")),
        Start("`import sqlalchemy`", python("import sqlalchemy")),
        Start("`import paramiko`", python("import paramiko")),
        Start("`rsync --version`", ["rsync", "--version"]),
        Start("`rclone version`", ["rclone", "version"]),
    ]


def line(start: Start, costs: Sequence[Cost]) -> str:
    """Return a line of the table."""
    walls = [cost.wall_s for cost in costs]
    middle = statistics.median(walls)
    peak_bytes = max(cost.near_peak_bytes for cost in costs)  # 0: it ended before anyone had looked
    reached = "reached" if start.limit_s is not None and middle < start.limit_s else "**falls short**"
    cells = [
        start.name,
        spread(min(walls), middle, max(walls)),
        f"{statistics.median(cost.cpu_s for cost in costs):.2f}",
        f"{peak_bytes / 1e6:.0f}" if peak_bytes else "",
        "" if start.limit_s is None else f"< {start.limit_s:g} s: {reached}",
    ]
    return f"| {' | '.join(cells)} |"


def dearest(argv: Sequence[str]) -> list[str]:
    """Return the modules that a command takes longest to load, their own time, as lines of a table."""
    words = [sys.executable, "-X", "importtime", *argv]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stderr
    return [f"| `{name}` | {own_us / 1000:.1f} |" for own_us, name in dearest_of(said)[:SLOWEST_SHOWN]]


def dearest_of(said: str) -> list[tuple[int, str]]:
    """Return microseconds and names out of what ``-X importtime`` says, the longest first."""
    found = re.findall(r"^import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)$", said, re.MULTILINE)
    return sorted(((int(own_us), name) for own_us, name in found), reverse=True)


def main() -> int:
    """Measure, print, and write the page."""
    parser = argparse.ArgumentParser(prog="benchmarks.start", description=__doc__)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--no-page", action="store_true", help="print only")
    options = parser.parse_args()
    load = machine.load_fact()
    with tempfile.TemporaryDirectory(prefix="nightferry-bench-", dir=default_folder(0.01)) as scratch:
        site = Site(Path(scratch), files=50, size_bytes=2880)
        site.make()
        wanted = starts(site)
        costs: dict[str, list[Cost]] = {one.name: [] for one in wanted}
        for turn in range(options.rounds + 1):
            for one in wanted:
                cost = measured(one.argv)
                costs[one.name] += [cost] if turn else []
        table = [line(one, costs[one.name]) for one in wanted]
        imports = {words[0]: dearest(site.words(*words)) for words in (("--help",), ("status", "-n", "30"))}
    text = [
        "# Start of the command",
        "",
        f"Measured {dt.datetime.now(dt.UTC):%Y-%m-%d} by `make bench-start`, {options.rounds} rounds by turns after one"
        " that warms the caches; from before the start to after the exit.",
        "",
        *(f"* {fact}" for fact in machine.facts(default_folder(0.01))),
        f"* {load}",
        "",
        "| command | wall s | processor s | peak MB | target |",
        "|---|---|---|---|---|",
        *table,
    ]
    for word, lines in imports.items():
        text += [
            "",
            f"## What `{word}` loads longest, by `-X importtime`, one run",
            "",
            "| module | own ms |",
            "|---|---|",
        ]
        text += lines
    say("\n".join(text))
    if not options.no_page:
        PAGE.write_text("\n".join(text) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
