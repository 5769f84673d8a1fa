"""Sending through a real SMTP server on loopback: in the clear, with STARTTLS, with TLS, with a login."""

from __future__ import annotations

import contextlib
import email
import email.policy
from pathlib import Path

import pytest

from observatory.errors import MailNotTaken, UsageError
from observatory.spec.models import MailServer, SiteMail
from reports.letter import Letter, compose, letter_of
from reports.mail import read_password, send
from reports.text import render_text
from tests.integration.mailservers import (
    PASSWORD,
    USER,
    Authority,
    Box,
    content_of,
    dying_after_data,
    free_port,
    greeting,
    make_authority,
    serving,
    silent,
)
from tests.unit.reports.made import FINISHED, SEED

PEOPLE = ("data@saao.ac.za", "amanda@saao.ac.za")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return a certificate authority that no system trusts."""
    return make_authority(tmp_path_factory.mktemp("authority"))


def the_letter() -> Letter:
    """Return the seed's report as a letter."""
    settings = SiteMail.model_validate({"from": "nightferry@saao.ac.za"})
    return letter_of(compose(SEED, settings, PEOPLE, FINISHED), FINISHED)


def server(port: int, **further: object) -> MailServer:
    """Return the settings of a server on loopback."""
    return MailServer.model_validate({"host": "localhost", "port": port, "timeout_s": 5, **further})


def test_a_letter_arrives_byte_for_byte_at_everybody() -> None:
    """Envelope, headers and the text report as rendered."""
    box = Box()
    with serving(box) as port:
        assert send(the_letter(), server(port)).refused == {}
    (taken,) = box.taken
    assert (taken.mail_from, tuple(taken.rcpt_tos)) == ("nightferry@saao.ac.za", PEOPLE)
    message = email.message_from_bytes(content_of(taken), policy=email.policy.default)
    assert message["Subject"] == "nightferry Sutherland: sha 42 missing"
    text = message.get_body(("plain",))
    assert text is not None and text.get_content().replace("\r\n", "\n") == render_text(SEED)
    assert box.encrypted == [False]


def test_starttls_encrypts_before_anything_is_said(authority: Authority) -> None:
    """The certificate is checked against ca_file, and the letter travels inside."""
    box = Box()
    with serving(box, tls_context=authority.context, require_starttls=True) as port:
        send(the_letter(), server(port, security="starttls"), ca_file=authority.ca_file)
    assert box.encrypted == [True]


def test_tls_from_the_first_byte(authority: Authority) -> None:
    """security: tls, as on port 465."""
    box = Box()
    with serving(box, tls=authority.context) as port:
        send(the_letter(), server(port, security="tls"), ca_file=authority.ca_file)
    assert len(box.taken) == 1


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_that_nobody_vouches_for_gets_nothing(authority: Authority, security: str) -> None:
    """The system trusts no authority made here: not sent, and a person must look."""
    box = Box()
    options = {"tls": authority.context} if security == "tls" else {"tls_context": authority.context}
    with serving(box, **options) as port, pytest.raises(MailNotTaken, match="certificate") as caught:  # type: ignore[arg-type]
        send(the_letter(), server(port, security=security))
    assert caught.value.is_permanent and not caught.value.is_about_mail
    assert box.taken == []


def test_a_certificate_of_another_host_gets_nothing(tmp_path: Path) -> None:
    """Trusted, but for another name."""
    other = make_authority(tmp_path, "mail.elsewhere.example")
    box = Box()
    with serving(box, tls=other.context) as port, pytest.raises(MailNotTaken, match="certificate"):
        send(the_letter(), server(port, security="tls"), ca_file=other.ca_file)
    assert box.taken == []


def test_a_server_without_starttls_is_not_spoken_to_in_the_clear(authority: Authority) -> None:
    """There is no falling back: a man in the middle who hides STARTTLS gets no letter."""
    box = Box()
    with serving(box) as port, pytest.raises(MailNotTaken, match="STARTTLS"):
        send(the_letter(), server(port, security="starttls"), ca_file=authority.ca_file)
    assert box.taken == []


def test_a_login_from_a_file(authority: Authority, tmp_path: Path) -> None:
    """User from the YAML, password from a file that only we can read."""
    file = tmp_path / "password"
    file.write_bytes(PASSWORD + b"\n")
    file.chmod(0o600)
    box = Box()
    with serving(box, tls_context=authority.context, auth_required=True) as port:
        login = server(port, security="starttls", user=USER.decode(), password_file=str(file))
        send(the_letter(), login, read_password(file), authority.ca_file)
    assert box.users == [USER] and len(box.taken) == 1


def test_a_wrong_password_is_no_fault_of_the_letter(authority: Authority) -> None:
    """535: a retry does not help, a person must look, the letter stays."""
    box = Box()
    with serving(box, tls_context=authority.context, auth_required=True) as port:
        login = server(port, security="starttls", user=USER.decode(), password_file="unused")
        with pytest.raises(MailNotTaken, match="535") as caught:
            send(the_letter(), login, "wrong", authority.ca_file)
    assert caught.value.is_permanent and not caught.value.is_about_mail


def test_a_password_is_never_sent_in_the_clear_to_another_machine() -> None:
    """security: none with a user works on this machine only."""
    login = {"user": USER.decode(), "password_file": "unused"}
    with pytest.raises(MailNotTaken, match="starttls or tls") as caught:
        send(the_letter(), server(25, **{**login, "host": "mail.saao.ac.za"}), PASSWORD.decode())
    assert caught.value.is_permanent and not caught.value.is_about_mail
    box = Box()
    with serving(box, auth_require_tls=False) as port:
        send(the_letter(), server(port, **login), PASSWORD.decode())
    assert box.users == [USER]


