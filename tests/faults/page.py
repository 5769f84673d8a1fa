"""Plays the whole battery at full size, with the peers beside it, and writes docs/faults.md.

`make faults` calls it; a fault whose verdict is not the right one ends it. Leaves to battery.py what right is.
"""

from __future__ import annotations

import datetime as dt
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest

from tests.faults.battery import Fault, Played, load, play, stems
from tests.faults.peers import run
from tests.faults.rows import ROWS, Row, where_tests_lie
from tests.faults.stage import Stage
from tests.hosts import Host, Hosts, ordinary_user

PEERS = ("rsync", "rsync -u", "rclone", "existence")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "faults.md"
SERIES = {
    "F": "Files: what peers were measured with",
    "D": "Data flows of a large survey: its weak points",
    "S": "Two-sided checks of the observatory: their weak points",
    "B": "Ingest into a registry: its weak points",
    "V": "Conversion of a high-speed imager: its weak points",
    "H": "Hosts and lines",
    "I": "Input, output, and what changes under our hands",
    "C": "Clocks and nights",
    "L": "Ledger and locks",
    "M": "Mail",
    "P": "Freeing space",
    "N": "Names, links, roots, and a far end that lies",
}
HEAD = """\
# Faults

Made by `make faults` on {date} ({machine}; {versions}): {count} faults, each made and judged.
The everyday tests play every one of them too, some at a smaller size. A fault whose verdict were another than the one
shown here would fail both. `nightferry drill` tries those that can be tried on an installation.

Of every fault it is also asserted that no original was changed, that each final name on the archive held its old
bytes or the source's, and that no answer was a traceback; in most that one further sync brings both sides together,
proven by hash.

Columns: **nightferry** is what `verify` or `sync` said, with its counts (at the level that the fault needs: size,
checksum or structure). **rsync** is `rsync -a` once more, and `rsync -au`, as many run it: did both sides hold the
same bytes afterwards? **rclone** is `rclone check --one-way`. **Existence** compares names alone. A dash: the fault
lies where that program does not look, or cannot be put to it here. "says nothing": rsync saw no difference.
"""

ROWS_HEAD = """\
## What stands for each row of the field's tables

Weak points of other programs that were read or measured (D: a large survey's data flows, S: two-sided checks,
B: ingest, V: conversion, X: export of observations): the cases above, or tests of the parts whose affair it is.
"""


def stages(folder: Path, hosts: Hosts) -> Callable[[str], Stage]:
    """Return what makes a stage for one case; the SSH hosts are started when the first case asks for them."""

    @cache
    def far() -> Sequence[Host]:
        return [hosts.start(name) for name in ("alpha", "beta", "gamma")]

    @cache
    def observer() -> Host:
        return hosts.start("dome", user=ordinary_user())

    def make(stem: str) -> Stage:
        place = folder / stem
        place.mkdir()
        place.chmod(0o755)
        return Stage(place, far, observer, lambda: hosts, is_full=True)

    return make


def play_all() -> Iterator[Played]:
    """Play every case, saying which."""
    with tempfile.TemporaryDirectory(prefix="nightferry-faults-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        hosts = Hosts(folder / "hosts")
        hosts.folder.mkdir()
        make = stages(folder, hosts)
        try:
            for stem in stems():
                fault = load(stem)
                print(f"{fault.name:5} {fault.title}", file=sys.stderr, flush=True)  # noqa: T201 - the person waits
                try:
                    yield play(fault, make(stem), asks_peers=True)
                except pytest.skip.Exception as why:
                    print(f"      not played: {why}", file=sys.stderr, flush=True)  # noqa: T201 - said where it is seen
                shutil.rmtree(folder / stem, ignore_errors=True)
        finally:
            hosts.close()


def page(played: Sequence[Played], today: dt.date, peers: str) -> str:
    """Return the page; `peers` are those that were asked, with their versions."""
    parts = [HEAD.format(date=today, machine=platform.system(), versions=peers, count=len(played))]
    for letter, title in SERIES.items():
        rows = sorted((one for one in played if one.fault.name[0] == letter), key=lambda one: order(one.fault))
        if rows:
            lines = (line("", "fault", "nightferry", *PEERS), line(*["--"] * (3 + len(PEERS))), *map(row, rows))
            parts.append(f"## {title}\n\n" + "\n".join(lines) + "\n")
    return "\n".join([*parts, rows_of_the_field()])


def rows_of_the_field() -> str:
    """Return the table of what stands for each row of the field's tables."""
    lines = (
        line("", "there", "here"),
        line("--", "--", "--"),
        *(line(one.name, one.says, stands(one)) for one in ROWS),
    )
    return f"{ROWS_HEAD}\n" + "\n".join(lines) + "\n"


def stands(one: Row) -> str:
    """Return the cases and tests of one row, or why there are none."""
    found = where_tests_lie()
    shown = (f"`{found[name]}::{name}`" if name in found else name for name in one.stands)
    return ", ".join(shown) or f"does not apply: {one.why}"


def row(one: Played) -> str:
    """Return one fault's line."""
    peers = [one.peers.get(name, "-") for name in PEERS]
    status = f" (exit {one.found.status})" if one.found.status and "exit" not in one.found.words else ""
    return line(one.fault.name, one.fault.title, one.found.words + status, *peers)


def line(*cells: str) -> str:
    """Return one line of a table; a bar within a cell is no border."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def order(fault: Fault) -> tuple[int, str]:
    """Sort F2 before F10."""
    number = re.search(r"\d+", fault.name)
    return (int(number[0]) if number else 0, fault.name)


def versions() -> str:
    """Say which peers were asked."""
    rsync = run("rsync", "--version").stdout.split()[2]
    rclone = run("rclone", "version").stdout.split()[1]
    return f"rsync {rsync}, rclone {rclone}"


def main() -> None:
    """Play, and write the page."""
    PAGE.write_text(page(list(play_all()), dt.datetime.now(dt.UTC).date(), versions()), "utf-8")
    print(f"written: {PAGE}", file=sys.stderr)  # noqa: T201 - the person waits


if __name__ == "__main__":
    main()
