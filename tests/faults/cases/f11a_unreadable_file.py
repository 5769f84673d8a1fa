"""F11: a file that our account may not read."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage, verify


def make(stage: Stage) -> None:
    """Close one frame to the ordinary user who lists the source."""
    stage.use(stage.observer(), stage.ends[1])
    stage.set_up()
    stage.here(2).chmod(0)
    stage.closing.callback(stage.here(2).chmod, 0o644)


def after(stage: Stage, found: Found) -> None:
    """It is named, and the exit status says that somebody could not look."""
    assert found.status == 3
    unreadable = stage.call("verify", "--level", "checksum", "--json").hop["unreadable"]
    assert [one["path"] for one in unreadable] == [stage.frames[2]]
    stage.here(2).chmod(0o644)
    stage.is_whole()


FAULT = Fault(
    "F11a",
    "a file at the telescope that our account may not read",
    make,
    verify("--level", "checksum"),
    "unknown: 1 unreadable, 1 not comparable",
    after=after,
    where="bare",
)
