"""What a slightly wrong prune would write to an empty mount point, forget of a dead run, or free too early."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from tests.observatory import Observatory, tree
from tests.retention import COPIES, RETENTION, carried, chain_of_three


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """A chain of three copies on this machine, with retention on the first."""
    return chain_of_three(tmp_path, capsys, retention=RETENTION)


def test_a_drive_that_is_not_there_is_not_written_to_and_is_no_fault(site: Observatory) -> None:
    """Its mount point stays empty: not even a lock is left in it."""
    copies = [site.copy("dome", removable=True), site.copy("hill"), site.copy("cape")]
    site.declare(copies=copies, retention=RETENTION)
    carried(site)
    shutil.move(site.root("dome"), site.folder / "on the shelf")
    site.root("dome").mkdir()
    answer = site.call("prune", "--yes", "--json")
    (copy,) = answer.document["copies"]
    assert (copy["reason"], copy["unknown"]) == ("the drive dome is not there", [])
    assert list(site.root("dome").iterdir()) == []
    shutil.rmtree(site.root("dome"))
    assert site.call("prune", "--json").document["copies"][0]["reason"] == "the drive dome is not there"


def test_what_a_dead_run_set_aside_and_cannot_come_back_is_said_until_a_person_looks(site: Observatory) -> None:
    """Another file stands in its place: nothing is freed, and neither of the two is lost."""
    (path, other) = carried(site)
    root = site.root("dome")
    aside = root / ".nightferry" / "freeing" / "20161120T120000.000000Z" / path
    aside.parent.mkdir(parents=True)
    shutil.copy2(root / path, aside)
    aside.write_bytes(aside.read_bytes()[::-1])
    shutil.copystat(root / path, aside)
    answer = site.call("prune", "--yes", "--json")
    (copy,) = answer.document["copies"]
    assert (answer.status, len(copy["unknown"]), copy["nights"]) == (3, 1, [])
    assert "another file of that name came meanwhile" in copy["unknown"][0]
    assert aside.exists() and {path, other} <= set(tree(root))


def test_what_comes_back_is_told_and_known_to_be_there(site: Observatory) -> None:
    """The next prune judges it as any other file."""
    (path, other) = carried(site)
    root = site.root("dome")
    aside = root / ".nightferry" / "freeing" / "20161120T120000.000000Z" / path
    aside.parent.mkdir(parents=True)
    os.rename(root / path, aside)  # noqa: PTH104
    answer = site.call("prune", "--yes", "--json")
    (copy,) = answer.document["copies"]
    assert (answer.status, copy["notes"]) == (0, ["1 file that an earlier prune had set aside was put back"]), answer
    assert tree(root) == {}
    assert set(tree(site.root("hill"))) == {path, other}


def test_a_file_that_was_written_just_now_stays(site: Observatory) -> None:
    """Whatever the copies hold, its writer may not be done."""
    paths, now_s = carried(site), time.time()
    for name in COPIES:
        for path in paths:
            os.utime(site.path(name, path), (now_s, now_s))
    assert site.call("verify", "--level", "checksum", "-n", "30").status == 0
    answer = site.call("prune", "--yes", "--json")
    (night,) = answer.document["copies"][0]["nights"]
    assert {one["reason"] for one in night["stays"]} == {"it is still being written, or its time is wrong"}
    assert set(tree(site.root("dome"))) == set(paths)
