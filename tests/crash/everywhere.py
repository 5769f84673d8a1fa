"""Strikes flows at their points and says how many were tried; ``python -m tests.crash.everywhere`` tries them all.

`--every N` takes each N-th point only, `--flow WORDS` the flows whose names hold these words. A point after which
a promise is broken is named, and the others are still tried.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from tests.crash.flows import FLOWS, Flow, Try
from tests.crash.points import Point, points
from tests.faults.stage import Stage
from tests.hosts import Host, Hosts, ordinary_user

MakeStage = Callable[[Path], Stage]


def count(flow: Flow, make_stage: MakeStage, folder: Path) -> list[Point]:
    """Play a flow undisturbed and return its points."""
    tried = Try(flow, make_stage(folder))
    tried.prepare()
    found = list(points(tried.count()))
    tried.judge()
    return found


def strike(flow: Flow, point: Point, make_stage: MakeStage, folder: Path) -> None:
    """Strike a flow at one point, and judge what is left of it and what the next run makes of that."""
    tried = Try(flow, make_stage(folder))
    tried.prepare()
    tried.strike(point)
    tried.judge()


def strike_all(flow: Flow, chosen: Iterable[Point], make_stage: MakeStage, folder: Path) -> tuple[int, list[str]]:
    """Strike at many points; return how many were tried, and what was broken."""
    tried, broken = 0, []
    for number, point in enumerate(chosen):
        place = folder / f"{number}"
        place.mkdir()
        place.chmod(0o755)
        tried += 1
        try:
            strike(flow, point, make_stage, place)
        except AssertionError as error:
            broken.append(f"{flow.name}, {point}: {str(error)[:400]}")
            print(broken[-1], flush=True)  # noqa: T201 - the person waits
        shutil.rmtree(place, ignore_errors=True)
    return tried, broken


def main() -> None:
    """Strike what was asked for."""
    parser = argparse.ArgumentParser(description="strike every flow at every call that changes a disk")
    parser.add_argument("--every", type=int, default=1, help="only each N-th point")
    parser.add_argument("--flow", default="", help="only flows whose names hold these words")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nightferry-crash-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        hosts = Hosts(folder / "hosts")
        hosts.folder.mkdir()
        try:
            broken = _strike_flows(asked, folder, hosts)
        finally:
            hosts.close()
    sys.exit(1 if broken else 0)


def _strike_flows(asked: argparse.Namespace, folder: Path, hosts: Hosts) -> list[str]:
    @cache
    def far() -> list[Host]:
        return [hosts.start(name) for name in ("alpha", "beta", "gamma")]

    def make_stage(place: Path) -> Stage:
        return Stage(place, far, lambda: hosts.start("dome", user=ordinary_user()), lambda: hosts)

    total, broken = 0, list[str]()
    for flow in FLOWS:
        if asked.flow not in flow.name:
            continue
        began = time.monotonic()
        place = folder / "flow"
        (place / "count").mkdir(parents=True)
        found = count(flow, make_stage, place / "count")
        tried, failed = strike_all(flow, found[:: asked.every], make_stage, place)
        shutil.rmtree(place)
        total, broken = total + tried, broken + failed
        took = f"{time.monotonic() - began:.0f} s"
        print(f"{flow.name}: {tried} of {len(found)} points, {len(failed)} broken, {took}", flush=True)  # noqa: T201
    print(f"{total} points tried, {len(broken)} broken")  # noqa: T201 - the person waits
    return broken


if __name__ == "__main__":
    main()
