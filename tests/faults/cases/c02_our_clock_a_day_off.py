"""C2: our own clock is a day off."""

from __future__ import annotations

import os
import subprocess

from tests.faults.battery import Fault, Found, Stage
from tests.observatory import Answer


def make(stage: Stage) -> None:
    """Two hosts over SSH, whose clocks are right; one frame is missing."""
    stage.there(2).unlink()


def ask(stage: Stage) -> Found:
    """Sync as a process whose clock is a day ahead."""
    words = ["faketime", "-f", "+1d", *stage.command("sync", "--json")]
    environment = {**os.environ, "DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    ended = subprocess.run(words, capture_output=True, text=True, timeout=90, check=False, env=environment)
    answer = Answer(ended.returncode, ended.stdout, ended.stderr)
    assert answer.document["hops"][0]["transferred"] == 0, answer
    return Found(answer.document["state"], answer.status, {}, answer.hop["reason"])


def after(stage: Stage, found: Found) -> None:
    """With the right time it is carried."""
    stage.mended()


FAULT = Fault(
    "C2",
    "our own clock is a day ahead of the telescope's",
    make,
    ask,
    "different",
    says=("clock is",),
    after=after,
    where="far",
)
