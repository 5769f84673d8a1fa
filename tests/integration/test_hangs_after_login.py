"""A host that let us in and then hangs, while its kernel goes on answering: nobody waits for it hop after hop."""

from __future__ import annotations

import time
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest

from observatory.endpoints import ssh_connection
from observatory.endpoints.lifeline import Lifeline
from observatory.endpoints.ssh import SshEndpoint
from observatory.endpoints.ssh_connection import Connection
from observatory.errors import HostSilent
from tests.hosts import Hosts, below, stopped

PATIENCE_S = 1.0
SOON_S = 10.0


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a minute would be the test's only length."""
    monkeypatch.setattr(ssh_connection, "CHANNEL_S", PATIENCE_S)


@pytest.mark.usefixtures("impatient")
def test_a_session_that_hangs_is_called_silent_once_and_left(hosts: Hosts) -> None:
    """It was tried five times over, and said to allow no further session; a new connection may serve."""
    host = hosts.start("hanging")
    with closing(SshEndpoint(host.access)) as endpoint:
        endpoint.reach()
        hanging = list(below(host.pid))
        assert hanging
        with stopped(hanging):
            began_s = time.monotonic()
            with pytest.raises(HostSilent, match="within 1 s while opening a session"):
                list(endpoint.stat(host.root_bytes, [b"x"]))
            assert time.monotonic() - began_s < SOON_S
            assert [facts.size_bytes for facts in endpoint.stat(host.root_bytes, [b"x"])] == [None]


def test_a_host_that_answers_no_more_is_not_waited_for_by_each_hop() -> None:
    """Sixty hops that lead to it would wait a quarter of a minute each."""
    tried: list[int] = []
    lost: Any = SimpleNamespace(is_alive=False, close=lambda: None)

    def connect() -> Connection:
        tried.append(1)
        if len(tried) > 1:
            raise HostSilent("sha", "greeting", PATIENCE_S)
        return lost  # type: ignore[no-any-return]

    line = Lifeline("sha", connect)
    assert line.connection() is lost
    for _ in range(3):
        with pytest.raises(HostSilent):
            line.connection()
    assert len(tried) == 2
