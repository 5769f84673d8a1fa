"""A chain of three copies on one machine, for tests of what is freed, brought back and never lost.

Leaves to each test what is done to the copies.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.observatory import Observatory

RETENTION = {"keep_nights": 3, "copies": 2, "within_days": 30}
COPIES = ("dome", "hill", "cape")
BACK = 5
"""A night so many days ago is older than what retention keeps."""


def chain_of_three(folder: Path, capsys: pytest.CaptureFixture[str], **declared: object) -> Observatory:
    """Make the site with one instrument, of whose first copy nothing may be freed unless that is declared."""
    made = Observatory(folder, (), capsys)
    for name in COPIES:
        made.add_local(name)
    made.declare(copies=[made.copy(name) for name in COPIES], **declared)
    return made


def carried(site: Observatory, frames: Iterable[int] = (1, 2), backs: Iterable[int] = (BACK,)) -> list[str]:
    """Make some nights on the first host, carry them along the chain, and read every copy once."""
    first, numbers = next(iter(site.site["hosts"])), tuple(frames)
    paths = [path for back in backs for path in site.expose([first], numbers, back)]
    carry_and_read(site)
    return paths


def carry_and_read(site: Observatory) -> None:
    """Carry what there is and hash it on every copy."""
    site.fill("-n", "30")
    answer = site.call("verify", "--level", "checksum", "-n", "30")
    assert answer.status == 0, answer
