"""`make bench`: the project beside its peers, in one run, as ratios.

Makes each tree once, lays each line once, runs all contenders of a row by turns (A, B, C, A, B, C, ...), prints a
table per row as soon as it is there, and keeps what was measured in docs/benchmarks.json, out of which it writes
docs/benchmarks.md; a row that was not asked for stays as it was last measured.
"""

from __future__ import annotations

import argparse
import datetime as dt
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from benchmarks import far_end, machine, measure, page, peers, results, rows
from benchmarks.ground import Ground, Stage
from benchmarks.line import line, why_no_distance
from benchmarks.peers import PROJECT, Contender
from benchmarks.results import Result, Run
from benchmarks.rows import ROWS, Row

DOCS = Path(__file__).resolve().parents[1] / "docs"
MEMORY_FOLDER = Path("/dev/shm")  # noqa: S108 -- only a place for a folder of tempfile's own
NEEDED_BYTES = 10_000_000_000
"""Both copies of the largest tree, with room to breathe."""
NEEDED_FILES = 2_200_000
"""The same of the tree with the most files."""


def say(text: str) -> None:
    """Tell the person at the terminal at once."""
    print(text, flush=True)


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help="fresh-a-100, size, 'fresh-?-0', ...; default: all")
    parser.add_argument("--rounds", type=int, default=5, help="at most so many measured runs a contender (5)")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the files, e.g. 0.01 to try it out")
    parser.add_argument("--limit", type=float, help="seconds after which peers are stopped; default: as the row says")
    parser.add_argument("--near-only", action="store_true", help="no distances")
    parser.add_argument("--far-only", action="store_true", help="distances only")
    parser.add_argument("--without", action="append", default=[], metavar="NAME", help="leave out who begins so")
    parser.add_argument("--folder", type=Path, help="where the trees go; default: memory where it is large enough")
    parser.add_argument("--output", type=Path, help="folder of benchmarks.md and .json; default: docs, at full size")
    parser.add_argument("--list", action="store_true", help="say which rows there are")
    return parser.parse_args(argv)


def default_folder(scale: float) -> Path:
    """Return where the trees go: memory, else a disk's temporary folder."""
    with suppress(OSError):
        facts = os.statvfs(MEMORY_FOLDER)
        has_room = facts.f_bavail * facts.f_frsize > NEEDED_BYTES * scale and facts.f_favail > NEEDED_FILES * scale
        if has_room and os.access(MEMORY_FOLDER, os.W_OK):
            return MEMORY_FOLDER
    return Path(tempfile.gettempdir())


def run_once(stage: Stage, row: Row, contender: Contender, whole_bytes: int) -> Run:
    """Run one contender from the row's own beginning."""
    stage.ground.reset(row.state)
    environment = {**os.environ, "RCLONE_CONFIG": os.devnull, "LC_ALL": "C.UTF-8", **contender.environment}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed is compiled once, not at each start
    cost = measure.run(
        [*stage.far.line.near, *contender.argv],
        stage.far.pid,
        environment,
        contender.expected_status,
        contender.limit_s,
        may_be_cut=contender.name != PROJECT,
    )
    peers.assert_done(contender, cost)
    is_carrying = row.state == "empty"
    return Run.of(cost, (stage.ground.share_there(whole_bytes) if is_carrying else 0.0) if cost.is_cut else None)


def take_part(stage: Stage, row: Row, options: argparse.Namespace) -> tuple[list[Contender], dict[str, str]]:
    """Return who runs, and who does not with the reason."""
    asked = [one for one in row.contenders(stage) if not one.name.startswith(tuple(options.without))]
    limit_s = options.limit or row.peer_limit_s
    limited = [one if one.name == PROJECT else replace(one, limit_s=limit_s) for one in asked]
    left_out = {one.name: f"{one.lacks} is not installed" for one in limited if one.lacks}
    return [one for one in limited if not one.lacks], left_out


def measure_row(stage: Stage, row: Row, options: argparse.Namespace) -> Result:
    """Run every contender by turns, each as often as its first run says."""
    now = f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC"
    result = Result(row.name, now, os.getloadavg()[0], scale=options.scale)
    stage.ground.bring(row.state, stage.window)
    contenders, left_out = take_part(stage, row, options)
    whole_bytes = stage.ground.whole_bytes if row.state == "empty" else 0
    runs: dict[str, list[Run]] = {one.name: [] for one in contenders}
    wanted = {one.name: options.rounds for one in contenders}
    for turn, contender in itertools.product(range(options.rounds + 1), contenders):
        name = contender.name
        if turn and len(runs[name]) >= wanted[name]:
            continue
        run = run_once(stage, row, contender, whole_bytes)
        say(f"  {name}: {run.wall_s:.2f} s{'' if run.share is None else ', stopped'}")
        if not turn:
            wanted[name] = results.rounds_for(run.wall_s, options.rounds)
        if turn or run.share is not None or results.first_counts(run.wall_s):
            runs[name].append(run)
    return replace(result, runs=runs, left_out=left_out)


