"""``restore``: a night back to its raw state, and a night back from another copy with a receipt."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
from pathlib import Path

import pytest

from nightferry.workplace import Workplace
from observatory.nights import night_text
from tests.hosts import Host
from tests.nightsites import declare, expose, made, night_site
from tests.observatory import Observatory, tree

Capsys = pytest.CaptureFixture[str]


@pytest.fixture
def site(
    tmp_path: Path, three_hosts: tuple[Host, Host, Host], capsys: Capsys, monkeypatch: pytest.MonkeyPatch
) -> Observatory:
    """One night on this machine that has been through its steps, and an archive on another."""
    site = night_site(tmp_path, three_hosts[0], capsys, monkeypatch)
    declare(site)
    expose(site)
    site.mark("here", "vamp")
    site.mark(site.hosts[0], "vamp")
    return site


def restore(site: Observatory, *words: str) -> tuple[str, ...]:
    """Return the words that ask for the night."""
    return ("restore", "-i", "vamp", "-d", night_text(site.night()), *words)


def test_restored_a_night_is_as_it_arrived_and_can_be_converted_again(site: Observatory) -> None:
    """What was made is kept aside; the same steps make the same of it."""
    raw = tree(site.root("here", "vamp"))
    assert site.call("convert").status == 0
    whole = tree(site.root("here", "vamp"))
    answer = site.call(*restore(site, "--yes"))
    assert answer.status == 0, answer
    assert tree(site.root("here", "vamp")) == raw
    (kept,) = (site.root("here", "vamp") / ".nightferry/replaced").glob("*/*/made/N0001.cube.z")
    assert f"kept in {kept.parents[2]}" in answer.out
    assert "no step has made anything" in site.call(*restore(site, "--yes")).out
    assert site.call("convert").status == 0
    assert tree(site.root("here", "vamp")) == whole


def test_without_a_word_nothing_is_removed(site: Observatory) -> None:
    """--dry-run lists; where nobody can be asked --yes is needed."""
    site.call("convert")
    whole = tree(site.root("here", "vamp"))
    listed = site.call(*restore(site, "--dry-run", "--json"))
    (night,) = listed.document["nights"]
    assert [Path(name).name for name in night["removed"]] == [
        "N0001.cube.z",
        "N0002.cube.z",
        f"manifest-{night_text(site.night())}.json",
    ]
    assert (listed.status, night["originals"], night["kept_in"]) == (0, 4, None)
    refused = site.call(*restore(site))
    assert (refused.status, "--yes does it; nothing was done" in refused.err) == (2, True)
    assert site.call("restore", "--yes").status == 2
    assert site.call("restore", "-i", "vamp", "--yes").status == 2
    assert site.call("restore", "-i", "vamp", "-n", "2", "--dry-run", "--json").document == listed.document
    assert tree(site.root("here", "vamp")) == whole


@pytest.mark.parametrize(("harm", "words"), [("gone", "is not there any more"), ("changed", "is not what it was")])
def test_a_night_that_lacks_an_original_is_left_as_it_is(site: Observatory, harm: str, words: str) -> None:
    """Its products may be all that there is."""
    site.call("convert")
    victim = site.root("here", "vamp") / night_text(site.night()) / "cam1/f1.raw"
    victim.unlink() if harm == "gone" else victim.write_text("other")
    whole = tree(site.root("here", "vamp"))
    answer = site.call(*restore(site, "--yes"))
    assert (answer.status, words in answer.out) == (1, True)
    assert tree(site.root("here", "vamp")) == whole
    assert made(site, site.night())


def test_a_night_comes_back_from_another_copy_with_a_receipt(site: Observatory) -> None:
    """Hashed there before, and on both sides after."""
    raw = {name: sha for name, sha in tree(site.root("here", "vamp")).items() if not name.endswith("/made")}
    site.fill()
    site.call("verify", "--level", "checksum")
    for name in [name for name in raw if "/cam2/" in name]:
        (site.root("here", "vamp") / name).unlink()
    dry = site.call(*restore(site, "--from", "alpha", "--dry-run"))
    assert (dry.status, "4 files would be carried" in dry.out) == (0, True)
    answer = site.call(*restore(site, "--from", "alpha"))
    assert answer.status == 0, answer
    assert tree(site.root("here", "vamp")) == raw
    (path,) = (site.state / "receipts").glob("restore-vamp-*.json")
    receipt = json.loads(path.read_text())
    assert (receipt["state"], receipt["transferred"], receipt["from"]["copy"]) == ("ok", 4, "alpha")
    assert {one["path"]: one["sha256"] for one in receipt["files"]} == raw
    assert str(path) in answer.out


def test_a_copy_that_does_not_verify_is_not_brought_back(site: Observatory) -> None:
    """A flipped bit there stays there."""
    site.fill()
    site.call("verify", "--level", "checksum")
    night = night_text(site.night())
    flipped = site.path(site.hosts[0], f"{night}/cam1/f1.raw", "vamp")
    flipped.write_bytes(flipped.read_bytes()[::-1])
    (site.root("here", "vamp") / night / "cam1/f1.raw").unlink()
    answer = site.call(*restore(site, "--from", "any"))
    assert answer.status == 1, answer
    assert "alpha does not verify" in answer.out
    assert not (site.root("here", "vamp") / night / "cam1/f1.raw").exists()


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("--from", "nowhere"), 2, "has no copy 'nowhere'"),
        (("--from", "here"), 2, "is to get the night itself"),
        (("--to", "here"), 2, "--to goes with --from"),
        (("--from", "alpha"), 1, "no file of it is on alpha"),
    ],
)
def test_what_cannot_be_brought_back_is_said(site: Observatory, words: tuple[str, ...], status: int, said: str) -> None:
    """Before anything is done."""
    answer = site.call(*restore(site, *words))
    assert (answer.status, said in answer.out + answer.err) == (status, True), answer


def test_a_restore_that_was_interrupted_is_brought_to_its_end(site: Observatory) -> None:
    """What is still there is set aside, and only then forgotten."""
    raw = tree(site.root("here", "vamp"))
    site.call("convert")
    moved = site.root("here", "vamp") / night_text(site.night()) / "made/N0001.cube.z"
    moved.rename(moved.with_suffix(".aside"))
    answer = site.call(*restore(site, "--dry-run", "--json"))
    assert len(answer.document["nights"][0]["removed"]) == 2
    moved.with_suffix(".aside").unlink()
    assert site.call(*restore(site, "--yes")).status == 0
    assert tree(site.root("here", "vamp")) == raw


@pytest.mark.parametrize("word", ["n", "y"])
def test_at_a_terminal_a_person_is_asked(site: Observatory, tmp_path: Path, word: str) -> None:
    """After the list of what would be set aside; whoever says no has lost nothing."""
    site.call("convert")
    whole = tree(site.root("here", "vamp"))
    ours, theirs = os.openpty()
    path = f"{tmp_path / 'packages'}:{Path(__file__).parents[2]}"
    with subprocess.Popen(
        site.command(*restore(site)),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=os.environ | {"PYTHONPATH": path},
        start_new_session=True,
    ) as process:
        os.close(theirs)
        said = read_until(ours, b"Set all this aside? [y/N]: ")
        os.write(ours, f"{word}\n".encode())
        said += read_until(ours, None)
    os.close(ours)
    assert b"made/N0001.cube.z" in said
    assert process.returncode == (0 if word == "y" else 2)
    assert (tree(site.root("here", "vamp")) == whole) is (word == "n")


def read_until(terminal: int, words: bytes | None) -> bytes:
    """Read what a terminal shows until some words, or until its end."""
    said = b""
    while words is None or words not in said:
        try:
            chunk = os.read(terminal, 4096)
        except OSError:  # the other side has closed it
            break
        said += chunk
    return said


def run_each_night(site: Observatory, days: int) -> None:
    """Note in the ledger that there was a run on each of the last days: by them too something is as old as it looks."""
    now = dt.datetime.now(dt.UTC)
    with Workplace.at(site.config) as workplace:
        for back in range(days, 0, -1):
            workplace.ledger.start_run("run", ["vamp"], now - dt.timedelta(days=back), "elsewhere", 1)


@pytest.mark.parametrize(
    ("retention", "days", "is_kept"),
    [({}, 29, True), ({}, 31, False), ({"set_aside_days": 90}, 31, True), ({"set_aside_days": 2}, 3, False)],
)
def test_what_was_set_aside_is_kept_as_long_as_the_retention_says(
    site: Observatory, retention: dict[str, int], days: int, is_kept: bool
) -> None:
    """Thirty days where it says nothing; the next run that takes steps there frees it."""
    declare(site, retention={"keep_nights": 60, "copies": 1} | retention)
    site.call("convert")
    assert site.call(*restore(site, "--yes")).status == 0
    (folder,) = (site.root("here", "vamp") / ".nightferry/replaced").iterdir()
    stamp = dt.datetime.now(dt.UTC) - dt.timedelta(days=days)
    folder.rename(folder.with_name(f"{stamp:%Y%m%dT%H%M%SZ}"))
    run_each_night(site, days)
    site.call("convert")
    assert bool(list((site.root("here", "vamp") / ".nightferry").glob("replaced/*"))) is is_kept


def test_a_night_that_was_restored_is_no_loss_of_its_copy(site: Observatory) -> None:
    """The archive is brought what the steps made and nothing else: all of that went, and each look was UNKNOWN."""
    copies = [site.copy("here", "vamp"), site.copy(site.hosts[0], "vamp", cameras=["made"], after="list")]
    declare(site, copies=copies)
    assert [site.call(command, "-n", "2").status for command in ("convert", "sync", "verify")] == [0, 0, 0]
    assert site.call(*restore(site, "--yes")).status == 0
    assert site.call("verify", "--json").hop["state"] == "ok"
    assert [site.call(command, "-n", "2").status for command in ("convert", "sync", "verify")] == [0] * 3
