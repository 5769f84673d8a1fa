"""A file that rotted on its archive, found by its hash: the next nights' comparisons of sizes are no cure."""

from __future__ import annotations

from pathlib import Path

import pytest

from observatory.nights import night_text
from tests.observatory import Answer, Observatory, age, dome_and_archive, fits_file


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """A night of four frames on two folders of this machine, hashed on both."""
    observatory = dome_and_archive(tmp_path, capsys)
    observatory.expose(["dome", "archive"], range(4))
    assert observatory.call("verify", "--level", "checksum").status == 0
    return observatory


def frame(site: Observatory, number: int) -> Path:
    """Return a frame's place on the archive."""
    night = site.night()
    return site.path("archive", f"{night:%Y/%m%d}/SHA_{night_text(night)}.{number:04d}.fits")


def rot(site: Observatory, number: int) -> None:
    """Change a byte and nothing else."""
    path = frame(site, number)
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    age(path, 3 * 86400.0)
    assert site.call("verify", "--level", "checksum").status == 1


def told(answer: Answer) -> list[str]:
    """Return what a report says of nights that are not what they should be, from the night on."""
    before, after = " is not what it should be there, as hashes showed: ", ". Neither sizes show it, "
    return [line.partition(before)[2].partition(after)[0] for line in answer.out.splitlines() if before in line]


def test_rot_is_told_each_morning_until_it_is_mended(site: Observatory) -> None:
    """Also where another file came late to the night, by which nothing was mended."""
    rot(site, 2)
    said = [f"1 file is not what it was when first read ({frame(site, 2).name})"]
    assert [told(site.call(command)) for command in ("run", "verify")] == [said, said]
    site.expose(["dome"], [4])
    answer = site.call("run")
    assert (answer.status, frame(site, 4).is_file(), told(answer)) == (0, True, said)
    site.call("sync", "--level", "checksum")
    assert frame(site, 2).read_bytes() == fits_file(seed=2)
    assert told(site.call("run")) == []
    assert "  0/1" in site.call("status").out, "nobody has read it since"
    assert site.call("verify", "--level", "checksum").status == 0
    assert "  1/1" in site.call("status").out.replace("proven", "")


def test_of_several_nights_that_rotted_the_newest_is_named_and_the_others_are_counted(site: Observatory) -> None:
    """One or more of them, each in its grammar."""
    for back in (2, 3):
        site.expose(["dome", "archive"], [1], back=back)
    assert site.call("verify", "--level", "checksum").status == 0
    rot(site, 1)
    for back, others in ((2, "and so is 1 older night"), (3, "and so are 2 older nights")):
        path = site.path("archive", f"{site.night(back):%Y/%m%d}/SHA_{night_text(site.night(back))}.0001.fits")
        site.put("archive", str(path.relative_to(site.root("archive"))), path.read_bytes()[:-1] + b"\1")
        assert site.call("verify", "--level", "checksum").status == 1
        (said,) = told(site.call("run"))
        assert said.endswith(f"({frame(site, 1).name}), {others}")


def test_what_an_archive_lost_and_was_brought_again_is_no_rot(site: Observatory) -> None:
    """One file a night, and each of them back by the next: nothing to say, and nothing called safe unread."""
    for number in (1, 2):
        frame(site, number).unlink()
        assert site.call("verify").status == 1
        assert told(site.call("run")) == []
    assert site.call("status", "--json").document["nights"][0]["safe"][0]["is_safe"] is False


@pytest.mark.parametrize("named", [True, False])
def test_rot_that_a_person_accepted_is_no_news(site: Observatory, named: bool) -> None:
    """The file by its name, or the whole night."""
    rot(site, 2)
    word = ("-i", "sha", "-d", night_text(site.night()), "--reason", "known")
    assert site.call("accept", *word, *([frame(site, 2).name] if named else [])).status == 0
    assert site.call("verify", "--level", "checksum").status == 0
    assert told(site.call("run")) == []


def test_a_file_that_is_gone_and_given_up_is_no_news(site: Observatory) -> None:
    """Its night is not safe for that."""
    site.path("dome", frame(site, 2).relative_to(site.root("archive")).as_posix()).chmod(0o644)
    word = ("-i", "sha", "-d", night_text(site.night()), "--reason", "a test exposure")
    frame(site, 2).unlink()
    assert site.call("verify").status == 1
    assert site.call("accept", *word, frame(site, 2).name).status == 0
    answer = site.call("verify")
    assert (answer.status, told(answer)) == (0, [])
    assert site.call("status", "--json").document["nights"][0]["safe"][0]["is_safe"] is False


def test_a_file_that_was_accepted_excuses_no_other_that_rots(site: Observatory) -> None:
    """They are of one night, and a person knows of the one; the sentence says how to accept the other."""
    rot(site, 1)
    word = ("-i", "sha", "-d", night_text(site.night()), "--reason", "known")
    assert site.call("accept", *word, frame(site, 1).name).status == 0
    assert told(site.call("run")) == []
    rot(site, 2)
    answer = site.call("run")
    assert told(answer) == [f"1 file is not what it was when first read ({frame(site, 2).name})"]
    assert f"nightferry accept -i sha -d {night_text(site.night())} --reason TEXT FILE" in answer.out
    assert site.call("accept", *word, frame(site, 2).name).status == 0
    assert told(site.call("run")) == []


def test_an_original_that_was_altered_and_carried_on_is_told_though_all_copies_agree(site: Observatory) -> None:
    """By their contents, too; the one thing that speaks against it is what was read first."""
    night = site.night()
    name = frame(site, 2).name
    site.put("dome", f"{night:%Y/%m%d}/{name}", fits_file(pixels=5000, seed=7), age_s=2 * 86400.0)
    assert site.call("run").status == 0
    assert frame(site, 2).read_bytes() == fits_file(pixels=5000, seed=7)
    answer = site.call("verify", "--level", "checksum")
    assert (answer.status, told(answer)) == (0, [f"1 file is not what it was when first read ({name})"])
    command = answer.out.partition("changed alike: nightferry ")[2].partition(". If")[0]
    assert site.call(*command.split()).status == 1
    assert site.call("accept", "-i", "sha", "-d", night_text(night), "--reason", "header mended", name).status == 0
    assert told(site.call("verify", "--level", "checksum")) == []
