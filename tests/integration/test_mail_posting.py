"""From a report to people: lists, teams, the spool and the next run, against a real SMTP server."""

from __future__ import annotations

import datetime as dt
import email
import email.policy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from observatory.spec.models import SiteMail
from reports.model import Report
from reports.post import Post
from tests.integration.mailservers import Box, content_of, dying_after_data, free_port, serving
from tests.unit.reports.made import FIRST_HOP, OK_HOP, SEED, SHD_UNKNOWN, report

NOW = dt.datetime(2016, 9, 8, 7, 4, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
EVERYBODY = "data@saao.ac.za"


def office(tmp_path: Path, port: int = 25, teams: dict[str, Sequence[str]] | None = None, **further: object) -> Post:
    """Return the post office of a site whose server is on loopback."""
    settings = {"from": "nightferry@saao.ac.za", "to": [EVERYBODY]}
    door = {} if "folder" in further else {"server": {"host": "127.0.0.1", "port": port}}
    return Post(SiteMail.model_validate({**settings, **door, **further}), teams or {}, tmp_path, tmp_path / "state")


def subjects(box: Box) -> list[tuple[str, list[str]]]:
    """Return the subject and recipients of each letter taken."""
    messages = [email.message_from_bytes(content_of(taken), policy=email.policy.default) for taken in box.taken]
    return [(message["Subject"], taken.rcpt_tos) for message, taken in zip(messages, box.taken, strict=True)]


def spooled(tmp_path: Path) -> list[Path]:
    """Return what waits."""
    return sorted((tmp_path / "state" / "spool").glob("*.mail"))


BOTH: Report = report(FIRST_HOP, SHD_UNKNOWN)
OTHER = replace(SEED, verdicts=SEED.verdicts[:1])


def test_the_site_s_list_gets_all_and_a_team_its_part_alone(tmp_path: Path) -> None:
    """Beside the site's list; nobody reads of another team's host."""
    box = Box()
    with serving(box) as port:
        posted = office(tmp_path, port, {"sha": ["shoc-team@saao.ac.za"], "spupnic": ["nobody@saao.ac.za"]}).post(
            BOTH, NOW
        )
    assert (posted.written, posted.sent, posted.waiting, posted.sentences) == (2, 2, 0, ())
    assert sorted(subjects(box)) == [
        ("nightferry Sutherland: sha 42 missing", ["shoc-team@saao.ac.za"]),
        ("nightferry Sutherland: sha 42 missing; shd unknown", [EVERYBODY]),
    ]
    (team,) = [taken for taken in box.taken if taken.rcpt_tos != [EVERYBODY]]
    assert b"shd" not in content_of(team)


def test_a_quiet_day_is_quiet_and_says_why(tmp_path: Path) -> None:
    """Nothing is sent, nothing is made, the log knows."""
    posted = office(tmp_path).post(report(OK_HOP), NOW)
    assert (posted.written, posted.sent, posted.sentences) == (0, 0, ())
    assert posted.decisions == ("mail for the site: not sent, all is well",)


def test_by_hand_it_is_sent_on_a_quiet_day_too(tmp_path: Path) -> None:
    """--mail is --mail."""
    box = Box()
    with serving(box) as port:
        office(tmp_path, port).post(report(OK_HOP), NOW, by_hand=True)
    assert subjects(box) == [("nightferry Sutherland: ok, 163 files compared", [EVERYBODY])]


def test_change_is_remembered_from_run_to_run(tmp_path: Path) -> None:
    """The same differences: said, not said, said again on the third day; and that all is well, once."""
    box = Box()
    with serving(box) as port:
        post = office(tmp_path, port, when="change")
        written = [post.post(SEED, NOW + day * DAY).written for day in range(4)]
        written += [post.post(report(OK_HOP), NOW + day * DAY).written for day in (4, 5)]
    assert written == [1, 0, 0, 1, 1, 0]


def test_a_verify_and_a_run_do_not_forget_each_other(tmp_path: Path) -> None:
    """Two jobs of one day find different things; under change each is said once."""
    box = Box()
    with serving(box) as port:
        post = office(tmp_path, port, when="change")
        other = replace(SEED, kind="run", verdicts=SEED.verdicts[:1])
        assert [post.post(made, NOW).written for made in (SEED, other, SEED, other)] == [1, 1, 0, 0]


def test_a_memory_that_is_spoilt_costs_one_mail_too_many_at_most(tmp_path: Path) -> None:
    """Never silence."""
    box = Box()
    with serving(box) as port:
        post = office(tmp_path, port, when="change")
        post.post(SEED, NOW)
        for memory in (tmp_path / "state" / "spool" / "last").iterdir():
            memory.write_bytes(b"\xff{")
        assert post.post(SEED, NOW + DAY).written == 1
        assert post.post(SEED, NOW + 2 * DAY).written == 0


def test_a_server_that_is_away_loses_nothing(tmp_path: Path) -> None:
    """The mail waits; the next run sends it first, then its own; a quiet run sends it as well."""
    port, box = free_port(), Box()
    post = office(tmp_path, port)
    away = post.post(SEED, NOW)
    assert (away.written, away.sent, away.waiting) == (1, 0, 1)
    assert "tried again by the next run" in away.sentences[0]
    with serving(box, port):
        back = post.post(BOTH, NOW + DAY)
        assert (back.sent, back.waiting, back.sentences) == (2, 0, ())
    assert [subject for subject, _ in subjects(box)] == [
        "nightferry Sutherland: sha 42 missing",
        "nightferry Sutherland: sha 42 missing; shd unknown",
    ]
    assert post.post(SEED, NOW + 2 * DAY).waiting == 1
    with serving(box, port):
        assert post.post(report(OK_HOP), NOW + 3 * DAY).sent == 1
    assert spooled(tmp_path) == []


def test_a_server_that_died_after_the_data_gets_it_again_with_the_same_id(tmp_path: Path) -> None:
    """It may arrive twice; whoever filters duplicates can."""
    first: list[bytes] = []
    with dying_after_data(first) as port:
        assert office(tmp_path, port).post(SEED, NOW).waiting == 1
    box = Box()
    with serving(box) as port:
        assert office(tmp_path, port).flush().sent == 1
    again = email.message_from_bytes(content_of(box.taken[0]))
    assert email.message_from_bytes(first[0])["Message-ID"] == again["Message-ID"]


class _HangsUp(Box):
    """A server that closes the line over one letter, every time."""

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take all letters but that of the missing files."""
        if b"42 missing" in content_of(envelope):
            server.transport.abort()
        return await super().handle_DATA(server, session, envelope)


def test_a_letter_over_which_the_server_hangs_up_does_not_hold_up_the_later_ones(tmp_path: Path) -> None:
    """One report was too long for it: those of the days after it arrive all the same."""
    with serving(_HangsUp()) as port:
        post = office(tmp_path, port)
        first = post.post(SEED, NOW)
        assert (first.sent, first.waiting) == (0, 1) and "tried again later" in first.sentences[0]
        later = post.post(report(OK_HOP), NOW + DAY, by_hand=True)
        assert (later.sent, later.waiting) == (1, 1)


def test_one_refused_recipient_is_said_and_the_others_have_theirs(tmp_path: Path) -> None:
    """Refused for good: kept in refused/, not tried for ever."""
    box = Box(unknown={"gone@saao.ac.za"})
    with serving(box) as port:
        post = office(tmp_path, port, to=[EVERYBODY, "gone@saao.ac.za"])
        posted = post.post(SEED, NOW)
        assert (posted.sent, posted.refused, posted.waiting) == (1, 1, 0)
        assert "gone@saao.ac.za" in posted.sentences[0] and "550" in posted.sentences[0]
        assert post.flush().sentences == ()
    assert subjects(box)[0][1] == [EVERYBODY]
    assert len(list((tmp_path / "state" / "spool" / "refused").iterdir())) == 1


def test_an_address_that_cannot_be_written_to_does_not_silence_its_list(tmp_path: Path) -> None:
    """The others get theirs, and the sentence names it."""
    box = Box()
    with serving(box) as port:
        posted = office(tmp_path, port, {"sha": ["zoë@saao.ac.za"]}, to=["zoë@saao.ac.za", EVERYBODY]).post(SEED, NOW)
    assert [recipients for _, recipients in subjects(box)] == [[EVERYBODY]]
    assert len(posted.sentences) == 2 and "zoë" in posted.sentences[0]


def test_a_password_that_others_can_read_is_not_used_and_nothing_is_lost(tmp_path: Path) -> None:
    """The mail waits until the file's mode is right."""
    box = Box()
    (tmp_path / "password").write_text("southern cross\n")
    (tmp_path / "password").chmod(0o644)
    with serving(box, auth_require_tls=False) as port:
        server = {"host": "127.0.0.1", "port": port, "user": "observer", "password_file": "password"}
        post = office(tmp_path, server=server)
        posted = post.post(SEED, NOW)
        assert posted.waiting == 1 and "chmod 600" in posted.sentences[0]
        (tmp_path / "password").chmod(0o600)
        assert post.flush().sent == 1
    assert box.users == [b"observer"]


def test_a_folder_takes_the_place_of_a_server(tmp_path: Path) -> None:
    """folder: one .eml a mail, relative to site.yaml; nothing is connected to."""
    posted = office(tmp_path, folder="mails").post(SEED, NOW)
    assert (posted.sent, posted.waiting) == (1, 0)
    (file,) = (tmp_path / "mails").iterdir()
    message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    assert file.suffix == ".eml" and message["Subject"] == "nightferry Sutherland: sha 42 missing"


def test_under_change_a_mail_that_nobody_was_given_told_nobody(tmp_path: Path) -> None:
    """Refused for good, at once or by the run that sends what waited: it is told again; and that all is well, too."""
    port, box = free_port(), Box()
    post = office(tmp_path, port, when="change")
    with serving(box, port):
        assert post.post(SEED, NOW).sent == 1
        box.data_reply = "554 5.7.1 not in this form"
        assert (post.post(OTHER, NOW).written, post.post(SEED, NOW + DAY).written) == (1, 0), "they know of the first"
    away = post.post(OTHER, NOW + DAY)
    assert (away.written, away.waiting) == (1, 1), "who waits for a server will be told"
    assert post.post(OTHER, NOW + DAY).written == 0
    with serving(box, port):
        assert post.post(OTHER, NOW + DAY).refused == 1
        box.data_reply = None
        later = [post.post(made, NOW + 2 * DAY).written for made in (OTHER, OTHER, report(OK_HOP), report(OK_HOP))]
    assert later == [1, 0, 1, 0]


def test_that_all_is_well_is_told_to_those_who_know_of_a_fault(tmp_path: Path) -> None:
    """A later mail of another fault was refused: the one before it stands until somebody takes it back."""
    box = Box()
    with serving(box) as port:
        post = office(tmp_path, port, when="change")
        post.post(SEED, NOW)
        box.unknown = {EVERYBODY}
        assert [post.post(one, NOW + DAY).refused for one in (OTHER, report(OK_HOP))] == [1, 1]
        box.unknown = set()
        assert [post.post(report(OK_HOP), NOW + DAY * days).written for days in (2, 3)] == [1, 0]


def test_whoever_was_refused_while_another_waited_is_kept_beside_him(tmp_path: Path) -> None:
    """Two refusals of one letter on two days; the first stays known, and the list is told again."""
    box = Box(unknown={"one@saao.ac.za"}, busy={"two@saao.ac.za"})
    with serving(box) as port:
        post = office(tmp_path, port, when="change", to=["one@saao.ac.za", "two@saao.ac.za"])
        assert post.post(SEED, NOW).waiting == 1
        box.unknown, box.busy = {"two@saao.ac.za"}, set()
        assert (post.post(SEED, NOW + DAY).written, post.post(SEED, NOW + DAY).written) == (0, 1)
    first = sorted((tmp_path / "state" / "spool" / "refused").iterdir())[0]
    assert b"one@saao.ac.za" in first.read_bytes().partition(b"\n")[0]


def test_a_mail_folder_that_cannot_be_written_is_said_without_numbers(tmp_path: Path) -> None:
    """The file and the reason, as everywhere; the mail waits for the next run."""
    (tmp_path / "mails").write_text("no folder")
    posted = office(tmp_path, folder="mails").post(SEED, NOW)
    (sentence,) = posted.sentences
    assert (posted.waiting, "Errno" in sentence) == (1, False)
    assert f"{tmp_path}/mails" in sentence and "tried again by the next run" in sentence
