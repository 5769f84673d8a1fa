"""F10: the archive's disk is unmounted while we write: what follows must not fill the disk beneath it."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage
from tests.faults.midway import slow_frames, synced_and_struck
from tests.faults.mounts import Mounted
from tests.observatory import tree


def make(stage: Stage) -> None:
    """Put the archive on a disk of its own, with several frames and a slow line before it."""
    for path in (*stage.destination.rglob("*.fits"), stage.destination / ".nightferry" / "root"):
        stage.seen[path.name] = path.read_bytes()
    stage.seen["mounted"] = Mounted(stage, "tmpfs", "24M")
    slow_frames(stage, 7, 8)


def ask(stage: Stage) -> Found:
    """Sync; once bytes are on their way the disk is taken away, as by a tired automounter."""
    beneath = stage.root(stage.ends[1])
    for path in sorted(beneath.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    found = synced_and_struck(stage, lambda: stage.seen["mounted"].does("umount", "-l", str(beneath)))
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
