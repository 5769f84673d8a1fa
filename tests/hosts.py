r"""Real SSH hosts on loopback: each an sshd with its own address, host key, client key and root.

A `Host` is started by `Hosts.start` and ended with `Hosts.close`. Fixtures are in conftest.py. Everything
lies in one temporary folder; nothing outside it is written but what sshd itself needs in /run.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from observatory.endpoints.contract import HostAccess

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/sbin:" + os.environ.get("PATH", ""))
START_S = 10.0
OBSERVER = "nfobserver"
"""An ordinary user, made where the tests run as root."""
PLAIN_TOOLS = (
    "sh bash cat cp date dd df echo env false head id kill ls mkdir mv pwd readlink rm rmdir sleep sort stat sync tail"
    " touch tr true uname wc"
)


def need(program: str | None, name: str) -> str:
    """Return a program's path; without it the test skips, in CI it fails."""
    if program is None:
        reason = f"needs {name}, which is not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return program


@dataclass(frozen=True)
class Host:
    """One sshd.

    Attributes
    ----------
    name : str
    address : str
        A loopback address of its own: reports tell hosts apart by it.
    port : int
    folder : Path
        Its keys, configuration and home.
    root : Path
        An empty folder for data.
    client_key, known_hosts : Path
        What a client needs to get in.
    user : str
    pid : int
    """

    name: str
    address: str
    port: int
    folder: Path
    root: Path
    client_key: Path
    known_hosts: Path
    user: str
    pid: int = 0

    @property
    def access(self) -> HostAccess:
        """How nightferry reaches it."""
        return HostAccess(
            name=self.name,
            address=self.address,
            user=self.user,
            port=self.port,
            identity=str(self.client_key),
            known_hosts=str(self.known_hosts),
            connect_timeout_s=10.0,
        )

    @property
    def root_bytes(self) -> bytes:
        """The root as endpoints take it."""
        return os.fsencode(self.root)

    def yaml(self) -> str:
        """Return its lines below ``hosts:`` in site.yaml."""
        return (
            f"  {self.name}: {{address: {self.address}, user: {self.user}, port: {self.port},"
            f' identity: "{self.client_key}", known_hosts: "{self.known_hosts}"}}\n'
        )

    def with_access(self, **changes: object) -> HostAccess:
        """Return its access with other settings."""
        return replace(self.access, **changes)  # type: ignore[arg-type]


