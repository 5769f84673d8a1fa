"""An ok that rests on nothing: the telescope's software changed names or folders, and all that is looked at agrees."""

from __future__ import annotations

import email
import email.policy
from pathlib import Path

import pytest

from observatory.nights import night_text
from tests.observatory import Answer, Observatory, dome_and_archive, fits_file, folder_of


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """An instrument computer and an archive, both folders of this machine."""
    return dome_and_archive(tmp_path, capsys)


def renamed(site: Observatory, back: int, count: int, suffix: str = "fits") -> None:
    """Take frames of a night under names that no camera's pattern takes."""
    for number in range(count):
        name = f"SHA-{night_text(site.night(back))}-{number:04d}.{suffix}"
        site.put("dome", f"{folder_of(site.night(back))}/{name}", fits_file(seed=number))


def told(answer: Answer, words: str) -> list[str]:
    """Return the lines of a report in which some words stand."""
    return [line for line in answer.out.splitlines() if words in line]


LEFT = "are of no camera of sha.yaml"
SILENT = "not one of the last"
UNNUMBERED = "bears a frame number"


@pytest.mark.parametrize("command", ["sync", "verify", "run"])
def test_a_night_whose_frames_no_pattern_takes_any_more_is_told(site: Observatory, command: str) -> None:
    """Also where the camera's other files of that night are taken, as long as more are left than that."""
    site.expose(["dome"], range(4), back=3)
    renamed(site, 2, 3)
    site.expose(["dome"], range(2))
    renamed(site, 1, 3)
    answer = site.call(command)
    (line,) = told(answer, LEFT)
    night = night_text(site.night(1))
    assert line.startswith(f"sha: dome: 6 files of 2 nights, the last {night}, {LEFT}, such as ")
    assert f"SHA-{night}-0000.fits" in line
    assert site.call("accept", "-i", "sha", "-d", night, "--reason", "tests").status == 0
    (line,) = told(site.call(command), LEFT)
    assert f"3 files of 1 night, the last {night_text(site.night(2))}" in line


@pytest.mark.parametrize("command", ["sync", "verify", "run"])
def test_where_no_name_tells_a_night_no_command_is_silent(site: Observatory, command: str) -> None:
    """One character of the expression was wrong: `ok`, 0 files, every morning, and with -q not a word."""
    copies = [site.copy(name) for name in ("dome", "archive")]
    for number in range(3):
        site.put("dome", f"SHA_{night_text(site.night())}.{number:04d}.fits", fits_file(seed=number))
    site.declare(layout=None, night_in_name="^SHA_(?P<night>[0-9]{8})_", copies=copies)
    (line,) = told(site.call(command, "-q"), "night_in_name")
    night = night_text(site.night())
    assert line.startswith(f"sha: dome: 3 files are of no night, as night_in_name finds none in SHA_{night}.0000.fits:")
    site.declare(layout=None, night_in_name="^SHA_(?P<night>[0-9]{8})[.]", copies=copies)
    site.put("dome", "SHA_flat.fits", fits_file())
    assert told(site.call(command), "night_in_name") == [], "fewer than are taken"


@pytest.mark.parametrize("command", ["sync", "verify", "run"])
def test_where_all_files_are_left_by_every_pattern_no_command_is_silent(site: Observatory, command: str) -> None:
    """`ok`, 0 files, said nothing of them after a sync; with -q, as cron has it, neither did the others."""
    renamed(site, 1, 3)
    answer = site.call(command, "-q")
    assert (answer.status, len(told(answer, LEFT)), len(told(answer, "UNRECOGNISED FILES ON dome"))) == (0, 1, 1)
    assert len(told(answer, "SHA-")) == 4, "each once, and one of them in the note"
    for path in site.root("dome").rglob("SHA-*"):
        path.unlink()
    assert site.call(command, "-q").out == ""


