"""What every endpoint that runs programs promises of them; the others say that they run none."""

from __future__ import annotations

import time

import pytest

from observatory.errors import CommandFailed
from tests.contract.endpoints.members import WITH_SHELL, Member

where_programs_run = pytest.mark.parametrize("member", WITH_SHELL, indirect=True)


@pytest.mark.parametrize("member", ["sftp"], indirect=True)
def test_where_no_programs_run_that_is_said(member: Member) -> None:
    """And nothing is run."""
    assert not member.endpoint.has_shell
    with pytest.raises(CommandFailed, match="no programs"):
        member.endpoint.run([b"echo", b"hello"])


@where_programs_run
def test_a_program_gets_exactly_its_arguments(member: Member) -> None:
    """No shell misreads them."""
    words = [b"a b", b"'", b"\xff\n!$(id)`id`\\0101", b"-n", b"", b"*"]
    argv = [b"sh", b"-c", b'printf "%s\\0" "$@"', b"sh", *words]
    assert member.endpoint.run(argv).stdout.split(b"\0")[:-1] == words


@where_programs_run
def test_a_program_may_say_megabytes_on_both_its_outputs(member: Member) -> None:
    """While it is fed megabytes: nothing waits for ever."""
    script = b"head -c 3000000 /dev/zero >&2; cat"
    completed = member.endpoint.run([b"sh", b"-c", script], [b"x" * 1_000_000] * 3)
    assert (completed.status, len(completed.stdout)) == (0, 3_000_000)
    assert len(completed.stderr) >= 1_000_000


@where_programs_run
def test_a_program_that_takes_too_long_is_ended(member: Member) -> None:
    """CommandFailed, and soon."""
    began_s = time.monotonic()
    with pytest.raises(CommandFailed, match="ended"):
        member.endpoint.run([b"sleep", b"60"], timeout_s=1.0)
    assert time.monotonic() - began_s < 20


@where_programs_run
def test_the_status_of_a_program_is_told_and_that_of_a_signal_is_negative(member: Member) -> None:
    """As Python's own."""
    assert member.endpoint.run([b"sh", b"-c", b"exit 23"]).status == 23
    assert member.endpoint.run([b"sh", b"-c", b"kill -TERM $$"]).status == -15
    assert member.endpoint.run([b"no such program"]).status == 127


@where_programs_run
def test_output_can_be_seen_as_it_comes(member: Member) -> None:
    """Then `stdout` is empty."""
    seen: list[bytes] = []
    completed = member.endpoint.run([b"echo", b"hello"], on_output=seen.append)
    assert (completed.stdout, b"".join(seen)) == (b"", b"hello\n")
