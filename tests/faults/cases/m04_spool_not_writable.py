"""M4: the spool cannot be written."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage, command
from tests.faults.stage import MAIL_FOLDER


def make(stage: Stage) -> None:
    """Put a file where the spool should be."""
    stage.state.mkdir(exist_ok=True)
    (stage.state / "spool").write_bytes(b"")
    stage.write_site(mail=MAIL_FOLDER)


def after(stage: Stage, found: Found) -> None:
    """The verdict itself is kept all the same."""
    assert stage.call("report").status == 0


FAULT = Fault(
    "M4",
    "the spool cannot be written: a file stands in its place",
    make,
    command("verify", "--mail"),
    "exit 1",
    says=("spool",),
    after=after,
)
