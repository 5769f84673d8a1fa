"""Files that vanished before they were carried are told by name: what came meanwhile makes up for none of them."""

from __future__ import annotations

import datetime as dt
import os
import re
import sqlite3
from pathlib import Path

import pytest

import nightferry.uncarried
from catalogue.ledger import Ledger
from observatory.nights import night_text
from tests.observatory import Answer, Observatory, dome_and_archive, fits_file, folder_of

WORDS = re.compile(" that earlier runs saw (?:is|are) neither on ")


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """An instrument computer and an archive, both folders of this machine."""
    return dome_and_archive(tmp_path, capsys)


def seen(site: Observatory, numbers: range = range(6), back: int = 1) -> list[str]:
    """Make frames, and have a run see them that carries none."""
    paths = site.expose(["dome"], numbers, back=back)
    assert site.call("verify").status == 1
    return paths


def rename(site: Observatory, path: str, name: str, host: str = "dome") -> str:
    """Give a file another name, as an observer does; return its new path."""
    new = name if "/" in name else f"{path.rpartition('/')[0]}/{name}"
    target = site.path(host, new)
    target.parent.mkdir(parents=True, exist_ok=True)
    site.path(host, path).rename(target)
    return new


def lose(site: Observatory, *paths: str, host: str = "dome") -> None:
    """Remove files from a copy."""
    for path in paths:
        site.path(host, path).unlink()


def gone(answer: Answer) -> list[str]:
    """Return which files a report says are on neither end."""
    lines = [line for line in answer.out.splitlines() if WORDS.search(line)]
    return [line.partition(" any more (")[2].partition("): ")[0] for line in lines]


def numbers_gone(answer: Answer) -> list[str]:
    """Return how many files a report says are on neither end, and of which nights."""
    return [WORDS.split(line)[0].removeprefix("sha: ") for line in answer.out.splitlines() if WORDS.search(line)]


def renamed(answer: Answer) -> list[str]:
    """Return what a report takes for renamed."""
    words = " now, by size and time: "
    return [line.partition(words)[2] for line in answer.out.splitlines() if words in line]


@pytest.mark.parametrize("command", ["run", "verify"])
def test_a_file_that_came_makes_up_for_none_that_is_gone(site: Observatory, command: str) -> None:
    """Of the same night, and of the same size; it is told until a person says that it may be so."""
    paths = seen(site)
    lose(site, paths[2])
    site.expose(["dome"], range(6, 9))
    for _ in range(2):
        assert gone(site.call(command)) == [paths[2]]
    assert "  0/1" in site.call("status", "-d", night_text(site.night(1))).out
    assert site.call("sync", "--accept-loss", f"dome:{site.root('dome')}").status == 0
    assert [gone(site.call("run")) for _ in range(2)] == [[], []]


@pytest.mark.parametrize("command", ["run", "verify"])
def test_a_file_that_an_observer_renamed_is_not_gone(site: Observatory, command: str) -> None:
    """Whether the new name is carried by then or not; how many were taken for renamed is said, once."""
    paths = seen(site)
    new = rename(site, paths[2], "SHA_flat.fits")
    site.expose(["dome"], range(6, 9))
    told = site.call(command)
    assert (gone(told), renamed(told)) == ([], [f"{paths[2]} is {new}"])
    told = site.call(command)
    assert (gone(told), renamed(told)) == ([], [])
    lose(site, new, *paths[3:4])
    expected = [new, paths[3]] if command == "verify" else []  # the run carried them
    assert gone(site.call(command)) == ([", ".join(sorted(expected))] if expected else [])


def test_one_new_name_stands_for_one_file(site: Observatory) -> None:
    """Two of one size and one instant: one was renamed, the other is gone."""
    paths = site.expose(["dome"], range(4))
    instant = site.path("dome", paths[0]).stat().st_mtime_ns
    os.utime(site.path("dome", paths[1]), ns=(instant, instant))
    assert site.call("verify").status == 1
    new = rename(site, paths[0], "SHA_flat.fits")
    lose(site, paths[1])
    site.expose(["dome"], [4])
    told = site.call("run")
    assert (gone(told), renamed(told)) == ([paths[1]], [f"{paths[0]} is {new}"]), "which is which is of no account"


