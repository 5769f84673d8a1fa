"""An adversary at work: whatever is done to the copies, no file is freed that fewer than two good copies hold."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from nightferry.retention.journal import Journal
from observatory.nights import night_text
from observatory.truth import State
from syncer.prune import Freeable
from tests.hosts import Host
from tests.observatory import Answer, Observatory, tree
from tests.retention import COPIES, RETENTION, carried, chain_of_three


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """A chain of three copies on this machine, with retention on the first."""
    return chain_of_three(tmp_path, capsys, retention=RETENTION)


def flip(path: Path, keeps_time: bool = True) -> None:
    """Change one byte of a file, and set its time back as if nothing had been."""
    before = path.stat()
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    if keeps_time:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def refused(site: Observatory, paths: list[str]) -> Answer:
    """Prune, and hold that these files are where they were, with nothing of ours beside them."""
    before = tree(site.root("dome"))
    answer = site.call("prune", "--yes", "--json")
    after = tree(site.root("dome"))
    assert {path: after.get(path) for path in paths} == {path: before[path] for path in paths}, answer
    assert not (site.root("dome") / ".nightferry" / "freeing").exists()
    return answer


def reasons(answer: Answer) -> str:
    """Return every reason why something stays."""
    (copy,) = answer.document["copies"]
    stays = [one["reason"] for night in copy["nights"] for one in (*night["stays"], *night["failed"])]
    return " | ".join([*stays, str(copy["reason"]), *copy["unknown"]])


def test_a_flipped_bit_on_a_copy_is_seen_though_its_time_was_set_back(site: Observatory) -> None:
    """The time of the last change cannot be set back; the other file of the night goes."""
    one, other = carried(site)
    flip(site.path("cape", one))
    assert "cape was changed since it was hashed" in reasons(refused(site, [one]))
    assert not site.path("dome", other).exists()


def test_a_flipped_bit_on_the_file_itself_keeps_it(site: Observatory) -> None:
    """What is freed is read once more at that moment: it holds other bytes than the copies, and is put back."""
    one, _ = carried(site)
    flip(site.path("dome", one))
    answer = refused(site, [one])
    assert (answer.status, "it is not what its copies hold" in reasons(answer)) == (1, True), answer


def test_a_copy_replaced_between_plan_and_unlink_is_seen(site: Observatory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The copies are looked at again while the file is set aside."""
    paths = carried(site)
    begun = Journal.begun

    def replace_then_begin(journal: Journal, batch: list[Freeable]) -> None:
        cape = site.path("cape", paths[0])
        fresh = cape.with_name("fresh")
        shutil.copy2(cape, fresh)
        fresh.rename(cape)
        begun(journal, batch)

    # the one moment that no test can hit from outside: after the plan, before the first file is touched
    monkeypatch.setattr(Journal, "begun", replace_then_begin)
    answer = refused(site, paths[:1])
    assert (answer.status, "cape was replaced since it was hashed" in reasons(answer)) == (1, True), answer
    assert not site.path("dome", paths[1]).exists()


def test_a_copy_that_vanished_is_no_copy(site: Observatory) -> None:
    """Whatever the ledger says."""
    one, _ = carried(site)
    site.path("hill", one).unlink()
    assert "hill does not hold it any more" in reasons(refused(site, [one]))


def test_a_link_in_place_of_a_copy_is_no_copy(site: Observatory) -> None:
    """Symbolic to another copy, or a hard link of one."""
    one, other = carried(site)
    for path, link in ((one, os.symlink), (other, os.link)):
        site.path("cape", path).unlink()
        link(site.path("hill", path), site.path("cape", path))
    assert "a link is no copy" in reasons(refused(site, [one, other]))
    site.call("verify", "--level", "checksum", "-n", "30")
    assert "cape holds the very file of hill: a hard link is no copy" in reasons(refused(site, [one, other]))


def test_one_folder_under_two_names_counts_once(site: Observatory) -> None:
    """Through a link of the whole root: marker and files are those of the other copy."""
    paths = carried(site)
    shutil.rmtree(site.root("cape"))
    site.root("cape").symlink_to(site.root("hill"))
    assert "cape" in reasons(refused(site, paths))


