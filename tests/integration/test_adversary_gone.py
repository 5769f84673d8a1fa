"""Files that were seen on a source and vanished before they were carried: no comparison of two sides can show them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from observatory.nights import night_text
from tests.observatory import Answer, Observatory, age, dome_and_archive, fits_file, folder_of


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """An instrument computer and an archive, both folders of this machine."""
    return dome_and_archive(tmp_path, capsys)


def lose(site: Observatory, *paths: str) -> None:
    """Remove frames from the source."""
    for path in paths:
        site.path("dome", path).unlink()


def gone(answer: Answer) -> list[str]:
    """Return how many files a report says are on neither end, and of which nights."""
    one, more = "1 file .*(?= that earlier runs saw is )", "[0-9]+ files .*(?= that earlier runs saw are )"
    words = f"(?:sha: )?({one}|{more}).* neither on "
    return [found[1] for line in answer.out.splitlines() if (found := re.match(words, line))]


def test_files_that_a_report_called_missing_and_that_vanish_are_told_until_somebody_says_that_they_may(
    site: Observatory,
) -> None:
    """Fewer than half of their night and at its end: neither a sudden loss nor a hole in the numbers."""
    paths = site.expose(["dome"], range(10))
    assert site.call("verify").status == 1
    lose(site, *paths[-3:])
    night = night_text(site.night(1))
    for command in ("run", "run", "verify"):
        told = site.call(command)
        assert (told.status, gone(told)) == (0, [f"3 files of the night {night}"])
    assert "  0/1" in site.call("status", "-d", night).out
    assert site.call("sync", "--accept-loss", f"dome:{site.root('dome')}").status == 0
    assert gone(site.call("run")) == []
    assert "  1/1" in site.call("status", "-d", night).out


@pytest.mark.parametrize("is_whole", [True, False])
def test_what_was_being_written_before_its_archive_was_down_is_missed_where_it_was_whole_by_then(
    site: Observatory, is_whole: bool
) -> None:
    """The night's last frame; of one that its own header calls unfinished nobody knows whether it was to stay."""
    site.expose(["dome"], range(3))
    name = f"{folder_of(site.night())}/SHA_{night_text(site.night())}.0003.fits"
    last = site.put("dome", name, fits_file()[: None if is_whole else -2880], age_s=5.0 if is_whole else 1000.0)
    assert site.call("run").status == 0
    archive = site.root("archive")
    archive.rename(archive.with_name("unplugged"))
    age(last, 1000.0)
    assert site.call("run").status == 3
    last.unlink()
    archive.with_name("unplugged").rename(archive)
    expected = [f"1 file of the night {night_text(site.night())}"] if is_whole else []
    assert gone(site.call("run")) == expected


def test_what_a_source_lost_while_its_archive_was_down_is_told(site: Observatory) -> None:
    """Nothing could be compared, but it was seen; half a night, a whole one, and what came to a proven one."""
    short, whole = site.expose(["dome"], range(10), back=2), site.expose(["dome"], range(4), back=3)
    site.expose(["dome"], range(6), back=1)
    assert site.call("run", "-d", night_text(site.night(1))).status == 0
    late = site.expose(["dome"], [6, 7], back=1)
    archive = site.root("archive")
    archive.rename(archive.with_name("unplugged"))
    assert [site.call(command).status for command in ("run", "sync", "verify")] == [3, 3, 3]
    lose(site, *short[-4:], late[-1])
    archive.with_name("unplugged").rename(archive)
    told = site.call("run")
    first, second = night_text(site.night(2)), night_text(site.night(1))
    assert gone(told) == [f"5 files of the nights {first}, {second}"]
    assert all(site.path("archive", path).is_file() for path in (*short[:6], *whole, late[0]))


def test_a_whole_night_that_a_source_lost_while_its_archive_was_down_is_a_sudden_loss(site: Observatory) -> None:
    """It lay nowhere else."""
    site.expose(["dome", "archive"], range(8), back=1)
    lost = site.expose(["dome"], range(2), back=2)
    archive = site.root("archive")
    archive.rename(archive.with_name("unplugged"))
    assert site.call("sync").status == 3
    lose(site, *lost)
    archive.with_name("unplugged").rename(archive)
    told = site.call("sync", "--json")
    assert (told.status, told.hop["state"]) == (3, "unknown")
    assert "--accept-loss" in told.hop["reason"]


def test_of_files_that_are_being_written_some_never_stay(site: Observatory) -> None:
    """Whichever run looks, and also while the archive is down."""
    site.expose(["dome"], range(4))
    young = [f"{folder_of(site.night(1))}/SHA_test{number}.fits" for number in range(4)]
    archive = site.root("archive")
    for command, path in zip(("sync", "verify", "run", "unplugged"), young, strict=True):
        site.put("dome", path, b"", age_s=0)
        if command == "unplugged":
            archive.rename(archive.with_name("unplugged"))
            assert site.call("run").status == 3
            archive.with_name("unplugged").rename(archive)
        else:
            site.call(command)
        lose(site, path)
        for _ in range(2):
            assert gone(site.call("run")) == []


def test_a_night_of_which_a_person_accepted_something_is_not_asked_for_again(site: Observatory) -> None:
    """The file was given up; that it is deleted then is no news."""
    paths = site.expose(["dome"], range(10))
    assert site.call("verify").status == 1
    word = ("-i", "sha", "-d", night_text(site.night(1)), "--reason", "test exposures")
    assert site.call("accept", *word, paths[-1]).status == 0
    lose(site, paths[-1])
    for command in ("run", "verify", "run"):
        assert gone(site.call(command)) == []


