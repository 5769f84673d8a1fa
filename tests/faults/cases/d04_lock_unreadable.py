"""D4: who holds a lock cannot be read: that is no free lock."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage, sync


def make(stage: Stage) -> None:
    """Leave an empty, fresh lock at the destination, and something to do."""
    (stage.destination / ".nightferry" / "lock").write_bytes(b"")
    stage.there(2).unlink()


def after(stage: Stage, found: Found) -> None:
    """The other run is left alone; exit 4 says that nothing could be done."""
    assert found.status == 4
    assert not stage.there(2).exists()
    (stage.destination / ".nightferry" / "lock").unlink()
    stage.mended()


FAULT = Fault(
    "D4",
    "a lock of another run lies on the archive and says nothing",
    make,
    sync(),
    "error",
    says=("lock",),
    after=after,
)
