"""A ledger of its own for each test, in a file as in life."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from catalogue.ledger import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Give an empty ledger."""
    with Ledger.open("sqlite:///catalogue.db", tmp_path) as opened:
        yield opened
