"""Databases for tests: a PostgreSQL server of our own, started once a session, and a fresh database for each test.

Leaves to each test what it keeps there.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from tests.hosts import need


def _programs() -> Path | None:
    """Return where the server's programs lie: Debian keeps them off the PATH."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    return next((path.parent for path in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))), None)


@contextmanager
def postgresql_server() -> Iterator[str]:
    """Start a server that listens on a socket in a folder of its own, and nowhere else; give a database's URL."""
    found = _programs()
    programs = Path(need(str(found) if found else None, "a PostgreSQL server (Debian: postgresql)"))
    user = "nobody" if os.geteuid() == 0 else None  # it refuses to run as root
    with tempfile.TemporaryDirectory(prefix="nf-pg-") as text:  # a socket's path is short
        folder = Path(text)
        if user is not None:
            os.chown(folder, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
        data, log = folder / "data", folder / "log"
        settings = f"-c listen_addresses= -k {folder} -c fsync=off"

        def call(name: str, *arguments: object) -> None:
            command = [programs / name, *map(str, arguments)]
            subprocess.run(command, check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL)

        call("initdb", "-D", data, "-U", "nightferry", "-A", "trust", "--no-sync")
        call("pg_ctl", "start", "-w", "-D", data, "-l", log, "-o", settings)
        try:
            yield f"postgresql+psycopg://nightferry@/postgres?host={folder}"
        finally:
            call("pg_ctl", "stop", "-w", "-m", "immediate", "-D", data)


def fresh_database(url: str, template: str = "template1") -> str:
    """Make a database on a server, empty or like another of its databases, and return its URL."""
    name = f"fresh_{uuid.uuid4().hex[:12]}"
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    engine.dispose()
    return url.replace("/postgres?", f"/{name}?")
