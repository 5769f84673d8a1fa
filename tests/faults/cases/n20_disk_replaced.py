"""N20: the archive's disk is replaced by an empty one, and a person says so: older nights do not lie on it."""

from __future__ import annotations

from pathlib import Path

from tests.faults.battery import Fault, Found, Stage, verdict_of
from tests.observatory import tree

BACK = 20
"""The window has seven nights."""


def make(stage: Stage) -> None:
    """Prove a night of three weeks ago by hash, and last night; then let next year's disk be empty."""
    old = stage.night(BACK)
    stage.expose(stage.ends, [1, 2], back=BACK)
    for words in (("sync",), ("verify", "--level", "checksum", "-d", f"{old:%Y%m%d}"), ("verify",)):
        assert stage.call(*words).status == 0
    stage.destination.rename(stage.destination.with_name("full"))
    stage.destination.mkdir()
    stage.seen["old"] = old


def shown(stage: Stage) -> tuple[int, list[str]]:
    """Return on how many copies status calls the old night proven, and where safe."""
    nights = stage.call("status", "--json").document["nights"]
    (found,) = [one for one in nights if one["night"] == f"{stage.seen['old']:%Y%m%d}"]
    return found["proven_copies"], [one["copy"] for one in found["safe"] if one["is_safe"]]


def ask(stage: Stage) -> Found:
    """Sync onto it, as a person may; then verify the window."""
    assert stage.call("sync").status == 3, "nobody said so yet"
    assert stage.call("sync", "--new-root", f"{stage.ends[1]}:{stage.destination}").status == 0
    return verdict_of(stage.call("verify", "--json"))


def after(stage: Stage, found: Found) -> None:
    """No status calls the old night proven or safe; the next sync carries it; a disk at another place is the same."""
    assert shown(stage) == (0, [])
    stage.mended()
    assert shown(stage)[0] == 1
    elsewhere = stage.destination.with_name("elsewhere")
    copies = [stage.copy(stage.ends[0]), {"host": stage.ends[1], "root": str(elsewhere)}]
    stage.destination.rename(elsewhere)
    stage.declare("sha", copies=copies)
    assert stage.call("verify").status == 0 and shown(stage)[0] == 1, "the disk was carried to another place"
    empty = Path(f"{elsewhere}.2027")
    empty.mkdir()
    stage.declare("sha", copies=[copies[0], copies[1] | {"root": str(empty)}])
    assert stage.call("sync", "--new-root", f"{stage.ends[1]}:{empty}").status == 0
    assert shown(stage) == (0, [])
    assert stage.call("sync").status == 0 and tree(empty) == tree(stage.source)


FAULT = Fault(
    "N20",
    "the archive's disk is replaced by an empty one, and a person says so: older nights are not on it",
    make,
    ask,
    "different: 2 missing",
    after=after,
    has_trees=False,
)
