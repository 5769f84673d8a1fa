"""SSH hosts that are not as they should be: silent, changed, closed, lost half-way; and nothing is ever green."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from observatory.endpoints.contract import HostAccess, Selection, SurveyRequest
from observatory.endpoints.local import LocalEndpoint
from observatory.endpoints.opening import open_endpoint
from observatory.endpoints.openssh import command_line
from observatory.endpoints.ssh import SshEndpoint
from observatory.endpoints.ssh_connection import Connection, connected
from observatory.errors import (
    CommandFailed,
    CouldNotTell,
    HostKeyRefused,
    HostSilent,
    HostUnreachable,
    RootNotProven,
)
from tests.hosts import Host, Hosts, SilentHost, free_port


def asks(access: HostAccess) -> None:
    """Connect once."""
    Connection(access).close()


def survey(endpoint: SshEndpoint | LocalEndpoint, root: bytes, *folders: bytes) -> tuple[list[bytes], list[bytes], str]:
    """Return paths, paths in trouble and the reasons."""
    answer = endpoint.survey(SurveyRequest(root, (Selection(folders, (b"*",)),)))
    found = b"".join(answer).split(b"\0")[:-1]
    reasons = "; ".join(trouble.reason for trouble in answer.troubles)
    return [record[1 : record.index(b"//")] for record in found], [one.path for one in answer.troubles], reasons


def test_a_host_that_takes_the_connection_and_says_nothing_is_silent(three_hosts: tuple[Host, ...]) -> None:
    """After the time it is given, not after two minutes."""
    silent = SilentHost()
    began_s = time.monotonic()
    access = three_hosts[0].with_access(address="127.0.0.1", port=silent.port, connect_timeout_s=1.0)
    with pytest.raises(HostSilent, match="within 1 s"):
        asks(access)
    assert time.monotonic() - began_s < 10
    silent.close()


def test_a_host_that_refuses_is_unreachable_and_asked_again(three_hosts: tuple[Host, ...]) -> None:
    """A retry may help, so it is tried; in the end it is said."""
    access = three_hosts[0].with_access(port=free_port(three_hosts[0].address))
    with pytest.raises(HostUnreachable, match="refused") as caught:
        connected(access)
    assert caught.value.is_permanent is False


def test_a_name_that_does_not_exist_is_not_tried_for_long(three_hosts: tuple[Host, ...]) -> None:
    """The resolver's answer stands."""
    with pytest.raises(HostUnreachable, match="spelt right") as caught:
        connected(three_hosts[0].with_access(address="no-such-host.invalid"))
    assert "switched on" not in str(caught.value)


def test_a_jump_host_is_gone_through_and_its_key_is_checked_too(three_hosts: tuple[Host, ...], tmp_path: Path) -> None:
    """Both hosts must be known."""
    gate, far = three_hosts[:2]
    jump = f"{gate.user}@{gate.address}:{gate.port}"
    endpoint = SshEndpoint(far.with_access(proxy_jump=jump))
    assert endpoint.run([b"echo", b"through"]).stdout == b"through\n"
    endpoint.close()
    known = tmp_path / "known_hosts"
    known.write_text("".join(line + "\n" for line in far.known_hosts.read_text().splitlines() if far.address in line))
    with pytest.raises(HostKeyRefused, match=gate.address):
        asks(far.with_access(proxy_jump=jump, known_hosts=str(known)))


@pytest.mark.parametrize("through", [False, True])
def test_the_ssh_command_line_reaches_a_host_as_we_do(
    three_hosts: tuple[Host, ...], through: bool, tmp_path: Path
) -> None:
    """The one that rsync is given, jump host included; a file's name may hold what ssh or a shell would divide at."""
    gate, far = three_hosts[:2]
    known = tmp_path / "known hosts, März"
    known.write_bytes(far.known_hosts.read_bytes())
    jump = f"{gate.user}@{gate.address}:{gate.port}" if through else None
    access = far.with_access(proxy_jump=jump, known_hosts=str(known))
    words = [*command_line(access), far.address, "echo hello"]
    completed = subprocess.run(words, capture_output=True, timeout=30, check=False)
    assert (completed.stdout, completed.returncode) == (b"hello\n", 0), completed.stderr


def test_a_host_reaches_another_with_its_own_key(three_hosts: tuple[Host, ...]) -> None:
    """For a hop between two others nothing is forwarded."""
    one, other = three_hosts[:2]
    endpoint = SshEndpoint(one.access)
    words = ["ssh", "-o", "BatchMode=yes", "-p", str(other.port), f"{other.user}@{other.address}", "echo there"]
    assert endpoint.run([word.encode() for word in words]).stdout == b"there\n"
    endpoint.close()


