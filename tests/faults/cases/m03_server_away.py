"""M3: the mail server is away for a day."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage, command
from tests.faults.stage import MAIL_SERVER
from tests.integration.mailservers import Box, free_port, serving


def make(stage: Stage) -> None:
    """Name a port where nobody listens."""
    stage.write_site(mail=MAIL_SERVER | {"server": {"host": "127.0.0.1", "port": free_port()}})


def after(stage: Stage, found: Found) -> None:
    """The letter waits in the spool, and goes with the next run."""
    assert len(list((stage.state / "spool").glob("*.mail"))) == 1
    box = Box()
    port = stage.closing.enter_context(serving(box))
    stage.write_site(mail=MAIL_SERVER | {"server": {"host": "127.0.0.1", "port": port}})
    assert stage.call("verify", "--mail").status == 0
    assert len(box.taken) == 2


FAULT = Fault(
    "M3",
    "the mail server does not answer",
    make,
    command("verify", "--mail"),
    "exit 1",
    after=after,
)
