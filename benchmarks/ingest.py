"""How quickly files are ingested by hard link, beside ``butler ingest-files``; writes docs/benchmarks-ingest.md.

Both are given the same files in one folder and end with a hard link and a record for each. Butler comes from a
virtual environment of its own, named by --butler; it is never installed into ours.

    python -m benchmarks.ingest [--files N] [--rounds N] [--butler PYTHON] [--no-page]
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.butler_peer import DETECTORS
from benchmarks.machine import facts
from tests.pfs import ccd, raw_name

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks-ingest.md"
REPOSITORY = Path(__file__).resolve().parents[1]
PROGRAM = Path(sys.executable).with_name("nightferry")
TARGET = 3.0
NOTES = """\
Both end with a hard link and a record for each file. *Names alone*: neither opens a file; Butler takes the data ids
from a table, nightferry from the names. nightferry also brings the links to disk before it records them, and records
each exposure (twelve files) in a transaction of its own; Butler does neither. *Headers and structure*: every file is
opened, found whole, and its header compared with its name, which `ingest-files` does not do. The processor time of a
run with `-j` is that of the command alone, without its readers."""
NAMED, FITS = "names alone", "headers and structure"


@dataclass(frozen=True)
class Cost:
    """One run: seconds by the clock and of processor time of the command itself, and its peak memory."""

    wall_s: float
    cpu_s: float
    peak_bytes: int


def run(argv: Sequence[str]) -> Cost:
    """Run a command that has to succeed; what was written before is brought to disk first, at nobody's cost."""
    os.sync()
    start = time.perf_counter()
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None  # noqa: S101 - it was asked for
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{argv[0]} ended with {process.returncode}: {said[-2000:].decode()}")
    return Cost(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def make_named(folder: Path, count: int) -> None:
    """Make files of a hundred bytes whose names tell everything: visit and detector."""
    folder.mkdir()
    for number in range(count):
        visit, detector = divmod(number, DETECTORS)
        (folder / f"PFSA{visit + 1:06d}{detector + 1:02d}.yaml").write_bytes(b"x" * 100)


def make_fits(folder: Path, count: int) -> None:
    """Make small raw files with the headers that tell what they are."""
    folder.mkdir()
    for number in range(count):
        visit, detector = divmod(number, DETECTORS)
        spectrograph, arm = divmod(detector, 3)
        name = raw_name(visit + 1, spectrograph + 1, "brm"[arm])
        (folder / name).write_bytes(ccd(visit + 1, spectrograph + 1, "brm"[arm]))


def configure(folder: Path) -> Path:
    """Write a site with the PFS of instruments.d, and beside it an instrument whose names tell everything."""
    config = folder / "config"
    (config / "instruments.d").mkdir(parents=True)
    hosts = {name: {"local": True} for name in ("pfs-archive", "pfs-mirror")}
    site = {"site": "bench", "timezone": "Pacific/Honolulu", "hosts": hosts, "state": str(folder / "state")}
    (config / "site.yaml").write_text(yaml.safe_dump(site))
    declared = yaml.safe_load((REPOSITORY / "instruments.d" / "pfs.yaml").read_text())
    declared["datastore"]["root"] = str(folder / "store")
    _declare(config, declared)
    keys: dict[str, Any] = {
        "instrument": {"of": "PFS"},
        "exposure": {"kind": "integer"},
        "detector": {"kind": "integer"},
    }
    names = r"PFSA(?P<exposure>[0-9]{6})(?P<detector>[0-9]{2})\.yaml"
    raw = {"names": names, "collection": "PFS/raw/all", "layout": "{run}/{exposure}/{name}", "exposure": "exposure"}
    _declare(config, declared | {"instrument": "named"} | {
        "copies": [{"host": "pfs-archive", "root": "/data/a"}, {"host": "pfs-mirror", "root": "/data/a"}],
        "datastore": {"root": str(folder / "store"), "types": {"raw": raw | {"keys": keys}}},
    })  # fmt: skip
    return config


def _declare(config: Path, declared: dict[str, Any]) -> None:
    path = config / "instruments.d" / f"{declared['instrument']}.yaml"
    path.write_text(yaml.safe_dump(declared, sort_keys=False))


class Bench:
    """One folder in which both are at work, one after the other."""

    def __init__(self, folder: Path, count: int, butler: str | None) -> None:
        self.folder, self.count, self.butler = folder, count, butler
        self.config = configure(folder)
        make_named(folder / NAMED, count)
        make_fits(folder / FITS, count)

    def ours(self, what: str, *words: str) -> Callable[[], Cost]:
        """Return a call that ingests into an empty datastore and catalogue."""

        def call() -> Cost:
            for name in ("store", "state"):
                shutil.rmtree(self.folder / name, ignore_errors=True)
            return self.again(what, *words)()

        return call

    def again(self, what: str, *words: str) -> Callable[[], Cost]:
        """Return a call that ingests into what is there."""
        instrument = "named" if what == NAMED else "pfs"
        argv = [str(PROGRAM), "--config", str(self.config), "ingest", "-i", instrument, "-t", "hardlink", *words]
        return lambda: run([*argv, str(self.folder / what)])

    def theirs(self) -> Cost:
        """Ingest the named files into an empty repository of Butler's."""
        repository, table = self.folder / "repository", self.folder / "table.csv"
        shutil.rmtree(repository, ignore_errors=True)
        words = [
            str(self.butler),
            "-m",
            "benchmarks.butler_peer",
            str(repository),
            str(self.folder / NAMED),
            str(table),
        ]
        made = subprocess.run(words, capture_output=True, text=True, check=True, cwd=REPOSITORY)
        return run(json.loads(made.stdout))


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    costs: tuple[Cost, ...]

    def rate(self, count: int) -> float:
        """Files per second, by the median of the rounds."""
        return count / statistics.median(cost.wall_s for cost in self.costs)

    @property
    def cpu_s(self) -> float:
        """Processor seconds, by the median of the rounds."""
        return statistics.median(cost.cpu_s for cost in self.costs)

    def line(self, count: int, peer: Row | None) -> str:
        """Return the line in Markdown; `peer` is what it is compared with."""
        peak = max(cost.peak_bytes for cost in self.costs) / 1e6
        walls = sorted(cost.wall_s for cost in self.costs)
        by_clock = f"{self.rate(count) / peer.rate(count):.1f}" if peer else "-"
        by_work = f"{peer.cpu_s / self.cpu_s:.1f}" if peer else "-"
        wall = f"{walls[0]:.1f}-{walls[-1]:.1f}" if len(walls) > 1 else f"{walls[0]:.1f}"
        figures = [f"{self.rate(count):,.0f}", wall, f"{self.cpu_s:.1f}", f"{peak:.0f}", by_clock, by_work]
        return f"| {self.name} | {' | '.join(figures)} |"


def measure(bench: Bench, rounds: int) -> list[Row]:
    """Run everything in turns, so that a busy minute of the machine falls on all."""
    calls: dict[str, Callable[[], Cost]] = {"nightferry, names alone": bench.ours(NAMED)}
    if bench.butler:
        calls["butler ingest-files"] = bench.theirs
    calls["nightferry, headers and structure read"] = bench.ours(FITS)
    calls["nightferry, headers and structure read, -j 2"] = bench.ours(FITS, "-j", "2")
    calls["nightferry, all of it again (identical)"] = bench.again(FITS, "-j", "2")
    costs: dict[str, list[Cost]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            costs[name].append(call())
            print(f"{name}: {costs[name][-1].wall_s:.1f} s, {costs[name][-1].cpu_s:.1f} s of processor")
    return [Row(name, tuple(held)) for name, held in costs.items()]


def page(rows: Sequence[Row], count: int, rounds: int, folder: Path) -> str:
    """Return the page."""
    peer = next((row for row in rows if row.name.startswith("butler")), None)
    lines = [
        "# Ingest by hard link",
        "",
        f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {count:,} files, {rounds} rounds in turns, by `make bench-catalogue`.",
        "",
        *(f"* {sentence}" for sentence in facts(folder)),
        f"* load of the machine while measuring: {os.getloadavg()[1]:.1f} over five minutes, most of it others'",
        "",
        "| what | files/s | wall s | processor s | peak MB | rate to butler's | butler's processor time to ours |",
        "|---|---:|---:|---:|---:|---:|---:|",
        *(row.line(count, peer) for row in rows),
        "",
        *NOTES.splitlines(),
        "",
    ]
    if peer is None:
        lines += ["Butler was not at hand: run with `--butler PYTHON` of an environment that has lsst-daf-butler.", ""]
    else:
        lines += [f"Target: at least {TARGET:g} times Butler's rate.", ""]
        lines += [_said(row, peer, count) for row in rows if row is not peer and "again" not in row.name]
        lines += ["", f"What costs: {_costs(rows, peer, count)} of a processor for each file.", ""]
    return "\n".join(lines)


def _said(row: Row, peer: Row, count: int) -> str:
    ratio, work = row.rate(count) / peer.rate(count), peer.cpu_s / row.cpu_s
    if "-j" in row.name:  # its readers' time is not in the command's
        return f"* {row.name}: {ratio:.1f} by the clock: {'met' if ratio >= TARGET else '**not met**'}."
    return f"* {row.name}: {ratio:.1f} by the clock, {work:.1f} by processor time: {_verdict(ratio, work)}."


def _costs(rows: Sequence[Row], peer: Row, count: int) -> str:
    """Say what each of the runs in one process takes."""
    alone = [row for row in rows if "-j" not in row.name and "again" not in row.name and row is not peer]
    return ", ".join(f"{row.name} {row.cpu_s / count * 1e6:.0f} microseconds" for row in [*alone, peer])


def _verdict(ratio: float, work: float) -> str:
    if ratio >= TARGET:
        return "met"
    if work >= TARGET:
        return "met by what the work costs, **not met by the clock** on this machine, whose cores and disk others used"
    return "**not met**"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--butler", default=os.environ.get("BUTLER_PYTHON"))
    parser.add_argument("--no-page", action="store_true")
    wanted = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="nf-ingest-") as text:
        bench = Bench(Path(text), wanted.files, wanted.butler)
        rows = measure(bench, wanted.rounds)
        written = page(rows, wanted.files, wanted.rounds, Path(text))
    print(written)
    if not wanted.no_page:
        PAGE.write_text(written)


if __name__ == "__main__":
    main()
