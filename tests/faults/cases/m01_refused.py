"""M1: the mail server refuses the letter."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage, command
from tests.faults.stage import MAIL_SERVER
from tests.integration.mailservers import Box, serving


def make(stage: Stage) -> None:
    """Serve, and refuse at DATA."""
    box = Box(data_reply="554 5.7.1 no reports here")
    port = stage.closing.enter_context(serving(box))
    stage.write_site(mail=MAIL_SERVER | {"server": {"host": "127.0.0.1", "port": port}})


def after(stage: Stage, found: Found) -> None:
    """It is said, and the letter is kept for a person."""
    assert len(list((stage.state / "spool" / "refused").iterdir())) == 1


FAULT = Fault(
    "M1",
    "the mail server refuses the report for good",
    make,
    command("verify", "--mail"),
    "exit 1",
    says=("no reports here",),
    after=after,
)
