"""Which nights, hops and hours a call means; what a dry run leaves alone; who waits for whom.

Real hosts on loopback; crashes and locks are tried in a process of their own.
"""

from __future__ import annotations

import datetime as dt
import os
import time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from nightferry.locks import instrument_lock
from nightferry.workplace import Workplace
from observatory.nights import night_text
from tests.hosts import Host
from tests.observatory import OLD_S, ZONE, Observatory, age, fits_file, folder_of, tree

Capsys = pytest.CaptureFixture[str]


@pytest.fixture
def site(tmp_path: Path, three_hosts: tuple[Host, Host, Host], capsys: Capsys) -> Observatory:
    """Three hosts; the first copy holds a frame of each of the last three nights."""
    observatory = Observatory(tmp_path, three_hosts, capsys)
    observatory.declare("sha")
    for back in (1, 2, 3):
        observatory.expose([three_hosts[0]], [1], back=back)
    for host in three_hosts[1:]:
        observatory.mark(host)
    return observatory


def test_one_hop_alone_is_taken(site: Observatory) -> None:
    """--hop names the copies; the second hop is left alone until it is named."""
    _, beta, gamma = site.hosts
    assert site.call("sync", "--hop", "alpha:beta").status == 0
    assert tree(site.root(beta)) and not tree(site.root(gamma))
    assert site.call("verify", "--hop", "alpha:beta").status == 0
    assert site.call("verify", "--hop", "beta:gamma").status == 1


def test_of_nights_to_come_nothing_is_said(site: Observatory) -> None:
    """A slip of the pen is no night in which all is well."""
    answer = site.call("verify", "-d", night_text(site.night(-30)))
    assert answer.status == 3
    assert "not one of these nights has begun" in answer.out


def test_a_hop_that_nobody_declared_is_a_usage_error(site: Observatory) -> None:
    """Exit 2, and the nearest name; nothing was done."""
    answer = site.call("sync", "--hop", "alpha:betta", "--json")
    assert answer.status == 2
    assert "did you mean 'alpha:beta'?" in answer.document["error"]
    assert not tree(site.root(site.hosts[1]))


def test_of_a_root_that_is_no_copys_the_nearest_are_named(site: Observatory) -> None:
    """The host alone, the folder alone, a slip; all thirty roots of ten instruments filled the screen."""
    for number in range(9):
        site.declare(f"other{number}", copies=[site.copy(host, f"other{number}") for host in site.hosts[:2]])
    declared = f"beta:{site.root(site.hosts[1])}"
    for given in (declared.partition(":")[2], declared.replace("beta", "betta")):
        said = site.call("sync", "--new-root", given)
        assert (said.status, said.err.count(" or ") <= 2, repr(declared) in said.err) == (2, True, True), said


def test_nights_are_named_or_counted(site: Observatory) -> None:
    """-d one night, a word, a range; -n counts back with the present night as the first."""
    beta = site.hosts[1]
    assert site.call("sync", "-d", night_text(site.night(3))).status == 0
    assert len(tree(site.root(beta))) == 1
    assert site.call("sync", "-d", "yesterday").status == 0
    assert len(tree(site.root(beta))) == 2
    assert site.call("verify", "-n", "2").status == 0
    assert site.call("verify", "-n", "3").status == 1
    dates = f"{site.night(3):%Y-%m-%d}..{night_text(site.night(1))}"
    answer = site.call("verify", "-d", dates, "--json", "--hop", "alpha:beta")
    assert answer.hop["nights"] == [night_text(site.night(back)) for back in (3, 2, 1)]
    assert [os.path.split(path)[0] for path in answer.hop["missing"]] == [folder_of(site.night(2))]


@pytest.mark.parametrize("command", ["sync", "verify", "run", "status", "convert"])
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-d", "today", "-n", "3"), "give one of the two"),
        (("-d", "2016-13-01"), "2016-13-01"),
        (("-n", "0"), "from 1 on"),
        (("-i", "shaa"), "did you mean 'sha'?"),
    ],
)
def test_what_makes_no_sense_is_exit_2(site: Observatory, command: str, words: tuple[str, ...], said: str) -> None:
    """A sentence on standard error, one JSON document with --json, nothing done."""
    plain = site.call(command, *words)
    assert (plain.status, plain.out) == (2, "")
    assert said in plain.err
    assert said in site.call(command, *words, "--json").document["error"]
    assert not tree(site.root(site.hosts[1]))
    with Workplace.at(site.config) as workplace:
        assert not workplace.ledger.unfinished_runs(), "nothing was begun either"