def test_what_an_owner_cleared_and_prune_freed_behind_it_lies_farther_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each copy was proven when the one before it went; what is lost on the last one is told."""
    site = Observatory(tmp_path, (), capsys)
    names = ("dome", "hill", "cape", "tape")
    for name in names:
        site.add_local(name)
    rules = {"keep_nights": 3, "copies": 2, "within_days": 30}
    site.declare(copies=[site.copy(name, **({"retention": rules} if name == "hill" else {})) for name in names])
    old, _ = site.expose(["dome"], range(4), back=5), site.expose(["dome"], range(4))
    site.fill()
    assert site.call("verify", "--level", "checksum").status == 0
    lose(site, *old[:2])
    assert site.call("prune", "--yes").status == 0
    assert [site.path("hill", path).exists() for path in old] == [False, False, True, True]
    for command in ("run", "verify", "run"):
        told = site.call(command)
        assert (told.status, gone(told)) == (0, [])
    site.path("hill", old[2]).unlink()
    lose(site, old[2])
    assert gone(site.call("verify")) == [f"1 file of the night {night_text(site.night(5))}"]


def test_a_drive_that_was_emptied_where_it_delivered_has_lost_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Half of it cleared at the telescope since, the other half carried again; what it did not deliver is told."""
    site = Observatory(tmp_path, (), capsys)
    for name in ("dome", "drive", "cape"):
        site.add_local(name)
    site.declare(copies=[site.copy("dome"), site.copy("drive", removable=True), site.copy("cape")])
    for name in ("dome", "drive", "cape"):
        site.mark(name, identity=f"id-{name}")
    old, new = site.expose(["dome"], range(3), back=4), site.expose(["dome"], range(6))
    assert [site.call("run").status for _ in range(2)] == [0, 0]
    lose(site, *old)
    for path in (*old, *new):
        site.path("drive", path).unlink()
    for command in ("run", "verify", "run"):
        told = site.call(command)
        assert (told.status, gone(told), "had lost" in told.out) == (0, [], False)
    site.path("cape", old[0]).unlink()
    assert gone(site.call("verify")) == [f"1 file of the night {night_text(site.night(4))}"]


def test_what_was_being_written_when_a_sync_was_killed_may_vanish(
    site: Observatory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sync had said what it saw, and died before it could say what of it was in progress."""
    site.expose(["dome"], range(10))
    young = f"{folder_of(site.night(1))}/SHA_test.fits"
    site.put("dome", young, b"", age_s=0)

    def die(*words: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("nightferry.hop_sync.HopSync.record", die)
        assert site.call("sync").status == 130
    lose(site, young)
    assert [gone(site.call("run")) for _ in range(2)] == [[], []]


def test_one_frame_that_a_person_accepted_excuses_no_others(site: Observatory) -> None:
    """A number that was never taken; five files of the same night are lost with it."""
    paths = site.expose(["dome"], [*range(5), *range(6, 12)])
    word = ("-i", "sha", "-d", night_text(site.night(1)), "--reason", "never taken")
    assert site.call("accept", *word, "--frames", "5").status == 0
    assert site.call("run").status == 0
    for path in paths[-5:]:
        site.path("dome", path).unlink()
        site.path("archive", path).unlink()
    assert len(gone(site.call("verify"))) == 1
    assert site.call("accept", *word).status == 0
    assert gone(site.call("verify")) == []


@pytest.mark.parametrize("is_mended", [False, True])
def test_a_file_that_was_accepted_and_is_there_excuses_none_that_is_gone(site: Observatory, is_mended: bool) -> None:
    """Accepted for what it looked like, not for being lost; once it is gone itself, it is the one that was given up."""
    paths = site.expose(["dome"], range(6))
    assert site.call("run").status == 0
    copy = site.path("archive", paths[0])
    whole = copy.read_bytes()
    copy.write_bytes(whole + b"odd")
    assert site.call("verify").status == 1
    word = ("-i", "sha", "-d", night_text(site.night(1)), "--reason", "an odd tail")
    assert [site.call("accept", *word, Path(paths[0]).name).status for _ in range(2)] == [0, 0]
    copy.write_bytes(whole if is_mended else whole + b"odd")
    assert (site.call("verify").status, gone(site.call("verify"))) == (0, [])
    for path in (paths[-1], paths[0]):
        lose(site, path)
        site.path("archive", path).unlink()
        assert gone(site.call("verify")) == [f"1 file of the night {night_text(site.night(1))}"]


def test_what_was_proven_before_a_copy_was_put_between_is_missed(site: Observatory) -> None:
    """Cleared where it was born, and lost on the one copy that had it: no hop of today ever saw it."""
    paths = site.expose(["dome"], range(6), back=3) + site.expose(["dome"], range(6))
    assert site.call("run").status == 0
    lose(site, *paths[:3])
    assert site.call("run").status == 0
    site.add_local("hill")
    site.declare(copies=[site.copy(name) for name in ("dome", "hill", "archive")])
    site.mark("hill")
    for command in ("run", "verify", "run"):
        told = site.call(command)
        assert (told.status, gone(told)) == (0, [])
    site.path("archive", paths[0]).unlink()
    night = night_text(site.night(3))
    for command in ("run", "verify"):
        assert gone(site.call(command)) == [f"1 file of the night {night}"]
    assert site.call("sync", "--accept-loss", f"hill:{site.root('hill')}").status == 0
    assert [gone(site.call(command)) for command in ("verify", "run")] == [[], []]
