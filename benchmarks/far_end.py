"""One sshd on loopback with keys of its own, and the configuration that names it.

Leaves the files behind it to trees.py and what is asked of it to peers.py.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.line import LOOPBACK, Line

SSHD_CONFIG = """\
ListenAddress {address}:{port}
HostKey {keys}/host
AuthorizedKeysFile {keys}/user.pub
PidFile none
PasswordAuthentication no
UsePAM no
UseDNS no
StrictModes no
MaxStartups 100:30:200
LogLevel ERROR
Subsystem sftp internal-sftp
"""
SSH_CONFIG = """\
Host far
  HostName {address}
  Port {port}
  User {user}
  IdentityFile {keys}/user
  IdentitiesOnly yes
  UserKnownHostsFile {keys}/known_hosts
  GSSAPIAuthentication no
  LogLevel ERROR
"""
SITE = """\
site: Bench
timezone: UTC
state: {state}
hosts:
  far: {{address: {address}, port: {port}, user: {user}, identity: {keys}/user, known_hosts: {keys}/known_hosts}}
  here: {{local: true}}
"""
INSTRUMENT = """\
instrument: bench
layout: "%Y/%m%d"
window_nights: {window}
cameras:
  bench: {{files: ["BENCH_*.fits"]}}
copies:
  - {{host: far, root: {source}}}
  - {{host: here, root: {destination}}}
"""


@dataclass(frozen=True, slots=True)
class FarEnd:
    """A running sshd.

    Attributes
    ----------
    pid, port : int
        Of the process that listens.
    keys : Path
        Folder with ``user``, ``host``, ``known_hosts`` and the ``ssh_config`` for OpenSSH's client.
    user : str
    line : Line
        What lies between.
    """

    pid: int
    port: int
    keys: Path
    user: str
    line: Line

    @property
    def ssh(self) -> list[str]:
        """The command that reaches the host ``far``."""
        return ["ssh", "-F", str(self.keys / "ssh_config")]

    def rclone_remote(self, root: Path) -> str:
        """Return a folder of the far end as rclone names it, without a configuration file."""
        facts = (
            f"host={self.line.far_address},port={self.port},user={self.user},key_file={self.keys}/user,"
            f"known_hosts_file={self.keys}/known_hosts,shell_type=unix"
        )
        return f":sftp,{facts}:{root}"

    def configure(self, folder: Path, source: Path, destination: Path, window: int) -> Path:
        """Write site.yaml and one instrument into a folder; return it for ``--config``."""
        (folder / "instruments.d").mkdir(parents=True, exist_ok=True)
        site = SITE.format(
            address=self.line.far_address, state=folder / "var", port=self.port, user=self.user, keys=self.keys
        )
        (folder / "site.yaml").write_text(site)
        instrument = INSTRUMENT.format(window=window, source=source, destination=destination)
        (folder / "instruments.d" / "bench.yaml").write_text(instrument)
        return folder


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _make_keys(keys: Path, address: str, port: int, user: str) -> None:
    for name in ("user", "host"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "bench", "-f", keys / name], check=True)
    (keys / "known_hosts").write_text(f"[{address}]:{port} {(keys / 'host.pub').read_text()}")
    (keys / "sshd_config").write_text(SSHD_CONFIG.format(address=address, port=port, keys=keys))
    (keys / "ssh_config").write_text(SSH_CONFIG.format(address=address, port=port, keys=keys, user=user))


def _await_answer(far: FarEnd) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if subprocess.run([*far.line.near, *far.ssh, "far", "true"], capture_output=True, check=False).returncode == 0:
            return
        time.sleep(0.05)
    raise TimeoutError("sshd did not let us in within 20 s")


@contextlib.contextmanager
def running(keys: Path, line: Line = LOOPBACK) -> Iterator[FarEnd]:
    """Start an sshd at the far end of a line that accepts the key in `keys`, an empty folder; end it afterwards."""
    user, port = getpass.getuser(), _free_port()
    _make_keys(keys, line.far_address, port, user)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where root's sshd locks itself in; Debian makes it at boot
    program = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin") or "/usr/sbin/sshd"
    sshd = subprocess.Popen(
        [*line.far, program, "-D", "-E", str(keys / "log"), "-f", str(keys / "sshd_config")], stdin=subprocess.DEVNULL
    )
    try:
        far = FarEnd(sshd.pid, port, keys, user, line)
        _await_answer(far)
        yield far
    finally:
        sshd.terminate()
        sshd.wait(10)
