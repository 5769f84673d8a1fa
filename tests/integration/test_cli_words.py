"""The commands around a night: check-config, schema, init, status, report, demo, doctor, crontab, systemd.

Results on standard output, everything else on standard error, one JSON document with --json at any status.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from nightferry.cli.main import main
from observatory.nights import night_text
from tests.hosts import Host, SilentHost
from tests.observatory import PROGRAM, Observatory, tree

Capsys = pytest.CaptureFixture[str]


@pytest.fixture
def site(tmp_path: Path, three_hosts: tuple[Host, Host, Host], capsys: Capsys) -> Observatory:
    """Three hosts and one instrument with a frame."""
    observatory = Observatory(tmp_path, three_hosts, capsys)
    observatory.declare("sha")
    observatory.expose([three_hosts[0]], [1])
    for host in three_hosts[1:]:
        observatory.mark(host)
    return observatory


def test_all_problems_of_all_files_are_said_at_once(site: Observatory) -> None:
    """Exit 2; file:line: key: reason on standard error, the same as rows in JSON; every command refuses alike."""
    site.declare("shd", window_night=3, copies=[{"host": "alfa", "root": "/data"}])
    site.write_site(timezone="Africa/Nowhere")
    answer = site.call("check-config")
    assert (answer.status, answer.out) == (2, "")
    for words in ("site.yaml:2: timezone: ", "shd.yaml:", "window_nights", "alfa"):
        assert words in answer.err
    document = site.call("check-config", "--json").document
    assert {"file", "line", "key", "reason"} == set(document["problems"][0])
    assert len(document["problems"]) == len(answer.err.strip().splitlines())
    for command in ("verify", "sync", "run", "status"):
        refused = site.call(command, "--json")
        assert refused.status == 2
        assert "Africa/Nowhere" in refused.document["error"]
    assert not tree(site.root(site.hosts[1]))


def test_a_sound_specification_is_said_to_be_sound(site: Observatory) -> None:
    """Exit 0; with -q nothing; --show prints every default."""
    assert "no problems" in site.call("check-config").out
    quiet = site.call("check-config", "-q")
    assert (quiet.status, quiet.out, quiet.err) == (0, "", "")
    assert "settle_s: 300" in site.call("check-config", "--show").out
    assert site.call("check-config", "--json").document["state"] == "ok"


def test_a_folder_without_site_yaml_is_exit_2(tmp_path: Path, capsys: Capsys) -> None:
    """The folder is named; no traceback."""
    assert main(["--config", str(tmp_path / "nowhere"), "verify", "--json"]) == 2
    said = capsys.readouterr()
    assert "nowhere" in json.loads(said.out)["error"]
    assert "Traceback" not in said.err


@pytest.mark.parametrize("what", ["site", "instrument"])
def test_the_schema_is_json_that_knows_the_keys(what: str, capsys: Capsys) -> None:
    """Printed whole on standard output."""
    assert main(["schema", what]) == 0
    schema: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert {"site": "hosts", "instrument": "copies"}[what] in schema["properties"]
    assert main(["schema", "telescope"]) == 2


def test_init_writes_what_check_config_takes(tmp_path: Path, capsys: Capsys) -> None:
    """A first configuration is sound as it stands, and is never overwritten."""
    assert main(["init", str(tmp_path)]) == 0
    files = capsys.readouterr().out.splitlines()
    assert files == [str(tmp_path / "site.yaml"), str(tmp_path / "instruments.d" / "first.yaml")]
    assert main(["--config", str(tmp_path), "check-config"]) == 0
    assert main(["init", str(tmp_path)]) == 2
    assert "there already" in capsys.readouterr().err


def test_status_counts_proven_copies_against_declared_ones(site: Observatory) -> None:
    """0/2 seen, 1/2 where one of two copies is proven, 2/2 in the end; plain aligned lines in a pipe."""
    assert "never" in site.call("status").out
    assert "no night is known yet of sha\n" in site.call("status").out
    site.call("verify")
    assert _proven(site) == "0/2"
    site.call("sync", "--hop", "alpha:beta")
    site.call("verify", "--hop", "alpha:beta")
    assert _proven(site) == "1/2"
    site.call("sync")
    site.call("verify")
    assert _proven(site) == "2/2"
    (row,) = site.call("status", "--json").document["nights"]
    assert (row["night"], row["files"], row["proven_copies"]) == (night_text(site.night()), 1, 2)
    assert [hop["transferred_files"] for hop in row["hops"]] == [1, 1]


def _proven(site: Observatory) -> str:
    headings, row, last = site.call("status").out.splitlines()
    assert headings.startswith("instrument") and last.startswith("last run finished: 20")
    return next(word for word in row.split() if word in ("0/2", "1/2", "2/2"))


def test_status_can_watch_that_runs_happen(site: Observatory) -> None:
    """--max-age: 3 before the first run, 0 after it, 3 when it is too old, 2 for nonsense."""
    assert site.call("status", "--max-age", "26h").status == 3
    site.call("verify")
    assert site.call("status", "--max-age", "26h").status == 0
    quiet = site.call("status", "--max-age", "26h", "-q")
    assert (quiet.status, quiet.out, quiet.err) == (0, "", ""), "fit for cron"
    late = site.call("status", "--max-age", "0m")
    assert (late.status, "no run finished within 0m" in late.err) == (3, True)
    assert site.call("status", "--max-age", "soon").status == 2
    assert site.call("status", "--max-age", "999999999d").status == 0, "longer than there are days before today"


def test_the_last_report_can_be_had_again_in_every_form(site: Observatory) -> None:
    """Text and JSON exactly as printed the first time, and a page."""
    none = site.call("report")
    assert (none.status, "no report yet" in none.err) == (2, True)
    text = site.call("verify").out
    assert site.call("report").out == text
    document = site.call("verify", "--json").document
    assert site.call("report", "--json").document == document
    page = site.call("report", "--html").out
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert site.call("report", "--mail").status == 2, "no mail is declared"


def test_quiet_is_silent_when_all_is_well_and_only_then(site: Observatory) -> None:
    """-q before or after the command."""
    assert site.call("verify", "-q").out.startswith(str(site.root(site.hosts[0])))
    site.call("sync", "--quiet")
    well = site.call("verify", "-q")
    assert (well.status, well.out, well.err) == (0, "", "")


def test_verbose_says_which_configuration_and_the_log_may_be_json(site: Observatory) -> None:
    """On standard error, one event a line; standard output stays the one document."""
    answer = site.call("-v", "--log-format", "json", "verify", "--json")
    assert answer.document["state"] == "different"
    events = {event["event"]: event for event in map(json.loads, answer.err.splitlines())}
    assert {"configuration", "verified"} <= events.keys()
    assert events["configuration"]["folder"].startswith(f"{site.config} (")


def test_the_demo_shows_what_was_planted(tmp_path: Path) -> None:
    """As a person calls it: both reports, the page, the mail, exit 0; a folder in use is refused."""
    shown = subprocess.run([PROGRAM, "demo", str(tmp_path / "demo")], capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.count("FRAME NUMBERS MISSING ON telescope.demo") >= 2
    assert shown.stdout.count("DAMAGED FILES ON telescope.demo") >= 2
    page = Path(
        next(line for line in shown.stdout.splitlines() if line.startswith("the page"))[len("the page") :].strip()
    )
    assert page.read_text().lower().startswith("<!doctype html>")
    mails = list((tmp_path / "demo").rglob("*.eml"))
    assert len(mails) == 1
    again = subprocess.run([PROGRAM, "demo", str(tmp_path / "demo")], capture_output=True, text=True, check=False)
    assert (again.returncode, "is not empty" in again.stderr) == (2, True)


def test_the_doctor_finds_a_sound_site_sound(site: Observatory) -> None:
    """One line each; roots by marker or night, clocks, programs, database, mail; exit 0."""
    answer = site.call("doctor")
    assert answer.status == 0, answer.out
    for words in ("host alpha", "clock beta", "root sha gamma", "program rsync", "database", "mail"):
        assert words in answer.out
    assert all(line.startswith("ok ") for line in answer.out.splitlines())
    assert answer.out.splitlines()[0] == f"ok      configuration: {site.config} (--config)"
    assert site.call("doctor", "-q").out == "", "all is well"


def test_the_doctor_takes_an_account_for_sftp_alone_as_it_is(
    tmp_path: Path, sftp_host: Host, plain_host: Host, capsys: Capsys
) -> None:
    """No shell is no fault; a host with a shell but no rsync is told how to be faster."""
    site = Observatory(tmp_path, [sftp_host, plain_host], capsys)
    site.declare("sha")
    site.expose([sftp_host, plain_host], [1])
    lines = site.call("doctor").out.splitlines()
    assert [line.split()[0] for line in lines if "host vault: " in line] == ["ok"]
    assert [line.split()[0] for line in lines if "host plain: " in line] == ["ok", "WRONG"]
    assert any(line.endswith("files go by the slower sftp engine: install rsync") for line in lines)


def test_the_doctor_names_each_fault_with_its_remedy(site: Observatory, tmp_path: Path) -> None:
    """A host that hangs, one that is off, a root unproven, a converter absent, no mail server: none hides another."""
    silent = SilentHost()
    site.add_local("here")
    site.site["hosts"]["hangs"] = {"address": "127.0.0.1", "port": silent.port, "connect_timeout_s": 1}
    site.site["hosts"]["off"] = {"address": "127.0.0.1", "port": 1}
    mail = {"server": {"host": "127.0.0.1", "port": 1}, "from": "a@example.org", "to": ["b@example.org"]}
    site.write_site(mail=mail)
    steps = [{"step": "command", "run": ["no-such-program", "{input}"], "outputs": ["{input}.z"], "copy": "here"}]
    copies = [site.copy(site.hosts[0], "shd"), site.copy("here", "shd")]
    site.declare("shd", copies=copies, convert={"steps": steps})
    site.declare("she", copies=[site.copy("off", "she"), site.copy("here", "she")])
    site.change_host("beta", rsync_path="sudo -n no-such-rsync")
    answer = site.call("doctor", "--json")
    silent.close()
    assert answer.status == 3
    said = {(line["what"], line["state"]): line["words"] for line in answer.document["lines"]}
    assert "no answer within 1 s" in said["host hangs", "unknown"]
    assert "not reached" in said["host off", "unknown"]
    assert "--new-root" in said["root shd here", "unknown"]
    assert said["root she off", "unknown"].endswith("was not looked at: see host off above")
    assert "install" in said["converter no-such-program", "different"]
    assert "127.0.0.1:1" in said["mail", "unknown"]
    assert ("host beta", "ok") in said
    without = "no rsync there; from 500 files on they go by pipe, fewer by the slower sftp engine: install rsync"
    assert said["host beta", "different"] == without, "what is asked for is the rsync that a sync would call"


def test_the_schedule_is_printed_for_cron_and_systemd(site: Observatory) -> None:
    """The same jobs at the same times, with this installation's command; without a schedule exit 2."""
    assert site.call("crontab").status == 2
    site.write_site(schedule={"run": "0 8 * * *", "verify": "30 9 * * 1-5"})
    lines = site.call("crontab").out.splitlines()
    assert any(line.startswith("0 8 * * * ") and " run --scheduled" in line for line in lines)
    assert any(line.startswith("30 9 * * 1-5 ") and str(site.config) in line for line in lines)
    units = site.call("systemd").out
    assert "OnCalendar=*-*-* 8:0:00 Africa/Johannesburg" in units
    assert "Persistent=true" in units


