"""A person at a terminal is asked about a new root: once, while nothing else draws there.

The installed command on a pseudo-terminal. That nobody is asked without one, the tests of new roots know.
"""

from __future__ import annotations

import contextlib
import os
import pty
import select
import subprocess
import time
from pathlib import Path

import pytest

from tests.hosts import SilentHost
from tests.observatory import Observatory

PATIENCE_S = 60.0
QUESTION = "Is it a new one? [y/N]:"


def converse(words: list[str], answer: str) -> tuple[int, str]:
    """Run a command on a terminal, answer its first question; return its exit status and all that it drew."""
    terminal, theirs = pty.openpty()
    process = subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    drawn, is_answered, end = b"", False, time.monotonic() + PATIENCE_S
    with contextlib.suppress(OSError):  # a terminal that nobody holds any more cannot be read
        while time.monotonic() < end:
            if select.select([terminal], [], [], 0.5)[0]:
                drawn += os.read(terminal, 65536)
            if not is_answered and QUESTION.encode() in drawn:
                os.write(terminal, answer.encode() + b"\n")
                is_answered = True
    os.close(terminal)  # a second question would find nobody, and end the command
    return process.wait(PATIENCE_S), drawn.decode()


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """Two copies on this machine, the second of which nobody has marked yet."""
    site = Observatory(tmp_path, (), capsys)
    for place in ("dome", "archive"):
        site.add_local(place)
    site.declare(copies=[site.copy("dome"), site.copy("archive")])
    site.expose(["dome"], [1])
    return site


@pytest.mark.parametrize("command", ["sync", "run"])
def test_a_new_root_is_asked_about_once(site: Observatory, command: str) -> None:
    """Yes: it is marked and filled; no bar is drawn while the person reads."""
    status, drawn = converse(site.command(command), "y")
    assert status == 0, drawn
    assert drawn.count(QUESTION) == 1
    question, _, rest = drawn.partition(QUESTION)
    assert f"archive:{site.root('archive')} shows no sign" in question
    assert rest.lstrip().startswith("y"), "nothing was drawn between question and answer"
    assert (site.root("archive") / ".nightferry" / "root").exists()
    assert len(list(site.root("archive").rglob("*.fits"))) == 1


def test_no_leaves_the_root_as_it_is(site: Observatory) -> None:
    """It stays unknown, and the command that accepts it is named."""
    status, drawn = converse(site.command("sync"), "n")
    assert status == 3, drawn
    assert drawn.count(QUESTION) == 1
    assert "--new-root" in drawn
    assert not list(site.root("archive").iterdir())


def test_the_doctor_says_that_it_waits_for_a_host(site: Observatory) -> None:
    """A host that takes the connection and hangs is waited for; a terminal does not stand still meanwhile."""
    silent = SilentHost()
    site.site["hosts"]["hangs"] = {"address": "127.0.0.1", "port": silent.port, "connect_timeout_s": 2}
    site.write_site()
    status, drawn = converse([*site.command("doctor")], "")
    quiet = converse(site.command("doctor", "-q"), "")[1]
    silent.close()
    assert status == 3, drawn
    before, _, _ = drawn.partition("no answer within 2 s")
    assert before.count("looking; a host that does not answer") > 3, "it moves"
    assert "looking;" not in quiet
    plain = site.process("doctor")
    assert ("looking;" in plain.out + plain.err, plain.status) == (False, 3)


def test_what_to_do_next_stands_below_a_verification_on_a_terminal(site: Observatory) -> None:
    """The very command; in a pipe and in a file the report is all that there is."""
    site.mark("archive")
    site.declare("shd", copies=[site.copy("dome", "shd"), site.copy("archive", "shd", fill="external")])
    site.expose(["dome"], [1], instrument="shd")
    site.mark("archive", "shd")
    status, drawn = converse(site.command("verify"), "")
    assert (status, "next: `nightferry sync -i sha` carries what is missing" in drawn) == (1, True), drawn
    assert "doctor" not in drawn
    piped = site.process("verify")
    assert (piped.status, "next:" in piped.out + piped.err) == (1, False)
    assert site.call("sync").status == 0
    frame = site.root("archive") / site.expose(["dome"], [1])[0]
    frame.write_bytes(frame.read_bytes()[:-1] + b"x")
    (site.root("archive", "shd") / ".nightferry" / "root").unlink()
    status, drawn = converse(site.command("verify", "--level", "checksum"), "")
    said = " ".join(drawn.split())
    assert status == 3, drawn
    assert "`nightferry sync --level checksum -i sha` carries the source's" in said
    assert "next: `nightferry doctor` goes through what could not be looked at" in said


def test_what_no_pattern_takes_is_not_left_at_ok_on_a_terminal(site: Observatory) -> None:
    """A pattern that fits no file has verify compare none: all is well, and nothing will ever be carried."""
    night = f"{site.night():%Y/%m%d}"
    site.declare(cameras={"sha": {"files": ["SHA_*", "*[red].fits"]}}, copies=[site.copy("dome"), site.copy("archive")])
    for name in ("dome", "archive"):
        site.mark(name)
    site.put("dome", f"{night}/a [red].fits", b"x")
    _, drawn = converse(site.command("verify", "-d", "yesterday"), "")
    said = " ".join(drawn.split())
    assert "name it in `files` or `exclude` of sha.yaml; a pattern has [[] for a [" in said
    site.declare(
        cameras={"sha": {"files": ["SHA_*", "*[[]red].fits"]}}, copies=[site.copy("dome"), site.copy("archive")]
    )
    _, drawn = converse(site.command("verify", "-d", "yesterday"), "")
    assert "a [red].fits" in drawn and "unrecognised" not in drawn
