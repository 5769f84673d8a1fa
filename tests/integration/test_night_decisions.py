"""Frame numbers that are missing everywhere, and what a person knows better: accept and away."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from observatory.nights import night_text
from tests.hosts import Host
from tests.observatory import Observatory, fits_file, folder_of, tree

Capsys = pytest.CaptureFixture[str]
PATTERN = "SHA_{night}.{number}.fits"


@pytest.fixture
def site(tmp_path: Path, three_hosts: tuple[Host, Host, Host], capsys: Capsys) -> Observatory:
    """One hop; frames 1, 2, 5 of last night on both sides: 3 and 4 are nowhere."""
    observatory = Observatory(tmp_path, three_hosts[:2], capsys)
    observatory.declare("sha", sequence=PATTERN)
    observatory.expose(three_hosts[:2], [1, 2, 5])
    return observatory


def test_a_hole_in_the_frame_numbers_is_a_difference(site: Observatory) -> None:
    """Both sides agree, and a frame is lost all the same: 1, with the numbers, in text and JSON."""
    answer = site.call("verify", "--json")
    assert answer.status == 1
    (gap,) = answer.hop["sequence_gaps"]
    assert (gap["night"], gap["numbers"]) == (night_text(site.night()), [3, 4])
    assert answer.hop["missing"] == []
    text = site.call("verify").out
    assert "FRAME NUMBERS MISSING ON" in text
    assert f"{night_text(site.night())} 3-4" in text


def test_gaps_warn_is_said_and_no_difference(site: Observatory) -> None:
    """gaps: warn lists the hole and ends with 0."""
    site.declare("sha", sequence={"pattern": PATTERN, "gaps": "warn"})
    answer = site.call("verify", "--json")
    assert (answer.status, answer.hop["state"]) == (0, "ok")
    assert answer.hop["sequence_gaps"][0]["numbers"] == [3, 4]
    assert "FRAME NUMBERS MISSING ON" in site.call("verify").out


def test_start_and_allowed_are_kept(site: Observatory) -> None:
    """From `start` on, less what is allowed."""
    site.declare("sha", sequence={"pattern": PATTERN, "start": -0, "allowed": [3, 4]})
    assert site.call("verify", "--json").hop["sequence_gaps"][0]["numbers"] == [0]
    site.declare("sha", sequence={"pattern": PATTERN, "start": 1, "allowed": [3, 4]})
    assert site.call("verify").status == 0


def test_an_accepted_frame_folds_to_a_line_and_revoke_brings_it_back(site: Observatory) -> None:
    """accept --frames: one line with the reason, exit 0; --revoke: as before."""
    night = night_text(site.night())
    said = site.call("accept", "-i", "sha", "-d", night, "--frames", "3,4", "--reason", "shutter failed")
    assert said.status == 0
    after = site.call("verify")
    assert after.status == 0
    assert "2 accepted: shutter failed" in after.out
    assert "FRAME NUMBERS MISSING" not in after.out
    assert site.call("accept", "-i", "sha", "-d", night, "--revoke").status == 0
    assert site.call("verify").status == 1


def test_a_word_without_effect_or_about_what_nobody_knows_yet_is_refused(site: Observatory) -> None:
    """An end that is past would fold nothing; of a night to come a slip of the pen would hide every loss."""
    words = ("accept", "-i", "sha", "--reason", "shutter failed", "-d")
    past = site.call(*words, "yesterday", "--until", "20200101")
    assert (past.status, past.out) == (2, "")
    assert "--until 20200101 lies before the present night" in past.err
    to_come = site.call(*words, "20991231")
    assert (to_come.status, to_come.out) == (2, "")
    assert "20991231 has not begun" in to_come.err
    assert site.call("verify").status == 1
    assert site.call(*words, "yesterday", "--until", night_text(site.night(0))).status == 0
    assert site.call("verify").status == 0


def test_one_accepted_frame_does_not_cover_another(site: Observatory) -> None:
    """Frame 3 is known, 4 is still a difference."""
    site.call("accept", "-i", "sha", "-d", "yesterday", "--frames", "3", "--reason", "shutter failed")
    answer = site.call("verify", "--json")
    assert (answer.status, answer.hop["sequence_gaps"][0]["numbers"]) == (1, [4])


def test_an_accepted_file_is_missing_no_longer(site: Observatory) -> None:
    """By name or by path below the root; another missing file of that night still is."""
    alpha, _ = site.hosts
    site.declare("sha")
    first, second = site.expose([alpha], [8, 9])
    assert site.call("verify").status == 1
    site.call("accept", "-i", "sha", "-d", "yesterday", Path(first).name, "--reason", "test image")
    answer = site.call("verify", "--json")
    assert (answer.status, answer.hop["missing"]) == (1, [second])
    site.call("accept", "-i", "sha", "-d", "yesterday", second, "--reason", "another")
    assert site.call("verify").status == 0
    assert site.call("accept", "-i", "sha", "-d", "yesterday", "--revoke", second).status == 0
    assert site.call("verify", "--json").hop["missing"] == [second]


def test_what_the_last_report_says_nothing_of_may_be_a_slip_of_the_pen(site: Observatory) -> None:
    """It is accepted all the same, and the names and numbers in question are said: exit 0."""
    (missing,) = site.expose([site.hosts[0]], [6])
    site.call("verify")
    said = site.call(
        "accept", "-i", "sha", "-d", "yesterday", "--reason", "t", "--frames", "3,40", missing, "SHA_0.fits"
    )
    assert (said.status, "2 frames and 2 files" in said.out) == (0, True)
    slip = f"{folder_of(site.night())}/SHA_0.fits"
    assert f"the last report finds no fault with 40, {slip} in that night; are the name and the night right" in said.err
    bare = site.call("accept", "-i", "sha", "-d", "yesterday", "--reason", *["shutter", "did", "not", "open"])
    assert (bare.status, "did: sha has no file called so in the night" in bare.err) == (2, True)
    assert "Does a reason of several words stand in quotes?" in bare.err
    quoted = site.call("accept", "-i", "sha", "-d", "yesterday", "--reason", "did not open", "SHA_1.txt")
    assert (quoted.status, "quotes" in quoted.err) == (2, False)


def test_an_accepted_night_is_known_whatever_it_shows(site: Observatory) -> None:
    """Neither frames nor files named: missing, sizes and holes of that night are all folded, of no other night."""
    alpha, _ = site.hosts
    site.expose([alpha], [7])
    site.call("accept", "-i", "sha", "-d", "yesterday", "--reason", "engineering night")
    answer = site.call("verify", "--json")
    assert answer.status == 0
    assert sum(answer.hop["accepted"].values()) == 4
    site.expose([alpha], [1], back=2)
    assert site.call("verify").status == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("accept", "-i", "sha", "-d", "yesterday"), "--reason"),
        (("accept", "-i", "shaa", "-d", "yesterday", "--reason", "x"), "did you mean 'sha'?"),
        (("accept", "-i", "sha", "-d", "yesterday", "--frames", "a,b", "--reason", "x"), "--frames"),
        (("accept", "-i", "sha", "-d", "soon", "--reason", "x"), "soon"),
        (("away", "-i", "sha", "--until", "today"), "--reason"),
        (("away", "-i", "sha", "--until", "20160101", "--reason", "x"), "before"),
    ],
)
def test_a_decision_that_makes_no_sense_is_exit_2(site: Observatory, words: tuple[str, ...], said: str) -> None:
    """What is wrong is said, and nothing is decided."""
    answer = site.call(*words)
    assert answer.status == 2
    assert said in answer.err
    assert site.call("verify").status == 1


def test_an_instrument_that_is_away_may_have_its_host_off(site: Observatory) -> None:
    """away by command: the host cannot be reached, the state is away with the reason, and the exit status 0."""
    site.change_host("alpha", address="127.0.0.1", port=1)
    assert site.call("verify").status == 3
    said = site.call("away", "-i", "sha", "--until", "today", "--from", "20160101", "--reason", "on the 40-inch")
    assert said.status == 0
    answer = site.call("verify", "--json")
    assert (answer.status, answer.document["state"], answer.hop["state"]) == (0, "away", "away")
    assert "on the 40-inch" in answer.hop["reason"]
    synced = site.call("sync", "--json")
    assert (synced.status, synced.hop["state"]) == (0, "away")
    assert "AWAY: " in site.call("verify").out


def test_away_as_declared_ends_when_it_ends(site: Observatory) -> None:
    """A span in YAML that is over hides nothing: the host that is off is unknown again."""
    site.change_host("alpha", address="127.0.0.1", port=1)
    spans = [{"from": "20160101", "until": night_text(site.night(2)), "reason": "repair"}]
    site.declare("sha", away=spans)
    assert site.call("verify").status == 3
    spans[0]["until"] = night_text(site.night(0))
    site.declare("sha", away=spans)
    assert site.call("verify").status == 0


def test_away_hides_no_difference_that_can_be_seen(site: Observatory) -> None:
    """The host is on although the instrument is away: what is missing is still said."""
    site.declare("sha")
    alpha, _ = site.hosts
    (name,) = site.expose([alpha], [8])
    site.call("away", "-i", "sha", "--until", "today", "--reason", "on the 40-inch")
    answer = site.call("verify", "--json")
    assert (answer.status, answer.hop["missing"]) == (1, [name])
    assert fits_file() and tree(site.root(alpha))


def test_an_instrument_that_is_back_is_expected_again(site: Observatory) -> None:
    """`away --revoke` takes back what holds now; without it and without an end nothing is hidden."""
    assert site.call("away", "-i", "sha", "--until", "today", "--from", "20160101", "--reason", "workshop").status == 0
    back = site.call("away", "-i", "sha", "--revoke")
    assert (back.status, back.out) == (0, "sha: 1 taken back\n")
    assert site.call("away", "-i", "sha", "--revoke").out == "sha: there was nothing to take back\n"
    endless = site.call("away", "-i", "sha", "--reason", "workshop")
    assert (endless.status, "--until is needed" in endless.err) == (2, True)


@pytest.mark.parametrize(
    "words",
    [
        ("--frames", " , "),
        ("--frames", "-3"),
        ("--frames", "9" * 30),
        ("",),
        ("--until", ""),
        ("--reason", "  "),
        ("--reason", "storm\n1 accepted: all of it"),
    ],
)
def test_a_word_of_which_a_part_is_empty_is_a_slip_and_accepts_nothing(site: Observatory, words: Sequence[str]) -> None:
    """``--frames "$LOST"`` with nothing in it accepted the whole night, and ``--until ""`` for ever."""
    night = night_text(site.night())
    reason = () if "--reason" in words else ("--reason", "shutter failed")
    said = site.call("accept", "-i", "sha", "-d", night, *reason, *words)
    assert (said.status, "given 2 times" in said.err) == (2, False)
    assert "nothing to take back" in site.call("accept", "-i", "sha", "-d", night, "--revoke").out
