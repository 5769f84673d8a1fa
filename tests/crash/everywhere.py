"""Strikes every flow at its points and says how many were tried; ``python -m tests.crash.everywhere`` does it.

`--every N` takes each N-th point only, `--flow WORDS` the flows whose names hold these words, `--errors N` so many of
the errors that fit each call (1: they take turns), `--jobs N` so many flows at a time (default: one more than there are
cores, for many points wait for a moment). A point after which a promise is broken is named, and the others are tried.
"""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash.flow import Flow, Ground
from tests.crash.holding import FLOWS as HOLDING
from tests.crash.judge import Known, blows
from tests.crash.making import FLOWS as MAKING
from tests.crash.moving import FLOWS as MOVING
from tests.crash.scenes import aside, warm

FLOWS = (*MAKING, *HOLDING, *MOVING)
NAMES = tuple(flow.name for flow in FLOWS)
IN_MEMORY = Path("/dev/shm")
"""Where it plays: a sync is a point there as well, and takes no time."""


@dataclass
class Struck:
    """What became of one flow: its calls, the points that were tried or that it never came to, what was broken."""

    name: str
    calls: int = 0
    tried: int = 0
    not_reached: int = 0
    broken: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def line(self) -> str:
        """Return it as a row of a table in docs/."""
        numbers = f"{self.calls} | {self.tried} | {self.not_reached} | {len(self.broken)}"
        return f"| {self.name} | {numbers} | {self.seconds:.0f} s |"


@dataclass(frozen=True)
class Wishes:
    """Which points of a flow."""

    every: int = 1
    errors: int = 1


def strike_flow(name: str, folder: Path, wishes: Wishes) -> Struck:
    """Play a flow undisturbed, and then once for each of its points; in a process of its own."""
    place = folder / "".join(letter if letter.isalnum() else "-" for letter in name)
    (place / place.name).mkdir(parents=True)
    place.chmod(0o755)
    ground = Ground(place / place.name)
    try:
        return aside(lambda: _strike_all(named_flow(name), ground, wishes))
    except AssertionError as error:  # undisturbed it does not end well: told as what is broken, the others go on
        print(f"{name}: {str(error)[-1500:]}", file=sys.stderr, flush=True)  # noqa: T201 - the person waits
        return Struck(name, broken=[str(error)[-400:]])
    finally:
        shutil.rmtree(place, ignore_errors=True)


def named_flow(name: str) -> Flow:
    """Return the flow of a name."""
    return next(flow for flow in FLOWS if flow.name == name)


def _strike_all(flow: Flow, ground: Ground, wishes: Wishes) -> Struck:
    known = Known(flow.make(ground))
    known.look()
    struck, points = Struck(flow.name, len(known.calls)), blows(known.calls, wishes.errors)
    began = time.monotonic()
    for number, point in enumerate(itertools.islice(points, 0, None, wishes.every), 1):
        if number % 100 == 0:
            print(f"{struck.name}: {number} points so far", file=sys.stderr, flush=True)  # noqa: T201
        try:
            is_hit = known.strike(point) is not None
            struck.tried += is_hit
            struck.not_reached += not is_hit
        except AssertionError as error:
            struck.tried += 1
            struck.broken.append(str(error)[:400])
            print(f"{struck.name}: {str(error)[:400]}", file=sys.stderr, flush=True)  # noqa: T201 - the person waits
    struck.seconds = time.monotonic() - began
    return struck


def main() -> None:
    """Strike what was asked for."""
    parser = argparse.ArgumentParser(description="strike every flow at every call that changes a disk")
    parser.add_argument("--every", type=int, default=1, help="only each N-th point")
    parser.add_argument("--errors", type=int, default=1, help="so many of the errors that fit a call; 4: all")
    parser.add_argument("--flow", action="append", help="only flows whose names hold these words (repeat)")
    parser.add_argument("--jobs", type=int, default=1 + (os.cpu_count() or 1), help="so many flows at a time")
    asked = parser.parse_args()
    names = [name for name in NAMES if any(words in name for words in asked.flow or [""])]
    warm()
    with tempfile.TemporaryDirectory(prefix="nightferry-crash-", dir=IN_MEMORY if IN_MEMORY.is_dir() else None) as name:
        folder = Path(name)
        folder.chmod(0o755)
        struck = list(_strike_flows(names, folder, Wishes(asked.every, asked.errors), asked.jobs))
    broken = sum(len(one.broken) for one in struck)
    seconds = sum(one.seconds for one in struck)
    tried, calls = sum(one.tried for one in struck), sum(one.calls for one in struck)
    print(f"{tried} points tried of {calls} calls, {broken} broken, {seconds:.0f} s")  # noqa: T201
    sys.exit(1 if broken else 0)


def _strike_flows(names: Sequence[str], folder: Path, wishes: Wishes, jobs: int) -> Iterator[Struck]:
    print("| flow | calls | points tried | not reached | broken | took |\n|--|--|--|--|--|--|", flush=True)  # noqa: T201
    with ThreadPoolExecutor(jobs) as pool:
        waiting = [pool.submit(strike_flow, name, folder, wishes) for name in names]
        for future in as_completed(waiting):
            print(future.result().line(), flush=True)  # noqa: T201 - the person waits
            yield future.result()


if __name__ == "__main__":
    main()
