"""Gives what was written to the group that the specification names.

One command for a whole batch. Ownership is never attempted, and a group that cannot be given takes no
file back: it arrived, and the remark says what is left to do.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence

from observatory.errors import CouldNotTell
from syncer.transfer.contract import Batch

CHGRP_LIMIT_S = 600.0
"""Generous: one command names some ten thousand files at most."""


def folders_not_there(batch: Batch) -> list[bytes]:
    """Return which folders of the targets are still to be made; asks nothing where no group is named."""
    if batch.modes.group is None:
        return []
    wanted = _folders_above(item.target for item in batch.items)
    found = batch.destination.stat(batch.destination_root, wanted)
    return [facts.path for facts in found if facts.reason is None and facts.size_bytes is None]


def give_group(batch: Batch, paths: Sequence[bytes]) -> list[str]:
    """Give some paths below the destination's root to the batch's group; return what went wrong, as sentences."""
    group = batch.modes.group
    if group is None or not paths:
        return []
    names = (posixpath.join(batch.destination_root, path) + b"\0" for path in paths)
    argv = [b"env", b"LC_ALL=C", b"xargs", b"-0", b"chgrp", b"-h", b"--", group.encode()]
    try:
        completed = batch.destination.run(argv, names, CHGRP_LIMIT_S)
    except CouldNotTell as error:
        return [f"the group {group} was not given: {error}"]
    if completed.status == 0:
        return []
    said = completed.stderr.decode("utf-8", "backslashreplace").strip().splitlines()
    return [f"{batch.destination.name}: the group {group} was not given to all that was written: {said[0]}"]


def _folders_above(paths: Iterable[bytes]) -> list[bytes]:
    found: set[bytes] = set()
    for path in paths:
        folder = posixpath.dirname(path)
        while folder and folder not in found:
            found.add(folder)
            folder = posixpath.dirname(folder)
    return sorted(found)
