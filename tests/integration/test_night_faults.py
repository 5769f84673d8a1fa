"""Hosts, keys, roots and folders that cannot be looked at: unknown, never missing, never green.

Each fault stands in a sentence that says what to do, and the other instrument is still done. Real sshd throughout.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hosts import Host, Hosts, SilentHost, make_key
from tests.observatory import Observatory, folder_of, tree


@pytest.fixture
def site(tmp_path: Path, three_hosts: tuple[Host, Host, Host], capsys: pytest.CaptureFixture[str]) -> Observatory:
    """Two instruments: sha from alpha, shd from beta, both to gamma; a frame each. Tests break alpha."""
    alpha, beta, gamma = three_hosts
    observatory = Observatory(tmp_path, three_hosts, capsys)
    for name, host in (("sha", alpha), ("shd", beta)):
        observatory.declare(name, copies=[observatory.copy(host, name), observatory.copy(gamma, name)])
        observatory.expose([host], [1], instrument=name)
        observatory.mark(gamma, name)
    return observatory


@pytest.fixture
def silent() -> Iterator[SilentHost]:
    """A host that hangs after the TCP connection."""
    host = SilentHost()
    yield host
    host.close()


def only_sha_is_unknown(site: Observatory, *words: str) -> None:
    """Verify and sync say 3 and why; shd was carried and is proven."""
    synced = site.call("sync", "--json")
    assert synced.status == 3
    states = {hop["instrument"]: hop["state"] for hop in synced.document["hops"]}
    assert states == {"sha": "unknown", "shd": "ok"}
    looked = site.call("verify", "--json")
    assert looked.status == 3
    assert looked.document["state"] == "unknown"
    sha, shd = looked.document["hops"]
    assert (sha["state"], sha["missing"], sha["compared"]) == ("unknown", [], 0)
    assert (shd["state"], shd["compared"]) == ("ok", 1)
    for word in words:
        assert word in sha["reason"], sha["reason"]
    said = site.call("verify").out
    assert f"UNKNOWN: {sha['reason']}" in said
    assert tree(site.root(site.hosts[2], "shd"))
    assert not tree(site.root(site.hosts[2], "sha"))


def test_a_key_that_nobody_let_in_is_a_login_refused(site: Observatory, tmp_path: Path) -> None:
    """The sentence names host, user and where the key belongs."""
    make_key(tmp_path / "stranger")
    site.change_host("alpha", identity=str(tmp_path / "stranger"))
    only_sha_is_unknown(site, "127.0.", "authorized_keys")


def test_a_host_key_that_changed_is_refused(site: Observatory, tmp_path: Path) -> None:
    """Nothing is asked of a host that may be another; the file looked in and the fingerprint are named."""
    alpha = site.hosts[0]
    make_key(tmp_path / "other")
    kind, blob = (tmp_path / "other.pub").read_text().split()[:2]
    (tmp_path / "known").write_text(f"[{alpha.address}]:{alpha.port} {kind} {blob}\n")
    before = (tmp_path / "known").read_bytes()
    site.change_host("alpha", known_hosts=str(tmp_path / "known"))
    only_sha_is_unknown(site, str(tmp_path / "known"), "fingerprint")
    assert (tmp_path / "known").read_bytes() == before, "known_hosts is never written"


def test_a_host_key_that_is_not_known_is_refused(site: Observatory, tmp_path: Path) -> None:
    """An empty known_hosts trusts nobody."""
    (tmp_path / "known").touch()
    site.change_host("alpha", known_hosts=str(tmp_path / "known"))
    only_sha_is_unknown(site, str(tmp_path / "known"))
    assert (tmp_path / "known").read_bytes() == b""


def test_a_host_that_hangs_is_given_up_in_time(site: Observatory, silent: SilentHost) -> None:
    """It took the connection and says nothing: given up after connect_timeout_s, the rest is done."""
    site.change_host("alpha", address="127.0.0.1", port=silent.port, connect_timeout_s=1)
    only_sha_is_unknown(site, "127.0.0.1", "no answer within 1 s")


def test_a_host_that_hangs_is_waited_for_once_a_run(site: Observatory) -> None:
    """Six instruments on it: it is connected to once, and the time is not lost by each of them anew."""
    taken: list[socket.socket] = []

    def take() -> None:
        with contextlib.suppress(OSError):  # closed: the test is over
            while True:
                taken.append(listening.accept()[0])

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=take)
        thread.start()
        site.change_host("alpha", address="127.0.0.1", port=listening.getsockname()[1], connect_timeout_s=1)
        for name in ("sha", "shb", "shc", "shd", "she", "shf"):
            site.declare(name, copies=[site.copy(site.hosts[0], name), site.copy(site.hosts[2], name)])
        assert site.call("verify").status == 3
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()
    for connection in taken:
        connection.close()
    assert len(taken) == 1


def test_a_host_that_is_off_is_not_reached(site: Observatory, hosts: Hosts) -> None:
    """Its sshd was ended: connection refused, said as such."""
    gone = hosts.start(f"off{len(hosts.hosts)}")
    hosts.stop(gone)
    site.change_host("alpha", address=gone.address, port=gone.port)
    only_sha_is_unknown(site, gone.address, "not reached")


def test_a_name_that_nobody_knows_is_not_reached(site: Observatory) -> None:
    """A misspelt address is a sentence, not a traceback."""
    site.change_host("alpha", address="no-such-host.invalid")
    only_sha_is_unknown(site, "no-such-host.invalid", "not reached")


def test_an_empty_source_may_be_an_unmounted_disk(site: Observatory) -> None:
    """Neither marker nor night: unknown. Marked by hand it is an empty root, and all is well."""
    root = site.root(site.hosts[0])
    for path in sorted(root.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    only_sha_is_unknown(site, str(root), "mounted")
    site.mark(site.hosts[0])
    assert site.call("sync").status == 0
    assert site.call("verify").status == 0


def test_a_source_that_held_files_and_shows_none_is_not_to_be_marked(site: Observatory) -> None:
    """An earlier run saw them: its disk is looked for, and no command marks the mount point."""
    assert site.call("sync").status == 0
    root = site.root(site.hosts[0])
    for path in sorted(root.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    for command in ("sync", "verify"):
        answer = site.call(command, "--json", "-i", "sha")
        assert answer.status == 3
        assert "Earlier runs saw files below it: look on that host" in answer.hop["reason"]
        assert "touch" not in answer.hop["reason"]


def test_a_root_that_is_not_there_is_unknown(site: Observatory) -> None:
    """An absent root is not an empty one."""
    site.root(site.hosts[0]).rename(site.root(site.hosts[0]).with_name("elsewhere"))
    only_sha_is_unknown(site, str(site.root(site.hosts[0])), "mounted")


def test_a_folder_that_cannot_be_read_poisons_only_itself(
    tmp_path: Path,
    observer_host: Host,
    three_hosts: tuple[Host, Host, Host],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One night closed to the ordinary user: 3, that folder named, and the other night's files still found."""
    beta = three_hosts[1]
    site = Observatory(tmp_path, [observer_host, beta], capsys)
    site.declare("sha")
    (open_file,) = site.expose([observer_host], [1], back=1)
    site.expose([observer_host], [1], back=2)
    site.mark(beta)
    closed = site.path(observer_host, folder_of(site.night(2)))
    closed.chmod(0o000)
    try:
        found = site.call("verify", "--json")
        assert (found.status, found.hop["state"]) == (3, "unknown")
        assert found.hop["missing"] == [open_file]
        assert [one["path"] for one in found.hop["unreadable"]] == [folder_of(site.night(2))]
        text = site.call("verify").out
        assert text.index(open_file) < text.index("UNKNOWN: ") < text.index("FILES THAT COULD NOT BE READ ON")
        carried = site.call("sync", "--json")
        assert (carried.status, carried.hop["transferred"]) == (3, 1)
        assert list(tree(site.root(beta))) == [open_file]
    finally:
        closed.chmod(0o755)
    assert site.call("sync").status == 0
    assert site.call("verify").status == 0


def test_a_file_that_cannot_be_read_fails_alone(
    tmp_path: Path,
    observer_host: Host,
    three_hosts: tuple[Host, Host, Host],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The others of its night travel; it stands in the report by name, and a checksum of it is unknown."""
    beta = three_hosts[1]
    site = Observatory(tmp_path, [observer_host, beta], capsys)
    site.declare("sha")
    first, second = site.expose([observer_host], [1, 2])
    site.mark(beta)
    content = site.path(observer_host, first).read_bytes()
    site.path(observer_host, first).chmod(0o000)
    carried = site.call("sync", "--json")
    assert carried.status == 3
    assert (carried.hop["state"], carried.hop["failed"]) == ("unknown", [])
    assert first in carried.hop["reason"]
    assert list(tree(site.root(beta))) == [second]
    site.put(beta, first, content)
    hashed = site.call("verify", "--level", "checksum", "--json")
    assert (hashed.status, hashed.hop["not_comparable"]) == (3, 1)
    assert [(one["path"], one["on"]) for one in hashed.hop["unreadable"]] == [(first, "source")]
    assert [one["reason"] for hop in (carried.hop, hashed.hop) for one in hop["unreadable"]] == [
        "Permission denied"
    ] * 2
