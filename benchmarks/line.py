"""The line between the two ends of a benchmark: loopback, or two network namespaces with a distance between them.

The distance is made by delaylink.c, a user's program between two TUN devices, for kernels without sch_netem. It
needs root, `ip`, a C compiler and /dev/net/tun; what is missing is said, and that part of the table is left out.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("delaylink.c")
NAMES = "nightferry-near-", "nightferry-far-"
"""How the two namespaces are called; the id of the process that made them follows."""
NETWORK = "10.77.99"


@dataclass(frozen=True, slots=True)
class Line:
    """What lies between the two ends.

    Attributes
    ----------
    near, far : tuple of str
        What stands before a command that is to run at an end.
    far_address : str
    round_trip_ms : int
    """

    near: tuple[str, ...] = ()
    far: tuple[str, ...] = ()
    far_address: str = "127.0.0.1"
    round_trip_ms: int = 0


LOOPBACK = Line()


def why_no_distance() -> str | None:
    """Return what keeps a distance from being made here; None where it can be."""
    if os.geteuid() != 0:
        return "it needs root"
    lacking = [program for program in ("ip", "cc") if shutil.which(program) is None]
    if lacking:
        return f"there is no {' and no '.join(lacking)}"
    return None if Path("/dev/net/tun").exists() else "there is no /dev/net/tun"


@contextlib.contextmanager
def line(round_trip_ms: int, scratch: Path) -> Iterator[Line]:
    """Give a line of this round trip; 0: loopback."""
    if round_trip_ms == 0:
        yield LOOPBACK
        return
    program = scratch / "delaylink"
    subprocess.run(["cc", "-O2", "-o", program, SOURCE], check=True)
    _remove_orphans()
    near, far = (f"{name}{os.getpid()}" for name in NAMES)
    try:
        for name in (near, far):
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        words = [str(program), near, "nf0", far, "nf1", str(round_trip_ms * 500), "0"]
        link = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        try:
            _await_ready(link)
            _join(near, far)
            yield Line(("ip", "netns", "exec", near), ("ip", "netns", "exec", far), f"{NETWORK}.2", round_trip_ms)
        finally:
            link.terminate()
            link.wait(10)
    finally:
        _remove(near, far)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def _await_ready(link: subprocess.Popen[bytes]) -> None:
    if link.stdout is None or b"ready" not in link.stdout.readline():
        raise RuntimeError("delaylink did not come up")
    time.sleep(0.1)


def _join(near: str, far: str) -> None:
    for name, device, number in ((near, "nf0", 1), (far, "nf1", 2)):
        _ip("-n", name, "link", "set", device, "txqueuelen", "10000")
        _ip("-n", name, "addr", "add", f"{NETWORK}.{number}/24", "dev", device)
        _ip("-n", name, "link", "set", device, "up")


def _remove_orphans() -> None:
    """Remove the namespaces of runs that were killed."""
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    for entry in listed.splitlines():
        name = entry.split()[0]
        maker = name.rpartition("-")[2]
        if name.startswith(NAMES) and not Path("/proc", maker).exists():
            _remove(name)


def _remove(*names: str) -> None:
    for name in names:
        subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
