"""Told to end while a host is silent, a command ends then, and not when the host is given up."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.observatory import Observatory, ours

GIVEN_UP_S = 60
ENDS_WITHIN_S = 10
"""On a machine that is busy with other tests; alone it takes some hundredths."""


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """Listen, and never say a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(30)
        yield listening


@pytest.fixture
def site(tmp_path: Path, silent: socket.socket, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """Give an archive here, to be filled from a computer that takes connections and is silent."""
    made = Observatory(tmp_path, (), capsys)
    made.add_local("archive")
    far = {"address": "127.0.0.1", "port": silent.getsockname()[1], "user": "observer"}
    made.site["hosts"]["dome"] = far | {"connect_timeout_s": GIVEN_UP_S}
    made.write_site()
    made.declare(copies=[{"host": "dome", "root": "/data"}, made.copy("archive")])
    made.mark("archive")
    return made


@pytest.mark.parametrize("word", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", ["verify", "sync", "run", "doctor"])
def test_a_silent_host_keeps_nobody_who_wants_to_end(
    site: Observatory, silent: socket.socket, command: str, word: signal.Signals
) -> None:
    """Nothing of ours is left on the archive, and the instrument's lock is free."""
    with subprocess.Popen(
        site.command(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            with silent.accept()[0]:
                process.send_signal(word)
                _, said = process.communicate(timeout=ENDS_WITHIN_S)
        finally:
            process.kill()
    assert process.returncode == 130, said
    assert "stopped before its end" in said
    assert ours(site.root("archive")) == ["root"]
    assert site.process("sync", "--hop", "nobody:archive").status == 2  # not 4: nobody holds the lock