def test_a_port_of_another_kind_is_said_in_words(authority: Authority) -> None:
    """No numbers of a library: what was seen, and which two keys have to fit the server."""
    box, fits = Box(), "see whether mail.server.port and security fit the server"
    with serving(box) as port, pytest.raises(MailNotTaken, match="TLS: wrong version number; " + fits):
        send(the_letter(), server(port, security="tls"), ca_file=authority.ca_file)
    with silent() as port, pytest.raises(MailNotTaken, match="no answer in time; " + fits):
        send(the_letter(), server(port, timeout_s=0.3))
    with greeting(b"SSH-2.0-OpenSSH_9.2") as port, pytest.raises(MailNotTaken, match=r"is no mail server \(2\.0-Open"):
        send(the_letter(), server(port, timeout_s=5))
    with serving(box) as port, pytest.raises(MailNotTaken, match="not supported by server; see") as caught:
        send(the_letter(), server(port, security="starttls"), ca_file=authority.ca_file)
    assert ".." not in str(caught.value)
    with serving(box, tls=authority.context) as port, pytest.raises(MailNotTaken, match=r"mail\.server\.ca_file"):
        send(the_letter(), server(port, security="tls"))


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_password_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    """With the remedy in the sentence."""
    file = tmp_path / "password"
    file.write_text("secret")
    file.chmod(mode)
    with pytest.raises(UsageError, match="chmod 600") as caught:
        read_password(file)
    assert "secret" not in str(caught.value)


def test_an_absent_or_empty_password_file_is_said(tmp_path: Path) -> None:
    """Nothing is sent without the password that was asked for."""
    with pytest.raises(UsageError, match=r"absent cannot be read: No such file or directory$"):
        read_password(tmp_path / "absent")
    (tmp_path / "empty").touch(0o600)
    with pytest.raises(UsageError, match="empty"):
        read_password(tmp_path / "empty")


def test_one_refused_recipient_does_not_keep_it_from_the_other() -> None:
    """Who was refused is said, with the server's words and whether a retry helps."""
    box = Box(unknown={PEOPLE[0]})
    with serving(box) as port:
        refused = send(the_letter(), server(port)).refused
    assert box.taken[0].rcpt_tos == [PEOPLE[1]]
    assert {who: (why.is_permanent, "no such person" in why.reason) for who, why in refused.items()} == {
        PEOPLE[0]: (True, True)
    }


def test_when_every_recipient_is_refused_each_has_its_reason() -> None:
    """One for good, one for now."""
    box = Box(unknown={PEOPLE[0]}, busy={PEOPLE[1]})
    with serving(box) as port:
        refused = send(the_letter(), server(port)).refused
    assert {who: why.is_permanent for who, why in refused.items()} == {PEOPLE[0]: True, PEOPLE[1]: False}
    assert box.taken == []


@pytest.mark.parametrize(("reply", "is_permanent"), [("554 5.7.1 spam", True), ("451 4.3.0 try again", False)])
def test_a_refused_message_says_whether_a_retry_helps(reply: str, is_permanent: bool) -> None:
    """5xx is for good, 4xx for now; both are about this letter."""
    with (
        serving(Box(data_reply=reply)) as port,
        pytest.raises(MailNotTaken, match=reply[:3]) as caught,
    ):
        send(the_letter(), server(port))
    assert (caught.value.is_permanent, caught.value.is_about_mail) == (is_permanent, True)


def test_a_server_that_is_away_may_come_back() -> None:
    """Connection refused: a retry may help, and the letter is not at fault."""
    with pytest.raises(MailNotTaken, match="tried again") as caught:
        send(the_letter(), server(free_port()))
    assert not caught.value.is_permanent and not caught.value.is_about_mail


def test_a_server_that_says_nothing_is_given_up_after_its_time() -> None:
    """A hung server does not hang the night."""
    with silent() as port, pytest.raises(MailNotTaken) as caught:
        send(the_letter(), server(port, timeout_s=0.3))
    assert not caught.value.is_permanent


def test_a_server_that_dies_after_the_last_byte_has_not_said_yes() -> None:
    """It counts as not taken: the letter may come twice, and never not at all. The next one may fare better."""
    taken: list[bytes] = []
    with dying_after_data(taken) as port, pytest.raises(MailNotTaken) as caught:
        send(the_letter(), server(port))
    assert len(taken) == 1 and not caught.value.is_permanent and caught.value.is_about_mail


def test_a_line_that_begins_with_a_dot_arrives_with_one_dot() -> None:
    """SMTP doubles it on the wire; a lone dot does not end the letter."""
    box = Box()
    content = b"Subject: dots\r\n\r\n.\r\n..two\r\nend\r\n"
    with serving(box) as port:
        send(Letter("dots", "a@example.org", PEOPLE, content), server(port))
    assert content_of(box.taken[0]) == content


@pytest.mark.parametrize("evil", ["b@x.org>\r\nRCPT TO:<c@x.org", "b@x.org\nRCPT TO:<c@x.org>", "é@x.org\r\nDATA"])
def test_an_address_that_breaks_the_line_reaches_nobody_else(evil: str) -> None:
    """The last barrier, below the one that reads addresses: a spool file that somebody has edited."""
    box = Box()
    with serving(box) as port, contextlib.suppress(MailNotTaken):
        send(Letter("evil", "a@example.org", (evil,), b"x"), server(port))
    assert all(taken.rcpt_tos == ["b@x.org"] for taken in box.taken)
