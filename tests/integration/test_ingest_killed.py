"""An ingest of 500 files that is killed on its way, and again: exposures whole or absent, and the next goes on."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from catalogue import Catalogue
from catalogue.datasets.query import Question
from tests.pfs import Deliveries, ccd, raw_name, results

VISITS, FILES_A_VISIT = 125, 4


def deliver(pfs: Deliveries) -> None:
    """Deliver 500 files: four arms' worth of 125 visits."""
    for visit in range(1, VISITS + 1):
        for spectrograph in range(1, FILES_A_VISIT + 1):
            pfs.put(raw_name(visit, spectrograph, "r"), ccd(visit, spectrograph, "r", first=visit))


def kill_at(pfs: Deliveries, files: int, *words: str) -> None:
    """Start an ingest and kill it once so many files lie in the datastore."""
    process = subprocess.Popen(
        pfs.site.command("ingest", "-i", "pfs", str(pfs.folder), *words),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while process.poll() is None and len(pfs.stored()) < files and time.monotonic() < deadline:
        time.sleep(0.002)
    process.kill()
    process.wait()


def check_what_is_recorded(pfs: Deliveries) -> int:
    """Assert that each exposure is recorded whole or not at all, with its files; return how many files are."""
    if not (pfs.site.state / "catalogue.db").exists():
        return 0
    with Catalogue.open(f"sqlite:///{pfs.site.state}/catalogue.db") as held:
        if not held.dataset_types():
            return 0
        datasets = held.find_datasets(Question("raw")).datasets
    by_visit = Counter(one.values["visit"] for one in datasets)
    assert set(by_visit.values()) <= {FILES_A_VISIT}
    for one in datasets:
        assert one.file.read_bytes() == (pfs.folder / one.file.name).read_bytes()
    return len(datasets)


@pytest.mark.parametrize("way", ["copy", "hardlink"])
def test_a_killed_ingest_is_gone_on_with(tmp_path: Path, capsys: pytest.CaptureFixture[str], way: str) -> None:
    """Killed twice; each time nothing is half there, and in the end all 500 are, each once."""
    pfs = Deliveries.at(tmp_path, capsys)
    deliver(pfs)
    for files in (1, 300):
        kill_at(pfs, files, "-t", way)
        check_what_is_recorded(pfs)
    answer = pfs.ingest(pfs.folder, "-t", way)
    assert answer.status == 0
    assert set(results(answer).values()) <= {"new", "found", "identical"}
    assert len(answer.document["files"]) == VISITS * FILES_A_VISIT
    assert check_what_is_recorded(pfs) == VISITS * FILES_A_VISIT
    assert pfs.site.call("catalogue", "check").status == 0
    assert sorted((pfs.store / ".nightferry").iterdir()) == [pfs.store / ".nightferry" / "root"]


def test_a_killed_move_loses_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """At every moment each file lies at its origin, in the datastore, or in both; in the end only there."""
    pfs = Deliveries.at(tmp_path, capsys)
    deliver(pfs)
    names = {path.name for path in pfs.folder.iterdir()}
    kill_at(pfs, 100, "-t", "move")
    assert names <= {path.name for path in pfs.folder.iterdir()} | {Path(path).name for path in pfs.stored()}
    assert pfs.ingest(pfs.folder, "-t", "move").status == 0
    assert {Path(path).name for path in pfs.stored()} == names
    assert list(pfs.folder.iterdir()) == []
