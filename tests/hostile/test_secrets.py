"""Nothing secret reaches a log, an error, ``--show`` or the processes; a secret that others can read is refused."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.faults.stage import Stage
from tests.hosts import free_port

SECRET = "correct-horse-battery"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A site that mails with a password and keeps its records in a database with one."""
    made = Stage(tmp_path, list, list, list)  # type: ignore[arg-type]  # no SSH host is asked for
    made.set_up()
    secret = made.config / "secret"
    secret.write_text(SECRET + "\n")
    secret.chmod(0o600)
    server = {"host": "127.0.0.1", "port": free_port("127.0.0.1"), "user": "observer", "password_file": "secret"}
    made.write_site(mail={"from": "n@s.test", "to": ["d@s.test"], "server": server})
    return made


def with_database(stage: Stage, url: str) -> None:
    """Name a database whose server does not answer."""
    where = f"127.0.0.1:{free_port('127.0.0.1')}/nf?connect_timeout=1"
    stage.write_site(database=url.format(secret=SECRET, where=where))


@pytest.mark.parametrize(
    "words",
    [
        ("check-config", "--show"),
        ("-v", "doctor"),
        ("-v", "--log-format", "json", "verify", "--mail"),
        ("-v", "run", "--mail", "--json"),
        ("status",),
        ("schema", "site"),
        ("crontab",),
    ],
)
@pytest.mark.parametrize(
    "database",
    [None, "postgresql+psycopg://nf:{secret}@{where}", "postgresql+psycopg://nf@{where}&password={secret}"],
)
def test_no_command_says_a_secret(stage: Stage, words: tuple[str, ...], database: str | None) -> None:
    """Whatever it ends with: neither standard output, nor errors, nor the log."""
    if database is not None:
        with_database(stage, database)
    answer = stage.call(*words)
    assert SECRET not in answer.out + answer.err
    kept = [path for path in stage.state.rglob("*") if path.is_file()] if stage.state.exists() else []
    assert not [path for path in kept if SECRET.encode() in path.read_bytes()]


def test_a_password_file_that_others_can_read_is_refused(stage: Stage) -> None:
    """Before anything is sent, and without saying what is in it."""
    (stage.config / "secret").chmod(0o644)
    answer = stage.call("verify", "--mail")
    assert answer.status == 2
    assert "chmod 600" in answer.err and SECRET not in answer.err


def test_no_process_bears_a_secret_in_its_words(stage: Stage) -> None:
    """What `ps` shows to every account of the machine, while a run works and mails."""
    process = stage.begin("run", "--mail")
    seen: set[str] = set()
    while process.poll() is None:
        listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
        seen |= {line for line in listed.splitlines() if SECRET in line}
        time.sleep(0.02)
    process.communicate()
    assert not seen
    assert SECRET not in str(os.environ)
