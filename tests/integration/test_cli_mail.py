"""Reports by mail from the command line: a real SMTP server, by hand and by schedule, and the heartbeat after a run.

How a letter looks and travels is tried in test_mail_*.py; here it is who gets one, and when.
"""

from __future__ import annotations

import email
import email.policy
import http.server
import json
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.smtp import Envelope

from tests.hosts import Host
from tests.integration.mailservers import Box, content_of, free_port, serving
from tests.observatory import Observatory

Capsys = pytest.CaptureFixture[str]


@pytest.fixture
def box() -> Box:
    """What the mail server took."""
    return Box()


@pytest.fixture
def site(tmp_path: Path, three_hosts: tuple[Host, Host, Host], box: Box, capsys: Capsys) -> Iterator[Observatory]:
    """Two instruments over one hop, sha with a list of its own; a real SMTP server."""
    observatory = Observatory(tmp_path, three_hosts[:2], capsys)
    for name in ("sha", "shd"):
        observatory.declare(name, mail={"to": ["shoc-team@example.org"]} if name == "sha" else {})
        observatory.expose([three_hosts[0]], [1, 2], instrument=name)
        observatory.mark(three_hosts[1], name)
    with serving(box) as port:
        declare_mail(observatory, port)
        yield observatory


def declare_mail(site: Observatory, port: int, **settings: object) -> None:
    """Mail to one address through a server on loopback."""
    server = {"host": "127.0.0.1", "port": port}
    site.write_site(mail={"server": server, "from": "nightferry@example.org", "to": ["dm@example.org"]} | settings)


def port_of(site: Observatory) -> int:
    """Return the mail server's port."""
    return int(site.site["mail"]["server"]["port"])


def message(envelope: Envelope) -> EmailMessage:
    """Return what a server took as a message."""
    read = email.message_from_bytes(content_of(envelope), policy=email.policy.default)
    assert isinstance(read, EmailMessage)
    return read


def to(box: Box, address: str) -> list[EmailMessage]:
    """Return what an address was sent, in order."""
    return [message(envelope) for envelope in box.taken if address in envelope.rcpt_tos]


def test_by_hand_only_mail_sends(site: Observatory, box: Box) -> None:
    """verify alone mails nobody; with --mail the site's list gets all and the team its part."""
    site.call("verify")
    assert box.taken == []
    said = site.call("verify", "--mail")
    assert said.status == 1
    (whole,) = to(box, "dm@example.org")
    (part,) = to(box, "shoc-team@example.org")
    assert whole["Subject"] == "nightferry Sutherland: sha 2 missing; shd 2 missing"
    assert part["Subject"] == "nightferry Sutherland: sha 2 missing"
    assert "/shd/" not in part.get_body(("plain",)).get_content()  # type: ignore[union-attr]


def test_the_mail_s_text_is_what_was_printed(site: Observatory, box: Box) -> None:
    """text/plain as on standard output, an HTML part, and the JSON attached."""
    said = site.call("verify", "--mail")
    (whole,) = to(box, "dm@example.org")
    plain, html = whole.get_body(("plain",)), whole.get_body(("html",))
    assert plain is not None and html is not None
    assert plain.get_content().splitlines() == said.out.splitlines()
    (attached,) = whole.iter_attachments()
    document = json.loads(attached.get_content())
    assert document["state"] == "different"


def test_the_last_report_is_mailed_again(site: Observatory, box: Box) -> None:
    """report --mail sends what was reported last."""
    site.call("verify")
    assert site.call("report", "--mail").status == 0
    assert len(to(box, "dm@example.org")) == 1


def test_mail_that_names_nobody_is_no_mail(site: Observatory) -> None:
    """--mail is refused, a scheduled run prints what it would have mailed, and doctor says what is wrong."""
    site.write_site(mail={"folder": "outbox", "from": "nightferry@example.org", "when": "always"})
    for name in ("sha", "shd"):
        site.declare(name)
    asked = site.call("verify", "--mail")
    assert (asked.status, asked.out) == (2, "")
    assert "names nobody" in asked.err
    scheduled = site.call("verify", "--scheduled", "-q")
    assert scheduled.status == 1
    assert "THAT ARE NOT ON" in scheduled.out
    assert not (site.config / "outbox").exists()
    site.write_site(schedule={"verify": "0 9 * * *"})
    assert not site.call("crontab").out.rstrip().endswith("/dev/null")
    lines = [line for line in site.call("doctor").out.splitlines() if " mail: " in line]
    assert lines == ["WRONG   mail: nobody is mailed: name them in `mail.to` of site.yaml or of an instrument"]
    site.declare("sha", mail={"to": ["shoc-team@example.org"]})
    assert site.call("verify", "--mail").status == 1
    assert len(list((site.config / "outbox").glob("*.eml"))) == 1


def test_scheduled_differences_are_mailed_and_a_quiet_day_is_quiet(site: Observatory, box: Box) -> None:
    """when: differences (the default): a mail while something differs, none when all is well."""
    site.call("verify", "--scheduled")
    assert len(to(box, "dm@example.org")) == 1
    site.call("sync", "--scheduled")
    site.call("verify", "--scheduled")
    assert len(to(box, "dm@example.org")) == 1


