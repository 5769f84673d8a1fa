"""`make bench-growth`: does the cost follow the window, or the archive? Does memory follow the number of files?

Verify and a sync with nothing to do, at 10^4, 10^5 and 10^6 files that are all asked about, and for 30 nights of 30,
300 and 3,000. Writes docs/benchmarks-growth.md. Leaves peers to bench.py.
"""

from __future__ import annotations

import argparse
import datetime as dt
import itertools
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import far_end, machine, measure, peers
from benchmarks.bench import default_folder, say
from benchmarks.ground import Ground, Stage
from benchmarks.line import line, why_no_distance
from benchmarks.measure import Cost
from benchmarks.page import spread
from benchmarks.peers import PROJECT, PROJECT_LIMIT_S, Contender
from benchmarks.trees import Tree

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks-growth.md"
WINDOW = 30
FILES_A_NIGHT = 1_000
FILES_A_SMALL_NIGHT = 100


@dataclass(frozen=True, slots=True)
class Size:
    """One archive, and how much of it is asked about.

    Attributes
    ----------
    tree : Tree
    window : int
        Nights, the newest.
    """

    tree: Tree
    window: int


def by_files(scale: float) -> list[Size]:
    """Return archives of growing size, all of which is asked about."""
    sizes = [max(1, round(nights * scale)) for nights in (10, 100, 1_000)]
    return [Size(Tree(nights, nights * FILES_A_NIGHT, 0), nights) for nights in sizes]


def by_archive(scale: float) -> list[Size]:
    """Return archives of growing size, of which the same nights are asked about."""
    small = max(1, round(FILES_A_SMALL_NIGHT * scale))
    return [Size(Tree(nights, nights * small, 0), WINDOW) for nights in (30, 300, 3_000)]


def verifies(stage: Stage) -> Contender:
    """Return the command that finds everything equal."""

    def check(cost: Cost) -> bool:
        hop = {"compared": None, "missing": None, **peers.hop_of(cost)}
        return (hop["compared"], hop["missing"]) == (stage.files, [])

    return Contender("verify", peers.project(stage, "verify"), 0, check, limit_s=PROJECT_LIMIT_S)


def syncs(stage: Stage) -> Contender:
    """Return the command that finds nothing to do."""

    def check(cost: Cost) -> bool:
        hop = peers.hop_of(cost)
        return (hop.get("planned"), hop.get("transferred")) == (0, 0)

    return Contender("sync", peers.project(stage, "sync"), 0, check, limit_s=PROJECT_LIMIT_S)


def costs_of(stage: Stage, rounds: int) -> dict[str, list[Cost]]:
    """Run both commands by turns, once more than is measured."""
    costs: dict[str, list[Cost]] = {"verify": [], "sync": []}
    for turn, one in itertools.product(range(rounds + 1), (verifies(stage), syncs(stage))):
        argv = [*stage.far.line.near, *one.argv]
        cost = measure.run(argv, stage.far.pid, dict(os.environ), one.expected_status, one.limit_s)
        peers.assert_done(one, cost)
        say(f"  {one.name}: {cost.wall_s:.2f} s")
        costs[one.name] += [cost] if turn else []
    return costs


def measured(folder: Path, sizes: Sequence[Size], away_ms: int, rounds: int) -> Iterator[tuple[Size, str, list[Cost]]]:
    """Make each archive, measure it, remove it."""
    for number, size in enumerate(sizes):
        ground = Ground(folder / str(number), size.tree)
        say(f"\n{size.window:,} of {size.tree.nights:,} nights, {size.tree.files:,} files, {away_ms} ms away")
        ground.make()
        ground.bring("equal", size.window)
        (keys := ground.folder / "keys").mkdir(mode=0o700)
        with line(away_ms, ground.folder) as between, far_end.running(keys, between) as far:
            far.configure(ground.configuration, ground.source, ground.destination, size.tree.nights + 3)
            for name, costs in costs_of(Stage(ground, far, size.window), rounds).items():
                yield size, name, costs
        shutil.rmtree(ground.folder)


def rows(found: Sequence[tuple[Size, str, list[Cost]]]) -> list[str]:
    """Return the lines of a table: each command's in growing order, beside the smallest."""
    made = []
    for wanted in ("verify", "sync"):
        some = [(size, costs) for size, name, costs in found if name == wanted]
        first_s = statistics.median(cost.wall_s for cost in some[0][1])
        for size, costs in some:
            walls = [cost.wall_s for cost in costs]
            middle = statistics.median(walls)
            asked = sum(size.tree.files_of(back) for back in range(size.window))
            cells = [
                wanted,
                f"{size.window:,} of {size.tree.nights:,}",
                f"{asked:,} of {size.tree.files:,}",
                spread(min(walls), middle, max(walls)),
                f"{middle / first_s:.2f}",
                f"{statistics.median(cost.cpu_s for cost in costs):.2f}",
                f"{max(cost.near_peak_bytes for cost in costs) / 1e6:.0f} + "
                f"{max(cost.far_peak_bytes for cost in costs) / 1e6:.0f}",
            ]
            made.append(f"| {' | '.join(cells)} |")
    return made


HEAD = """\
| command | nights | files | wall s | beside the first | processor s | peak MB, here + far end |
|---|---|---|---|---|---|---|"""


def sections(folder: Path, distances: Sequence[int], rounds: int, scale: float) -> Iterator[str]:
    """Measure everything and yield the tables."""
    kinds: tuple[tuple[str, Callable[[float], list[Size]]], ...] = (
        ("More files, all of them asked about", by_files),
        ("A larger archive, 30 nights of it asked about", by_archive),
    )
    for away_ms, (title, sizes) in itertools.product(distances, kinds):
        found = list(measured(folder, sizes(scale), away_ms, rounds))
        where = f", {away_ms} ms away" if away_ms else ""
        table = "\n".join([f"## {title}{where}", "", HEAD, *rows(found)])
        say(f"\n{table}")
        yield table


def main() -> int:
    """Measure, print, and write the page."""
    parser = argparse.ArgumentParser(prog="benchmarks.growth", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--distance", type=int, action="append", help="milliseconds of round trip (repeat); default 0")
    parser.add_argument("--no-page", action="store_true", help="print only")
    options = parser.parse_args()
    distances = options.distance or [0]
    if any(distances) and (why_not := why_no_distance()):
        say(f"benchmarks: no distance can be made here: {why_not}")
        return 2
    load, place = machine.load_fact(), default_folder(0.5)
    with tempfile.TemporaryDirectory(prefix="nightferry-bench-", dir=place) as folder:
        tables = list(sections(Path(folder), distances, options.rounds, options.scale))
    intro = [
        "# Growth",
        "",
        f"Measured {dt.datetime.now(dt.UTC):%Y-%m-%d} by `make bench-growth`, {options.rounds} rounds by turns after"
        f" one that warms the caches. {PROJECT} lists both ends of a hop and finds them equal: by `verify` at the level"
        " size, and by a `sync` that has nothing to do. Files are empty; what is measured is names, sizes and times.",
        "",
        *(f"* {fact}" for fact in machine.facts(place)),
        f"* {load}",
    ]
    if not options.no_page and options.scale == 1:
        PAGE.write_text("\n\n".join(["\n".join(intro), *tables]) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