@pytest.mark.parametrize("command", ["sync", "verify", "run"])
def test_of_a_night_that_holds_no_file_it_is_asked_whether_it_is_the_one_that_was_meant(
    site: Observatory, command: str
) -> None:
    """`-d` with last year's date looked at nothing, and was ok; not urgent, as a night of clouds is no fault."""
    site.expose(["dome"], range(4))
    wrong = site.call(command, "-d", "20200101..20200103")
    assert (wrong.status, len(told(wrong, "(20200101..20200103) is where it was looked for; is the date right?"))) == (
        0,
        1,
    )
    assert site.call(command, "-d", "20200101", "-q").out == ""
    assert told(site.call(command, "-d", "20200101", "-d", night_text(site.night(1))), "is the date right?") == []
    assert told(site.call(command, "-n", "1"), "is the date right?") == []


def test_it_is_mailed_though_nothing_differs(site: Observatory) -> None:
    """Otherwise nobody would read it before the frames are gone."""
    site.write_site(mail={"from": "a@b.c", "to": ["d@e.f"], "when": "differences", "folder": str(site.folder / "post")})
    renamed(site, 1, 3)
    assert site.call("run", "--scheduled").status == 0
    (letter,) = (site.folder / "post").iterdir()
    text = email.message_from_bytes(letter.read_bytes(), policy=email.policy.default).get_body(("plain",))
    assert text is not None
    assert LEFT in " ".join(text.get_content().split())


def test_what_lies_beside_the_frames_is_no_alarm(site: Observatory) -> None:
    """A log of another suffix in a cloudy night, a test frame beside many; and what `exclude` names.

    Nor is what has no name yet in the night that it is.
    """
    renamed(site, 0, 1)
    renamed(site, 2, 2, suffix="log")
    site.expose(["dome"], range(2))
    renamed(site, 1, 1)
    assert told(site.call("run"), LEFT) == []
    renamed(site, 3, 3)
    assert told(site.call("verify"), LEFT) != []
    site.declare(
        cameras={"sha": {"files": ["SHA_*.fits"], "exclude": ["SHA-*"]}},
        copies=[site.copy(name) for name in ("dome", "archive")],
    )
    assert told(site.call("verify"), LEFT) == []


def test_an_instrument_whose_nights_stay_empty_for_weeks_is_told(site: Observatory) -> None:
    """Its files go to other folders now, or it is off the telescope: then a person says so."""
    site.expose(["dome"], range(3), back=15)
    assert told(site.call("run", "-n", "20"), SILENT) == []
    (line,) = told(site.call("run"), SILENT)
    assert line.startswith(f"sha: {SILENT} 7 nights holds a file; {night_text(site.night(15))} was the last that did")
    assert told(site.call("verify", "-n", "3"), SILENT) == []
    until = night_text(site.night(-3))
    assert site.call("away", "-i", "sha", "--until", until, "--reason", "at the coating").status == 0
    assert told(site.call("run"), SILENT) == []


def test_a_week_of_clouds_is_no_alarm(site: Observatory) -> None:
    """However short the window is; nor is an instrument that never took a frame."""
    assert told(site.call("run"), SILENT) == []
    site.expose(["dome"], range(3), back=13)
    assert site.call("run", "-n", "20").status == 0
    assert told(site.call("run"), SILENT) == []


@pytest.mark.parametrize("command", ["sync", "verify", "run"])
def test_nights_that_were_freed_are_no_silence_as_long_as_they_are_looked_at(site: Observatory, command: str) -> None:
    """A sync counts what the source holds: of the last night that did, within the window, it said that it did not."""
    site.add_local("cape")
    site.mark("cape")
    rules = {"keep_nights": 3, "copies": 2, "within_days": 30}
    copies = [site.copy(name) for name in ("dome", "archive", "cape")]
    site.declare(window_nights=20, retention=rules, verify={"level": "checksum"}, copies=copies)
    paths = site.expose(["dome"], range(3), back=16)
    assert [site.call(*words).status for words in (("run",), ("prune", "--yes"))] == [0, 0]
    assert not any(site.path("dome", path).exists() for path in paths)
    assert told(site.call(command), SILENT) == []