def test_the_lines_of_cron_can_be_called_as_they_are(site: Observatory) -> None:
    """What `crontab` prints runs, and ends with the status of the night."""
    site.write_site(schedule={"verify": "0 9 * * *"})
    line = site.call("crontab").out.splitlines()[-1]
    command = line.split(maxsplit=5)[5]
    ended = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (1, "")
    assert "THAT ARE NOT ON" in ended.stdout


def test_a_folder_named_from_where_one_stands_is_found_from_everywhere(
    site: Observatory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`nightferry --config conf crontab` printed lines that cron, which stands elsewhere, could not follow.

    The drill's roots below the state folder were no absolute paths, and it ended in a traceback.
    """
    site.write_site(schedule={"verify": "0 9 * * *"})
    monkeypatch.chdir(site.config.parent)
    here = Path(site.config.name)
    assert f" --config {site.config} " in site.call_elsewhere(here, "crontab").out.splitlines()[-1]
    assert f" --config {site.config} " in site.call_elsewhere(here, "systemd").out
    assert site.call_elsewhere(here, "drill", "--only", "missing", "--no-mail").status == 0


def test_cron_does_not_mail_again_what_the_site_mails(site: Observatory) -> None:
    """Cron mails what is printed: with mail of our own the report is printed nowhere, faults still are."""
    site.write_site(schedule={"verify": "0 9 * * *"})
    site.write_site(mail={"folder": "outbox", "from": "nightferry@example.org", "to": ["dm@example.org"]})
    command = site.call("crontab").out.splitlines()[-1].split(maxsplit=5)[5]
    ended = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", "")
    assert len(list((site.config / "outbox").glob("*.eml"))) == 1


@pytest.mark.parametrize("words", [(), ("verify", "--levle", "size"), ("carry",), ("verify", "--level", "deep")])
def test_a_misspelt_call_is_exit_2_without_a_traceback(words: tuple[str, ...], capsys: Capsys) -> None:
    """Said on standard error; nothing on standard output."""
    assert main([*words]) == 2
    said = capsys.readouterr()
    assert (said.out, "Traceback" in said.err) == ("", False)
    assert said.err


@pytest.mark.parametrize("words", [("-h",), ("verify", "-h"), ("export", "-h"), ("catalogue", "fill", "-h")])
def test_help_is_had_by_one_letter_too(words: tuple[str, ...], capsys: Capsys) -> None:
    """As people type it; of lookyloo's letters, which `export` keeps, it is the first."""
    assert main([*words]) == 0
    assert capsys.readouterr().out.startswith("Usage: nightferry")


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("--config {config} sync -i s", ["sha"]),
        ("--config {config} sync -i x", []),
        ("--config {config} sync -d ", ["today", "yesterday"]),
        ("--config {config}/nowhere sync -i s", []),
        ("--config {config} che", ["check-config"]),
    ],
)
def test_the_shell_is_offered_what_there_is(site: Observatory, words: str, offered: list[str]) -> None:
    """Pressing TAB never fails, whatever stands on the line."""
    line = [
        "nightferry",
        *(shlex.quote(word.format(config=site.config)) if word else word for word in words.split(" ")),
    ]
    asked = {"_NIGHTFERRY_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(line), "COMP_CWORD": str(len(line) - 1)}
    found = subprocess.run(PROGRAM, env={**os.environ, **asked}, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr, found.stdout.split()) == (0, "", offered)


def test_a_closed_pipe_ends_quietly(site: Observatory) -> None:
    """`| head -1` shows its line and no traceback."""
    site.expose([site.hosts[0]], range(2, 2000))
    command = shlex.join(site.command("verify"))
    ended = subprocess.run(["sh", "-c", f"{command} | head -1"], capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.stderr) == (f"{site.root(site.hosts[0])}/\n", "")


def test_a_state_folder_that_cannot_be_written_is_said(site: Observatory) -> None:
    """A file stands where the state folder should be: a sentence, not a traceback, and never green."""
    site.state.write_text("in the way")
    answer = site.call("verify", "--json")
    assert answer.status == 3
    assert str(site.state) in answer.document["error"]
    assert "Traceback" not in answer.err
