"""The agent that holds our keys, and a login, that hang: told as what they are, and not waited for for ever."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from observatory.endpoints import keys, ssh_connection
from observatory.endpoints.keys import Agent
from observatory.endpoints.openssh import NO_AGENT, parse_settings
from observatory.endpoints.ssh_connection import Connection
from observatory.errors import AgentSilent, HostSilent
from tests.hosts import Host, Hosts, need
from tests.transfers import wait_until


@pytest.fixture
def silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Listen as an agent, and never say a word."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "agent"))
        listening.listen()
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
        yield listening


@pytest.mark.usefixtures("silent")
def test_an_agent_that_hangs_is_named(three_hosts: tuple[Host, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command waited for it for ever, deaf to `connect_timeout_s`, and said nothing."""
    monkeypatch.setattr(keys, "AGENT_S", 0.5)
    with pytest.raises(AgentSilent, match=r"within 0.5 s while asking the agent .*/agent for keys.*SSH_AUTH_SOCK"):
        Connection(three_hosts[0].access)


def test_an_agent_that_hangs_up_is_done_without(three_hosts: tuple[Host, ...], silent: socket.socket) -> None:
    """It ended the whole command for all hosts; ssh goes on to the keys in files."""
    threading.Thread(target=_hang_up, args=(silent,), daemon=True).start()
    Connection(three_hosts[0].access).close()


def test_the_agent_that_ssh_is_told_of_is_asked(
    three_hosts: tuple[Host, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """IdentityAgent of ~/.ssh/config was read, and not heeded."""
    program = need(shutil.which("ssh-agent"), "ssh-agent")
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    place = str(tmp_path / "named")
    with subprocess.Popen([program, "-D", "-a", place], stdout=subprocess.DEVNULL) as process:
        try:
            assert wait_until(lambda: os.path.exists(place))  # noqa: PTH110
            adding = ["ssh-add", "-q", str(three_hosts[0].client_key)]
            subprocess.run(adding, env={**os.environ, "SSH_AUTH_SOCK": place}, check=True, stderr=subprocess.DEVNULL)
            with closing(Agent("sha", parse_settings(f"identityagent {place}\n").agent)) as agent:
                assert [key.get_name() for key in agent.get_keys()] == ["ssh-ed25519"]
            monkeypatch.setenv("SSH_AUTH_SOCK", place)
            with closing(Agent("sha", parse_settings("identityagent none\n").agent)) as agent:
                assert parse_settings("identityagent none\n").agent == NO_AGENT
                assert not agent.get_keys()
        finally:
            process.kill()


def test_a_login_that_hangs_is_no_refusal(hosts: Hosts, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory server that gives no answer was called a missing public key, of which no retry was made."""
    asks = (
        "AuthorizedKeysFile none",
        "AuthorizedKeysCommand /bin/sleep 60",
        f"AuthorizedKeysCommandUser {getpass.getuser()}",
    )
    host = hosts.start("directory", asks)
    monkeypatch.setattr(ssh_connection, "AUTHENTICATION_S", 1.0)
    with pytest.raises(HostSilent, match="no answer within 1 s while logging in") as caught:
        Connection(host.access)
    assert not caught.value.is_permanent


def _hang_up(listening: socket.socket) -> None:
    listening.accept()[0].close()
