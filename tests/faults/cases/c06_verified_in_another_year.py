"""C6: our machine wakes with a clock of last week, and verifies nights that are long past."""

from __future__ import annotations

import os
import subprocess

from tests.faults.battery import Fault, Found, Stage, verdict_of
from tests.observatory import Answer


def make(stage: Stage) -> None:
    """Two hosts over SSH, whose clocks are right; one frame of last night is missing."""
    stage.there(2).unlink()


def at(stage: Stage, *words: str) -> Answer:
    """Verify as a process whose clock is nine days behind; the window has seven nights."""
    command = ["faketime", "-f", "-9d", *stage.command("verify", "--json", *words)]
    environment = {**os.environ, "DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    ended = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False, env=environment)
    return Answer(ended.returncode, ended.stdout, ended.stderr)


def ask(stage: Stage) -> Found:
    """Verify the window."""
    return verdict_of(at(stage))


def after(stage: Stage, found: Found) -> None:
    """Where the night is named, no clock is asked about it."""
    assert found.status == 3
    named = verdict_of(at(stage, "-d", f"{stage.night():%Y%m%d}"))
    assert named.words == "different: 1 missing"


FAULT = Fault(
    "C6",
    "our own clock is nine days behind, and the window has seven nights",
    make,
    ask,
    "unknown",
    says=("which nights",),
    after=after,
    where="far",
)
