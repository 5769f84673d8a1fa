"""M2: the mail server dies after DATA."""

from __future__ import annotations

import email

from tests.faults.battery import Fault, Found, Stage, command
from tests.faults.stage import MAIL_SERVER
from tests.integration.mailservers import Box, content_of, dying_after_data, serving


def make(stage: Stage) -> None:
    """Serve one session that falls silent."""
    stage.seen["taken"] = []
    port = stage.closing.enter_context(dying_after_data(stage.seen["taken"]))
    stage.write_site(mail=MAIL_SERVER | {"server": {"host": "127.0.0.1", "port": port, "timeout_s": 2}})


def after(stage: Stage, found: Found) -> None:
    """It is not lost: the next run sends it, with the same Message-ID, so that twice is once."""
    box = Box()
    port = stage.closing.enter_context(serving(box))
    stage.write_site(mail=MAIL_SERVER | {"server": {"host": "127.0.0.1", "port": port}})
    stage.call("verify", "--mail")
    first = email.message_from_bytes(stage.seen["taken"][0])["Message-ID"]
    assert first and first in [email.message_from_bytes(content_of(one))["Message-ID"] for one in box.taken]


FAULT = Fault(
    "M2",
    "the mail server takes the whole letter and dies before it says so",
    make,
    command("verify", "--mail"),
    "exit 1",
    after=after,
)
