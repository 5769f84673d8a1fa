"""N5: another removable drive hangs where the usual one was."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage


def make(stage: Stage) -> None:
    """Sync once to a removable drive, then change its marker."""
    stage.declare("sha", copies=[stage.copy(stage.ends[0]), stage.copy(stage.ends[1], removable=True)])
    stage.mark(stage.ends[1], identity="drive-one")
    assert stage.call("sync").status == 0
    stage.mark(stage.ends[1], identity="drive-two")
    stage.there(2).unlink()


def ask(stage: Stage) -> Found:
    """Sync: nothing is written to a stranger's drive."""
    answer = stage.call("sync", "--json")
    assert answer.document["state"] in ("unknown", "away"), answer
    assert not stage.there(2).exists()
    return Found("not ok", answer.status)


FAULT = Fault(
    "N5",
    "another drive is plugged in in the place of the usual one",
    make,
    ask,
    "not ok",
)
