"""A job that ends before its report, or cannot keep it: that is mailed, for nobody reads standard error at night."""

from __future__ import annotations

import contextlib
import email
import email.policy
import sqlite3
from pathlib import Path

import pytest

from nightferry.daemon import Daemon
from nightferry.schedule import words_of
from nightferry.workplace import Workplace
from tests.observatory import Observatory

NOBODY_THERE = "postgresql+psycopg://ferry@127.0.0.1:1/catalogue"


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """A frame that its archive lacks; a schedule, and mail into a folder where something differs."""
    observatory = Observatory(tmp_path, (), capsys)
    for name in ("dome", "archive"):
        observatory.add_local(name)
    observatory.declare(
        copies=[observatory.copy("dome"), observatory.copy("archive")],
        retention={"keep_nights": 60, "copies": 1},
        convert={"steps": [{"step": "command", "run": ["true"], "copy": "archive"}]},
    )
    observatory.mark("dome")
    observatory.mark("archive")
    observatory.expose(["dome"], [1])
    mail = {"folder": str(tmp_path / "mail"), "from": "ferry@example.org", "to": ["ann@example.org"]}
    observatory.write_site(mail=mail, schedule={"run": "0 8 * * *"})
    return observatory


def mails(site: Observatory) -> list[tuple[str, str]]:
    """Return subject and text of every mail that was handed over."""
    found = []
    for path in sorted((site.folder / "mail").glob("*.eml")):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        text = message.get_body(("plain",))
        assert text is not None
        found.append((str(message["Subject"]), text.get_content()))
    return found


@pytest.mark.parametrize("job", ["run", "sync", "verify", "prune", "convert"])
def test_a_database_that_is_away_is_mailed_by_every_job(site: Observatory, job: str) -> None:
    """Not being able to look is never quiet; the status is the one that it always was."""
    site.write_site(database=NOBODY_THERE)
    assert site.call(*words_of(job)).status == 3
    ((subject, text),) = mails(site)
    assert "unknown" in subject
    assert "Connection refused" in text


@pytest.mark.parametrize("job", ["run", "verify"])
def test_a_fault_of_our_own_is_mailed_and_is_no_silence(
    site: Observatory, monkeypatch: pytest.MonkeyPatch, job: str
) -> None:
    """What we did not think of ends a job as well, and nobody reads a traceback in the morning."""

    def slip(self: object) -> None:
        raise ValueError("invalid literal\nfor int()")

    monkeypatch.setattr("nightferry.selection.Asked.__post_init__", slip)
    with pytest.raises(ValueError, match="invalid literal"):
        site.call(*words_of(job))
    ((subject, text),) = mails(site)
    assert "unknown" in subject
    assert "nightferry itself is at fault (ValueError: invalid literal for int())" in text


def test_without_a_list_of_the_site_every_team_is_told(site: Observatory) -> None:
    """What is said of the whole site is nobody's part; then it is everybody's."""
    teams = {name: [f"{name}@example.org"] for name in ("sha", "shd")}
    for name, team in teams.items():
        copies = [site.copy("dome", name), site.copy("archive", name)]
        site.declare(name, copies=copies, mail={"to": team})
    site.write_site(database=NOBODY_THERE, mail=site.site["mail"] | {"to": []})
    assert site.call(*words_of("run")).status == 3
    assert ["Connection refused" in text for _, text in mails(site)] == [True, True]


def test_a_slip_in_an_instruments_file_is_mailed_by_the_schedule(site: Observatory) -> None:
    """Nothing is done for any instrument until it is mended; by hand it is read where it was called."""
    (site.config / "instruments.d" / "shd.yaml").write_text("instrument: shd\nlayuot: x\n")
    assert site.call("run", "--mail").status == 2
    assert not mails(site)
    assert site.call(*words_of("run")).status == 2
    ((subject, text),) = mails(site)
    assert subject.endswith("unknown, the run made no report")
    assert "nothing was done" in text
    assert any(line.endswith("did you mean 'layout'?") for line in text.splitlines()), "a line for each mistake"
    (site.config / "site.yaml").write_text("site: [")
    assert site.call(*words_of("run")).status == 2


def test_by_hand_nobody_is_mailed_who_was_not_to_be(site: Observatory) -> None:
    """The person sees it himself."""
    site.write_site(database=NOBODY_THERE)
    assert site.call("verify").status == 3
    assert not mails(site)


def test_records_that_fail_at_one_hop_hide_neither_its_findings_nor_the_other_s(site: Observatory) -> None:
    """A database that is locked for a moment, or a bad page of it: what was seen on the disks is told all the same."""
    site.declare("shd", copies=[site.copy("dome", "shd"), site.copy("archive", "shd")])
    for name in ("dome", "archive"):
        site.mark(name, "shd")
    site.expose(["dome"], [1, 2], instrument="shd")
    site.call("verify")
    with contextlib.closing(sqlite3.connect(site.state / "catalogue.db")) as database:
        fails = "begin select json('{'); end"
        database.execute(f"create trigger bad before insert on hop_runs when new.instrument = 'sha' {fails}")
    assert site.call("verify", "--mail").status == 3
    ((subject, text),) = mails(site)
    assert subject.endswith("sha unknown, 1 missing; shd 2 missing")
    assert "malformed JSON" in text
    moved = {hop["instrument"]: hop for hop in site.call("sync", "--json").document["hops"]}
    assert (moved["sha"]["state"], moved["shd"]["state"], moved["shd"]["transferred"]) == ("unknown", "ok", 2)


@pytest.mark.parametrize("place", ["reports", "spool"])
def test_what_was_found_is_mailed_though_it_can_not_be_kept(site: Observatory, place: str) -> None:
    """A disk that is full, here a file where a folder should be."""
    site.state.mkdir()
    (site.state / place).write_text("in the way")
    answer = site.call("verify", "--scheduled")
    assert "SHA_" in answer.out
    ((_, text),) = mails(site)
    assert "SHA_" in text
    assert ("this report was not kept" in text) is (place == "reports")


def test_the_daemon_starts_its_job_though_nothing_can_be_noted(site: Observatory) -> None:
    """The job is who says it."""
    started: list[list[str]] = []

    def start(words: list[str]) -> int:
        started.append(words)
        return 0

    site.write_site(database=NOBODY_THERE)
    with Workplace.at(site.config) as workplace:
        Daemon(workplace, start)._due("run")
    assert started == [list(words_of("run"))]
