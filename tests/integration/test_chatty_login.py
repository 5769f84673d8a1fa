"""A start-up file of the account that talks: on every login something stands before what was asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from observatory.endpoints.contract import Promise
from observatory.endpoints.ssh import SshEndpoint
from tests.hosts import Host, Hosts, plain_tools
from tests.observatory import Observatory, fits_file

DATA = fits_file(seed=3)


@pytest.fixture(params=["with python", "without"])
def chatty(hosts: Hosts, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Host]:
    """Start a host that greets, with a NUL among its words, and warns."""
    greets = hosts.folder / f"greets-{tmp_path.name}"
    greets.write_text(
        "#!/bin/sh\nprintf 'Welcome to the 74-inch!\\n\\0= 17 0\\0\\n'\necho 'disk quota' >&2\n"
        'eval "$SSH_ORIGINAL_COMMAND"\n'
    )
    greets.chmod(0o755)
    tools = Path(plain_tools(tmp_path / "tools"))
    for name in ("find", "sort", "xargs", "sed", "head", "readlink", "tr", "sha256sum", "grep"):
        (tools / name).unlink(missing_ok=True)
        (tools / name).symlink_to(f"/usr/bin/{name}")
    path = str(tools) if request.param == "without" else None
    host = hosts.start(f"chatty-{tmp_path.name}", (f"ForceCommand {greets}",), path=path)
    yield host
    hosts.stop(host)


def test_every_answer_is_the_program_s_alone(chatty: Host) -> None:
    """Hashes, facts, a file's bytes, a program's words."""
    (chatty.root / "one.fits").write_bytes(DATA)
    root, endpoint = chatty.root_bytes, SshEndpoint(chatty.access)
    try:
        (hashed,) = endpoint.hash(root, [b"one.fits"])
        (found,) = endpoint.stat(root, [b"one.fits"])
        assert (hashed.sha256, found.size_bytes) == (hashlib.sha256(DATA).hexdigest(), len(DATA))
        assert [*endpoint.differing(root, [Promise(b"one.fits", len(DATA), found.mtime_s)])] == []
        with endpoint.open(root + b"/one.fits") as stream:
            assert stream.read() == DATA
        assert endpoint.run([b"echo", b"yes"]).stdout == b"yes\n"
        assert abs(endpoint.clock_ahead_s()) < 5
    finally:
        endpoint.close()


@pytest.mark.parametrize("chatty", ["with python"], indirect=True)
def test_what_is_missing_there_is_said_and_a_sync_ends_in_a_sentence(
    chatty: Host, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It ended in a traceback, and the schedule's mail was not sent."""
    site = Observatory(tmp_path, (chatty,), capsys)
    site.add_local("here")
    site.declare(copies=[site.copy(chatty), site.copy("here")])
    site.mark(chatty)
    site.mark("here")
    site.expose([chatty, "here"], range(3))
    site.expose([chatty], [3])
    answer = site.call("verify", "--json", "--level", "checksum")
    assert (answer.status, answer.hop["reason"]) == (1, "1 missing")
    answer = site.call("sync", "--json")
    failed = [one["reason"] for one in answer.hop["failed"]]
    assert answer.hop["transferred"] + len(failed) == 1
    assert all("start-up file" in reason for reason in failed)
