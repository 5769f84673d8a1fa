"""What a datastore reaches by link or in its own place, prune leaves; what was copied into it may go."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.observatory import Observatory
from tests.retention import RETENTION, carried, chain_of_three

DATASTORE = {
    "root": "store",
    "types": {
        "raw": {
            "names": r"SHA_[0-9]+\.(?P<frame>[0-9]+)\.fits",
            "collection": "sha/raw",
            "layout": "{run}/{name}",
            "keys": {"frame": {"kind": "integer"}},
        }
    },
}


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """Give a chain of three copies on this machine with an old, proven night of four frames on the first."""
    made = chain_of_three(tmp_path, capsys, retention=RETENTION, datastore=DATASTORE)
    carried(made, (1, 2, 3, 4))
    return made


def test_prune_leaves_what_a_datastore_reaches_and_says_so(site: Observatory) -> None:
    """Linked, symbolically linked or direct it stays with its reason; copied it goes."""
    folder = site.path("dome", f"{site.night(5):%Y/%m%d}")
    for frame, way in ((1, "hardlink"), (2, "symlink"), (3, "direct"), (4, "copy")):
        (path,) = folder.glob(f"*.{frame:04d}.fits")
        assert site.call("ingest", str(path), "-t", way).status == 0
    (copy,) = site.call("prune", "--yes", "--json").document["copies"]
    (night,) = copy["nights"]
    assert [path.name[-9:-5] for path in sorted(folder.iterdir())] == ["0001", "0002", "0003"]
    said = str(night)
    for way in ("hardlink", "symlink", "direct"):
        assert f"the datastore reaches it by {way}" in said
    assert site.call("catalogue", "check").status == 0
    assert site.call("datasets", "remove", "raw", "--where", "frame <= 3", "--yes").status == 0
    assert site.call("prune", "--yes").status == 0
    assert list(folder.iterdir()) == []
