"""F11: a night's folder that our account may not list: what is in it is unknown, not absent."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage, verify


def make(stage: Stage) -> None:
    """Close last night's folder to the ordinary user who lists the source."""
    stage.use(stage.observer(), stage.ends[1])
    stage.set_up()
    folder = stage.here().parent
    folder.chmod(0)
    stage.closing.callback(folder.chmod, 0o755)


def after(stage: Stage, found: Found) -> None:
    """Nothing in it is called extra, missing or lost."""
    assert found.status == 3
    stage.here().parent.chmod(0o755)
    stage.is_whole()


FAULT = Fault(
    "F11b",
    "a night's folder at the telescope that our account may not list",
    make,
    verify("--reverse"),
    "unknown: 1 unreadable",
    ("could not be looked at",),
    after=after,
    where="bare",
)
