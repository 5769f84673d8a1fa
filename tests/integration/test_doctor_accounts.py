"""What the doctor says of accounts that let us in, and then not do what a sync needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.hosts import Host, Hosts
from tests.observatory import Observatory

PRINTS = 'ForceCommand echo Welcome; eval "$SSH_ORIGINAL_COMMAND"'
MENU = "ForceCommand echo Choose one of three; exit 1"


@contextmanager
def host_with(hosts: Hosts, name: str, option: str) -> Iterator[Host]:
    """Start a host with one more line in its sshd_config."""
    host = hosts.start(name, (option,))
    yield host
    hosts.stop(host)


def said_of(host: Host, folder: Path, capsys: pytest.CaptureFixture[str], is_filled: bool) -> tuple[str, int]:
    """Return the doctor's lines of a host that is one end of a hop, and the status of the sync that follows."""
    site = Observatory(folder, [host], capsys)
    site.add_local("here")
    copies = [site.copy("here"), site.copy(host)]
    site.declare(copies=copies if is_filled else copies[::-1])
    site.mark("here")
    site.mark(host)
    site.expose([host if not is_filled else "here"], [1])
    lines = site.call("doctor").out.splitlines()
    return "\n".join(line for line in lines if f"host {host.name}:" in line), site.call("sync").status


@pytest.mark.parametrize("is_filled", [True, False], ids=["destination", "source"])
def test_a_host_without_sftp_is_told_where_we_write(
    hosts: Hosts, tmp_path: Path, capsys: pytest.CaptureFixture[str], is_filled: bool
) -> None:
    """All was ok, and each sync ended UNKNOWN; a source needs none."""
    with host_with(hosts, f"prints-{is_filled}", PRINTS) as host:
        said, status = said_of(host, tmp_path, capsys, is_filled)
    assert ("sync can write nothing there" in said and "Subsystem sftp" in said) == is_filled
    assert said.splitlines()[-1].startswith("ok ")
    assert (status == 3) == is_filled


def test_an_account_that_runs_nothing_and_gives_no_sftp_is_no_account_for_sftp(
    hosts: Hosts, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It was called reached, and ok."""
    with host_with(hosts, "menu", MENU) as host:
        said, status = said_of(host, tmp_path, capsys, is_filled=True)
    assert said.startswith("UNKNOWN")
    assert "this account runs no programs, and" in said
    assert "SFTP" in said
    assert status == 3


def test_a_host_that_allows_one_session_is_told(
    hosts: Hosts, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The doctor asked one thing after another, and found nothing; each sync ended UNKNOWN, in paramiko's words."""
    monkeypatch.setattr("observatory.endpoints.ssh_connection.CHANNEL_RETRY_S", (0.1,))
    with host_with(hosts, "single", "MaxSessions 1") as host:
        said, status = said_of(host, tmp_path, capsys, is_filled=True)
    assert said.startswith("UNKNOWN")
    assert "it allows no further session." in said
    assert "MaxSessions" in said
    assert status == 3
