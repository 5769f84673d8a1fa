"""A report as a mail: text, HTML and JSON in one message, with an envelope to go with it.

Nothing is sent here; mail.py sends, spool.py keeps what could not be sent. No name out of a listing, and no
word of a host, gets into a header but through `one_line`.
"""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid

from observatory.errors import UsageError
from observatory.spec.models import SiteMail
from reports.html import render_html
from reports.json import document_of, dumps
from reports.model import Report
from reports.subject import subject_of
from reports.text import render_text, text_parts
from reports.words import one_line

MOST_TEXT_BYTES = 200_000
"""A longer text is cut in the mail's body and attached whole, compressed: many servers refuse beyond 10 MB."""
MOST_ATTACHED_BYTES = 6_000_000
"""What is longer even when compressed stays here (base64 adds a third): a mail that is refused tells nobody of it."""
_ATTACHED = "the whole report is attached"
_KEPT = "the whole report is too long for a mail; `nightferry report` shows it"
MOST_LINES = 500
"""Lines of each section that a body which was cut still holds."""

_SEVEN_BITS = SMTP.clone(cte_type="7bit")
"""Any server takes seven bits; not every one between us and the reader announces 8BITMIME."""
_ADDRESS = re.compile(r"""[^\s@<>()\[\]\\,;:"\x00-\x1f\x7f-\U0010ffff]+@[^\s@<>()\\,;"\x00-\x1f\x7f-\U0010ffff]+""")
"""One address as every server understands it; the host may be a literal such as [127.0.0.1]."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail in its envelope.

    Attributes
    ----------
    name : str
        Fit for a file, unique, and sorting by the time of writing.
    sender : str
    recipients : tuple of str
    content : bytes
        The message as it goes over the wire: CRLF, seven bits.
    """

    name: str
    sender: str
    recipients: tuple[str, ...]
    content: bytes


def compose(report: Report, settings: SiteMail, recipients: Sequence[str], now_utc: dt.datetime) -> EmailMessage:
    """Return the mail of a report.

    Parameters
    ----------
    report : Report
    settings : SiteMail
        `from` is read from it.
    recipients : sequence of str
        Bare addresses.
    now_utc : datetime.datetime
        The mail's Date.

    Raises
    ------
    UsageError
        An address is none. Nothing was composed.
    """
    message = _addressed(subject_of(report), settings, recipients, now_utc)
    message["X-Nightferry-State"] = str(report.state)
    _fill(message, report)
    return message


def compose_words(
    subject: str,
    text: str,
    attachments: Sequence[tuple[str, bytes]],
    settings: SiteMail,
    recipients: Sequence[str],
    now_utc: dt.datetime,
) -> EmailMessage:
    """Return a mail that is no report: what a converter has to tell somebody, with files by name and content.

    Its Message-ID is of what it says and to whom: should it ever be handed over twice, every reader's program can tell.

    Raises
    ------
    UsageError
        An address is none. Nothing was composed.
    """
    message = _addressed(one_line(subject), settings, recipients, now_utc)
    message.set_content(text if text.endswith("\n") else text + "\n")
    for name, content in attachments:
        message.add_attachment(content, "application", "octet-stream", filename=one_line(name))
    said = json.dumps([subject, text, sorted(recipients), [[name, content.hex()] for name, content in attachments]])
    domain = address_of(settings.from_).rpartition("@")[2]
    message.replace_header("Message-ID", f"<nightferry.{hashlib.sha256(said.encode()).hexdigest()[:40]}@{domain}>")
    return message


def _addressed(subject: str, settings: SiteMail, recipients: Sequence[str], now_utc: dt.datetime) -> EmailMessage:
    sender = address_of(settings.from_)
    message = EmailMessage(policy=_SEVEN_BITS)
    message["Subject"] = subject
    message["From"] = sender
    message["To"] = ", ".join(address_of(recipient) for recipient in recipients)
    message["Date"] = format_datetime(now_utc)
    message["Message-ID"] = make_msgid("nightferry", domain=sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    return message


def letter_of(message: EmailMessage, now_utc: dt.datetime) -> Letter:
    """Return a composed mail in its envelope; everybody in To is a recipient."""
    content = message.as_bytes(policy=_SEVEN_BITS)
    mark = hashlib.sha256(str(message["Message-ID"]).encode()).hexdigest()[:12]
    return Letter(
        name=f"{now_utc.astimezone(dt.UTC):%Y%m%dT%H%M%S.%f}-{mark}",
        sender=address_of(str(message["From"])),
        recipients=tuple(address.addr_spec for address in message["To"].addresses),
        content=content,
    )


def address_of(text: str) -> str:
    """Return an address that may go into a header and onto the wire.

    Raises
    ------
    UsageError
        It is not one bare address of printable ASCII. Others need SMTPUTF8, which few servers speak.
    """
    if not _ADDRESS.fullmatch(text):
        raise UsageError(f"mail: {one_line(text)!r} is no mail address that we can write to; write name@host")
    return text


def _fill(message: EmailMessage, report: Report) -> None:
    text, document = render_text(report), dumps(document_of(report))
    stem = f"nightferry-{report.kind}-{report.started_utc.astimezone(dt.UTC):%Y%m%dT%H%M%SZ}"
    if len(text) <= MOST_TEXT_BYTES:
        message.set_content(text)
        message.add_alternative(render_html(report), subtype="html")
        message.add_attachment(document.encode(), "application", "json", filename=f"{stem}.json")
        return
    packed = {f"{stem}.{suffix}.gz": _packed(whole) for suffix, whole in (("txt", text), ("json", document))}
    fits = sum(map(len, packed.values())) <= MOST_ATTACHED_BYTES
    message.set_content("".join(text_parts(report, MOST_LINES, _ATTACHED if fits else _KEPT)))
    message.add_alternative(render_html(report), subtype="html")
    for filename, content in packed.items() if fits else ():
        message.add_attachment(content, "application", "gzip", filename=filename)


def _packed(text: str) -> bytes:
    return gzip.compress(text.encode(), mtime=0)
