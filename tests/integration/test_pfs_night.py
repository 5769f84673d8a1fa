"""Shown in the end: a PFS night of 200 raw files and the samples, ingested and asked for as the seed does."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from catalogue import Catalogue
from tests.pfs import Deliveries, ccd, config, ramp, raw_name
from tests.shared import shared


@pytest.fixture
def pfs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Deliveries:
    """Deliver 200 raw files of visits 1 to 17, and a configuration for each."""
    deliveries = Deliveries.at(tmp_path, capsys)
    names = [(visit, spectrograph, arm) for visit in range(1, 18) for spectrograph in (1, 2, 3, 4) for arm in "brn"]
    for visit, spectrograph, arm in names[:200]:
        made = ramp(visit, spectrograph) if arm == "n" else ccd(visit, spectrograph, arm, first=visit)
        deliveries.put(raw_name(visit, spectrograph, arm), made)
    for visit in range(1, 18):
        deliveries.put(f"pfsConfig-0xad349fe21234abcd-{visit:06d}.fits", config(visit))
    return deliveries


def test_the_seeds_night(pfs: Deliveries) -> None:
    """The seed's commands, one after the other."""
    pattern = f"{pfs.folder.parent.parent}/2024-10-*/*/PFS[A-B]*.fits"
    answer = pfs.ingest(pattern, "--transfer", "link", "--fail-fast")
    assert (answer.status, answer.document["counts"]["new"]) == (0, 200), answer.err
    shutil.copy(shared("samples/pfs/pfsConfig-0x52327a27.fits"), pfs.folder)
    shutil.copy(shared("samples/pfs/pfsArm-000001-b1.fits"), pfs.folder)
    answer = pfs.ingest(f"{pfs.folder}/pfsConfig-*.fits", "--transfer", "link")
    assert (answer.status, answer.document["counts"]["new"]) == (0, 18)
    everything = pfs.ingest(pfs.folder)
    assert (everything.status, everything.document["counts"]["identical"]) == (0, 218)
    assert [Path(path).name for path in everything.document["unrecognised"]] == ["pfsArm-000001-b1.fits"]

    table = pfs.site.call("datasets", "raw", "--collections", "PFS/raw/all").out.splitlines()
    assert table[1].split()[:3] == ["type", "run", "id"]
    assert len(table) == 200 + 4
    with Catalogue.open(f"sqlite:///{pfs.site.state}/catalogue.db", collections="PFS/raw/all") as held:
        raw = held.get("raw", instrument="PFS", visit=12, arm="r", spectrograph=1)
        assert raw.get_image()[0, 0] == 12
        assert held.get("raw.exposure", instrument="PFS", visit=12, arm="n", spectrograph=1).shape == (4, 4)
        assert held.find("pfsConfig", pfs_design_id=0x52327A27, collections="PFS/raw/pfsConfig").values["visit"] is None


def test_a_file_delivered_again_with_other_content_is_reported(pfs: Deliveries) -> None:
    """Written anew under its name, as an archive delivers it: the datastore keeps the old bytes and says so."""
    pfs.ingest(pfs.folder, "-t", "link")
    path = pfs.folder / raw_name(12)
    path.unlink()
    path.write_bytes(ccd(12, first=4711))
    answer = pfs.site.call("ingest", str(pfs.folder))
    assert answer.status == 1
    assert "1 there already with other content" in answer.out
    assert f"{path}: changed: the datastore holds other content at PFS/raw/all/000012/{path.name}" in answer.out
