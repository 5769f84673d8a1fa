"""A frame that somebody deletes at the telescope, of a night that is on every archive and is then freed there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.observatory import Observatory
from tests.retention import BACK, RETENTION, carried, chain_of_three


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """A chain of three copies whose frames are numbered."""
    return chain_of_three(tmp_path, capsys, retention=RETENTION, sequence="SHA_{night}.{number}.fits")


def test_a_hole_in_a_night_that_was_freed_is_no_loss_of_the_telescope(site: Observatory) -> None:
    """The frame was carried long ago; that its number is absent does not make the freed night one that is nowhere."""
    frames = carried(site, frames=range(1, 6), backs=(BACK, 1))
    site.path("dome", frames[2]).unlink()
    assert site.call("verify").status == 1
    assert site.call("verify", "--level", "checksum", "-n", "30").status == 1
    assert site.call("prune", "--yes").status == 0
    assert not site.path("dome", frames[0]).exists()
    for _ in range(2):
        answer = site.call("verify", "--json")
        assert answer.document["hops"][0]["state"] != "unknown", answer.document["hops"][0]["reason"]