@pytest.mark.parametrize("with_marker", [False, True])
def test_an_empty_mount_point_is_unknown(site: Observatory, with_marker: bool) -> None:
    """With nothing in it, or with a marker of some other disk: exit status 3 or a copy that does not count."""
    paths = carried(site)
    shutil.rmtree(site.root("cape"))
    site.root("cape").mkdir()
    if with_marker:
        site.mark("cape", identity="of another disk")
    answer = refused(site, paths)
    assert (answer.status, answer.document["state"]) == (3, "unknown")


def test_the_first_copy_itself_may_be_an_empty_mount_point(site: Observatory) -> None:
    """Then nothing is written there either, not even a lock."""
    carried(site)
    shutil.move(site.root("dome"), site.folder / "unmounted")
    site.root("dome").mkdir()
    answer = site.call("prune", "--yes", "--json")
    assert answer.status == 3
    assert list(site.root("dome").iterdir()) == []


def test_a_clock_that_went_back_frees_nothing(site: Observatory) -> None:
    """Evidence would seem younger than it is."""
    paths = carried(site)
    from catalogue.ledger import Ledger

    with Ledger.open("sqlite:///catalogue.db", site.state) as ledger:
        tomorrow = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
        ledger.finish_run(ledger.start_run("verify", ["sha"], tomorrow, "x", 1), State.OK, tomorrow)
    assert "clock went back" in reasons(refused(site, paths))


def test_a_loss_that_nobody_accepted_frees_nothing(site: Observatory) -> None:
    """On the copy itself nothing goes; on another one it keeps that from being counted."""
    paths = carried(site)
    from catalogue.ledger import Ledger

    with Ledger.open("sqlite:///catalogue.db", site.state) as ledger:
        ledger.record_loss("cape", str(site.root("cape")), 100, 10, dt.datetime.now(dt.UTC))
        assert "cape suddenly lost many of its files" in reasons(refused(site, paths))
        ledger.record_loss("dome", str(site.root("dome")), 100, 10, dt.datetime.now(dt.UTC))
    assert "dome suddenly lost many of its files" in reasons(refused(site, paths))


def test_evidence_does_not_outlive_its_days(site: Observatory) -> None:
    """A hash of long ago proves nothing today."""
    paths = carried(site)
    age_evidence(site, "cape", 31)
    assert "cape was hashed 31 days ago" in reasons(refused(site, paths))


def age_evidence(site: Observatory, copy: str, days: int) -> None:
    """Date every reading of one copy back, as if nobody had looked since."""
    with contextlib.closing(sqlite3.connect(site.state / "catalogue.db")) as database, database:
        (holder,) = database.execute("SELECT id FROM holders WHERE copy = ?", (copy,)).fetchone()
        aged = "UPDATE readings SET at_utc = datetime(at_utc, ?) WHERE holder_id = ?"
        database.execute(aged, (f"-{days} days", holder))


def test_what_was_never_hashed_stays(site: Observatory) -> None:
    """A copy that only looked right is no proof."""
    paths = site.expose(["dome"], (1, 2), 5)
    site.fill("-n", "30")
    assert site.call("verify", "-n", "30").status == 0
    assert "never hashed" in reasons(refused(site, paths)), refused(site, paths)


def test_an_instrument_that_is_away_keeps_what_it_has(site: Observatory) -> None:
    """Nobody looks after it meanwhile."""
    paths = carried(site)
    site.call("away", "-i", "sha", "--until", "20991231", "--reason", "in its crate")
    assert "in its crate" in reasons(refused(site, paths))


def test_what_would_come_back_is_not_freed(site: Observatory) -> None:
    """From the second copy only what the first has freed already."""
    hill = site.copy("hill", retention={"keep_nights": 3, "copies": 1, "within_days": 30})
    site.declare(copies=[site.copy("dome"), hill, site.copy("cape")])
    carried(site)
    before = tree(site.root("hill"))
    answer = site.call("prune", "--yes", "--json")
    assert "dome still holds it: sync would bring it back" in reasons(answer)
    assert tree(site.root("hill")) == before