def test_a_name_that_was_known_is_no_new_name(site: Observatory) -> None:
    """Frames of one size within one tick of a clock: one was carried, another that waited is gone."""
    carried = site.expose(["dome"], range(3))
    assert site.call("run").status == 0
    instant = site.path("dome", carried[0]).stat().st_mtime_ns
    late = site.expose(["dome"], range(3, 6))
    for path in late[:2]:
        os.utime(site.path("dome", path), ns=(instant, instant))
    assert site.call("verify").status == 1
    lose(site, late[0])
    site.expose(["dome"], [6])
    told = site.call("run")
    assert (gone(told), renamed(told)) == ([late[0]], [])


def test_a_frame_that_was_moved_to_another_nights_folder_is_not_gone(site: Observatory) -> None:
    """Both nights are whole from then on; a frame that another night lost is told all the same."""
    paths, others = seen(site), seen(site, range(4), back=2)
    moved = rename(site, paths[-1], f"{folder_of(site.night(2))}/SHA_{night_text(site.night(2))}.0009.fits")
    told = site.call("run")
    assert (gone(told), renamed(told)) == ([], [f"{paths[-1]} is {moved}"])
    assert [numbers_gone(site.call(command)) for command in ("run", "verify")] == [[], []]
    assert "  1/1" in site.call("status", "-d", night_text(site.night(1))).out
    lose(site, *others[:1])
    lose(site, *others[:1], host="archive")
    assert numbers_gone(site.call("verify")) == [f"1 file of the night {night_text(site.night(2))}"]


def test_of_a_frame_that_is_being_written_nothing_is_expected(site: Observatory) -> None:
    """It grows from look to look, its size and time with it, and then it is gone."""
    seen(site)
    path = f"{folder_of(site.night(1))}/SHA_tmp.fits"
    for size in (1000, 3000, 4000):
        site.put("dome", path, fits_file()[:size], age_s=5.0 if size == 1000 else 1000.0)
        site.call("verify")
    lose(site, path)
    assert [gone(site.call(command)) for command in ("verify", "run")] == [[], []]


def test_a_file_that_was_changed_where_it_waits_is_known_by_what_it_is_now(site: Observatory) -> None:
    """Its header was mended, then it was renamed; or nobody has it."""
    paths = seen(site)
    for path in paths[:2]:
        site.put("dome", path, fits_file(pixels=5000), age_s=50_000.0)
    assert gone(site.call("verify")) == []
    new = rename(site, paths[0], "SHA_flat.fits")
    lose(site, paths[1])
    site.expose(["dome"], range(6, 9))
    told = site.call("verify")
    assert (gone(told), renamed(told)) == ([paths[1]], [f"{paths[0]} is {new}"])


def test_what_a_middle_copy_lost_before_it_went_on_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the hop that leaves it; it is carried to it again, if its own source has it still."""
    site = Observatory(tmp_path, (), capsys)
    for name in ("dome", "hill", "cape"):
        site.add_local(name)
    site.declare(copies=[site.copy(name) for name in ("dome", "hill", "cape")])
    for name in ("dome", "hill", "cape"):
        site.mark(name)
    paths = site.expose(["dome", "hill"], range(6))
    assert site.call("verify").status == 1
    for host in ("dome", "hill"):
        lose(site, paths[1], host=host)
    lose(site, paths[2], host="hill")
    site.expose(["dome"], range(6, 9))
    told = site.call("run")
    assert gone(told) == [paths[1]]
    assert site.path("cape", paths[2]).is_file()


def test_of_two_telescopes_that_fill_one_archive_neither_makes_up_for_the_others_loss(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Counts see one archive with more files than before."""
    site = Observatory(tmp_path, (), capsys)
    for name in ("north", "south", "archive"):
        site.add_local(name)
    copies = [site.copy("north"), site.copy("south", origin=True), site.copy("archive", from_=["north", "south"])]
    site.declare(copies=copies)
    for name in ("north", "south", "archive"):
        site.mark(name)
    here = site.expose(["north"], range(4))
    there = site.expose(["south"], range(10, 14))
    assert site.call("verify").status == 1
    lose(site, here[1], host="north")
    rename(site, there[1], "SHA_flat.fits", host="south")
    site.expose(["south"], range(14, 20))
    told = site.call("run")
    assert (gone(told), len(renamed(told))) == ([here[1]], 1)
    assert gone(site.call("verify")) == [here[1]]


