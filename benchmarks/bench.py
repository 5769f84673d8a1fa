"""`make bench`: the project beside its peers, in one run, as ratios.

Makes each tree once, runs all contenders by turns (A, B, C, A, B, C, ...) after one unmeasured turn that warms
the caches, prints a table per workload, and writes docs/benchmarks.md where all workloads ran.
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
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks import far_end, machine, measure, trees, workloads
from benchmarks.line import line, why_no_distance
from benchmarks.measure import Cost
from benchmarks.workloads import PROJECT, WORKLOADS, Contender, Stage, Workload

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
MEMORY_FOLDER = Path("/dev/shm")  # noqa: S108 -- only a place for a folder of tempfile's own
NEEDED_BYTES = 9_000_000_000
"""Both copies of the largest tree, with room to breathe."""


@dataclass(frozen=True, slots=True)
class Result:
    """One workload, measured: the costs of each contender, round by round."""

    workload: Workload
    costs: dict[str, list[Cost]]

    def ratios(self, peer: str) -> list[float]:
        """Return project / peer for each round."""
        pairs = zip(self.costs.get(PROJECT, []), self.costs[peer], strict=False)
        return [project.wall_s / other.wall_s for project, other in pairs]

    def best(self, prefix: str) -> str:
        """Return the fastest contender whose name begins so."""
        names = [name for name in self.costs if name.startswith(prefix)]
        return min(names, key=lambda name: statistics.median(cost.wall_s for cost in self.costs[name]))


def say(text: str) -> None:
    """Tell the person at the terminal at once."""
    print(text, flush=True)


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    names = [workload.name for workload in WORKLOADS]
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="measured rounds a workload (5)")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the files, e.g. 0.01 to try it out")
    parser.add_argument("--only", choices=names, action="append", help="this workload (repeat)")
    parser.add_argument("--peers-only", action="store_true", help="leave the project out")
    parser.add_argument("--folder", type=Path, help="where the trees go; default: memory where it is large enough")
    parser.add_argument("--output", type=Path, help="the table; default: docs/benchmarks.md if everything was measured")
    return parser.parse_args(argv)


def default_folder(scale: float) -> Path:
    """Return where the trees go: memory, else a disk's temporary folder."""
    with suppress(OSError):
        if shutil.disk_usage(MEMORY_FOLDER).free > NEEDED_BYTES * scale and os.access(MEMORY_FOLDER, os.W_OK):
            return MEMORY_FOLDER
    return Path(tempfile.gettempdir())


def measure_workload(stage: Stage, workload: Workload, options: argparse.Namespace) -> Result:
    """Run every contender by turns."""
    say(f"\n{workload.title}")
    workloads.prepare(stage, workload)
    contenders = [one for one in workload.contenders(stage) if not (options.peers_only and one.name == PROJECT)]
    costs: dict[str, list[Cost]] = {contender.name: [] for contender in contenders}
    rounds = min(options.rounds, workload.most_rounds)
    for turn, contender in itertools.product(range(rounds + 1), contenders):
        cost = run_once(stage, workload, contender)
        say(f"  {turn or 'warm-up'} {contender.name}: {cost.wall_s:.2f} s, {cost.near_peak_bytes / 1e6:.0f} MB")
        if turn:
            costs[contender.name].append(cost)
    return Result(workload, costs)