def test_a_telescope_that_the_instrument_has_left_is_no_alarm(site: Observatory) -> None:
    """It is silent at one of its telescopes for as long as it is at another."""
    roots = {name: f"{site.root(name)}/{{telescope}}" for name in ("dome", "archive")}
    site.declare(
        variants={"telescope": ["74in", "40in"]}, copies=[{"host": name, "root": root} for name, root in roots.items()]
    )
    for name in roots:
        for telescope in ("74in", "40in"):
            (site.root(name) / telescope / ".nightferry").mkdir(parents=True)
            (site.root(name) / telescope / ".nightferry" / "root").touch()
    for telescope, back in (("74in", 15), ("40in", 1)):
        site.put("dome", f"{telescope}/{folder_of(site.night(back))}/SHA_1.fits", fits_file())
    assert site.call("run", "-n", "20").status == 0
    assert told(site.call("run"), SILENT) == []


def test_a_night_whose_frames_are_links_out_of_the_root_is_told_as_that(site: Observatory, tmp_path: Path) -> None:
    """Its disk was full and somebody wrote to another; what is of no camera is another matter, told beside it."""
    (kept,) = site.expose(["dome"], [1])
    renamed(site, 1, 2)
    for number in (2, 3):
        way = site.path("dome", kept.replace(".0001.", f".{number:04d}."))
        (tmp_path / way.name).write_bytes(fits_file(seed=number))
        way.symlink_to(tmp_path / way.name)
    answer = site.call("run")
    assert answer.status == 0
    (line,) = told(answer, "behind links that were not followed, such as ")
    assert line.startswith(f"sha: dome: 2 files of 1 night, the last {night_text(site.night(1))}, ")
    assert len(told(answer, LEFT)) == 1
    site.declare(symlinks="copy", copies=[site.copy(name) for name in ("dome", "archive")])
    assert told(site.call("run"), "behind links that") == []


@pytest.mark.parametrize("command", ["verify", "run"])
def test_a_sequence_of_which_no_file_bears_a_number_is_told(site: Observatory, command: str) -> None:
    """The software writes the number otherwise: no hole would ever be seen, and every night was whole."""
    site.declare(
        cameras={"sha": {"files": ["SHA*.fits"]}},
        sequence="SHA_{night}.{number}.fits",
        copies=[site.copy(name) for name in ("dome", "archive")],
    )
    renamed(site, 1, 3)
    (line,) = told(site.call(command), UNNUMBERED)
    assert line.startswith(f"sha: dome: not one of 3 files {UNNUMBERED} as sequence has it")
    site.expose(["dome"], range(2))
    assert told(site.call(command), UNNUMBERED) == []


@pytest.mark.parametrize("command", ["verify", "run"])
def test_files_whose_format_nobody_can_judge_are_told_at_level_structure(site: Observatory, command: str) -> None:
    """They were counted as proven by their structure: of a cut tar file, and of a night of them, it was ok."""
    site.declare(
        cameras={"sha": {"files": ["*.fits", "*.tar"]}},
        copies=[site.copy(name) for name in ("dome", "archive")],
        verify={"level": "structure"},
    )
    for host in ("dome", "archive"):
        for number in range(3):
            site.put(host, f"{folder_of(site.night(1))}/{number}.tar", b"cut off")
    sentence = "dome: level structure looked at nothing but the sizes of 3 files: none is of a format that it can judge"
    (line,) = told(site.call(command, "-q"), "level structure")
    assert line.startswith(f"sha: {sentence}")
    site.expose(["dome", "archive"], range(2))
    answer = site.call(command)
    assert told(answer, "level structure") == []
    assert told(answer, "3 of these by size alone") == ["    3 of these by size alone: of no format that can be judged"]
    document = site.call(command, "--json").document
    assert [(hop["compared"], hop["unjudged"]) for hop in document["hops"] if "compared" in hop] == [(5, 3)]
    site.declare(copies=[site.copy(name) for name in ("dome", "archive")])
    assert told(site.call(command), "by size alone") == [], "where sizes are all that is asked for"
