"""What evidence costs, and freeing by proof; beside sha256sum and rm by hand. Writes docs/benchmarks-retention.md.

Three copies on this machine, in memory; everything is made by code.

    python -m benchmarks.retention [--large N] [--small N] [--rounds N] [--no-page]
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml

from benchmarks.machine import facts
from benchmarks.measure import Cost, run

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks-retention.md"
PROGRAM = Path(sys.executable).with_name("nightferry")
CHECKER = Path(__file__).resolve().parents[1] / "tools" / "check_proof.py"
COPIES = ("dome", "hill", "cape")
LARGE_BYTES, SMALL_BYTES = 4 << 20, 2880
HEADING = "| what | seconds (lowest to highest) | memory MB | times as long as by hand |\n|---|---|---|---|"


@dataclass
class Site:
    """One site with some nights of equal files."""

    folder: Path
    files: int
    size_bytes: int

    def make(self) -> None:
        """Make the configuration, and the files on the first copy."""
        (self.folder / "instruments.d").mkdir(parents=True)
        for name in COPIES:
            self.root(name).mkdir(parents=True)
        hosts = {name: {"local": True} for name in COPIES}
        (self.folder / "site.yaml").write_text(yaml.safe_dump({"site": "Bench", "timezone": "UTC", "hosts": hosts}))
        declared = {
            "instrument": "sha",
            "layout": "%Y%m%d",
            "cameras": {"sha": {"files": ["*.dat"]}},
            "copies": [{"host": name, "root": str(self.root(name))} for name in COPIES],
            "retention": {"keep_nights": 3, "copies": 2},
        }
        (self.folder / "instruments.d" / "sha.yaml").write_text(yaml.safe_dump(declared))
        old_s, night = time.time() - 10 * 86400, dt.datetime.now(dt.UTC).date() - dt.timedelta(days=10)
        folder = self.root("dome") / f"{night:%Y%m%d}"
        folder.mkdir()
        block = os.urandom(self.size_bytes)
        for number in range(self.files):
            path = folder / f"{number:06d}.dat"
            path.write_bytes(number.to_bytes(8, "big") + block[8:])
            os.utime(path, (old_s, old_s))
        self.call(
            "sync", "-n", "30", *(word for name in COPIES for word in ("--new-root", f"{name}:{self.root(name)}"))
        )

    def root(self, copy: str) -> Path:
        """Return a copy's root."""
        return self.folder / "data" / copy

    def words(self, *words: str) -> list[str]:
        """Return the words of one call."""
        return [str(PROGRAM), "--config", str(self.folder), *words]

    def call(self, *words: str) -> Cost:
        """Run one command and return what it cost."""
        return measured(self.words(*words))

    def by_hand(self, *copies: str) -> Cost:
        """Hash some copies one after the other as a person would."""
        roots = " ".join(f"'{self.root(copy)}'" for copy in copies)
        hash_one = "find $root -name '*.dat' -print0 | xargs -0 sha256sum"
        return measured(["sh", "-c", f"for root in {roots}; do {hash_one}; done"])


def measured(argv: Sequence[str]) -> Cost:
    """Run one command, and a process that stands for the far end that there is not."""
    idle = subprocess.Popen(["sleep", "infinity"])
    try:
        return run(argv, idle.pid, dict(os.environ))
    finally:
        idle.kill()
        idle.wait()


@dataclass
class Row:
    """One line of a table."""

    name: str
    costs: list[Cost] = field(default_factory=list)

    def text(self, base: Row) -> str:
        """Return the line; `base` is what it is compared with, round by round."""
        walls = [cost.wall_s for cost in self.costs]
        memory = max(cost.near_peak_bytes for cost in self.costs) / 1e6
        ratios = [cost.wall_s / other.wall_s for cost, other in zip(self.costs, base.costs, strict=True)]
        ratio = "" if base is self else f"{statistics.median(ratios):.2f}"
        spread = f"{statistics.median(walls):.2f} ({min(walls):.2f} to {max(walls):.2f})"
        return f"| {self.name} | {spread} | {memory:.0f} | {ratio} |"