def try_row(ground: Ground, far: far_end.FarEnd, row: Row, options: argparse.Namespace) -> Result:
    """Measure one row; one that fails is said and does not stop the others."""
    window = min(row.window or ground.tree.nights, ground.tree.nights)
    say(f"\n{dt.datetime.now(dt.UTC):%H:%M:%S} {row.name}: {row.title}")
    try:
        return measure_row(Stage(ground, far, window), row, options)
    except measure.CommandFailed as failure:
        say(f"benchmarks: {failure}")
        return Result(row.name, f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC", 0.0, failure=str(failure)[:300])


def over_line(ground: Ground, some: Sequence[Row], options: argparse.Namespace) -> Iterator[Result]:
    """Lay one line and measure the rows that go over it."""
    keys = ground.folder / f"keys-{some[0].round_trip_ms}"
    keys.mkdir(mode=0o700)
    with line(some[0].round_trip_ms, ground.folder) as between, far_end.running(keys, between) as far:
        shutil.rmtree(ground.configuration, ignore_errors=True)
        far.configure(ground.configuration, ground.source, ground.destination, ground.tree.nights + 3)
        subprocess.run(peers.project(Stage(ground, far, ground.tree.nights), "status"), capture_output=True, check=True)
        shutil.copytree(ground.state, ground.new_state)
        yield from (try_row(ground, far, row, options) for row in some)


def measure_all(folder: Path, chosen: Sequence[Row], options: argparse.Namespace) -> Iterator[Result]:
    """Measure rows, those of one tree together; a tree is gone before the next one is made."""
    for letter, group in itertools.groupby(chosen, key=lambda row: row.letter):
        with tempfile.TemporaryDirectory(prefix="nightferry-bench-", dir=folder) as scratch:
            ground = Ground(Path(scratch), rows.LETTERS[letter].scaled(options.scale))
            say(f"\nmaking {ground.tree.files:,} files of {ground.tree.size_bytes:,} bytes")
            ground.make()
            for _, near in itertools.groupby(group, key=lambda row: row.round_trip_ms):
                yield from over_line(ground, list(near), options)


def within_reach(some: Sequence[Row], options: argparse.Namespace) -> list[Row]:
    """Return the rows that can be measured here, and say which can not."""
    wanted = [row for row in some if not (row.round_trip_ms if options.near_only else False)]
    wanted = [row for row in wanted if row.round_trip_ms or not options.far_only]
    why_not = why_no_distance()
    if why_not is not None and any(row.round_trip_ms for row in wanted):
        say(f"what is measured over a distance is left out: {why_not}")
        wanted = [row for row in wanted if not row.round_trip_ms]
    return wanted


def keep(result: Result, output: Path | None, facts: Sequence[str]) -> None:
    """Write the page anew with one more result; a run that is killed loses only the row it was at."""
    if output is None:
        return
    output.mkdir(parents=True, exist_ok=True)
    kept = {**results.read(output / "benchmarks.json"), result.name: result}
    results.write(output / "benchmarks.json", kept)
    (output / "benchmarks.md").write_text(page.document(ROWS, kept, facts))


def measure_and_keep(chosen: Sequence[Row], options: argparse.Namespace) -> dict[str, Result]:
    """Measure rows, show each and keep it at once."""
    folder = options.folder or default_folder(options.scale)
    facts = machine.facts(folder)
    is_full = options.scale == 1 and not options.without
    output = options.output or (DOCS if is_full else None)
    done: dict[str, Result] = {}
    for result in measure_all(folder, chosen, options):
        row = next(row for row in ROWS if row.name == result.name)
        say(f"\n{page.table(row, result)}")
        done[result.name] = result
        keep(result, output, facts)
    return done


def main() -> int:
    """Measure, print, and write the page."""
    options = arguments()
    if options.list:
        say("\n".join(f"{row.name:16} {row.title}" for row in ROWS))
        return 0
    start_s = time.monotonic()
    try:
        chosen = within_reach(rows.chosen(options.rows), options)
        done = measure_and_keep(chosen, options)
    except (ValueError, OSError) as error:
        say(f"benchmarks: {error}")
        return 2
    say(f"\n{page.summary(chosen, done)}\n\n{time.monotonic() - start_s:.0f} s")
    return 1 if any(result.failure for result in done.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
