"""S7: forty-two lines that differ in one number are read by nobody."""

from __future__ import annotations

import email
import email.policy

from tests.faults.battery import Fault, Found, Stage, verify
from tests.faults.stage import MAIL_FOLDER


def make(stage: Stage) -> None:
    """Take numbers 1 to 42 from the archive."""
    stage.expose(stage.ends, range(7, 50))
    for number in range(1, 43):
        stage.path(stage.ends[1], stage.frames[0].replace(".0001.", f".{number:04d}.")).unlink()
    stage.write_site(mail=MAIL_FOLDER)


def after(stage: Stage, found: Found) -> None:
    """The subject counts them, the page folds them into one line, the text still names each."""
    (path,) = (stage.config / "mail").iterdir()
    letter = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert "sha 42 missing" in str(letter["Subject"])
    page = letter.get_body(("html",))
    assert page is not None and "[0001-0042].fits" in page.get_content()
    text = letter.get_body(("plain",))
    assert text is not None and text.get_content().count("SHA_") == 42


FAULT = Fault(
    "S7",
    "42 frames in a row are missing",
    make,
    verify("--mail"),
    "different: 42 missing",
    after=after,
)