@pytest.mark.parametrize("kind", ["observer_host", "sftp"])
def test_a_folder_that_may_not_be_listed_poisons_its_part_and_not_the_rest(
    hosts: Hosts, observer_host: Host, kind: str
) -> None:
    """An ordinary user's account: the night next door is listed all the same."""
    name = f"dome-{kind}"
    host = observer_host
    if kind == "sftp":
        host = hosts.start(name, ("ForceCommand internal-sftp",), user=observer_host.user)
    root = host.root / "closed"
    for night in ("2016/0907", "2016/0908/sub", "2017/0101"):
        (root / night).mkdir(parents=True)
        (root / night / "a.fits").write_bytes(b"x")
    (root / "2016/0908/sub").chmod(0)
    (root / "2017").chmod(0)
    endpoint = SshEndpoint(host.access)
    folders = (b"2016/0907", b"2016/0908", b"2016/0909", b"2017/0101")
    paths, troubles, reasons = survey(endpoint, os.fsencode(root), *folders)
    assert (paths, sorted(troubles)) == ([b"2016/0907/a.fits"], [b"2016/0908/sub", b"2017/0101"])
    assert "Permission denied" in reasons
    with pytest.raises(RootNotProven, match="may not be listed"):
        survey(endpoint, os.fsencode(root / "2017"), b".")
    hashed = list(endpoint.hash(os.fsencode(root), [b"2017/0101/a.fits", b"2016/0907/a.fits"]))
    assert [answer.sha256 is None for answer in hashed] == [True, False]
    looked = list(endpoint.stat(os.fsencode(root), [b"2017/0101/a.fits"]))
    assert looked[0].reason is not None
    endpoint.close()


def test_a_root_under_a_closed_folder_is_not_proven(observer_host: Host) -> None:
    """Not being able to look is never absence."""
    root = observer_host.root / "shut" / "root"
    root.mkdir(parents=True)
    root.parent.chmod(0)
    endpoint = SshEndpoint(observer_host.access)
    with pytest.raises(RootNotProven, match="may not be listed"):
        survey(endpoint, os.fsencode(root), b".")
    endpoint.close()


class Relay:
    """Passes bytes between a client and a host until it is cut."""

    def __init__(self, host: Host) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self._ends: list[socket.socket] = []
        self.passed = 0
        self.cut_after: int | None = None
        self._host = host
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        try:
            while True:
                client = self._server.accept()[0]
                far = socket.create_connection((self._host.address, self._host.port))
                self._ends += [client, far]
                threading.Thread(target=self._pass, args=(client, far, False), daemon=True).start()
                threading.Thread(target=self._pass, args=(far, client, True), daemon=True).start()
        except OSError:
            return

    def _pass(self, one: socket.socket, other: socket.socket, counts: bool) -> None:
        try:
            while block := one.recv(65536):
                other.sendall(block)
                if counts:
                    self.passed += len(block)
                    if self.cut_after is not None and self.passed > self.cut_after:
                        self.cut()
        except OSError:
            pass
        self._close(one, other)  # and no other: the next connection may be there by now

    def cut(self) -> None:
        """Cut every connection, as a cable does."""
        ends, self._ends = self._ends, []
        self._close(*ends)

    @staticmethod
    def _close(*ends: socket.socket) -> None:
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def close(self) -> None:
        """Cut, and listen no more."""
        self.cut()
        self._server.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits in accept
        self._server.close()


def relayed(host: Host, relay: Relay, tmp_path: Path) -> HostAccess:
    """Return the way to a host through a relay."""
    kind, blob = (host.folder / "host_key.pub").read_text().split()[:2]
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{relay.port} {kind} {blob}\n")
    return replace(host.access, address="127.0.0.1", port=relay.port, known_hosts=str(known))


def test_a_connection_lost_while_listing_poisons_all_and_the_next_question_connects_anew(
    three_hosts: tuple[Host, ...], tmp_path: Path
) -> None:
    """What came is true, what did not come is unknown."""
    host = three_hosts[0]
    root = host.root / "many"
    (root / "n").mkdir(parents=True)
    for number in range(20_000):
        (root / "n" / f"{'x' * 100}{number:06d}").touch()
    relay = Relay(host)
    endpoint = SshEndpoint(relayed(host, relay, tmp_path))
    assert endpoint.has_shell
    relay.cut_after = relay.passed + 600_000
    paths, troubles, _ = survey(endpoint, os.fsencode(root), b"n")
    assert 0 < len(paths) < 20_000
    assert b"" in troubles
    relay.cut_after = None
    paths, troubles, _ = survey(endpoint, os.fsencode(root), b"n")
    assert (len(paths), troubles) == (20_000, [])
    endpoint.close()
    relay.close()


def test_a_connection_lost_while_hashing_or_writing_is_said(three_hosts: tuple[Host, ...], tmp_path: Path) -> None:
    """As CouldNotTell, never as an answer."""
    host = three_hosts[1]
    (host.root / "big").write_bytes(b"x" * 1000)
    relay = Relay(host)
    endpoint = SshEndpoint(relayed(host, relay, tmp_path))
    stream = endpoint.create(host.root_bytes + b"/half")
    relay.cut()
    with pytest.raises(CouldNotTell):
        for _ in range(1000):
            stream.write(b"x" * 100_000)
    with pytest.raises((CouldNotTell, ValueError)):
        stream.close()
    relay.close()
    with pytest.raises(HostUnreachable):
        list(endpoint.hash(host.root_bytes, [b"big"]))
    endpoint.close()


