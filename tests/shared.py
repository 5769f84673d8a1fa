"""The reference material that lies beside a checkout, in ../shared: found here, never copied into the repository.

Leaves to each test what it makes of a file.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


def shared(path: str = "") -> Path:
    """Return a path below ../shared (or below $NIGHTFERRY_SHARED).

    Where the folder is absent the test is skipped with a sentence that says so; under CI it fails.
    """
    folder = Path(os.environ.get("NIGHTFERRY_SHARED") or REPOSITORY.parent / "shared")
    if not folder.is_dir():
        sentence = "needs the reference material in ../shared, beside the repository (or NIGHTFERRY_SHARED)"
        if os.environ.get("CI") == "true":
            pytest.fail(sentence)
        pytest.skip(sentence)
    return folder / path
