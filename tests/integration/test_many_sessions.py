"""Many sessions at once, at a host that turns away a crowd that has not logged in (its MaxStartups)."""

from __future__ import annotations

import getpass
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from observatory.endpoints.contract import HostAccess
from observatory.spec.models import TransferOptions
from syncer.transfer.sessions import ENOUGH_BYTES
from tests.hosts import Host, Hosts, need
from tests.transfers import Pair, side

SESSIONS = 16
MOST_AT_ONCE = 10
"""As sshd has it by default; it turns away only some of more, this one all of them."""


@pytest.fixture
def strict_host(tmp_path: Path) -> Iterator[Host]:
    """A host that takes its time over every key, and refuses a crowd that waits for it."""
    hosts = Hosts(tmp_path / "hosts")
    sleep = need(shutil.which("sleep"), "sleep")
    slowly = (f"AuthorizedKeysCommand {sleep} 0.3", f"AuthorizedKeysCommandUser {getpass.getuser()}")
    yield hosts.start("strict", options=(f"MaxStartups {MOST_AT_ONCE}:100:{MOST_AT_ONCE}", *slowly))
    hosts.close()


@pytest.mark.parametrize("engine", ["rsync", "pipe"])
def test_sixteen_sessions_log_in_a_few_at_a_time(tmp_path: Path, strict_host: Host, engine: str) -> None:
    """None is turned away, so that nothing has to be sent again."""
    for name in ("source", "destination"):
        (tmp_path / name).mkdir()
    here = HostAccess("here", "here", is_local=True)
    pair = Pair(side(strict_host.access, tmp_path / "source"), side(here, tmp_path / "destination"), engine)
    items = [pair.write(b"n/%d" % number, bytes(ENOUGH_BYTES)) for number in range(SESSIONS)]
    try:
        result = pair.carry(items, options=TransferOptions(sessions=SESSIONS))
    finally:
        pair.source.endpoint.close()
    assert (result.engine, len(result.arrived), pair.waits) == (engine, SESSIONS, [])
