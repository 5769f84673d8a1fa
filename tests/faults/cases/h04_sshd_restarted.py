"""H4: sshd is restarted while a file is on its way."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import threading
from pathlib import Path

from tests.faults.battery import Fault, Found, Stage, sync
from tests.faults.stage import under_way, wait_for
from tests.hosts import SSHD, Host, answers
from tests.observatory import fits_file


def children(process: int) -> list[int]:
    """Return every process below one."""
    text = Path(f"/proc/{process}/task/{process}/children").read_text() if Path(f"/proc/{process}").exists() else ""
    direct = [int(word) for word in text.split()]
    return [*direct, *(grand for child in direct for grand in children(child))]


def restart(stage: Stage, host: Host) -> None:
    """End one host's sshd with its sessions, and start it again."""
    for process in (*children(host.pid), host.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGTERM)
    assert SSHD is not None
    words = [SSHD, "-D", "-e", "-f", str(host.folder / "sshd_config")]
    wait_for(lambda: not listens(host), "the old sshd to let go of its port")
    for _ in range(20):
        again = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if answers(host.address, host.port, again):
            break
    stage.closing.callback(again.wait)
    stage.closing.callback(again.terminate)


def listens(host: Host) -> bool:
    """Say whether somebody takes connections at a host's port."""
    try:
        with socket.create_connection((host.address, host.port), 1):
            return True
    except OSError:
        return False


def make(stage: Stage) -> None:
    """A host of its own, a large frame, and a slow line."""
    host = stage.new_hosts().start(f"restarts{len(stage.new_hosts().hosts)}")
    stage.use(host, stage.ends[1])
    stage.set_up()
    stage.put(host, stage.frame(7), fits_file(3_000_000, seed=7))
    transfer = {"rate_bytes_per_s": 3_000_000, "engine": "rsync"}
    stage.declare("sha", copies=[stage.copy(host), stage.copy(stage.ends[1], transfer=transfer)])
    stage.seen["host"] = host


def ask(stage: Stage) -> Found:
    """Sync, and restart once bytes are on their way."""

    def strike() -> None:
        wait_for(lambda: under_way(stage.destination) is not None, "bytes on their way")
        restart(stage, stage.seen["host"])

    strikes = threading.Thread(target=strike)
    strikes.start()
    try:
        return sync()(stage)
    finally:
        strikes.join()


def after(stage: Stage, found: Found) -> None:
    """It went on after a wait, and all is proven."""
    stage.is_whole()


FAULT = Fault(
    "H4",
    "sshd is restarted in the middle of a sync, and its sessions are ended",
    make,
    ask,
    "ok: 1 transferred",
    after=after,
    where="bare",
)
