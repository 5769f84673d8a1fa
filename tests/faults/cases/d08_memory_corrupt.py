"""D8: a state file that was half written drops the whole history."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage
from tests.faults.stage import MAIL_FOLDER


def make(stage: Stage) -> None:
    """Mail once, then spoil the note of what was mailed."""
    stage.write_site(mail=MAIL_FOLDER | {"when": "change"})
    stage.there(2).unlink()
    assert stage.call("verify", "--scheduled").status == 1
    (note,) = (stage.state / "spool" / "last").iterdir()
    note.write_bytes(note.read_bytes()[:10])


def ask(stage: Stage) -> Found:
    """Verify again: one mail too many rather than one too few."""
    answer = stage.call("verify", "--scheduled")
    return Found(f"{len(list((stage.config / 'mail').iterdir()))} mails", answer.status)


FAULT = Fault(
    "D8",
    "the note of the last mail is half written",
    make,
    ask,
    "2 mails",
)
