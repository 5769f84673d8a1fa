"""H9: the account's start-up file talks on every login."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage, verdict_of


def make(stage: Stage) -> None:
    """Let bash greet at the telescope."""
    hosts = stage.new_hosts()
    host = hosts.start(f"chatty{len(hosts.hosts)}", (f"ForceCommand {stage.folder}/greets",))
    stage.folder.chmod(0o755)
    greets = stage.folder / "greets"
    greets.write_text('#!/bin/sh\necho "Welcome to the 74-inch!"\neval "$SSH_ORIGINAL_COMMAND"\n')
    greets.chmod(0o755)
    stage.use(host, stage.ends[1])
    stage.set_up()
    stage.there(2).unlink()


def ask(stage: Stage) -> Found:
    """Verify: the answer is right, or nobody could tell; it is never green."""
    found = verdict_of(stage.call("verify", "--json"))
    assert found.words == "different: 1 missing" or found.state == "unknown", found
    return Found("true or unknown", found.status)


FAULT = Fault(
    "H9",
    "the account's start-up file prints a greeting into every answer",
    make,
    ask,
    "true or unknown",
    where="bare",
)
