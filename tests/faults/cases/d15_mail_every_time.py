"""D15: a fault that repeats is mailed each time."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage
from tests.faults.stage import MAIL_FOLDER


def make(stage: Stage) -> None:
    """Mail on change; one frame is missing."""
    stage.write_site(mail=MAIL_FOLDER | {"when": "change"})
    stage.there(2).unlink()


def ask(stage: Stage) -> Found:
    """Verify five times; then another frame is missing too."""
    for _ in range(5):
        assert stage.call("verify", "--scheduled").status == 1
    said = len(list((stage.config / "mail").iterdir()))
    stage.there(3).unlink()
    assert stage.call("verify", "--scheduled").status == 1
    assert len(list((stage.config / "mail").iterdir())) == said + 1
    return Found(f"{said} mail")


FAULT = Fault(
    "D15",
    "the same difference is found by five runs of one day",
    make,
    ask,
    "1 mail",
)
