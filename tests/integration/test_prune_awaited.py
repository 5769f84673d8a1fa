"""What hops still have to bring from a copy is not freed there: no other copy would fill their destinations."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.observatory import Answer, Observatory, tree
from tests.retention import BACK, RETENTION, carried, carry_and_read, chain_of_three

Capsys = pytest.CaptureFixture[str]
NIGHT = ("-n", "30")


def reasons(answer: Answer) -> str:
    """Return why files stay, as `prune --json` says it."""
    return str([night["stays"] for copy in answer.document["copies"] for night in copy["nights"]])


@pytest.fixture
def fork(tmp_path: Path, capsys: Capsys) -> Observatory:
    """Give one copy that fills three, two of which have its night and suffice."""
    site = Observatory(tmp_path, (), capsys)
    for name in ("dome", "hill", "cape", "vault"):
        site.add_local(name)
    others = [site.copy(name, from_="dome") for name in ("hill", "cape", "vault")]
    site.declare(copies=[site.copy("dome"), *others], retention=RETENTION)
    for name in ("hill", "cape", "vault"):
        site.mark(name)
    site.expose(["dome"], (1, 2), BACK)
    hops = ("--hop", "dome:hill", "--hop", "dome:cape")
    assert site.call("sync", *NIGHT, *hops).status == 0
    assert site.call("verify", "--level", "checksum", *NIGHT, *hops).status == 0
    return site


def test_what_one_arm_of_a_fork_has_not_got_stays_until_it_has(fork: Observatory) -> None:
    """It was freed by the two others, and the third was verified green and empty from then on."""
    whole = tree(fork.root("dome"))
    answer = fork.call("prune", "--yes", "--json")
    assert tree(fork.root("dome")) == whole
    assert "sha dome:vault has not brought it yet: `nightferry sync -i sha -d" in reasons(answer)
    assert fork.call("sync", *NIGHT).status == 0
    assert fork.call("prune", "--yes").status == 0
    assert not [name for name in tree(fork.root("dome")) if name.endswith(".fits")]
    assert {name for name in tree(fork.root("vault")) if name.endswith(".fits")} == set(whole)


def test_an_arm_that_others_fill_is_waited_for_too(fork: Observatory) -> None:
    """No command of ours brings it there, and none is named."""
    path = fork.config / "instruments.d/sha.yaml"
    path.write_text(path.read_text().replace("vault/sha\n", "vault/sha\n  fill: external\n"))
    whole = tree(fork.root("dome"))
    answer = fork.call("prune", "--yes", "--json")
    assert tree(fork.root("dome")) == whole
    assert "sha dome:vault has not brought it yet: others fill that copy" in reasons(answer)


def other_instrument(site: Observatory, tmp_path: Path, root: Path, **settings: Any) -> None:
    """Declare another instrument that takes the first one's files from its first copy to a folder of its own."""
    site.add_local("far")
    (tmp_path / "far").mkdir()
    copies = [{"host": "dome", "root": str(root)}, {"host": "far", "root": str(tmp_path / "far")}]
    site.declare("quick", copies=copies, cameras={"quick": {"files": ["SHA_*.fits"]}}, window_nights=9, **settings)


@pytest.mark.parametrize(("below", "settings"), [("", {}), ("..", {"layout": "sha/%Y/%m%d"})])
def test_what_another_instrument_takes_from_there_stays_until_that_has_it(
    tmp_path: Path, capsys: Capsys, below: str, settings: dict[str, str]
) -> None:
    """Both share one folder, or one root lies in the other; each is proven by its own copies."""
    site = chain_of_three(tmp_path, capsys, retention=RETENTION)
    whole = carried(site)
    other_instrument(site, tmp_path, (site.root("dome") / below).resolve(), **settings)
    answer = site.call("prune", "--yes", "--json")
    assert "quick dome:far has not brought it yet: `nightferry sync -i quick -d" in reasons(answer)
    assert all(site.path("dome", name).exists() for name in whole)
    assert site.call("sync", "-i", "quick", "--new-root", f"far:{tmp_path / 'far'}").status == 0
    assert site.call("prune", "--yes").status == 0
    assert not any(site.path("dome", name).exists() for name in whole)


def test_what_the_steps_of_another_instrument_have_not_taken_stays(tmp_path: Path, capsys: Capsys) -> None:
    """Its night is open until they have; then the files go, under whatever name that machine is declared."""
    site = chain_of_three(tmp_path, capsys, retention=RETENTION)
    whole = carried(site)
    site.add_local("same")
    step = {"step": "command", "run": ["cp", "{input}", "{output}"], "inputs": ["SHA_*.fits"], "outputs": ["{input}.x"]}
    copies = [{"host": "same", "root": str(site.root("dome"))}]
    cameras = {"quick": {"files": ["SHA_*.fits"]}}
    site.declare("quick", copies=copies, cameras=cameras, convert={"steps": [step]})
    answer = site.call("prune", "--yes", "--json")
    assert "the steps of quick are not through its night: `nightferry convert -i quick -d" in reasons(answer)
    assert all(site.path("dome", name).exists() for name in whole)
    assert site.call("convert", "-i", "quick", "-n", "9").status == 0
    assert site.call("prune", "--yes").status == 0
    assert not any(site.path("dome", name).exists() for name in whole)


def test_what_another_instrument_s_patterns_leave_out_is_not_held_by_it(tmp_path: Path, capsys: Capsys) -> None:
    """Sharing a folder alone keeps nothing."""
    site = chain_of_three(tmp_path, capsys, retention=RETENTION)
    whole = carried(site)
    other_instrument(site, tmp_path, site.root("dome"))
    path = site.config / "instruments.d/quick.yaml"
    path.write_text(path.read_text().replace("SHA_", "SHB_"))
    assert site.call("prune", "--yes").status == 0
    assert not any(site.path("dome", name).exists() for name in whole)


def test_a_drive_that_was_emptied_when_it_had_delivered_holds_nothing_back(tmp_path: Path, capsys: Capsys) -> None:
    """It was brought beyond the drive: the copies there are read and seen."""
    site = Observatory(tmp_path, (), capsys)
    for name in ("dome", "drive", "hill", "cape"):
        site.add_local(name)
    copies = [site.copy(name, **({"removable": True} if name == "drive" else {})) for name in site.site["hosts"]]
    site.declare(copies=copies, retention=RETENTION)
    site.mark("drive", identity="blue")
    site.expose(["dome"], (1, 2), BACK)
    carry_and_read(site)
    for year in site.root("drive").glob("2*"):
        shutil.rmtree(year)
    assert site.call("prune", "--yes").status == 0
    assert not [name for name in tree(site.root("dome")) if name.endswith(".fits")]


def test_where_a_destination_cannot_be_asked_nothing_goes(fork: Observatory) -> None:
    """Not being able to look is no proof that it is there."""
    assert fork.call("sync", *NIGHT).status == 0
    fork.change_host("vault", local=False, address="127.0.0.1", port=9, user="nobody")
    whole = tree(fork.root("dome"))
    answer = fork.call("prune", "--yes", "--json")
    assert (answer.status, tree(fork.root("dome"))) == (3, whole)
    assert "whether vault got it cannot be told" in reasons(answer)