def run_once(stage: Stage, workload: Workload, contender: Contender) -> Cost:
    """Run one contender from the workload's own beginning."""
    workloads.reset(stage, workload)
    environment = {**os.environ, "RCLONE_CONFIG": os.devnull, "LC_ALL": "C.UTF-8"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed is compiled once, not at each start
    cost = measure.run([*stage.far.line.near, *contender.argv], stage.far.pid, environment, contender.expected_status)
    workloads.assert_done(contender, cost)
    return cost


def measure_tree(folder: Path, some: Sequence[Workload], options: argparse.Namespace) -> Iterator[Result]:
    """Make one tree and run the workloads that want it."""
    tree = some[0].tree.scaled(options.scale)
    source, destination, aside, keys = (folder / name for name in ("source", "destination", "aside", "keys"))
    for path in (source, destination, aside, keys):
        path.mkdir()
    keys.chmod(0o700)
    say(f"\nmaking {tree.files:,} files of {tree.size_bytes:,} bytes in {tree.nights:,} nights")
    trees.make(source, tree)
    with line(some[0].round_trip_ms, folder) as between, far_end.running(keys, between) as far:
        configuration = far.configure(folder / "configuration", source, destination, tree.nights + 3)
        new_night = workloads.NEW_NIGHT.scaled(options.scale)
        stage = Stage(far, source, destination, aside, configuration, tree, new_night)
        yield from (measure_workload(stage, workload, options) for workload in some)


def measure_all(folder: Path, chosen: Sequence[Workload], options: argparse.Namespace) -> Iterator[Result]:
    """Run workloads, those of one tree together; a tree is gone before the next one is made."""
    for _, group in itertools.groupby(chosen, key=lambda workload: (workload.tree, workload.round_trip_ms)):
        with tempfile.TemporaryDirectory(prefix="nightferry-bench-", dir=folder) as scratch:
            yield from measure_tree(Path(scratch), list(group), options)


def verdict(result: Result, name: str) -> str:
    """Say whether the target against a peer was reached; empty where there is none."""
    found = [
        (peer, target)
        for peer, target in result.workload.targets.items()
        if result.best(peer) == name and PROJECT in result.costs
    ]
    if not found:
        return ""
    target = found[0][1]
    reached = statistics.median(result.ratios(name)) <= target
    return f"≤ {target:.3g}: {'reached' if reached else '**falls short**'}"


def memory_verdict(result: Result) -> str:
    """Say whether the project's memory stayed below its limit; empty where there is none."""
    limit = result.workload.peak_limit_bytes
    if limit is None:
        return ""
    peak = max(cost.near_peak_bytes for cost in result.costs[PROJECT])
    return f"< {limit / 1e6:.0f} MB: {'reached' if peak < limit else '**falls short**'}"


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Return the median with the lowest and the highest."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def row(result: Result, name: str) -> str:
    """Return one contender's line of the table."""
    costs = result.costs[name]
    ratios = result.ratios(name)
    peaks = [max(getattr(cost, part) for cost in costs) / 1e6 for part in ("near_peak_bytes", "far_peak_bytes")]
    cells = [
        name if name == PROJECT else f"`{name}`",
        spread([cost.wall_s for cost in costs]),
        f"{statistics.median(cost.cpu_s for cost in costs):.2f}",
        f"{peaks[0]:.0f} + {peaks[1]:.0f}",
        "" if name == PROJECT or not ratios else spread(ratios),
        memory_verdict(result) if name == PROJECT else verdict(result, name),
    ]
    return "| " + " | ".join(cells) + " |"


def table(result: Result) -> str:
    """Return one workload's table."""
    head = [
        f"## {result.workload.title}",
        "",
        "| command | wall s | processor s | peak MB, here + far end | nightferry / this | target |",
        "|---|---|---|---|---|---|",
    ]
    rows = [row(result, name) for name in result.costs]
    falls_short = any("falls short" in line for line in rows)
    bound = ["", result.workload.bound] if falls_short and result.workload.bound else []
    return "\n".join([*head, *rows, *bound])


def document(results: Sequence[Result], facts: Sequence[str], options: argparse.Namespace) -> str:
    """Return the whole page."""
    intro = [
        "# nightferry beside its peers",
        "",
        f"Measured {dt.datetime.now(dt.UTC):%Y-%m-%d} by `make bench`"
        + (f" with {options.scale:g} of the files" if options.scale != 1 else "")
        + f", {options.rounds} rounds by turns after one that warms the caches. A peer's ratio is the median over"
        " the rounds, with the lowest and the highest; below 1 nightferry is faster. Start-up is included. Processor"
        " seconds are those of both ends; memory is the highest sum over all processes of each end.",
        "",
        *(f"* {fact}" for fact in facts),
    ]
    return "\n\n".join(["\n".join(intro), *map(table, results)]) + "\n"


def main() -> int:
    """Measure, print, and write the page."""
    options = arguments()
    chosen = [workload for workload in WORKLOADS if not options.only or workload.name in options.only]
    folder = options.folder or default_folder(options.scale)
    why_not = why_no_distance()
    if why_not is not None and any(workload.round_trip_ms for workload in chosen):
        say(f"what is measured over a distance is left out: {why_not}")
        chosen = [workload for workload in chosen if not workload.round_trip_ms]
    facts = [*machine.facts(folder), f"load average before the first run: {os.getloadavg()[0]:.1f}"]
    try:
        results = list(measure_all(folder, chosen, options))
    except measure.CommandFailed as failure:
        say(f"benchmarks: {failure}")
        return 1
    page = document(results, facts, options)
    say(f"\n{page}")
    is_whole = not options.only and not options.peers_only and options.scale == 1
    output = options.output or (DOCUMENT if is_whole else None)
    if output:
        output.write_text(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
