"""Space is freed with proof alone: what goes, what stays and why, and that sync and verify know it afterwards."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.observatory import Observatory, tree

RETENTION = {"keep_nights": 3, "copies": 2, "within_days": 30}


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """A chain of three copies on this machine, with retention on the first."""
    made = Observatory(tmp_path, (), capsys)
    for name in ("dome", "hill", "cape"):
        made.add_local(name)
    made.declare(copies=[made.copy(name) for name in ("dome", "hill", "cape")], retention=RETENTION)
    return made


def carried(site: Observatory, *backs: int) -> list[str]:
    """Make some nights, carry them along the chain, and read every copy once."""
    paths = [path for back in backs for path in site.expose(["dome"], (1, 2, 3), back)]
    site.fill("-n", "30")
    answer = site.call("verify", "--level", "checksum", "-n", "30")
    assert answer.status == 0, answer
    return paths


def test_what_is_proven_on_two_other_copies_is_freed_and_nothing_else(site: Observatory) -> None:
    """Without --yes nothing goes; with it the old night goes, the young one stays, and the copies are whole."""
    old = carried(site, 5, 1)[:3]
    before = {name: tree(site.root(name)) for name in ("dome", "hill", "cape")}
    plan = site.call("prune", "--json")
    assert plan.status == 0, plan
    (copy,) = plan.document["copies"]
    (night,) = copy["nights"]
    assert [file["path"] for file in night["may_be_freed"]] == old
    assert night["may_be_freed"][0]["copies"] == ["hill", "cape"]
    assert len(copy["kept_nights"]) == 1
    assert tree(site.root("dome")) == before["dome"]
    freed = site.call("prune", "--yes")
    assert freed.status == 0, freed
    assert "3 files freed" in freed.out
    assert sorted(tree(site.root("dome"))) == sorted(set(before["dome"]) - set(old))
    assert {name: tree(site.root(name)) for name in ("hill", "cape")} == {
        name: before[name] for name in ("hill", "cape")
    }
    assert not (site.root("dome") / ".nightferry" / "freeing").exists()


def test_sync_and_verify_know_what_was_freed(site: Observatory) -> None:
    """No loss, nothing missing, nothing extra, nothing carried back."""
    carried(site, 5)
    site.call("prune", "--yes")
    assert tree(site.root("dome")) == {}
    again = site.call("sync", "-n", "30", "--json")
    assert (again.status, again.document["state"]) == (0, "ok"), again
    found = site.call("verify", "--reverse", "-n", "30", "--json")
    assert (found.status, found.document["state"]) == (0, "ok"), found
    assert [hop["extra"] for hop in found.document["hops"]] == [[], []]


def test_the_proof_names_every_witness(site: Observatory) -> None:
    """Written before anything goes; it lies in the state folder."""
    carried(site, 5)
    (copy,) = site.call("prune", "--yes", "--json").document["copies"]
    (path,) = copy["proofs"]
    proof = json.loads(Path(path).read_text())
    assert [len(file["witnesses"]) for file in proof["files"]] == [2, 2, 2]


CHECKER = Path(__file__).resolve().parents[2] / "tools" / "check_proof.py"


def checked(*words: str) -> subprocess.CompletedProcess[str]:
    """Check a proof as a stranger would: the script alone, in a Python that knows nothing of us."""
    return subprocess.run(
        [sys.executable, "-I", "-S", str(CHECKER), *words], capture_output=True, text=True, check=False, timeout=30
    )


def test_a_stranger_can_check_the_proof(site: Observatory) -> None:
    """Against itself, and against the copies where they lie; a lost copy and an edited proof are found."""
    paths = carried(site, 5)
    (proof,) = site.call("prune", "--yes", "--json").document["copies"][0]["proofs"]
    roots = ["--root", f"hill={site.root('hill')}", "--root", f"cape={site.root('cape')}"]
    good = checked(proof, *roots)
    assert (good.returncode, good.stdout) == (0, f"{proof}: 3 files, proven\n"), good
    site.path("cape", paths[0]).write_bytes(b"other")
    lost = checked(proof, *roots)
    assert lost.returncode == 1
    assert f"cape: does not hold these bytes now: {paths[0]}" in lost.stdout
    edited = site.folder / "edited.json"
    edited.write_text(Path(proof).read_text().replace('"copies": 2', '"copies": 1'))
    assert "it was changed after it was written" in checked(str(edited)).stdout
    assert checked(str(CHECKER)).returncode == 2
