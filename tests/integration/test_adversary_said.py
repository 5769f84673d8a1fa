"""What was found is said alike everywhere, and by mail though standard output takes nothing."""

from __future__ import annotations

import email
import email.policy
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from nightferry.cli.main import main
from tests.observatory import Observatory


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """One instrument over two folders of this machine, and a folder for its mail."""
    observatory = Observatory(tmp_path, (), capsys)
    observatory.add_local("dome")
    observatory.add_local("archive")
    observatory.write_site(mail={"folder": str(tmp_path / "mail"), "from": "a@example.org", "to": ["b@example.org"]})
    observatory.declare(copies=[observatory.copy("dome"), observatory.copy("archive")])
    observatory.mark("dome")
    observatory.mark("archive")
    return observatory


def _subjects(site: Observatory) -> list[str]:
    letters = [path.read_bytes() for path in sorted((site.folder / "mail").glob("*.eml"))]
    return [email.message_from_bytes(letter, policy=email.policy.default)["Subject"] for letter in letters]


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_findings_are_mailed_though_the_log_of_cron_is_on_a_full_disk(
    site: Observatory, form: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, and as what they are: not as a full disk of which nothing can be said."""
    site.expose(["dome"], range(3))
    with Path("/dev/full").open("wb", buffering=0) as full, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", io.TextIOWrapper(full, write_through=True))
        status = main(["--config", str(site.config), "verify", "--scheduled", *form])
    assert status == 3
    assert site.capsys.readouterr().err == "nightferry: standard output: No space left on device; nothing can be said\n"
    assert _subjects(site) == ["nightferry Sutherland: sha 3 missing"]


def test_findings_are_mailed_though_nobody_reads_them_to_their_end(site: Observatory) -> None:
    """As with `| head`."""
    site.expose(["dome"], range(3))
    command = site.command("verify", "--scheduled", "--json")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as started:
        assert started.stdout is not None and started.stderr is not None
        started.stdout.close()
        said = started.stderr.read()
    assert (started.returncode, said) == (141, b"")
    assert _subjects(site) == ["nightferry Sutherland: sha 3 missing"]


def test_findings_are_mailed_though_nothing_is_open_to_say_them_on(site: Observatory) -> None:
    """Some starters of jobs close all three; the first file that is opened must not become standard error."""
    site.expose(["dome"], range(3))
    words = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *site.command("verify", "--scheduled")]
    assert subprocess.run(words, check=False).returncode == 1
    assert _subjects(site) == ["nightferry Sutherland: sha 3 missing"]


def test_a_fault_of_our_own_is_one_document_and_no_difference(site: Observatory) -> None:
    """What reads exit statuses takes 1 for files that differ; the traceback is for those who mend it."""
    breaks = "import sys, nightferry.selection as at, nightferry.cli.main as entry; at.Asked = None; "
    command = [sys.executable, "-c", f"{breaks}sys.argv[1:] = {site.command('verify', '--json')[1:]}; entry.run()"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 3
    assert json.loads(done.stdout)["error"].startswith("nightferry itself is at fault (TypeError: ")
    assert "Traceback" in done.stderr and done.stderr.splitlines()[-1].startswith("nightferry: nightferry itself")


def test_where_no_hop_is_declared_the_exit_status_is_that_of_the_report(site: Observatory) -> None:
    """Nothing was looked at, and that is not green."""
    site.declare(copies=[site.copy("dome") | {"origin": True}])
    for command in ("verify", "run"):
        answer = site.call(command, "--json")
        assert (answer.status, answer.document["state"]) == (3, "unknown")
        assert site.call(command).out == "UNKNOWN: nothing was looked at\n"


def test_a_run_of_steps_alone_with_nothing_for_them_is_well_everywhere(site: Observatory) -> None:
    """One copy whose nights are converted where they are born: a quiet day of it is no unknown one."""
    steps = [
        {"step": "command", "run": ["cp", "{input}", "{output}"], "inputs": ["*.fits"], "outputs": ["{input}.bak"]}
    ]
    site.declare(copies=[site.copy("dome")], convert={"steps": steps})
    answer = site.call("run", "--json", "--mail")
    assert (answer.status, answer.document["state"]) == (0, "ok")
    assert _subjects(site) == ["nightferry Sutherland: ok, nothing was to be done"]
    assert site.call("run").out == "nothing was to be done\n"
