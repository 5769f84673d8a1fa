"""F9: a file grows while it is copied: rsync calls that success by design."""

from __future__ import annotations

import threading

from tests.faults.battery import Fault, Found, Stage, outcome_of
from tests.faults.stage import under_way, wait_for
from tests.observatory import fits_file


def make(stage: Stage) -> None:
    """Give the night one large frame and a line that needs a second for it."""
    large = stage.frames[0].replace(".0001.", ".0007.")
    stage.put(stage.ends[0], large, fits_file(8_000_000, seed=7))
    copies = [stage.copy(stage.ends[0]), stage.copy(stage.ends[1], transfer={"rate_bytes_per_s": 8_000_000})]
    stage.declare("sha", copies=copies)
    stage.seen["large"] = stage.source / large


def ask(stage: Stage) -> Found:
    """Sync, and write on while it goes."""

    def grow() -> None:
        wait_for(lambda: under_way(stage.destination) is not None, "bytes on their way")
        with stage.seen["large"].open("ab") as stream:
            stream.write(b"more" * 1000)

    grows = threading.Thread(target=grow)
    grows.start()
    try:
        return outcome_of(stage.call("sync", "--json"))
    finally:
        grows.join()


def after(stage: Stage, found: Found) -> None:
    """Nothing of it was published."""
    assert len(list(stage.there().parent.iterdir())) == len(stage.frames)


FAULT = Fault(
    "F9",
    "a file grows while it is copied",
    make,
    ask,
    "different: 1 failed",
    ("changed while it was copied",),
    after,
    source_changes=True,
)
