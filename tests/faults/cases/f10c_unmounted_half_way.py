"""F10: the archive's disk is unmounted while we write: what follows must not fill the disk beneath it."""

from __future__ import annotations

import threading

from tests.faults.battery import Fault, Found, Stage, sync
from tests.faults.mounts import Mounted
from tests.faults.stage import under_way, wait_for
from tests.observatory import fits_file, tree


def make(stage: Stage) -> None:
    """Put the archive on a disk of its own, with several frames and a slow line before it."""
    for path in (*stage.destination.rglob("*.fits"), stage.destination / ".nightferry" / "root"):
        stage.seen[path.name] = path.read_bytes()
    stage.seen["mounted"] = Mounted(stage, "tmpfs", "24M")
    for number in range(7, 9):
        relative = stage.frames[0].replace(".0001.", f".{number:04d}.")
        stage.put(stage.ends[0], relative, fits_file(3_000_000, seed=number))
    slowly = stage.copy(stage.ends[1], transfer={"rate_bytes_per_s": 2_000_000})
    stage.declare("sha", copies=[stage.copy(stage.ends[0]), slowly])


def ask(stage: Stage) -> Found:
    """Sync; once bytes are on their way the disk is taken away, as by a tired automounter."""
    beneath = stage.root(stage.ends[1])
    for path in sorted(beneath.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()

    def strike() -> None:
        wait_for(lambda: under_way(stage.destination) is not None, "bytes on their way")
        stage.seen["mounted"].does("umount", "-l", str(beneath))

    strikes = threading.Thread(target=strike)
    strikes.start()
    try:
        found = sync()(stage)
    finally:
        strikes.join()
    assert found.state != "ok", found
    return Found("never ok", found.status, {}, found.reason)


def after(stage: Stage, found: Found) -> None:
    """No frame was published into the mount point."""
    assert not tree(stage.destination)


FAULT = Fault(
    "F10c",
    "the archive's disk is unmounted while frames are written (a real file system)",
    make,
    ask,
    "never ok",
    after=after,
)
