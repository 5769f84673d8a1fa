"""A report as a mail: its headers, its three parts, and what becomes of a huge one."""

from __future__ import annotations

import email
import email.policy
import gzip
import json
from dataclasses import replace
from email.message import EmailMessage

import pytest

from observatory.errors import UsageError
from observatory.spec.models import SiteMail
from reports.json import verify_document
from reports.letter import address_of, compose, letter_of
from reports.model import Report
from reports.text import render_text
from tests.unit.reports.made import FINISHED, FIRST_HOP, FULL, OK_HOP, SECOND_HOP, SEED, SHD_UNKNOWN, report

SETTINGS = SiteMail.model_validate({"from": "nightferry@saao.ac.za", "to": ["data@saao.ac.za"]})
PEOPLE = ("data@saao.ac.za", "amanda@saao.ac.za")


def delivered(made: Report) -> EmailMessage:
    """Return the mail as its reader gets it: through bytes and back."""
    letter = letter_of(compose(made, SETTINGS, PEOPLE, FINISHED), FINISHED)
    assert letter.recipients == ("data@saao.ac.za", "amanda@saao.ac.za")
    assert letter.sender == "nightferry@saao.ac.za"
    message = email.message_from_bytes(letter.content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def body(message: EmailMessage, kind: str) -> str:
    """Return the part that a mail client shows of that kind, its lines ended as they were before the wire."""
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def test_the_subject_is_the_interface_s() -> None:
    """Site, worst instrument, counts."""
    message = delivered(report(FIRST_HOP, SECOND_HOP, SHD_UNKNOWN))
    assert message["Subject"] == "nightferry Sutherland: sha 42 missing; shd unknown"


def test_the_headers_are_those_of_a_machine_s_mail() -> None:
    """No vacation reply comes back, and a mail that arrives twice can be known."""
    message = delivered(SEED)
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["From"] == "nightferry@saao.ac.za"
    assert message["To"] == "data@saao.ac.za, amanda@saao.ac.za"
    assert message["Date"].datetime == FINISHED
    assert message["Message-ID"].endswith("@saao.ac.za>")
    assert message["Message-ID"] != delivered(SEED)["Message-ID"]


@pytest.mark.parametrize("made", [SEED, FULL, report(replace(FIRST_HOP, missing=("2016/0907/é☾.fits".encode(),)))])
def test_the_text_arrives_as_it_was_rendered(made: Report) -> None:
    """text/plain is the text report, every byte, and whatever the name's alphabet."""
    assert body(delivered(made), "plain") == render_text(made)


def test_the_html_and_the_json_are_there() -> None:
    """Folded for telephones, and the document for programs."""
    message = delivered(SEED)
    assert "SHA_20160907.[0122-0163].fits, 42 files" in body(message, "html")
    (attached,) = message.iter_attachments()
    assert attached.get_filename() == "nightferry-verify-20160908T070000Z.json"
    assert attached.get_content_type() == "application/json"
    assert json.loads(attached.get_content()) == verify_document(SEED)


def test_a_huge_report_is_cut_in_the_body_and_attached_whole() -> None:
    """A hundred thousand lines: a sentence says what was left out, the summary stays, nothing is lost."""
    names = tuple(b"2016/0907/SHA_20160907.%06d.fits" % (2 * number) for number in range(100_000))
    huge = report(replace(FIRST_HOP, missing=names), SECOND_HOP)
    message = delivered(huge)
    text = body(message, "plain")
    assert len(text.splitlines()) < 600
    assert "... and 99500 more, left out here; the whole report is attached." in text
    assert text.endswith(render_text(huge)[-100:])
    whole, document = message.iter_attachments()
    assert gzip.decompress(whole.get_content()).decode() == render_text(huge)
    assert len(json.loads(gzip.decompress(document.get_content()))["hops"][0]["missing"]) == 100_000
    assert len(message.as_bytes()) < 2_000_000


def test_a_report_too_long_for_any_mail_is_sent_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A million damaged files made 37 MB, which servers refuse for good: then nobody was told of any."""
    monkeypatch.setattr("reports.letter.MOST_ATTACHED_BYTES", 2000)
    names = tuple(b"2016/0907/SHA_20160907.%06d.fits" % (2 * number) for number in range(10_000))
    message = delivered(report(replace(FIRST_HOP, missing=names), SECOND_HOP))
    assert list(message.iter_attachments()) == []
    assert "and 9500 more, left out here; the whole report is too long for a mail; `" in body(message, "plain")
    assert message["Subject"] == "nightferry Sutherland: sha 10000 missing"


def test_nothing_out_of_a_listing_can_add_a_header() -> None:
    """A newline in a site's or an instrument's name stays a pair of letters."""
    evil = "x\r\nBcc: everyone@example.org\r\n\r\nhello"
    made = replace(report(replace(FIRST_HOP, instrument=evil, source=evil)), site=evil)
    message = delivered(made)
    assert message["Bcc"] is None
    assert set(message.keys()) == set(delivered(SEED).keys())


@pytest.mark.parametrize(
    "address",
    ["a@b\r\nBcc: c@d", "nobody", "", "@b", "a@", "a b@c", "a@b, c@d", "é@saao.ac.za", "a@b\n", "<a@b>", "A <a@b>"],
)
def test_what_is_no_address_is_refused_in_words(address: str) -> None:
    """A misspelt list is said before anything is sent."""
    with pytest.raises(UsageError, match="no mail address"):
        address_of(address)
    with pytest.raises(UsageError):
        compose(OK_REPORT, SETTINGS, [address], FINISHED)


OK_REPORT = report(OK_HOP)


def test_every_byte_on_the_wire_is_ascii_and_no_line_too_long() -> None:
    """RFC 5321: any server on the way may take seven bits and 998 letters a line only."""
    long = replace(FIRST_HOP, missing=(b"2016/0907/" + "ü".encode() * 800 + b".fits",), unknown_reason="y" * 3000)
    content = letter_of(compose(report(long), SETTINGS, PEOPLE, FINISHED), FINISHED).content
    assert content.isascii()
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert b"\n" not in content.replace(b"\r\n", b"")


def test_letters_sort_by_the_time_of_writing() -> None:
    """The spool sends the oldest first, by name."""
    message = compose(SEED, SETTINGS, PEOPLE, FINISHED)
    early, late = letter_of(message, FINISHED), letter_of(message, FINISHED.replace(microsecond=1))
    assert early.name < late.name