def test_a_dry_run_writes_nothing_below_any_root(site: Observatory) -> None:
    """The plan is printed with a reason per file; no folder, marker, lock or record comes to be."""
    before = {host.name: _everything(site.root(host)) for host in site.hosts}
    answer = site.call("sync", "--dry-run", "--hop", "alpha:beta")
    assert answer.status == 0
    assert "FILES TO BE TRANSFERRED FROM" in answer.out
    assert answer.out.count(": not on the destination") == 3
    assert {host.name: _everything(site.root(host)) for host in site.hosts} == before
    assert site.call("status", "--json").document["nights"] == []
    document = site.call("sync", "--dry-run", "--json").document
    assert (document["hops"][0]["planned"], document["hops"][0]["transferred"]) == (3, 0)


def test_a_dry_run_does_not_make_a_new_root(site: Observatory) -> None:
    """Even with --new-root: the folder stays absent, and the plan is shown."""
    beta = site.hosts[1]
    site.declare("shd", copies=[site.copy(site.hosts[0], "shd"), site.copy(beta, "shd")])
    site.expose([site.hosts[0]], [1], instrument="shd")
    site.root(beta, "shd").rmdir()
    answer = site.call("sync", "-i", "shd", "--dry-run", "--json", *site.new_roots(["shd"]))
    assert (answer.status, answer.document["hops"][0]["planned"]) == (0, 1)
    assert not site.root(beta, "shd").exists()


def _everything(root: Path) -> list[tuple[str, int]]:
    return sorted((str(path), path.lstat().st_mtime_ns) for path in (root, *root.rglob("*")))


def test_until_a_time_begins_nothing_after_it(site: Observatory) -> None:
    """--until is a time of day in the site's zone; one that is far away hinders nothing, nonsense is exit 2."""
    later = (dt.datetime.now(ZoneInfo(ZONE)) + dt.timedelta(hours=6)).strftime("%H:%M")
    assert site.call("sync", "--until", later).status == 0
    assert site.call("sync", "--until", "teatime").status == 2
    assert site.call("verify").status == 0


def test_a_night_that_was_seen_stays_in_the_window_until_it_is_proven(site: Observatory) -> None:
    """Nothing turns green by growing old: seen and not proven, a night is asked for beyond the window."""
    site.expose([site.hosts[0]], [5], back=20)
    old = night_text(site.night(20))
    assert old not in site.call("verify", "--json").document["hops"][0]["nights"]
    assert site.call("verify", "-d", old).status == 1
    seen = site.call("verify", "--json")
    assert old in seen.document["hops"][0]["nights"]
    assert any(old in path for path in seen.document["hops"][0]["missing"])
    assert site.call("sync").status == 0, "sync uses the same window as verify"
    assert site.call("verify").status == 0
    assert old not in site.call("verify", "--json").document["hops"][0]["nights"]
    last = site.root(site.hosts[2]) / folder_of(site.night(20))
    assert list(last.iterdir()), "and it went down the whole chain"


def test_what_an_instrument_brings_after_a_long_silence_goes_down_the_whole_chain(site: Observatory) -> None:
    """The next hop was looked at every day, and would never look so far back by itself."""
    site.fill()
    (late,) = site.expose([site.hosts[0]], [5], back=20)
    assert site.call("sync", "-d", night_text(site.night(20)), "--hop", "alpha:beta").status == 0
    waits = site.call("verify", "--json")
    assert (waits.status, waits.document["hops"][1]["missing"]) == (1, [late])
    assert site.call("sync").status == 0
    assert site.path(site.hosts[2], late).is_file()
    assert site.call("verify").status == 0
    assert late not in site.call("verify", "--json").out


