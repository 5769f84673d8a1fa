"""What every endpoint that runs programs promises of them; the others say that they run none."""

from __future__ import annotations

import time

import pytest

from observatory.errors import CommandFailed
from tests.contract.endpoints.members import Member, local


@pytest.fixture
def shell_member(member: Member) -> Member:
    """A member that runs programs; the others have said that they do not."""
    if member.kind == "memory":
        member.endpoint = local(True)
        member.root = b"/tmp"
    return member


def test_a_program_gets_exactly_its_arguments(shell_member: Member) -> None:
    """No shell misreads them; without a shell, nothing is run."""
    words = [b"a b", b"'", b"\xff\n!$(id)`id`\\0101", b"-n", b"", b"*"]
    argv = [b"sh", b"-c", b'printf "%s\\0" "$@"', b"sh", *words]
    if not shell_member.endpoint.has_shell:
        with pytest.raises(CommandFailed, match="no programs"):
            shell_member.endpoint.run(argv)
        return
    assert shell_member.endpoint.run(argv).stdout.split(b"\0")[:-1] == words


def test_a_program_may_say_megabytes_on_both_its_outputs(shell_member: Member) -> None:
    """While it is fed megabytes: nothing waits for ever."""
    if not shell_member.endpoint.has_shell:
        return
    script = b"head -c 3000000 /dev/zero >&2; cat"
    completed = shell_member.endpoint.run([b"sh", b"-c", script], [b"x" * 1_000_000] * 3)
    assert (completed.status, len(completed.stdout)) == (0, 3_000_000)
    assert len(completed.stderr) >= 1_000_000


def test_a_program_that_takes_too_long_is_ended(shell_member: Member) -> None:
    """CommandFailed, and soon."""
    if not shell_member.endpoint.has_shell:
        return
    began_s = time.monotonic()
    with pytest.raises(CommandFailed, match="ended"):
        shell_member.endpoint.run([b"sleep", b"60"], timeout_s=1.0)
    assert time.monotonic() - began_s < 20


def test_the_status_of_a_program_is_told_and_that_of_a_signal_is_negative(shell_member: Member) -> None:
    """As Python's own."""
    if not shell_member.endpoint.has_shell:
        return
    assert shell_member.endpoint.run([b"sh", b"-c", b"exit 23"]).status == 23
    assert shell_member.endpoint.run([b"sh", b"-c", b"kill -TERM $$"]).status == -15
    assert shell_member.endpoint.run([b"no such program"]).status == 127


def test_output_can_be_seen_as_it_comes(shell_member: Member) -> None:
    """Then `stdout` is empty."""
    if not shell_member.endpoint.has_shell:
        return
    seen: list[bytes] = []
    completed = shell_member.endpoint.run([b"echo", b"hello"], on_output=seen.append)
    assert (completed.stdout, b"".join(seen)) == (b"", b"hello\n")
