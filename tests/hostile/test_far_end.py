"""A far end that means harm, behind a real sshd: endless output, one line of gigabytes, answers to other questions.

Lying listings (``..``, absolute names, sizes, order) are cases of the battery: tests/faults/cases/n06 to n09.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from observatory.endpoints.contract import Selection, SurveyRequest
from observatory.endpoints.ssh import SshEndpoint
from observatory.errors import CommandFailed, CouldNotTell
from tests.hosts import Hosts

GROWTH_KB = 700_000
"""What this process may grow by at most: the far end would give ten times as much."""
ENDLESS = "exec head -c 8G /dev/zero | tr '\\0' x"


@pytest.fixture
def account(hosts: Hosts, tmp_path: Path) -> Iterator[tuple[SshEndpoint, Path]]:
    """An account whose programs are ours to bend: a folder that comes first in its search path."""
    tools = tmp_path / "tools"
    tools.mkdir()
    tmp_path.chmod(0o755)
    host = hosts.start(f"hostile{len(hosts.hosts)}", path=f"{tools}:/usr/local/bin:/usr/bin:/bin")
    (host.root / "2016/0907").mkdir(parents=True)
    (host.root / "2016/0907/SHA_1.fits").write_bytes(b"x")
    endpoint = SshEndpoint(host.access)
    yield endpoint, tools
    endpoint.close()


def bend(tools: Path, name: str, script: str) -> None:
    """Put a program of another kind in the place of one."""
    program = tools / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def root_of(endpoint: SshEndpoint, hosts: Hosts) -> bytes:
    """Return the host's root."""
    return next(os.fsencode(host.root) for host in hosts.hosts if host.address == endpoint.name)


def grown_kb(before: int) -> int:
    """Return by how much this process has grown at its largest."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before


def test_a_listing_that_is_one_line_without_end_is_given_up(account: tuple[SshEndpoint, Path], hosts: Hosts) -> None:
    """Gigabytes without a NUL: no record is that long; it is unknown, and memory stays what it was."""
    endpoint, tools = account
    bend(tools, "sort", f'case "$*" in *" 8M"*) {ENDLESS};; *) exec /usr/bin/sort "$@";; esac')
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    survey = endpoint.survey(SurveyRequest(root_of(endpoint, hosts), (Selection((b"2016/0907",), (b"*",)),)))
    assert not b"".join(survey)
    assert survey.troubles and survey.troubles[0].path == b""
    survey.close()
    assert grown_kb(before) < GROWTH_KB


def test_an_answer_without_end_is_given_up(account: tuple[SshEndpoint, Path], hosts: Hosts) -> None:
    """Asked for a hash, it talks for gigabytes: said as a failure of that host, in bounded memory."""
    endpoint, tools = account
    assert endpoint.capabilities.has_python
    bend(tools, "python3", ENDLESS)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(CommandFailed, match="more than any answer"):
        list(endpoint.hash(root_of(endpoint, hosts), [b"2016/0907/SHA_1.fits"]))
    assert grown_kb(before) < GROWTH_KB


def test_a_program_that_talks_without_end_is_ended(account: tuple[SshEndpoint, Path]) -> None:
    """What is kept of a program's output is bounded."""
    endpoint, tools = account
    bend(tools, "talker", ENDLESS)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(CommandFailed, match="said more than"):
        endpoint.run([b"talker"])
    assert grown_kb(before) < 3 * GROWTH_KB


@pytest.mark.parametrize("answer", ["exit 0", "echo surprise", "printf 'nightferry\\0begin\\0'", "kill -9 $$"])
def test_a_find_that_says_something_else_is_never_an_empty_folder(
    account: tuple[SshEndpoint, Path], hosts: Hosts, answer: str
) -> None:
    """Nothing, rubbish, our own words, or sudden death: trouble or refusal, or what is really there."""
    endpoint, tools = account
    bend(tools, "find", answer)
    request = SurveyRequest(root_of(endpoint, hosts), (Selection((b"2016/0907",), (b"*",)),))
    try:
        survey = endpoint.survey(request)
        found = b"".join(survey)
    except CouldNotTell:
        return
    assert b"SHA_1.fits" in found or survey.troubles


@pytest.mark.parametrize("answer", ["=0\\0end\\0", "end\\0", "=x\\0=y\\0=z\\0end\\0", "!no\\0"])
def test_answers_to_other_questions_are_no_answers(
    account: tuple[SshEndpoint, Path], hosts: Hosts, answer: str
) -> None:
    """Too few, too many or of another form: no file is taken to be proven by them."""
    endpoint, tools = account
    assert endpoint.capabilities.has_python
    bend(tools, "python3", f"printf '{answer}'")
    paths = [b"2016/0907/SHA_1.fits", b"2016/0907/SHA_2.fits"]
    try:
        judged = list(endpoint.inspect(root_of(endpoint, hosts), paths, sums=False))
    except CouldNotTell:
        return
    assert not [one for one in judged if one.state == "whole"]
