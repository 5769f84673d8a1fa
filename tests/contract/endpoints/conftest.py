"""One endpoint after the other, for every test of this folder; connections are kept between the tests of a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from observatory.endpoints.contract import Act
from tests.contract.endpoints.members import MEMBERS, Member, fresh


@pytest.fixture(scope="module")
def endpoints(request: pytest.FixtureRequest) -> Iterator[dict[str, tuple[Act, Path]]]:
    """Endpoints made so far, each with a folder for roots; connections are kept between tests."""
    made: dict[str, tuple[Act, Path]] = {}
    yield made
    for endpoint, _ in made.values():
        endpoint.close()


@pytest.fixture(params=MEMBERS)
def member(request: pytest.FixtureRequest, endpoints: dict[str, tuple[Act, Path]]) -> Member:
    """One endpoint after the other, each with a new and empty root."""
    return fresh(request.param, request, endpoints)
