"""Our table for Butler's users, handed to the real ``butler ingest-files``: it takes it, with our ids and our files.

Run by `make butler`, which installs Butler into a folder of its own; never among the everyday tests.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.pfs import Deliveries, config

HERE = Path(__file__).parent
MODE = ("--id-generation-mode", "dataid_type_run")


@dataclass(frozen=True)
class Repository:
    """A repository of Butler's, in its own Python."""

    python: Path
    folder: Path

    def call(self, *words: str | Path) -> str:
        """Run one of our few lines in Butler's Python."""
        return self._run([str(self.python), str(HERE / "repository.py"), *map(str, words)])

    def ingest(self, name: str, run: str, table: Path) -> None:
        """Call ``butler ingest-files``, which has to succeed.

        Files stay where they are: to what place a copy goes is the repository's own templates' to say, and by its
        default ones files of different arms are given one name.
        """
        program = str(self.python.with_name("butler"))
        self._run([program, "ingest-files", "-t", "direct", *MODE, str(self.folder), name, run, str(table)])

    def holds(self, name: str, run: str) -> list[tuple[str, dict[str, Any], bytes]]:
        """Return id, data id and bytes of every dataset of a type, by id."""
        told = json.loads(self.call("read", self.folder, name, run))
        return sorted(
            ((one, data_id, Path(path).read_bytes()) for one, data_id, path in told), key=lambda held: held[0]
        )

    @staticmethod
    def _run(argv: list[str]) -> str:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Give a repository with the dimensions of PFS, empty but for the records that raw files need."""
    made = Repository(Path(os.environ["BUTLER_PYTHON"]), tmp_path / "repository")
    made.call("make", made.folder, HERE / "dimensions.yaml", "12", "13", "14")
    return made


@pytest.fixture
def pfs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Deliveries:
    """Give a site with the PFS of instruments.d."""
    return Deliveries.at(tmp_path, capsys)


def table(pfs: Deliveries, *words: str) -> Path:
    """Write the table of some datasets."""
    answer = pfs.site.call("datasets", *words, "--butler")
    assert answer.status == 0, answer.err
    path = pfs.site.folder / "table.csv"
    path.write_text(answer.out, encoding="utf-8")
    return path


def ours(pfs: Deliveries, *words: str) -> list[tuple[str, dict[str, Any], bytes]]:
    """Return id, data id and bytes as our catalogue has them, by id."""
    told = pfs.site.call("datasets", *words, "--json").document["datasets"]
    keys = {
        "raw": ("instrument", "arm", "spectrograph", "visit"),
        "pfsConfig": ("instrument", "pfs_design_id", "visit"),
    }
    return sorted(
        (
            (one["id"], {key: one["data_id"][key] for key in keys[words[0]]}, (pfs.store / one["path"]).read_bytes())
            for one in told
        ),
        key=lambda held: held[0],
    )


def test_raw_files_are_taken_under_the_ids_that_we_gave_them(pfs: Deliveries, repository: Repository) -> None:
    """Three visits of two spectrographs: the same ids, data ids and bytes here and there."""
    for visit in (12, 13, 14):
        pfs.deliver(visit, 2)
    assert pfs.ingest(pfs.folder).status == 0
    repository.ingest("raw", "PFS/raw/all", table(pfs, "raw", "--collection", "PFS/raw/all"))
    held = repository.holds("raw", "PFS/raw/all")
    assert len(held) == 18
    assert held == ours(pfs, "raw")


def test_configurations_are_taken_although_they_have_no_subset(pfs: Deliveries, repository: Repository) -> None:
    """A key that none of them has is no column. Butler's ids are made of fewer keys: there a visit has one design."""
    for visit in (12, 13):
        pfs.put(f"pfsConfig-0x0000000000000001-{visit:06d}.fits", config(visit))
    assert pfs.ingest(pfs.folder).status == 0
    repository.ingest("pfsConfig", "PFS/raw/pfsConfig", table(pfs, "pfsConfig"))
    held = repository.holds("pfsConfig", "PFS/raw/pfsConfig")
    expected = [(data_id["visit"], content) for _, data_id, content in ours(pfs, "pfsConfig")]
    assert len(held) == 2
    assert sorted((data_id["visit"], content) for _, data_id, content in held) == sorted(expected)


def test_folders_of_any_name_are_found(pfs: Deliveries, repository: Repository) -> None:
    """Commas, quotes, number signs, per cent signs, letters of other alphabets."""
    folder = pfs.folder / "a, 'b' \"c\" #d %20 é;?"
    folder.mkdir()
    for path in pfs.deliver(12):
        path.rename(folder / path.name)
    assert pfs.ingest(pfs.folder, "--transfer", "direct").status == 0
    repository.ingest("raw", "PFS/raw/all", table(pfs, "raw"))
    assert len(repository.holds("raw", "PFS/raw/all")) == 3