def test_archives_and_manifests_that_are_asked_for_are_waited_for(site: Observatory) -> None:
    """The confirmation is of bytes: a list with another hash is refused, one of a part frees that part."""
    site.declare(copies=[site.copy(name) for name in COPIES], retention=RETENTION | {"confirmed_by": "STARS"})
    one, other = carried(site)
    assert "STARS has not confirmed it" in reasons(refused(site, [one, other]))
    night = night_text(site.night(5))
    given = site.folder / "list"
    given.write_text(f"{'0' * 64}  {Path(one).name}\n")
    wrong = site.call("confirm", "-i", "sha", "-d", night, "--archive", "STARS", "--list", str(given))
    assert (wrong.status, "nothing was noted" in wrong.err) == (2, True), wrong
    given.write_text(f"{tree(site.root('dome'))[one]}  {one}\nno such file\n")
    right = site.call("confirm", "-i", "sha", "-d", night, "--archive", "STARS", "--list", str(given))
    assert right.out.splitlines()[0] == f"sha {night}: 1 of 2 files confirmed by STARS"
    refused(site, [other])
    assert not site.path("dome", one).exists()
    assert site.call("confirm", "-i", "sha", "-d", night, "--archive", "STARS", "--revoke").status == 0
    refused(site, [other])
    assert (
        "asks for Stars (asked for: STARS)" in site.call("confirm", "-i", "sha", "-d", night, "--archive", "Stars").out
    )
    assert site.call("confirm", "-i", "sha", "-d", night, "--archive", "STARS").status == 0
    site.call("prune", "--yes")
    assert not site.path("dome", other).exists()


# ---- power cuts

KILLED = """
import os, sys
from observatory.endpoints.local import LocalEndpoint
from nightferry.cli.main import main

left = [int(sys.argv[1])]

def counted(act):
    def wrapped(endpoint, *words):
        left[0] -= 1
        if left[0] < 0:
            os._exit(9)
        return act(endpoint, *words)
    return wrapped

for name in ("rename", "remove", "make_folders"):
    setattr(LocalEndpoint, name, counted(getattr(LocalEndpoint, name)))
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize("steps", [3, 5, 6])
def test_a_power_cut_at_any_step_loses_nothing(site: Observatory, steps: int) -> None:
    """The next prune puts back what was aside, and goes on; at no time does a file lack its copies."""
    paths = carried(site)
    whole = tree(site.root("hill"))
    words = ["--config", str(site.config), "prune", "--yes"]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(steps), *words], capture_output=True, timeout=60, check=False
    )
    assert killed.returncode == 9, killed
    again = site.call("prune", "--yes", "--json")
    assert again.status in (0, 1), again
    if again.status == 1 or any(night["stays"] for night in again.document["copies"][0]["nights"]):
        site.call("verify", "--level", "checksum", "-n", "30")
        assert site.call("prune", "--yes").status == 0
    assert [path for path in paths if site.path("dome", path).exists()] == []
    assert tree(site.root("hill")) == tree(site.root("cape")) == whole
    assert not (site.root("dome") / ".nightferry" / "freeing").exists()
    assert site.call("sync", "-n", "30").status == 0
    assert site.call("verify", "-n", "30").status == 0


# ---- far ends


@pytest.fixture
def far(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], three_hosts: tuple[Host, Host, Host], sftp_host: Host
) -> tuple[Observatory, Host, Host]:
    """A dome here, a hill over SSH, and a vault with SFTP alone."""
    hill = three_hosts[0]
    made = Observatory(tmp_path, (hill, sftp_host), capsys)
    made.add_local("dome")
    made.site["hosts"] = {"dome": made.site["hosts"]["dome"]} | made.site["hosts"]
    made.write_site()
    made.declare(copies=[made.copy("dome"), made.copy(hill), made.copy(sftp_host)], retention=RETENTION)
    return made, hill, sftp_host


Spoil = Callable[[Observatory, Host, str], None]


def spoil_nothing(site: Observatory, vault: Host, path: str) -> None:
    """Leave all as it is."""


def spoil_a_bit(site: Observatory, vault: Host, path: str) -> None:
    """Flip a bit and set the time back: over SFTP nothing but reading shows it."""
    flip(site.path(vault, path))


def spoil_the_folder(site: Observatory, vault: Host, path: str) -> None:
    """Put a link to the dome's own folder in the night's place, as a shared disk would show it."""
    folder = site.path(vault, path).parent
    shutil.rmtree(folder)
    folder.symlink_to(site.path("dome", path).parent)


@pytest.mark.parametrize("spoil", [spoil_nothing, spoil_a_bit, spoil_the_folder])
def test_an_account_with_sftp_alone_is_read_again_before_anything_goes(
    far: tuple[Observatory, Host, Host], spoil: Spoil
) -> None:
    """It shows neither inodes nor changes; a folder that is the dome's own loses the file when it is set aside."""
    site, _, vault = far
    one, _ = carried(site)
    spoil(site, vault, one)
    if spoil is spoil_nothing:
        assert site.call("prune", "--yes").status == 0
        assert tree(site.root("dome")) == {}
    else:
        answer = refused(site, [one])
        assert "vault" in reasons(answer), answer


