"""An empty drive for every test of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.export.night import Night


@pytest.fixture
def night(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Night:
    """An empty drive in the new layout."""
    return Night(tmp_path, capsys)
