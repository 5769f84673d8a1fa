"""M5: the disk of the spool is full when the report is to be written down."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage
from tests.faults.stage import MAIL_FOLDER


def make(stage: Stage) -> None:
    """One frame is missing, and the report is to be mailed."""
    stage.there(2).unlink()
    stage.write_site(mail=MAIL_FOLDER)
    assert stage.call("verify").status == 1


def ask(stage: Stage) -> Found:
    """Verify; no file can be given its name for want of room."""
    answer = stage.traced("rename,renameat,renameat2:error=ENOSPC", "verify", "--mail")
    assert answer.status in (1, 3), answer
    assert "No space left on device" in answer.err, answer
    return Found("could not tell, or said so", answer.status)


def after(stage: Stage, found: Found) -> None:
    """No half letter was left; with room again it is mailed."""
    assert not list((stage.state / "spool").glob("*.mail"))
    assert stage.call("verify", "--mail").status == 1
    assert len(list((stage.config / "mail").iterdir())) == 1


FAULT = Fault(
    "M5",
    "the disk of the spool is full",
    make,
    ask,
    "could not tell, or said so",
    after=after,
)