def test_a_far_host_that_cannot_be_reached_frees_nothing(far: tuple[Observatory, Host, Host]) -> None:
    """Not being able to look is UNKNOWN."""
    site, hill, _ = far
    paths = carried(site)
    site.change_host(hill.name, port=1)
    answer = refused(site, paths)
    assert answer.status == 3, answer


# ---- everything at once

Deed = Callable[[Path, Path], None]
"""Something done to one copy of a file, given that and the other copy."""


def _remove(path: Path, other: Path) -> None:
    path.unlink()


def _cut(path: Path, other: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def _replace(path: Path, other: Path) -> None:
    fresh = path.with_name(path.name + ".fresh")
    shutil.copy2(path, fresh)
    fresh.rename(path)


def _swap(path: Path, other: Path) -> None:
    neighbour = sorted(path.parent.iterdir())[0]
    if neighbour != path:
        path.write_bytes(neighbour.read_bytes())


def _hard_link(path: Path, other: Path) -> None:
    if other.is_file():
        path.unlink()
        path.hardlink_to(other)


def _soft_link(path: Path, other: Path) -> None:
    path.unlink()
    path.symlink_to(other)


def _folder(path: Path, other: Path) -> None:
    path.unlink()
    path.mkdir()


def _pipe(path: Path, other: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _touch(path: Path, other: Path) -> None:
    os.utime(path)


def _nothing(path: Path, other: Path) -> None:
    pass


DEEDS: tuple[Deed, ...] = (
    *(_remove, _cut, _replace, _swap, _hard_link, _soft_link, _folder, _pipe, _touch),
    *(lambda path, other: flip(path), lambda path, other: flip(path, keeps_time=False)),
)


def test_whatever_was_done_to_the_copies_what_is_freed_is_on_both(site: Observatory) -> None:
    """Every deed on every copy, alone and with every other; each file that goes has two whole copies of its own."""
    cases = [(here, there) for here in (_nothing, *DEEDS) for there in (_nothing, *DEEDS)]
    paths = site.expose(["dome"], range(len(cases)), 5)
    site.fill("-n", "30")
    assert site.call("verify", "--level", "checksum", "-n", "30").status == 0
    whole = tree(site.root("dome"))
    for path, (here, there) in zip(paths, cases, strict=True):
        hill, cape = site.path("hill", path), site.path("cape", path)
        here(hill, cape)
        if cape.is_file() and not cape.is_symlink():
            there(cape, hill)
    site.call("prune", "--yes")
    left = tree(site.root("dome"))
    gone = set(whole) - set(left)
    assert left == {path: whole[path] for path in left}
    assert paths[0] in gone
    for path in gone:
        copies = [site.path(name, path) for name in ("hill", "cape")]
        assert [copy.is_symlink() for copy in copies] == [False, False]
        assert {hashlib.sha256(copy.read_bytes()).hexdigest() for copy in copies} == {whole[path]}
        assert len({copy.stat().st_ino for copy in copies}) == 2
