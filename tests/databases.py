"""Databases for tests: a PostgreSQL server of our own, started once a session, and a fresh database for each test.

Leaves to each test what it keeps there.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa

from tests.hosts import need

START_S = 60.0


def _programs() -> Path | None:
    """Return where the server's programs lie: Debian keeps them off the PATH."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    return next((path.parent for path in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))), None)


@contextmanager
def postgresql_server(folder: Path) -> Iterator[str]:
    """Start a server in a new folder that listens on a socket there, and nowhere else; give a database's URL.

    It runs as another user where the tests run as root, which must get through to the folder. It keeps what it
    shares in memory within the folder too, so that nothing is left in /dev/shm by one that was killed.
    """
    found = _programs()
    programs = Path(need(str(found) if found else None, "a PostgreSQL server (Debian: postgresql)"))
    user = "nobody" if os.geteuid() == 0 else None  # it refuses to run as root
    folder.mkdir()
    if user is not None:
        shutil.chown(folder, user)
    data = folder / "data"
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": folder,
        "dynamic_shared_memory_type": "mmap",
        "fsync": "off",
    }
    make = [programs / "initdb", "-D", data, "-U", "nightferry", "-A", "trust", "--no-sync"]
    subprocess.run(make, check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL)
    words = [programs / "postgres", "-D", data, *(f"--{key}={value}" for key, value in settings.items())]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(words, user=user, cwd=folder, stdout=log, stderr=log)
    try:
        _wait_until_ready(server, folder)
        yield f"postgresql+psycopg://nightferry@/postgres?{urlencode({'host': folder})}"
    finally:
        server.send_signal(signal.SIGQUIT)  # at once: nobody wants its data any more
        server.wait()


def _wait_until_ready(server: subprocess.Popen[bytes], folder: Path) -> None:
    """Wait until a server lets clients in: then it says so in the last line of its file."""
    end_s = time.monotonic() + START_S
    while time.monotonic() < end_s and server.poll() is None:
        with contextlib.suppress(OSError):
            if (folder / "data" / "postmaster.pid").read_text().splitlines()[-1:] == ["ready   "]:
                return
        time.sleep(0.01)
    pytest.fail(f"PostgreSQL did not start: {(folder / 'log').read_text()[-500:]}")


def fresh_database(url: str, template: str = "template1") -> str:
    """Make a database on a server, empty or like another of its databases, and return its URL."""
    name = f"fresh_{uuid.uuid4().hex[:12]}"
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    engine.dispose()
    return url.replace("/postgres?", f"/{name}?")
