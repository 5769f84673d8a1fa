"""Hops between real hosts: which engine is taken, what a destination may do with its own keys, and what it may not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from observatory.endpoints.contract import HostAccess
from observatory.errors import CommandFailed
from observatory.spec.models import TransferOptions
from syncer.transfer.choose import choose
from tests.hosts import Host
from tests.transfers import Pair, Side, reasons, side

HERE = HostAccess("here", "here", is_local=True)


@pytest.fixture
def sides(tmp_path: Path) -> Iterator[list[Side]]:
    """Sides that are closed at the end."""
    made: list[Side] = []
    yield made
    for one in made:
        one.endpoint.close()


def _pair(
    sides: list[Side], tmp_path: Path, source: HostAccess, destination: HostAccess, engine: str | None = None
) -> Pair:
    for name, access in (("source", source), ("destination", destination)):
        (tmp_path / name).mkdir()
        sides.append(side(access, tmp_path / name))
    return Pair(sides[0], sides[1], engine)


def test_two_remote_hosts_send_to_one_another_with_their_own_keys(
    sides: list[Side], tmp_path: Path, three_hosts: tuple[Host, ...]
) -> None:
    """rsync ran on the destination; nothing was relayed, and nothing of ours was needed there."""
    pair = _pair(sides, tmp_path, three_hosts[0].access, three_hosts[1].access)
    result = pair.carry([pair.write(b"n/a", b"bytes")])
    assert (result.engine, len(result.arrived), result.remarks) == ("rsync", 1, ())


def test_what_the_destination_cannot_fetch_is_relayed(
    sides: list[Side], tmp_path: Path, three_hosts: tuple[Host, ...]
) -> None:
    """From the destination the source cannot be reached: the files arrive all the same, and it is said."""
    shutil.copy(three_hosts[2].folder / "known_hosts", tmp_path / "kept")
    pair = _pair(sides, tmp_path, three_hosts[0].access, three_hosts[2].access)
    try:
        (three_hosts[2].folder / "known_hosts").write_text("")
        result = pair.carry([pair.write(b"n/a", b"bytes"), pair.write(b"n/b", b"more")])
    finally:
        shutil.copy(tmp_path / "kept", three_hosts[2].folder / "known_hosts")
    assert (result.engine, len(result.arrived)) == ("sftp", 2)
    assert "relayed" in result.remarks[0]
    assert "Host key verification failed" in result.remarks[0]
    assert pair.read(b"n/a") == b"bytes"
    assert pair.waits == []


@pytest.mark.parametrize(
    ("source", "destination", "name"),
    [
        ("here", "here", "local"),
        ("here", "alpha", "rsync"),
        ("alpha", "beta", "rsync"),
        ("here", "vault", "sftp"),
        ("plain", "here", "sftp"),
        ("alpha", "vault", "sftp"),
    ],
)
def test_the_engine_follows_from_what_the_hosts_have(
    sides: list[Side],
    tmp_path: Path,
    three_hosts: tuple[Host, ...],
    sftp_host: Host,
    plain_host: Host,
    source: str,
    destination: str,
    name: str,
) -> None:
    """Copies here, rsync where both have it, else the built-in one; all of them carry."""
    known = {host.name: host.access for host in (*three_hosts, sftp_host, plain_host)} | {"here": HERE}
    pair = _pair(sides, tmp_path, known[source], replace(known[destination]))
    batch = pair.batch([pair.write(b"n/a", b"bytes")])
    assert pair.chosen(batch).name == name
    assert len(pair.carry(batch.items).arrived) == 1


def test_rsync_that_was_asked_for_and_is_not_there_is_said(sides: list[Side], tmp_path: Path, plain_host: Host) -> None:
    """The specification names it: nothing else is taken in silence."""
    pair = _pair(sides, tmp_path, HERE, plain_host.access, "rsync")
    options = TransferOptions(engine="rsync")
    with pytest.raises(CommandFailed, match=plain_host.address):
        choose(pair.source.endpoint, pair.destination.endpoint, HERE, plain_host.access, options)


def test_options_of_the_specification_reach_the_real_programs(
    sides: list[Side], tmp_path: Path, three_hosts: tuple[Host, ...]
) -> None:
    """A cipher, compression, sessions and a rate together: ssh and rsync take them."""
    pair = _pair(sides, tmp_path, HERE, three_hosts[0].access, "rsync")
    options = TransferOptions(cipher="aes256-ctr", compression=True, sessions=2, rate_bytes_per_s=50_000_000)
    items = [pair.write(b"n/%d" % number, os.urandom(9_000_000)) for number in range(2)]
    assert len(pair.carry(items, options=options).arrived) == 2


def test_a_cipher_that_ssh_does_not_know_is_the_reason_it_gives(
    sides: list[Side], tmp_path: Path, three_hosts: tuple[Host, ...]
) -> None:
    """What ssh said is in the reason of the file."""
    pair = _pair(sides, tmp_path, HERE, three_hosts[0].access, "rsync")
    result = pair.carry([pair.write(b"n/a")], options=TransferOptions(cipher="rot13"))
    assert "cipher" in reasons(result)[b"n/a"].lower()


@pytest.mark.parametrize("engine", ["pipe", "rsync", "sftp"])
def test_an_ordinary_user_meets_an_unreadable_file(sides: list[Side], observer_host: Host, engine: str) -> None:
    """That file alone fails, with the reason; the others arrive."""
    source, destination = observer_host.root / engine / "source", observer_host.root / engine / "destination"
    for folder in (source, destination):
        folder.mkdir(parents=True)
    shutil.chown(destination, observer_host.user)
    sides += [side(observer_host.access, source), side(HERE, destination)]
    pair = Pair(sides[0], sides[1], engine)
    fine, closed = pair.write(b"n/a", b"a", mode=0o644), pair.write(b"n/b", b"b", mode=0)
    result = pair.carry([fine, closed])
    assert [one.item for one in result.arrived] == [fine]
    assert "could not be read" in reasons(result)[b"n/b"]


@pytest.mark.parametrize("engine", ["pipe", "rsync", "sftp"])
def test_an_ordinary_user_meets_a_folder_closed_to_him(sides: list[Side], observer_host: Host, engine: str) -> None:
    """A night's folder on the destination belongs to somebody else: its files fail, the other night's arrive."""
    source, destination = observer_host.root / engine / "from", observer_host.root / engine / "to"
    for folder in (source, destination, destination / "closed"):
        folder.mkdir(parents=True)
    shutil.chown(destination, observer_host.user)
    (destination / "closed").chmod(0o555)
    sides += [side(HERE, source), side(observer_host.access, destination)]
    pair = Pair(sides[0], sides[1], engine)
    fine, closed = pair.write(b"open/a", b"a"), pair.write(b"closed/b", b"b")
    result = pair.carry([closed, fine])
    assert [one.item for one in result.arrived] == [fine]
    assert "Permission denied" in reasons(result)[b"closed/b"]
