"""H6: the far end's rsync is that of an old macOS."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage, sync


def make(stage: Stage) -> None:
    """Name a program that says so; another frame is missing."""
    stage.there(2).unlink()
    fake = stage.folder / "rsync"
    fake.write_text("#!/bin/sh\necho 'rsync  version 2.6.9  protocol version 29'\n")
    fake.chmod(0o755)
    stage.folder.chmod(0o755)
    stage.change_host(stage.far()[0].name, rsync_path=str(fake))


def after(stage: Stage, found: Found) -> None:
    """The built-in engine carried it, and all is proven."""
    stage.is_whole()


FAULT = Fault(
    "H6",
    "rsync at the telescope is 2.6.9",
    make,
    sync(),
    "ok: 1 transferred",
    after=after,
    where="far",
)
