"""Two roots, or folders of them, that are one and the same through a link: what lies there is no second copy.

Leaves to each case what is linked.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.faults.battery import STANDARD, Fault, Found, Stage, verify


def one_copy(name: str, title: str, link: Callable[[Stage], None], *words: str, has_trees: bool = True) -> Fault:
    """Return the fault of one copy that is seen twice; `words` ask the verify for more."""
    says = ("no second copy",)
    return Fault(
        name,
        title,
        link,
        verify(*words),
        "unknown",
        says=says,
        after=_nor_does_sync,
        peers=STANDARD,
        has_trees=has_trees,
    )


def _nor_does_sync(stage: Stage, found: Found) -> None:
    """Exit 3, and sync does not call it done either."""
    assert found.status == 3
    assert stage.call("sync").status == 3
