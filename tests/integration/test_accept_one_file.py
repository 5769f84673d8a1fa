"""`accept FILE` covers the one file that is meant, and says where nobody has looked whether it is the right one.

Two cameras that call their files alike are the rule, not the exception: a word for one loss must not hide another.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nightferry.workplace import Workplace
from observatory.nights import night_text
from tests.observatory import Answer, Observatory, fits_file, folder_of

COPIES = ("dome", "hill", "cape")
CAMERAS = {name: {"files": ["f*.fits"], "layout": f"%Y%m%d/{name}"} for name in ("blue", "red")}


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """Two cameras, of which each has a night of two frames that bear the same names, on three copies."""
    made = Observatory(tmp_path, (), capsys)
    for name in COPIES:
        made.add_local(name)
    made.declare(cameras=CAMERAS, copies=[made.copy(name) for name in COPIES])
    for name in COPIES:
        made.mark(name)
    for host in COPIES:
        for camera in CAMERAS:
            for number in (1, 2):
                made.put(host, path_of(made, camera, number), fits_file(seed=number))
    return made


def path_of(site: Observatory, camera: str, number: int, back: int = 1) -> str:
    """Return where a frame lies below each root."""
    return f"{night_text(site.night(back))}/{camera}/f{number}.fits"


def lose(site: Observatory, host: str, camera: str, number: int = 1) -> str:
    """Delete a frame on a copy, and return its path."""
    site.path(host, path_of(site, camera, number)).unlink()
    return path_of(site, camera, number)


def accept(site: Observatory, *words: str, back: int = 1) -> Answer:
    """Accept some names, or take them back."""
    given = () if "--revoke" in words else ("--reason", "shutter failed")
    return site.call("accept", "-i", "sha", "-d", night_text(site.night(back)), *given, *words)


def missing(site: Observatory, number: int = 0) -> list[Any]:
    """Return what a verification calls missing on a hop."""
    return list(site.call("verify", "--json").document["hops"][number]["missing"])


def noted(site: Observatory) -> int:
    """Return how many words hold."""
    with Workplace.at(site.config) as workplace:
        return len(workplace.ledger.acceptances("sha"))


def test_a_name_that_two_cameras_share_is_that_of_the_file_which_the_report_lists(site: Observatory) -> None:
    """What the other camera loses afterwards under the same name is told."""
    red = lose(site, "hill", "red")
    assert missing(site) == [red]
    said = accept(site, "f1.fits")
    assert (said.status, said.out.splitlines()[1:], said.err) == (0, [f"    {red}"], "")
    assert missing(site) == []
    blue = lose(site, "hill", "blue")
    assert missing(site) == [blue]


@pytest.mark.parametrize("is_known", [True, False])
def test_a_name_that_may_be_one_of_two_files_is_refused_and_both_are_named(site: Observatory, is_known: bool) -> None:
    """As what is listed is given back it is the one: `red/f1.fits`."""
    blue, red = (lose(site, "hill", camera) for camera in CAMERAS)
    if is_known:
        assert missing(site) == [blue, red]
    said = accept(site, "f1.fits")
    assert (said.status, said.out, noted(site)) == (2, "", 0)
    assert "f1.fits: one of blue/f1.fits, red/f1.fits? Give so much of the path of the one meant" in said.err
    assert accept(site, "red/f1.fits").status == 0
    assert missing(site) == [blue]
    assert accept(site, blue).status == 0
    assert missing(site) == []


def test_a_file_that_was_accepted_is_so_on_every_hop_whatever_its_folder_there(site: Observatory) -> None:
    """The last copy has its nights elsewhere; neither does the word reach the other camera there."""
    site.declare(
        cameras={"blue": {"files": ["f*.fits"]}, "red": {"files": ["f*.fits"]}},
        layout="%Y%m%d/{camera}",
        copies=[site.copy("dome", layout="{camera}/%Y/%m%d"), site.copy("hill"), site.copy("cape")],
    )
    for camera in CAMERAS:
        site.put("dome", f"{camera}/{folder_of(site.night())}/f1.fits", fits_file(seed=1))
    blue, red = f"blue/{folder_of(site.night())}/f1.fits", f"red/{folder_of(site.night())}/f1.fits"
    for host in ("hill", "cape"):
        for camera in CAMERAS:
            lose(site, host, camera)
    assert missing(site) == [blue, red]
    assert accept(site, red).status == 0
    assert missing(site) == [blue]
    site.call("sync", "--hop", "dome:hill")
    assert missing(site, 1) == [path_of(site, "blue", 1)]


def test_two_cameras_computers_may_call_files_alike_in_folders_alike(tmp_path: Path, capsys: Any) -> None:
    """One path below two roots is two files; the camera tells them apart."""
    site = Observatory(tmp_path, (), capsys)
    for name in ("one", "two", "archive"):
        site.add_local(name)
    copies = [
        site.copy("one", cameras=["blue"], layout="%Y%m%d"),
        site.copy("two", cameras=["red"], layout="%Y%m%d", origin=True),
        site.copy("archive", from_=["one", "two"], layout="%Y%m%d/{camera}"),
    ]
    site.declare(cameras={name: {"files": ["f*.fits"]} for name in ("blue", "red")}, copies=copies)
    path = f"{night_text(site.night())}/f1.fits"
    for host in ("one", "two"):
        site.put(host, path, fits_file())
        site.mark(host)
    site.mark("archive")
    assert [hop["missing"] for hop in site.call("verify", "--json").document["hops"]] == [[path], [path]]
    assert "one of blue/f1.fits, red/f1.fits?" in accept(site, path).err
    assert accept(site, "red/f1.fits").status == 0
    assert [hop["missing"] for hop in site.call("verify", "--json").document["hops"]] == [[path], []]


def test_a_word_is_taken_back_by_any_name_that_would_have_given_it(site: Observatory) -> None:
    """And only where one of its names is that."""
    red = lose(site, "hill", "red")
    site.call("verify")
    for name in ("f1.fits", "red/f1.fits", red):
        assert accept(site, red).status == 0
        assert "nothing to take back" in accept(site, "--revoke", "f2.fits").out
        assert "1 taken back" in accept(site, "--revoke", name).out
        assert noted(site) == 0


def test_a_path_of_another_night_is_no_file_of_this_one(site: Observatory) -> None:
    """It would have been noted, and have folded nothing."""
    red = lose(site, "hill", "red")
    site.call("verify")
    said = accept(site, red, back=2)
    assert (said.status, noted(site)) == (2, 0)
    assert (
        f"sha has no file called so in the night {night_text(site.night(2))} ({night_text(site.night(2))}/" in said.err
    )


def test_a_run_is_accepted_as_reports_fold_it_and_numbers_as_they_write_them(site: Observatory) -> None:
    """Both are copied from a terminal or a mail; each of them is one file, and a pattern is none."""
    paths = [lose(site, "hill", "red", number) for number in (1, 2)]
    assert missing(site) == paths
    run = f"{night_text(site.night())}/red/f[1-2].fits"
    said = accept(site, run)
    assert (said.status, said.out.splitlines()[1:], said.err) == (0, [f"    {run}, 2 files"], "")
    assert missing(site) == []
    for words in (["red/f*.fits"], ["--frames", "5-3"], ["--frames", "0-99999"], ["red/../red/f1.fits"]):
        assert accept(site, *words).status == 2
    assert "2 taken back" not in accept(site, "--revoke").out
    assert "4 frames accepted" in accept(site, "--frames", "1,3-5").out


@pytest.mark.parametrize("before", ["./", "{root}/"])
def test_a_path_may_stand_as_the_shell_completed_it(site: Observatory, before: str) -> None:
    """On the host itself, from the root or from anywhere."""
    red = lose(site, "hill", "red")
    site.call("verify")
    assert accept(site, before.format(root=site.root("hill")) + red).status == 0
    assert missing(site) == []


def test_a_frame_number_is_said_to_be_accepted_of_every_camera(site: Observatory) -> None:
    """A number tells no camera, and only one of the two has lost it; where both have, there is nothing to say."""
    copies = [site.copy(name) for name in COPIES]
    cameras = {**CAMERAS, "logs": {"files": ["*.log"]}}
    site.declare(cameras=cameras, copies=copies, layout="%Y%m%d", sequence={"pattern": "f{number}.fits", "start": 1})
    for host in COPIES:
        lose(site, host, "red")
    site.call("verify")
    said = accept(site, "--frames", "1")
    assert "of blue the last report does not miss 1, and a loss would be accepted too" in said.err
    accept(site, "--revoke")
    for host in COPIES:
        lose(site, host, "blue")
    site.call("verify")
    assert accept(site, "--frames", "1").err == ""


def test_what_was_accepted_before_is_no_slip(site: Observatory) -> None:
    """The last report folds it: it finds no fault with it for that."""
    red = lose(site, "hill", "red")
    site.call("verify")
    accept(site, red)
    site.call("verify")
    assert accept(site, red).err == ""


@pytest.mark.parametrize("words", [["-i", "sha", "-i", "sha"], ["-i", "sha", "-d", "20261101", "-d", "20261102"]])
def test_an_option_of_one_value_is_given_once(site: Observatory, words: list[str]) -> None:
    """The last of several won, in silence: `accept -i sha -i shd` accepted a night of shd alone."""
    date = [] if "-d" in words else ["-d", "yesterday"]
    said = site.call("accept", *words, *date, "--reason", "clouds")
    assert (said.status, "given 2 times, and it takes one value" in said.err, noted(site)) == (2, True, 0)
    assert site.call("verify", "-i", "sha", "-i", "sha").status == 0, "this one may be repeated"


def test_a_night_of_an_instrument_with_one_copy_can_be_accepted(site: Observatory) -> None:
    """It has no hop: steps work on what lies there, and a night that they cannot take is given up."""
    step = {"step": "command", "run": ["true", "{input}"], "inputs": ["*.fits"], "outputs": [], "copy": "dome"}
    site.declare(cameras=CAMERAS, copies=[site.copy("dome")], convert={"steps": [step]})
    whole = accept(site)
    assert (whole.status, whole.err) == (0, ""), "there is nothing to verify"
    assert accept(site, "red/f1.fits").out.splitlines()[1:] == [f"    {path_of(site, 'red', 1)}"]
    assert "2 taken back" in accept(site, "--revoke").out


def test_a_range_of_nights_is_not_accepted_at_once(site: Observatory) -> None:
    """It was called no night, and a range the way to write one."""
    said = site.call("accept", "-i", "sha", "-d", "20260101..20260103", "--reason", "clouds")
    assert (said.status, "one night at a time" in said.err) == (2, True)


def test_a_file_of_a_tree_without_nights_may_be_accepted(site: Observatory) -> None:
    """Whatever night is given with it; the word was noted of a night in which no verification looks for it."""
    cameras = {**CAMERAS, "calib": {"files": ["*"], "nights": "none", "layout": "calib"}}
    site.declare(cameras=cameras, copies=[site.copy(name) for name in COPIES])
    site.put("dome", "calib/flat.fits", fits_file())
    assert missing(site) == ["calib/flat.fits"]
    assert accept(site, "flat.fits").status == 0
    assert missing(site) == []
    assert "1 taken back" in accept(site, "--revoke", "flat.fits").out
    assert missing(site) == ["calib/flat.fits"]


def test_after_a_sync_names_are_held_against_what_it_saw(site: Observatory) -> None:
    """It carried all there is: a name that it did not list is a slip, though nobody has verified yet."""
    assert site.call("sync").status == 0
    said = accept(site, "red/f3.fits")
    assert said.status == 0
    assert f"the last report finds no fault with {path_of(site, 'red', 3)} in that night" in said.err
    numbers = accept(site, "--frames", "7")
    assert "noted unchecked: no verification has looked" in numbers.err, "of frame numbers a sync says nothing"


def test_where_no_report_has_looked_it_is_said_that_nothing_was_checked(site: Observatory) -> None:
    """No report at all, one of other nights, and one that could reach no host."""
    doubt = f"`nightferry verify -i sha -d {night_text(site.night())}` shows what it lacks"
    assert doubt in accept(site, "red/f1.fits").err
    site.call("verify", "-d", night_text(site.night(3)))
    assert doubt in accept(site, "red/f1.fits").err
    for host in COPIES:
        site.root(host).rename(site.root(host).with_name("unmounted"))
    assert site.call("verify").status == 3
    assert doubt in accept(site, "red/f1.fits").err
    assert doubt in accept(site).err


def test_a_whole_night_with_which_nothing_is_wrong_may_be_the_wrong_night(site: Observatory) -> None:
    """It would hide whatever that night loses from now on."""
    lose(site, "hill", "red")
    site.call("verify")
    assert accept(site).err == ""
    assert "finds no fault with that night; is it the one that was meant?" in accept(site, back=2).err


def test_what_an_older_verification_of_a_hop_found_is_not_forgotten_for_that_of_another(site: Observatory) -> None:
    """Each hop by its own last look; what was carried since is no fault any more."""
    red = lose(site, "hill", "red")
    site.call("verify", "--hop", "dome:hill")
    site.call("verify", "--hop", "hill:cape")
    assert accept(site, red).err == ""
    accept(site, "--revoke")
    assert site.call("sync").status == 0
    assert site.call("verify", "--hop", "dome:hill").status == 0
    assert "finds no fault" in accept(site, red).err
