"""The one door to SMTP: hands a letter to the site's server, over TLS where that is asked for.

What is in a letter is letter.py's, what becomes of one that was not taken is spool.py's. Every fault of
smtplib, ssl and the network ends here as one exception that says whether a retry can help.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import smtplib
import ssl
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from observatory.errors import MailNotTaken, UsageError
from observatory.spec.models import MailServer
from reports.letter import Letter
from reports.words import one_line

_FITS = "see whether mail.server.port and security fit the server (25 none, 587 starttls, 465 tls)"
_OWN_AUTHORITY = "where it is the site's own, name its authority with mail.server.ca_file"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a server refused one recipient; whether for good (5xx) or for now (4xx)."""

    reason: str
    is_permanent: bool


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a letter: taken for every recipient but the refused ones."""

    refused: Mapping[str, Refusal] = field(default_factory=dict)


def send(letter: Letter, server: MailServer, password: str | None = None, ca_file: Path | None = None) -> Delivery:
    """Hand a letter to a server.

    Parameters
    ----------
    letter : Letter
    server : MailServer
        With ``starttls`` and ``tls`` the certificate is checked against the host's name, and a server that
        does not offer TLS gets nothing: there is no falling back.
    password : str or None
        Needed where `server.user` is set.
    ca_file : Path or None
        Certificates to trust instead of the system's; `server.ca_file`, made absolute.

    Returns
    -------
    Delivery
        Which recipients were refused. Where the connection breaks after the last byte nobody can know whether
        the server took it; the letter counts as not taken, so it may arrive twice, with one Message-ID.

    Raises
    ------
    UsageError
        A login without a password, or a `ca_file` that holds no certificates. Nothing was sent.
    MailNotTaken
        Nobody got it. `is_about_mail` says whether this letter may be at fault, or the server. One that hangs up
        over a letter (some do at one that is too long) may well take the next.
    """
    with _ready(server, password, ca_file) as session:
        try:
            refused = session.sendmail(letter.sender, letter.recipients, letter.content)
        except smtplib.SMTPRecipientsRefused as error:
            refused = error.recipients
        except (smtplib.SMTPServerDisconnected, ConnectionError) as error:
            raise _hung_up(server, error) from error
    return Delivery({recipient: Refusal(_reply(*reply), reply[0] >= 500) for recipient, reply in refused.items()})


def _hung_up(server: MailServer, error: Exception) -> MailNotTaken:
    """Silence is no answer to a letter: whoever waits for it once need not wait again for each of the others."""
    is_silent = isinstance(error.__context__, TimeoutError)
    return MailNotTaken(_where(server), _words(error), is_permanent=False, is_about_mail=not is_silent)


def greet(server: MailServer, password: str | None = None, ca_file: Path | None = None) -> None:
    """Connect, secure the connection and log in as `send` would, and send nothing; it raises what `send` raises."""
    with _ready(server, password, ca_file):
        pass


def read_password(file: Path) -> str:
    """Return the first line of a password file.

    Raises
    ------
    UsageError
        It is absent, empty, or others than its owner may read it. Nothing was sent.
    """
    try:
        with file.open(encoding="utf-8") as opened:
            mode = stat.S_IMODE(os.fstat(opened.fileno()).st_mode)
            password = opened.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"mail.server.password_file: {file} cannot be read: {_words(error)}") from error
    if mode & 0o077:
        raise UsageError(f"mail.server.password_file: {file} is open to others (mode {mode:04o}). Run chmod 600 on it.")
    if not password:
        raise UsageError(f"mail.server.password_file: the first line of {file} is empty")
    return password


@contextlib.contextmanager
def _ready(server: MailServer, password: str | None, ca_file: Path | None) -> Iterator[smtplib.SMTP]:
    """Give a session that is secured and logged in."""
    where = _where(server)
    if server.user is not None and server.security == "none" and not _is_this_machine(server.host):
        why = "a password is not sent in the clear to another machine; set mail.server.security to starttls or tls"
        raise MailNotTaken(where, why, is_permanent=True)
    with _translated(where), _connected(server, ca_file) as session:
        if server.user is not None:
            _log_in(session, server.user, password)
        yield session


def _where(server: MailServer) -> str:
    return f"mail server {server.host} (port {server.port})"


@contextlib.contextmanager
def _connected(server: MailServer, ca_file: Path | None) -> Iterator[smtplib.SMTP]:
    timeout_s = server.timeout_s
    session: smtplib.SMTP
    if server.security == "tls":
        context = _certificates(ca_file)
        session = smtplib.SMTP_SSL(server.host, server.port, timeout=timeout_s, context=context)
    else:
        session = smtplib.SMTP(server.host, server.port, timeout=timeout_s)
    try:
        if server.security == "starttls":
            session.starttls(context=_certificates(ca_file))
        yield session
        with contextlib.suppress(smtplib.SMTPException, OSError):  # the letter is taken, whatever it says to goodbye
            session.quit()
    finally:
        session.close()


def _certificates(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"mail.server.ca_file: {ca_file} cannot be used: {_words(error)}") from error


def _log_in(session: smtplib.SMTP, user: str, password: str | None) -> None:
    if password is None:
        raise UsageError(f"mail.server: user {user} is given, but no password_file")
    session.login(user, password)


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@contextlib.contextmanager
def _translated(where: str) -> Iterator[None]:
    """Turn what smtplib, ssl and sockets raise into MailNotTaken."""
    try:
        yield
    except smtplib.SMTPDataError as error:
        why = _reply(error.smtp_code, error.smtp_error)
        raise MailNotTaken(where, why, is_permanent=error.smtp_code >= 500, is_about_mail=True) from error
    except smtplib.SMTPResponseException as error:
        why = _reply(error.smtp_code, error.smtp_error)
        raise MailNotTaken(where, why, is_permanent=error.smtp_code >= 500) from error
    except smtplib.SMTPNotSupportedError as error:
        raise MailNotTaken(where, f"{_words(error)}; {_FITS}", is_permanent=True) from error
    except ssl.SSLCertVerificationError as error:
        why = f"its certificate is not to be trusted ({one_line(error.verify_message)}); {_OWN_AUTHORITY}"
        raise MailNotTaken(where, why, is_permanent=True) from error
    except (smtplib.SMTPException, OSError) as error:
        raise MailNotTaken(where, _words(error), is_permanent=False) from error
    except (UnicodeError, ValueError) as error:  # smtplib's word for a line that cannot be put on the wire
        raise MailNotTaken(where, _words(error), is_permanent=True, is_about_mail=True) from error


def _words(error: Exception) -> str:
    """Return what went wrong in words of a person: without numbers of errors, and with what is to be looked at."""
    if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
        return f"no answer in time; {_FITS}"
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    if isinstance(error, ssl.SSLError) and error.reason:
        words = error.reason.replace("_", " ").lower()
        return f"TLS: {words}; {_FITS}" if error.library == "SSL" else words
    return one_line(getattr(error, "strerror", None) or str(error) or type(error).__name__).rstrip(".")


def _reply(code: int, words: bytes | str) -> str:
    text = one_line(words if isinstance(words, str) else words.decode("utf-8", "replace"))
    if code < 0:  # smtplib's number for a line that does not begin with one
        return f"what answers there is no mail server ({text})"
    return f"{code} {text}".strip()
