"""Links carried as links (``symlinks: copy``): made under a temporary name, never over anything that is there.

Which links travel is plan.py's.
"""

from __future__ import annotations

import posixpath
import uuid
from collections.abc import Iterable, Sequence

from observatory.endpoints.contract import Act
from observatory.errors import CouldNotTell
from observatory.listing import HopScope
from syncer.outcome import Failure
from syncer.transfer.folders import TMP

Link = tuple[bytes, bytes]
"""Path below the source root, and what it points to."""


def copy_links(destination: Act, root: bytes, scope: HopScope, links: Sequence[Link]) -> list[Failure]:
    """Make links on the destination; return those that could not be made, and why.

    Where something bears a link's name that no listing showed, it stays: a link holds no data, that may.
    """
    failures = []
    taken = _taken(destination, root, [scope.target_of(path) for path, _ in links])
    for path, points_to in links:
        target = scope.target_of(path)
        if target in taken:
            failures.append(Failure(path, f"the link could not be made: {taken[target]}"))
            continue
        try:
            _copy_link(destination, root, target, points_to)
        except (CouldNotTell, OSError) as error:
            failures.append(Failure(path, f"the link could not be made: {error}"))
    return failures


def _taken(destination: Act, root: bytes, targets: Sequence[bytes]) -> dict[bytes, str]:
    """Return why names cannot be had: something is there, or that cannot be told."""
    found: Iterable[tuple[bytes, str | None]] = (
        (facts.path, facts.reason if facts.size_bytes is None else "something else bears its name")
        for facts in (destination.stat(root, targets) if targets else ())
    )
    return {path: why for path, why in found if why is not None}


def _copy_link(destination: Act, root: bytes, target: bytes, points_to: bytes) -> None:
    folder = posixpath.dirname(target)
    destination.make_folders(root, [path for path in (folder, TMP) if path])
    temporary = posixpath.join(root, TMP, uuid.uuid4().hex.encode())
    destination.link(points_to, temporary)
    destination.rename(temporary, posixpath.join(root, target))