@dataclass
class Hosts:
    """Some hosts that know one another: each may log in to every other with a key of its own."""

    folder: Path
    hosts: list[Host] = field(default_factory=list)
    _processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def known_hosts(self) -> Path:
        """The file that every client of these hosts uses."""
        return self.folder / "known_hosts"

    @property
    def client_key(self) -> Path:
        """The key that lets in from here."""
        return self.folder / "client_key"

    def start(self, name: str, options: tuple[str, ...] = (), user: str | None = None, path: str | None = None) -> Host:
        """Start one more host.

        Parameters
        ----------
        options : tuple of str
            Further lines of its sshd_config, before the common ones.
        user : str or None
            Who logs in; None: who runs the tests.
        path : str or None
            The search path of programs there; None: the usual one.
        """
        sshd = need(SSHD, "sshd (openssh-server)")
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        folder = self.folder / name
        folder.mkdir(parents=True)
        self.folder.chmod(0o755)
        if not self.client_key.exists():
            make_key(self.client_key)
        make_key(folder / "host_key")
        make_key(folder / "id_ed25519")
        user = user or pwd.getpwuid(os.geteuid()).pw_name
        for _ in range(5):
            host = self._host(name, folder, user)
            self._configure(host, options, path)
            with (folder / "sshd.log").open("wb") as log:
                process = subprocess.Popen(
                    [sshd, "-D", "-e", "-f", str(folder / "sshd_config")],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=log,
                )
            if answers(host.address, host.port, process):
                break
            process.kill()
            process.wait()
        else:
            pytest.fail(f"sshd did not start: {(folder / 'sshd.log').read_text()[-500:]}")
        self._processes.append(process)
        host = replace(host, pid=process.pid)
        self.hosts.append(host)
        self._introduce()
        return host

    def _host(self, name: str, folder: Path, user: str) -> Host:
        address = f"127.0.{1 + os.getpid() % 250}.{2 + len(self.hosts)}"
        root = self.folder / "data" / name
        root.mkdir(parents=True, exist_ok=True)
        if user != pwd.getpwuid(os.geteuid()).pw_name:
            shutil.chown(root, user)
        return Host(name, address, free_port(address), folder, root, self.client_key, self.known_hosts, user)

    def _configure(self, host: Host, options: tuple[str, ...], path: str | None) -> None:
        tools = host.folder / "bin"
        tools.mkdir(exist_ok=True)
        ssh = tools / "ssh"
        if not ssh.exists() and shutil.which("ssh"):
            ssh.write_text(
                f'#!/bin/sh\nexec {shutil.which("ssh")} -F {shlex.quote(str(host.folder / "ssh_config"))} "$@"\n'
            )
            ssh.chmod(0o755)
        home = host.folder / "home"
        home.mkdir(exist_ok=True)
        if host.user != pwd.getpwuid(os.geteuid()).pw_name:
            shutil.chown(home, host.user)
        search = path if path is not None else f"{tools}:/usr/local/bin:/usr/bin:/bin"
        given = {option.split()[0] for option in options}  # of some keywords the last value counts, not the first
        common = [
            f"Port {host.port}",
            f"ListenAddress {host.address}",
            f'HostKey "{host.folder}/host_key"',
            f'AuthorizedKeysFile "{host.folder}/authorized_keys"',
            f'PidFile "{host.folder}/sshd.pid"',
            "StrictModes no",
            "UsePAM no",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "PermitRootLogin prohibit-password",
            "MaxStartups 100:30:200",
            "UseDNS no",
            "PrintMotd no",
            "LogLevel VERBOSE",
            # the one of today costs 50 ms of a processor at each connection, and shows nothing more here
            "KexAlgorithms curve25519-sha256,curve25519-sha256@libssh.org",
            "Subsystem sftp internal-sftp",
            f'SetEnv "HOME={home}" "PATH={search}"',
        ]
        lines = [*options, *(line for line in common if line.split()[0] not in given)]
        (host.folder / "sshd_config").write_text("\n".join(lines) + "\n")

    def _introduce(self) -> None:
        """Give every host the others' names and keys, and every client the same known_hosts."""
        known = []
        keys = [self.client_key.with_suffix(".pub").read_text()]
        for host in self.hosts:
            kind, blob = (host.folder / "host_key.pub").read_text().split()[:2]
            known.append(f"[{host.address}]:{host.port} {kind} {blob}\n")
            keys.append((host.folder / "id_ed25519.pub").read_text())
        self.known_hosts.write_text("".join(known))
        for host in self.hosts:
            (host.folder / "authorized_keys").write_text("".join(keys))
            (host.folder / "known_hosts").write_text("".join(known))
            config = [
                f'IdentityFile "{host.folder}/id_ed25519"',
                "IdentitiesOnly yes",
                f'UserKnownHostsFile "{host.folder}/known_hosts"',
                "GlobalKnownHostsFile none",
            ]
            (host.folder / "ssh_config").write_text("\n".join(config) + "\n")

    def stop(self, host: Host) -> None:
        """End one host's sshd; what it has running goes on."""
        for process in self._processes:
            if process.pid == host.pid:
                process.terminate()
                process.wait()

    def close(self) -> None:
        """End every sshd that was started here."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait()

    def yaml(self) -> str:
        """Return the ``hosts:`` section of site.yaml."""
        return "hosts:\n" + "".join(host.yaml() for host in self.hosts)


def make_key(path: Path) -> None:
    """Make a key pair."""
    program = need(shutil.which("ssh-keygen"), "ssh-keygen")
    subprocess.run([program, "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", str(path)], check=True)


def free_port(address: str) -> int:
    """Return a port that is free now."""
    with socket.socket() as sock:
        sock.bind((address, 0))
        return int(sock.getsockname()[1])


def answers(address: str, port: int, process: subprocess.Popen[bytes]) -> bool:
    """Wait until a server greets; False if its process ends instead."""
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((address, port), 1.0) as sock:
            sock.settimeout(5.0)
            if sock.recv(4):
                return True
        time.sleep(0.02)
    return False


def plain_tools(folder: Path) -> str:
    """Make a search path without find, rsync, python3, sha256sum or xargs: a host that is not GNU."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in PLAIN_TOOLS.split():
        program = shutil.which(name, path="/usr/bin:/bin")
        if program and not (folder / name).exists():
            (folder / name).symlink_to(program)
    return str(folder)


def ordinary_user() -> str:
    """Return the name of an ordinary user that may log in by key; made by root where it is absent."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid()).pw_name
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(OBSERVER).pw_name
    need(shutil.which("useradd", path="/usr/sbin:/sbin"), "useradd")
    made = subprocess.run(
        ["/usr/sbin/useradd", "--no-create-home", "--shell", "/bin/sh", "--password", "*", OBSERVER],
        capture_output=True,
        check=False,
    )
    if made.returncode not in (0, 9):  # 9: another test process made it meanwhile
        pytest.fail(f"useradd: {made.stderr.decode()}")
    return OBSERVER


def below(process: int) -> Iterator[int]:
    """Yield the processes that descend from one."""
    for entry in Path("/proc").iterdir():  # a glob would fail where one ends while it looks
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1]) if entry.name.isdigit() else None
        except OSError:  # it has ended meanwhile
            continue
        if parent == process:
            yield int(entry.name)
            yield from below(int(entry.name))


@contextlib.contextmanager
def stopped(processes: Iterable[int]) -> Iterator[None]:
    """Have processes stand still, as on a machine that hangs while its kernel answers; what has ended is left out."""
    standing = []
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGSTOP)
            standing.append(process)
    try:
        yield
    finally:
        for process in standing:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)


class SilentHost:
    """Takes TCP connections and says nothing."""

    def __init__(self) -> None:
        self._sock = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._sock.getsockname()[1])

    def close(self) -> None:
        """Stop listening."""
        self._sock.close()
