"""L2: the database file is damaged."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage, command


def make(stage: Stage) -> None:
    """Spoil it from its first byte on."""
    assert stage.call("verify").status == 0
    for path in stage.state.glob("catalogue.db-*"):
        path.unlink()
    (stage.state / "catalogue.db").write_bytes(b"rubbish" * 1000)


def after(stage: Stage, found: Found) -> None:
    """It says what to do; moved aside, the next run starts a new one by looking."""
    (stage.state / "catalogue.db").rename(stage.state / "aside")
    stage.is_whole()


FAULT = Fault(
    "L2",
    "the database file is overwritten with rubbish",
    make,
    command("verify", "--json"),
    "exit 3",
    says=("damaged",),
    after=after,
)