def test_what_another_machine_carried_is_not_gone(site: Observatory, tmp_path: Path) -> None:
    """With a ledger of its own, and under the name that an observer gave it in between."""
    paths = seen(site)
    new = rename(site, paths[0], "SHA_flat.fits")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "instruments.d").symlink_to(site.config / "instruments.d")
    (elsewhere / "site.yaml").write_text((site.config / "site.yaml").read_text())
    assert site.call_elsewhere(elsewhere, "sync").status == 0
    lose(site, paths[1])
    told = site.call("verify")
    assert (gone(told), renamed(told)) == ([], [f"{paths[0]} is {new}"])


def test_a_ledger_that_is_deleted_knows_no_names_and_learns_them_anew(site: Observatory) -> None:
    """What was lost before is nobody's finding any more, and nothing is invented."""
    paths = seen(site)
    lose(site, paths[0])
    for file in site.state.glob("catalogue.db*"):
        file.unlink()
    assert gone(site.call("verify")) == []
    lose(site, paths[1])
    site.expose(["dome"], range(6, 9))
    assert gone(site.call("verify")) == [paths[1]]


def test_a_ledger_of_before_is_brought_up_to_date_and_counts_as_it_did(site: Observatory) -> None:
    """It knows how many files were seen; names are known from the first look on."""
    paths = seen(site)
    ledger = sqlite3.connect(site.state / "catalogue.db")
    ledger.execute("DROP TABLE uncarried")
    ledger.execute("UPDATE alembic_version SET version_num = '0010'")
    ledger.commit()
    ledger.close()
    lose(site, *paths[:2])
    night = night_text(site.night(1))
    assert numbers_gone(site.call("verify")) == [f"2 files of the night {night}"]
    lose(site, paths[2])
    told = site.call("verify")
    assert numbers_gone(told) == [f"3 files of the night {night}"]
    assert f" any more (among them {paths[2]}): " in told.out


def test_a_file_that_is_gone_is_accepted_by_its_name(site: Observatory) -> None:
    """And no other with it."""
    paths = seen(site)
    lose(site, *paths[:2])
    site.expose(["dome"], range(6, 9))
    assert gone(site.call("run")) == [", ".join(paths[:2])]
    word = ("accept", "-i", "sha", "-d", night_text(site.night(1)), "--reason", "test")
    assert (accepted := site.call(*word, paths[0])).status == 0
    assert "are the name and the night right" not in accepted.err
    assert gone(site.call("run")) == [paths[1]]
    assert site.call("accept", "--revoke", *word[1:5], paths[0]).status == 0
    assert gone(site.call("run")) == [", ".join(paths[:2])]


def test_what_is_there_and_asked_about_no_more_is_not_gone_by_name(site: Observatory) -> None:
    """The instrument's file leaves it out now; how many were counted before is told as ever."""
    seen(site)
    site.declare(
        copies=[site.copy(name) for name in ("dome", "archive")],
        cameras={"sha": {"files": ["SHA_*.fits"], "exclude": ["SHA_*.0002.fits"]}},
    )
    site.expose(["dome"], range(6, 9))
    assert numbers_gone(site.call("verify")) == []


