"""The threat model names tests that exist, one or more for every line of its table."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "threat-model.md"
TABLE = PAGE.read_text("utf-8").partition("## What is tried")[2].partition("## What is not answered")[0]
ROWS = [line for line in TABLE.splitlines() if line.startswith("| ")][1:]


def test_every_threat_has_a_test_and_every_test_is_there() -> None:
    """A page that promises what nobody tests is worse than none."""
    assert len(ROWS) > 15
    for row in ROWS:
        cited = re.findall(r"`(tests/[^`]+)`", row)
        assert cited, row
        for citation in cited:
            file, _, name = citation.partition("::")
            text = (PAGE.parents[1] / file).read_text("utf-8")
            assert f"def {name}(" in text if name else "\nFAULT = " in text, citation
