"""A host over a long line is asked what it can do while its listing is under way, and nobody waits for the answer."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from observatory.endpoints import ssh_connection
from observatory.endpoints.contract import SurveyRequest
from tests.transfers import Pair, make_pair, wait_until


@pytest.fixture
def pair(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    """A real sshd, taken for a distant one."""
    monkeypatch.setattr(ssh_connection, "FAR_S", 0.0)
    with make_pair("far", "local", "pipe", tmp_path, request) as made:
        yield made


def listed(pair: Pair) -> None:
    """Begin to list the source."""
    pair.source.endpoint.survey(SurveyRequest(os.fsencode(pair.source.root), ())).close()


def test_what_it_can_do_is_known_when_somebody_asks(pair: Pair) -> None:
    """The answer came with the listing: it is the same as of a host that was asked for it."""
    listed(pair)
    endpoint = pair.source.endpoint
    assert wait_until(lambda: vars(endpoint)["_capabilities"] is not None)
    known = endpoint.capabilities
    endpoint.close()
    assert endpoint.capabilities == known
    assert known.has_python


def test_a_host_that_was_let_go_is_not_reached_again_to_be_asked(pair: Pair) -> None:
    """A command that ends at once leaves nothing behind."""
    for _ in range(5):
        listed(pair)
        pair.source.endpoint.close()
    line = vars(pair.source.endpoint)["_line"]
    assert not wait_until(lambda: vars(line)["_connection"] is not None, 0.5)


def test_many_questions_at_once_get_their_own_answers(pair: Pair) -> None:
    """A channel that was opened ahead is one question's alone, also where the host allows no further ones."""
    endpoint = pair.source.endpoint

    def ask(number: int) -> bytes:
        return endpoint.run([b"sh", b"-c", b"sleep 0.05; echo %d" % number]).stdout

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(60))) == [b"%d\n" % number for number in range(60)]


def test_a_connection_that_was_lost_meanwhile_is_made_anew(pair: Pair) -> None:
    """The channel that was opened ahead went with it."""
    endpoint = pair.source.endpoint
    assert endpoint.run([b"echo", b"one"]).stdout == b"one\n"
    vars(vars(endpoint)["_line"])["_connection"].close()
    assert endpoint.run([b"echo", b"two"]).stdout == b"two\n"