def test_what_prune_freed_after_it_was_carried_is_not_gone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It waited when a verify saw it last; no other verify came until both ends had been freed of it."""
    site = Observatory(tmp_path, (), capsys)
    names = ("dome", "hill", "cape", "tape")
    for name in names:
        site.add_local(name)
    rules = {"keep_nights": 3, "copies": 2, "within_days": 30}
    site.declare(copies=[site.copy(name, **({"retention": rules} if name in names[:2] else {})) for name in names])
    for name in names:
        site.mark(name)
    old = seen(site, range(4), back=5)
    site.expose(["dome"], range(4))
    assert site.call("sync").status == 0
    assert site.call("status", "--safe").status == 0
    assert site.call("prune", "--yes").status == 0
    assert site.call("prune", "--yes").status == 0
    assert not any(site.path(name, path).exists() for name in names[:2] for path in old)
    for command in ("verify", "run"):
        told = site.call(command)
        assert (told.status, gone(told), numbers_gone(told)) == (0, [], [])


def test_what_is_lost_while_its_archive_is_down_is_told_by_name(site: Observatory) -> None:
    """Others come to the same nights meanwhile: to one that nobody had carried, and to one that was carried."""
    site.expose(["dome"], range(4), back=2)
    assert site.call("run").status == 0
    late, fresh = site.expose(["dome"], [4, 5, 6], back=2), site.expose(["dome"], range(6))
    archive = site.root("archive")
    archive.rename(archive.with_name("unplugged"))
    assert [site.call(command).status for command in ("run", "verify")] == [3, 3]
    with Ledger.open("sqlite:///catalogue.db", site.state) as ledger:
        noted = {os.fsdecode(file.path) for file in ledger.uncarried("sha", "dome:archive")}
    assert noted == {*late, *fresh}, "what we moved is none of them"
    lose(site, late[0], fresh[3])
    new = rename(site, late[1], "SHA_flat.fits")
    site.expose(["dome"], range(7, 10), back=2)
    site.expose(["dome"], range(6, 9))
    assert site.call("run").status == 3
    archive.with_name("unplugged").rename(archive)
    told = site.call("run")
    assert (gone(told), renamed(told)) == ([f"{late[0]}, {fresh[3]}"], [f"{late[1]} is {new}"])


def test_what_others_brought_before_an_archive_was_down_makes_up_for_nothing(site: Observatory) -> None:
    """Nobody knows which of a night's files the archive had; what came late and is lost is told all the same."""
    site.expose(["dome", "archive"], range(4))
    assert site.call("verify").status == 0
    late = site.expose(["dome"], [4, 5])
    archive = site.root("archive")
    archive.rename(archive.with_name("unplugged"))
    assert site.call("verify").status == 3
    lose(site, late[0])
    site.expose(["dome"], range(6, 9))
    archive.with_name("unplugged").rename(archive)
    assert gone(site.call("run")) == [late[0]]


def test_a_frame_that_grows_while_its_archive_is_down_may_be_given_its_name_when_it_is_whole(site: Observatory) -> None:
    """Its own header says that it was not whole when it was seen; slower than the settle time is no loss."""
    site.expose(["dome"], range(4))
    assert site.call("run").status == 0
    archive = site.root("archive")
    archive.rename(archive.with_name("unplugged"))
    growing = f"{folder_of(site.night(1))}/SHA_tmp.fits"
    site.put("dome", growing, fits_file()[:-2880], age_s=1000.0)
    assert site.call("verify").status == 3
    site.put("dome", growing, fits_file(), age_s=500.0)
    rename(site, growing, "SHA_last.fits")
    archive.with_name("unplugged").rename(archive)
    assert numbers_gone(site.call("run")) == []


def test_where_names_alone_are_compared_counts_tell(site: Observatory) -> None:
    """Nothing would tell a file that bears another name."""
    paths = site.expose(["dome"], range(6))
    assert site.call("verify", "--level", "existence").status == 1
    rename(site, paths[0], "SHA_flat.fits")
    lose(site, paths[1])
    told = site.call("verify", "--level", "existence")
    assert numbers_gone(told) == [f"1 file of the night {night_text(site.night(1))}"]


def test_what_others_note_while_a_look_goes_on_it_cannot_have_seen(site: Observatory) -> None:
    """Another run saw a file that came after this one's listing had begun."""
    paths = seen(site)
    later = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    with Ledger.open("sqlite:///catalogue.db", site.state) as ledger:
        (file, *_) = ledger.uncarried("sha", "dome:archive")
        other = os.fsencode(paths[0].replace(".0000.", ".0099."))
        ledger.note_uncarried("sha", "dome:archive", [file._replace(path=other, size_bytes=1, since_utc=later)])
    assert gone(site.call("run")) == []


def test_of_more_files_than_are_kept_by_name_counts_tell(site: Observatory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Patched, as a hundred thousand files would take a minute to make: the newest nights are known by name."""
    monkeypatch.setattr(nightferry.uncarried, "MOST", 4)
    old, new = site.expose(["dome"], range(4), back=2), site.expose(["dome"], range(3))
    assert [site.call("verify").status for _ in range(2)] == [1, 1]
    lose(site, old[1], old[3], new[1])
    site.expose(["dome"], [6])
    told = site.call("verify")
    nights = f"{night_text(site.night(2))}, {night_text(site.night(1))}"
    assert numbers_gone(told) == [f"3 files of the nights {nights}"]
    assert f"among them {new[1]}" in told.out