def hashing(folder: Path, files: int, rounds: int) -> list[str]:
    """Measure what hashes, beside sha256sum."""
    site = Site(folder, files, LARGE_BYTES)
    site.make()
    hand, verify = Row("`sha256sum` of the four ends of both hops"), Row("`verify --level checksum`, with its evidence")
    three, safe = Row("`sha256sum` of three copies"), Row("`status --safe`")
    for _ in range(rounds):
        hand.costs.append(site.by_hand("dome", "hill", "hill", "cape"))
        verify.costs.append(site.call("verify", "--level", "checksum", "-n", "30"))
        three.costs.append(site.by_hand(*COPIES))
        safe.costs.append(site.call("status", "--safe", "-n", "30"))
    return [hand.text(hand), verify.text(hand), three.text(three), safe.text(three)]


def freeing(folder: Path, files: int, rounds: int) -> list[str]:
    """Measure freeing, beside hashing three copies and removing one by hand; the files are made anew each round."""
    hand = Row("`sha256sum` of three copies, then `rm`")
    plan, free, check = Row("`prune`, the plan"), Row("`prune --yes`"), Row("`check_proof.py` of all proofs")
    for number in range(rounds):
        site = Site(folder / str(number), files, SMALL_BYTES)
        site.make()
        site.call("verify", "--level", "checksum", "-n", "30")
        plan.costs.append(site.call("prune"))
        kept = site.folder / "kept"
        shutil.copytree(site.root("dome"), kept)
        begun_s = time.monotonic()
        cost = site.by_hand(*COPIES)
        shutil.rmtree(kept)
        spent_s = time.monotonic() - begun_s
        hand.costs.append(replace(cost, wall_s=spent_s))
        free.costs.append(site.call("prune", "--yes"))
        proofs = sorted((site.folder / "var" / "proofs" / "sha").iterdir())
        check.costs.append(measured([sys.executable, "-I", str(CHECKER), *map(str, proofs)]))
        shutil.rmtree(site.folder)
    return [row.text(hand) for row in (hand, plan, free, check)]


def page(large: Sequence[str], small: Sequence[str], given: argparse.Namespace, folder: Path) -> str:
    """Return the page."""
    said = "\n".join(f"* {fact}" for fact in facts(folder))
    load = os.getloadavg()[0]
    return f"""# Evidence and freeing: what they cost

Measured {dt.datetime.now(dt.UTC):%Y-%m-%d} by `make bench-retention`, {given.rounds} rounds by turns, in memory
(`/dev/shm`).

{said}
* load average at the end: {load:.1f}

## Hashing: {given.large} files of {LARGE_BYTES >> 20} MiB on three copies

{HEADING}
{chr(10).join(large)}

## Freeing: {given.small} files of {SMALL_BYTES} bytes, two other copies

{HEADING}
{chr(10).join(small)}

## What falls short

Both sides of a hop are hashed at once, so `verify` uses two cores where `sha256sum` by hand uses one; evidence costs a
row of the ledger for each file and end, about 50 µs. `status --safe` reads one copy after the other on purpose: what
was read first is what the others are held against.

A file is freed in one to two milliseconds on this busy machine: it is set aside, read once more, looked at on each
copy, written into a proof, and removed. `prune --yes` hashes the copy it frees, not the others, unless these show size
and time alone. On a far host each file takes two round trips besides, four files at a time.
"""


def main() -> None:
    """Measure, print and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", type=int, default=250)
    parser.add_argument("--small", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--no-page", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        folder = Path(name)
        large = hashing(folder / "large", given.large, given.rounds)
        shutil.rmtree(folder / "large")
        small = freeing(folder / "small", given.small, given.rounds)
        text = page(large, small, given, folder)
    print(text)
    if not given.no_page:
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
