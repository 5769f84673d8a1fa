"""L4: two machines, each with a ledger of its own, fill one archive at the same time."""

from __future__ import annotations

import json
import shutil
import subprocess

from tests.faults.battery import Fault, Found, Stage
from tests.faults.midway import slow_frames
from tests.faults.stage import DIES_S, installed, under_way, wait_for


def make(stage: Stage) -> None:
    """Give the archive eight frames to get by a slow line, and another machine the same configuration."""
    slow_frames(stage, *range(7, 15), size_bytes=4_000_000, seconds=4)
    stage.seen["other"] = stage.folder / "other"
    shutil.copytree(stage.config, stage.seen["other"])


def ask(stage: Stage) -> Found:
    """Begin a sync on each, the second while bytes of the first are on their way: one works, one is told so."""
    first = stage.begin("sync", "--json")
    wait_for(lambda: under_way(stage.destination) is not None, "bytes on their way")
    words = [str(installed()), "--config", str(stage.seen["other"]), "sync", "--json"]
    second = subprocess.run(words, capture_output=True, text=True, timeout=DIES_S, check=False)
    out, err = first.communicate(timeout=DIES_S)
    assert first.returncode == 0 and json.loads(out)["hops"][0]["transferred"] == 8, err
    assert "Traceback" not in second.stderr + err
    return Found(
        "one works, the other waits its turn",
        second.returncode,
        reason=json.loads(second.stdout).get("error", second.stdout),
    )


def after(stage: Stage, found: Found) -> None:
    """Exit 4; all is there once, and the other machine's next sync finds nothing to do."""
    assert found.status == 4
    stage.is_whole()
    words = [str(installed()), "--config", str(stage.seen["other"]), "sync", "--json"]
    again = subprocess.run(words, capture_output=True, text=True, timeout=DIES_S, check=False)
    assert again.returncode == 0 and json.loads(again.stdout)["hops"][0]["planned"] == 0, again.stderr


FAULT = Fault(
    "L4b",
    "two machines, each with its own ledger, fill one archive at the same time",
    make,
    ask,
    "one works, the other waits its turn",
    says=("lock",),
    after=after,
)