def test_scheduled_always_mails_always(site: Observatory, box: Box) -> None:
    """when: always: all is well is said too."""
    declare_mail(site, port_of(site), when="always")
    site.fill()
    site.call("verify", "--scheduled")
    (well,) = to(box, "dm@example.org")
    assert well["Subject"] == "nightferry Sutherland: ok, 4 files compared"


def test_scheduled_change_says_a_thing_once_and_when_it_is_over(site: Observatory, box: Box) -> None:
    """when: change: the same differences again are no news; all well again is."""
    declare_mail(site, port_of(site), when="change")
    for _ in range(2):
        site.call("verify", "--scheduled")
    assert len(to(box, "dm@example.org")) == 1
    site.fill()
    for _ in range(2):
        site.call("verify", "--scheduled")
    subjects = [one["Subject"] for one in to(box, "dm@example.org")]
    assert len(subjects) == 2 and subjects[1].endswith("ok, 4 files compared")


def test_a_run_that_could_not_tell_is_never_quiet(site: Observatory, box: Box) -> None:
    """when: change, and a host that stays off: a mail each time, unknown in its subject."""
    declare_mail(site, port_of(site), when="change")
    site.change_host("alpha", address="127.0.0.1", port=1)
    for _ in range(2):
        site.call("verify", "--scheduled")
    subjects = [one["Subject"] for one in to(box, "dm@example.org")]
    assert subjects == ["nightferry Sutherland: sha unknown; shd unknown"] * 2


def test_alive_weekly_says_once_that_all_is_well(site: Observatory, box: Box) -> None:
    """The first quiet report is said, the second within the week is not."""
    declare_mail(site, port_of(site), alive="weekly")
    site.fill()
    for _ in range(2):
        site.call("verify", "--scheduled")
    assert len(to(box, "dm@example.org")) == 1


def test_a_server_that_is_away_loses_nothing(site: Observatory, box: Box) -> None:
    """The run ends as it would, says that the mail waits, and the next one sends both."""
    port = free_port()
    declare_mail(site, port)
    first = site.call("verify", "--scheduled", "-i", "shd")
    assert first.status == 1
    assert f"127.0.0.1 (port {port})" in first.err and "tried again by the next run" in first.err
    assert box.taken == []
    with serving(box, port):
        site.call("verify", "--scheduled", "-i", "shd")
    assert len(to(box, "dm@example.org")) == 2


def test_mail_into_a_folder(site: Observatory) -> None:
    """folder: PATH instead of a server: one .eml a mail."""
    settings = {"folder": "outbox", "from": "nightferry@example.org", "to": ["dm@example.org"]}
    site.write_site(mail=settings)
    site.call("verify", "--mail", "-i", "shd")
    (letter,) = (site.config / "outbox").glob("*.eml")
    assert b"shd 2 missing" in letter.read_bytes()


@pytest.fixture
def heartbeats() -> Iterator[tuple[str, list[str]]]:
    """A web server on loopback: its address, and the paths it was asked for."""
    asked: list[str] = []

    class Listener(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/beat", asked
        finally:
            server.shutdown()
            thread.join()


def test_the_heartbeat_is_called_after_each_finished_run(site: Observatory, heartbeats: tuple[str, list[str]]) -> None:
    """Once after a run, whatever its state; not after a verify by hand."""
    url, asked = heartbeats
    site.write_site(heartbeat_url=url)
    site.call("verify")
    assert asked == []
    assert site.call("run").status == 0
    assert asked == ["/beat"]
    site.change_host("alpha", address="127.0.0.1", port=1)
    assert site.call("run").status == 3
    assert asked == ["/beat"] * 2


def test_a_heartbeat_that_fails_harms_nothing(site: Observatory) -> None:
    """Said in the log; the run's own status stands."""
    site.write_site(heartbeat_url=f"http://127.0.0.1:{free_port()}/beat")
    answer = site.call("run")
    assert (answer.status, "heartbeat failed" in answer.err) == (0, True)


def test_the_run_s_mail_holds_what_moved_and_what_was_proven(site: Observatory, box: Box) -> None:
    """One report of the night: proven now, and moved before."""
    assert site.call("run", "--mail").status == 0
    (whole,) = to(box, "dm@example.org")
    body = whole.get_body(("plain",))
    assert body is not None
    assert "2 of 2 moved" in body.get_content()
    assert whole["Subject"] == "nightferry Sutherland: ok, 4 files compared"


def test_a_dry_run_mails_nobody_and_calls_no_heartbeat(
    site: Observatory, box: Box, heartbeats: tuple[str, list[str]]
) -> None:
    """A plan is for the one who asked."""
    url, asked = heartbeats
    site.write_site(heartbeat_url=url)
    assert site.call("run", "--dry-run").status == 0
    assert (box.taken, asked) == ([], [])
