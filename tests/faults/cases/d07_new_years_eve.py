"""D7: the night of 31 December is split over two years."""

from __future__ import annotations

import datetime as dt

from nightferry.runs import Run
from nightferry.selection import Asked, hops_asked, scope_asked
from nightferry.verifying import VerifyWishes, verify_one
from nightferry.workplace import Workplace
from observatory.nights import night_text
from tests.faults.battery import Fault, Found, Stage
from tests.observatory import fits_file


def make(stage: Stage) -> None:
    """Look from noon of 1 January; the night's frames are on one side."""
    stage.seen["now"] = dt.datetime(2027, 1, 1, 10, tzinfo=dt.UTC)
    for number in range(3):
        stage.put(stage.ends[0], f"2026/1231/SHA_20261231.{number + 1:04d}.fits", fits_file(seed=number))


def ask(stage: Stage) -> Found:
    """Verify the window of that instant."""
    with Workplace.at(stage.config, lambda: stage.seen["now"]) as workplace:
        (hop,) = hops_asked(workplace, Asked())
        run, scope = Run(workplace, "verify", ["sha"]), scope_asked(workplace, Asked(), hop)
        verdict = verify_one(workplace, run, hop, scope, VerifyWishes())
    nights = [night_text(night) for night, count in verdict.per_night.items() if count.open_files]
    return Found(verdict.state.value, 1, {"missing": len(verdict.missing)}, " ".join(nights))


def after(stage: Stage, found: Found) -> None:
    """They belong to the one night of 31 December."""
    assert found.reason == "20261231"


FAULT = Fault(
    "D7",
    "a night begins in one year and ends in the next",
    make,
    ask,
    "different: 3 missing",
    after=after,
)
