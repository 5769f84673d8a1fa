"""Files that datasets lead to: originals that go, or are moved, and files of other datasets in the datastore."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncer.ingest.place import Placer
from tests.pfs import Deliveries, ccd, raw_name, results


@pytest.fixture
def pfs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Deliveries:
    """Give a site with the PFS of instruments.d."""
    return Deliveries.at(tmp_path, capsys)


@pytest.mark.parametrize("way", ["symlink", "direct"])
def test_an_original_that_goes_while_it_is_ingested_is_not_led_to(
    pfs: Deliveries, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Somebody frees it between the link and its record, of which prune could not know: it was new, and led nowhere."""
    kept, gone = pfs.put(raw_name(12), ccd(12)), pfs.put(raw_name(13), ccd(13))
    brought = Placer.sync

    def sync(placer: Placer) -> None:
        brought(placer)
        gone.unlink(missing_ok=True)

    monkeypatch.setattr(Placer, "sync", sync)
    answer = pfs.ingest(pfs.folder, "-t", way)
    assert (answer.status, results(answer)) == (1, {kept.name: "new", gone.name: "failed"})
    assert pfs.site.call("catalogue", "check").status == 0
    assert not list(pfs.store.rglob(gone.name))


@pytest.mark.parametrize("way", ["symlink", "direct", "copy"])
def test_a_move_leaves_an_original_that_another_dataset_needs(pfs: Deliveries, way: str) -> None:
    """Of another collection, by a link or as its own file: it was removed, and that dataset led to nothing."""
    original = pfs.put(raw_name(12), ccd(12))
    assert pfs.ingest(original, "-t", way, "--collection", "first").status == 0
    moved = pfs.store / "first" / "000012" / raw_name(12) if way == "copy" else original
    for _ in range(2):
        answer = pfs.ingest(moved, "-t", "move", "--collection", "second")
        assert (answer.status, moved.exists()) == (0, True)
        assert "it stays" in answer.document["files"][0]["note"]
    assert pfs.site.call("catalogue", "check").status == 0
    assert pfs.site.call("datasets", "remove", "raw", "--collection", "first", "--yes").status == 0
    assert pfs.ingest(original, "-t", "move", "--collection", "second").status == 0
    assert not original.exists()


def test_a_dataset_to_whose_file_another_leads_is_not_removed_before_it(pfs: Deliveries) -> None:
    """A link of another collection into the datastore led to nothing, and all was well."""
    file = pfs.store / "PFS/raw/all/000012" / raw_name(12)
    assert pfs.ingest(pfs.put(raw_name(12), ccd(12))).status == 0
    assert pfs.ingest(file, "-t", "symlink", "--collection", "picked").status == 0
    remove = ("datasets", "remove", "raw", "--collection", "PFS/raw/all", "--where", "visit = 12 and arm = 'r'")
    said = "another dataset reaches its file by symlink: remove that one first"
    for words in (remove, (*remove, "--yes")):
        answer = pfs.site.call(*words)
        assert (answer.status, said in answer.out) == (1, True)
    assert pfs.site.call("catalogue", "check").status == 0
    assert pfs.site.call("datasets", "remove", "raw", "--collection", "picked", "--yes").status == 0
    assert pfs.site.call(*remove, "--yes").status == 0
    assert not file.exists()
