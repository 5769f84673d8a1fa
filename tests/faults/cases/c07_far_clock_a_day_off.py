"""C7: the telescope's clock is a day off, its `date`, `find` and all other programs with it, by faketime."""

from __future__ import annotations

import shutil

from tests.faults.battery import Fault, Found, Stage, sync
from tests.hosts import need
from tests.observatory import tree


def make(stage: Stage) -> None:
    """Let every program of the account run a day ahead; a frame is missing on the archive."""
    faketime = need(shutil.which("faketime"), "faketime")
    hosts = stage.new_hosts()
    ahead = stage.folder / "ahead"
    ahead.write_text(f'#!/bin/sh\nexec {faketime} -f +1d /bin/sh -c "$SSH_ORIGINAL_COMMAND"\n')
    ahead.chmod(0o755)
    stage.folder.chmod(0o755)
    stage.use(hosts.start(f"ahead{len(hosts.hosts)}", (f"ForceCommand {ahead}",)), stage.ends[1])
    stage.set_up()
    stage.there(2).unlink()


def after(stage: Stage, found: Found) -> None:
    """Refused before a byte moved; with its clock put right the frame is carried."""
    assert stage.frames[2] not in tree(stage.destination)
    (stage.folder / "ahead").write_text('#!/bin/sh\nexec /bin/sh -c "$SSH_ORIGINAL_COMMAND"\n')
    stage.mended()


FAULT = Fault(
    "C7",
    "the telescope's clock is a day ahead, for every program there (faketime)",
    make,
    sync(),
    "different",
    says=("clock is", "ahead"),
    after=after,
    where="bare",
)