def test_an_old_night_that_is_accepted_leaves_the_window(site: Observatory) -> None:
    """A person knows better: the night is asked for no longer."""
    site.fill()
    site.expose([site.hosts[0]], [5], back=20)
    old = night_text(site.night(20))
    site.call("verify", "-d", old)
    assert site.call("verify").status == 1
    assert site.call("accept", "-i", "sha", "-d", old, "--reason", "test exposures").status == 0
    after = site.call("verify", "--json")
    assert (after.status, old in after.document["hops"][0]["nights"]) == (0, False)


def test_status_shows_the_window_and_what_is_open_of_older_nights(
    site: Observatory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of ten years that are proven a line on a terminal; --all, -d, --csv and --json have them, and so has a pipe."""
    site.expose(site.hosts, [5], back=20)
    site.expose(site.hosts[:1], [5], back=25)
    settled, is_open = night_text(site.night(20)), night_text(site.night(25))
    for night in (settled, is_open):
        site.call("verify", "-d", night)
    site.call("verify")
    piped = site.call("status").out
    assert (settled in piped, is_open in piped, "older, and" in piped) == (True, True, False)
    monkeypatch.setattr("nightferry.cli.showing.is_terminal", lambda: True)  # pytest's output is none
    monkeypatch.setenv("COLUMNS", "120")
    shown = site.call("status").out
    assert (settled in shown, is_open in shown, night_text(site.night()) in shown) == (False, True, True)
    assert "older, and proven or accepted: 1 night of sha; `nightferry status --all` shows them" in shown
    for words in (["--all"], ["-d", settled], ["-n", "30"], ["--csv", "-i", "sha"]):
        answer = site.call("status", *words)
        assert (answer.status, "older, and" in answer.out) == (0, False)
        assert settled in answer.out.replace("-", "")
    assert len(site.call("status", "--json").document["nights"]) == 5
    both = site.call("status", "--all", "-n", "3")
    assert (both.status, "--all shows every night" in both.err) == (2, True)


def test_the_second_of_two_runs_is_told_who_holds_the_lock(site: Observatory) -> None:
    """Exit 4, a JSON error, and nothing done; verify and status need no lock."""
    with instrument_lock(site.state, "sha"):
        for command in ("sync", "run"):
            answer = site.call(command, "--json")
            assert answer.status == 4
            assert f"process {os.getpid()}" in answer.document["error"]
        assert site.call("verify").status == 1
        assert site.call("status").status == 0
    assert not tree(site.root(site.hosts[1]))
    assert site.call("sync").status == 0


def test_where_one_instrument_is_locked_the_others_are_done(site: Observatory) -> None:
    """4 only where nothing could be done: here shd is carried, and the report says why sha was not."""
    alpha, beta, _ = site.hosts
    site.declare("shd", copies=[site.copy(alpha, "shd"), site.copy(beta, "shd")])
    site.expose([alpha], [1], instrument="shd")
    site.mark(beta, "shd")
    with instrument_lock(site.state, "sha"):
        answer = site.call("sync", "--json")
    assert answer.status not in (0, 4)
    assert tree(site.root(beta, "shd")) and not tree(site.root(beta, "sha"))
    assert any("sha" in problem["sentence"] for problem in answer.document["problems"])


def test_a_lost_half_of_a_source_is_unknown_until_a_person_says_so(site: Observatory) -> None:
    """What is there is copied, nothing is green, and the sentence says how to accept it."""
    alpha = site.hosts[0]
    site.expose([alpha], range(10, 20))
    site.fill()
    for name in list(tree(site.root(alpha)))[:-2]:
        site.path(alpha, name).unlink()
    site.expose([alpha], [30])
    lost = site.call("sync", "--hop", "alpha:beta", "--json")
    assert (lost.status, lost.hop["transferred"]) == (3, 1)
    assert f"--accept-loss alpha:{site.root(alpha)}" in lost.hop["reason"]
    again = site.call("sync", "--hop", "alpha:beta", "--json")
    assert again.status == 3, "it stays unknown until accepted"
    site.call("verify")
    assert site.call("run").status == 3, "looking at what is left makes it no better"
    assert site.call("sync", "--accept-loss", f"alpha:{site.root(alpha)}").status == 0
    assert site.call("sync").status == 0


def test_a_stuck_file_is_copied_as_it_is_and_listed(site: Observatory) -> None:
    """It waited, and settle_limit_s later its headers still promise more than there is: carried, and said."""
    alpha, beta, _ = site.hosts
    site.fill()
    (name,) = site.expose([alpha], [40])
    site.put(alpha, name, fits_file(pixels=5000)[:4000], age_s=3600)
    assert site.call("sync", "--json", "--hop", "alpha:beta").hop["in_progress"] == [name]
    age(site.path(alpha, name), OLD_S)
    answer = site.call("sync", "--hop", "alpha:beta")
    assert answer.status == 1
    assert f"{name}: " in answer.out, "the report names it with its reason"
    assert site.path(beta, name).stat().st_size == 4000
    said = site.call("verify", "--level", "structure", "--hop", "alpha:beta")
    assert "DAMAGED FILES ON" in said.out


def test_a_fits_file_that_still_grows_waits_by_its_own_headers(site: Observatory) -> None:
    """Older than settle_s, shorter than promised, within the limit: in progress, no difference."""
    alpha, beta, _ = site.hosts
    site.fill()
    (name,) = site.expose([alpha], [41])
    site.put(alpha, name, fits_file(pixels=5000)[:4000])
    age(site.path(alpha, name), 3600)
    answer = site.call("sync", "--json", "--hop", "alpha:beta")
    assert (answer.status, answer.hop["in_progress"]) == (0, [name])
    assert not site.path(beta, name).exists()
    assert site.call("verify", "--json", "--hop", "alpha:beta").hop["in_progress"] == [name]


def test_a_file_that_is_touched_for_ever_does_not_hide_behind_that(site: Observatory) -> None:
    """Where nobody syncs, verify alone remembers since when it waits; asking for another night forgets nothing."""
    alpha, beta, _ = site.hosts
    site.fill()
    site.declare("sha", settle_limit_s=1, copies=[site.copy(alpha), site.copy(beta, fill="external")])
    (name,) = site.expose([alpha], [40])
    age(site.path(alpha, name), 0)
    first = site.call("verify", "--json")
    assert (first.status, first.hop["in_progress"]) == (0, [name])
    assert site.call("verify", "-d", night_text(site.night(2))).status == 0
    time.sleep(1.1)
    for _ in range(2):
        age(site.path(alpha, name), 0)
        again = site.call("verify", "--json")
        assert (again.status, again.hop["in_progress"], again.hop["missing"]) == (1, [], [name])


def test_convert_without_a_step_is_a_usage_error(site: Observatory) -> None:
    """Nothing could be done, and that is said."""
    answer = site.call("convert")
    assert (answer.status, answer.out) == (2, "")
    assert "nothing to convert" in answer.err


def test_the_next_machine_waits_for_the_hop_before_its_own(site: Observatory) -> None:
    """--wait: without word of the first hop it says after the limit that it did not come; with it, it goes on."""
    beta, gamma = site.hosts[1:]
    site.mark(beta)
    late = site.call("run", "--hop", "beta:gamma", "--wait", "0.0003", "--json")
    assert any("alpha:beta did not come within" in note["sentence"] for note in late.document["notes"])
    assert site.call("run", "--hop", "alpha:beta").status == 0
    assert tree(site.root(beta)) and not tree(site.root(gamma))
    went_on = site.call("run", "--hop", "beta:gamma", "--wait", "1", "--json")
    assert (went_on.status, went_on.document["notes"]) == (0, [])
    assert tree(site.root(gamma)) == tree(site.root(beta))


def test_a_hop_that_did_not_come_is_mailed_on_a_quiet_day(site: Observatory) -> None:
    """What lies here is well, and the machine before may be dead: without a mail nobody would hear of it."""
    site.mark(site.hosts[1])
    site.mark(site.hosts[2])
    site.write_site(mail={"from": "n@example.org", "to": ["dm@example.org"], "folder": "mails", "when": "differences"})
    words = ("run", "--scheduled", "--hop", "beta:gamma")
    assert site.call(*words).status == 0
    assert not list(site.config.glob("mails/*.eml"))
    assert site.call(*words, "--wait", "0.0003").status == 0
    (mail,) = site.config.glob("mails/*.eml")
    assert "files compared; read the note" in mail.read_text()
    assert "sha: the hop alpha:beta did not come within" in mail.read_text()
