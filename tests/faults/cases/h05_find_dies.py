"""H5: `find` dies half-way, and what it printed looks complete."""

from __future__ import annotations

import shutil

from tests.faults.battery import Fault, Found, Stage, verdict_of


def make(stage: Stage) -> None:
    """Give the host a find that prints three records of a real one and is killed."""
    tools = stage.folder / "tools"
    tools.mkdir()
    stage.folder.chmod(0o755)
    fake = tools / "find"
    real = shutil.which("find", path="/usr/bin:/bin")
    walks = f'*files0-from*|*-printf*%s*) {real} "$@" | head -z -n 3; kill -9 $$;;'
    fake.write_text(f'#!/bin/sh\ncase "$*" in {walks} *) exec {real} "$@";; esac\n')
    fake.chmod(0o755)
    hosts = stage.new_hosts()
    host = hosts.start(f"halffind{len(hosts.hosts)}", path=f"{tools}:/usr/local/bin:/usr/bin:/bin")
    stage.use(host, stage.ends[1])
    stage.set_up()


def ask(stage: Stage) -> Found:
    """Verify in both directions: what was not listed is not extra."""
    found = verdict_of(stage.call("verify", "--reverse", "--json"))
    assert found.counts.get("extra", 0) == 0, found
    return Found(found.state, found.status, {}, found.reason)


def after(stage: Stage, found: Found) -> None:
    """A sync does not call the rest lost either."""
    assert found.status == 3


FAULT = Fault(
    "H5",
    "find dies half-way at the telescope, after three whole records",
    make,
    ask,
    "unknown",
    after=after,
    where="bare",
)