def test_thousands_of_links_and_files_come_whole(three_hosts: tuple[Host, ...]) -> None:
    """What find prints and what its helper prints share one pipe."""
    host = three_hosts[2]
    root = host.root / "links"
    (root / "n").mkdir(parents=True)
    for number in range(3000):
        (root / "n" / f"file{number:05d}").touch()
        if number % 3 == 0:
            (root / "n" / f"link{number:05d}").symlink_to(f"file{number:05d}")
            (root / "n" / f"gone{number:05d}").symlink_to("/nowhere")
    endpoint = SshEndpoint(host.access)
    paths, troubles, _ = survey(endpoint, os.fsencode(root), b"n")
    assert (len(paths), troubles) == (5000, [])
    endpoint.close()


def test_thousands_of_nights_may_be_asked_for(three_hosts: tuple[Host, ...]) -> None:
    """More than one command line holds."""
    host = three_hosts[2]
    (host.root / "2016").mkdir(exist_ok=True)
    (host.root / "2016" / "a").write_bytes(b"")
    endpoint = SshEndpoint(host.access)
    folders = [b"2016", *(b"a long name of a night's folder/%08d" % number for number in range(8000))]
    assert survey(endpoint, host.root_bytes, *folders) == ([b"2016/a"], [], "")
    endpoint.close()


def test_a_find_that_is_killed_is_seen(three_hosts: tuple[Host, ...], hosts: Hosts) -> None:
    """A walk that was cut short looks whole in its records, not in its statuses."""
    tools = hosts.folder / "killed-tools"
    tools.mkdir()
    (tools / "find").write_text(
        '#!/bin/sh\ncase "$*" in *maxdepth*) exec /usr/bin/find "$@" ;; esac\n'
        '/usr/bin/find "$@"; kill -KILL $$\n'
    )  # fmt: skip
    (tools / "find").chmod(0o755)
    host = hosts.start("killed", path=f"{tools}:/usr/bin:/bin")
    (host.root / "a").write_bytes(b"")
    endpoint = SshEndpoint(host.access)
    paths, troubles, reasons = survey(endpoint, host.root_bytes, b".")
    assert paths == [b"a"]
    assert b"" in troubles
    assert "125" in reasons
    endpoint.close()


def test_several_threads_may_use_one_endpoint(three_hosts: tuple[Host, ...]) -> None:
    """More of them than the host allows sessions."""
    host = three_hosts[0]
    (host.root / "many-threads").mkdir()
    endpoint = SshEndpoint(host.access)
    faults: list[Exception] = []

    def work(number: int) -> None:
        path = host.root_bytes + b"/many-threads/%d" % number
        try:
            for _ in range(3):
                with endpoint.create(path) as stream:
                    stream.write(b"%d" % number * 100_000)
                endpoint.rename(path, path + b".done")
        except (CouldNotTell, OSError) as error:
            faults.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(14)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert len(endpoint.list_folder(host.root_bytes + b"/many-threads")) == 14
    endpoint.close()


def test_more_commands_at_a_time_than_a_host_allows_wait_for_one_another(three_hosts: tuple[Host, ...]) -> None:
    """MaxSessions is ten; twenty are asked for."""
    endpoint = SshEndpoint(three_hosts[0].access)
    assert endpoint.has_shell
    said: list[object] = []

    def work() -> None:
        try:
            said.append(endpoint.run([b"sh", b"-c", b"sleep 0.3; echo x"]).stdout)
        except CouldNotTell as error:
            said.append(error)

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == [b"x\n"] * 20
    endpoint.close()


def test_a_mount_point_below_the_root_is_a_trouble() -> None:
    """Its disk was not asked for: /proc/sys has one that every Linux mounts, /dev another."""
    endpoint = LocalEndpoint(HostAccess("here", "here", is_local=True), True)
    plain = LocalEndpoint(HostAccess("here", "here", is_local=True), False)
    if Path("/dev/shm").stat().st_dev == Path("/dev").stat().st_dev:
        return
    for one in (endpoint, plain):
        assert b"shm" in survey(one, b"/dev", b"shm")[1]


def test_a_host_declared_as_local_is_not_reached_by_ssh(tmp_path: Path) -> None:
    """One site.yaml for all machines."""
    endpoint = open_endpoint(HostAccess("here", "no-such-host.invalid", is_local=True))
    assert endpoint.list_folder(os.fsencode(tmp_path)) == []
    assert isinstance(open_endpoint(HostAccess("far", "no-such-host.invalid")), SshEndpoint)


def test_a_host_without_tools_says_what_it_lacks(plain_host: Host, sftp_host: Host) -> None:
    """So that an engine can be chosen."""
    plain, vault = SshEndpoint(plain_host.access), SshEndpoint(sftp_host.access)
    assert (plain.has_shell, plain.capabilities.rsync_version) == (True, None)
    assert not plain.capabilities.has_gnu_tools
    assert not vault.has_shell
    with pytest.raises(CommandFailed, match="no programs"):
        vault.run([b"id"])
    plain.close()
    vault.close()
