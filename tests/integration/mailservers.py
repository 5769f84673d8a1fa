"""Real SMTP servers on loopback for the tests, with certificates of an authority made here.

Leaves to the tests what they send and what they expect.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = b"observer", b"southern cross"


@dataclass
class Box:
    """A server's behaviour and what it has taken.

    Attributes
    ----------
    taken : list of Envelope
    unknown : set of str
        Recipients refused with 550.
    busy : set of str
        Recipients refused with 450.
    data_reply : str or None
        Said instead of taking a message.
    """

    taken: list[Envelope] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)
    busy: set[str] = field(default_factory=set)
    data_reply: str | None = None
    encrypted: list[bool] = field(default_factory=list)
    users: list[bytes] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take or refuse one recipient."""
        if address in self.unknown:
            return "550 5.1.1 no such person here"
        if address in self.busy:
            return "450 4.2.1 the box is busy"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take a message."""
        if self.data_reply is not None:
            return self.data_reply
        self.taken.append(envelope)
        self.encrypted.append(session.ssl is not None)
        return "250 taken"

    def log_in(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        """Check a login."""
        assert isinstance(data, LoginPassword)
        if (data.login, data.password) != (USER, PASSWORD):
            return AuthResult(success=False, handled=False)
        self.users.append(data.login)
        return AuthResult(success=True)


@contextmanager
def serving(box: Box, port: int = 0, *, tls: ssl.SSLContext | None = None, **options: Any) -> Iterator[int]:
    """Serve on loopback and give the port; `tls` from the first byte, `options` as aiosmtpd has them."""
    controller = Controller(
        box, hostname="127.0.0.1", port=port or free_port(), ssl_context=tls, authenticator=box.log_in, **options
    )
    controller.start()
    try:
        yield int(controller.port)
    finally:
        controller.stop()


def content_of(envelope: Envelope) -> bytes:
    """Return the message as it came over the wire."""
    assert isinstance(envelope.content, bytes)
    return envelope.content


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def dying_after_data(taken: list[bytes]) -> Iterator[int]:
    """Serve one session that takes a whole message and falls silent before it says so."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listening.accept()
        with connection, connection.makefile("rb") as lines:
            connection.sendall(b"220 here\r\n")
            for line in lines:
                if line.upper().startswith(b"DATA"):
                    connection.sendall(b"354 go on\r\n")
                    taken.append(b"".join(iter(lines.readline, b".\r\n")))
                    return
                connection.sendall(b"250 fine\r\n")

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield int(listening.getsockname()[1])
    finally:
        thread.join(10)
        listening.close()


@contextmanager
def silent() -> Iterator[int]:
    """Take connections and never say a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield int(listening.getsockname()[1])


@contextmanager
def greeting(words: bytes) -> Iterator[int]:
    """Listen, and say one line of another protocol to who comes; gives the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(words + b"\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        yield int(listener.getsockname()[1])
        thread.join(10)


@dataclass(frozen=True)
class Authority:
    """A certificate authority, and a server's context with a certificate of it."""

    ca_file: Path
    context: ssl.SSLContext


def make_authority(folder: Path, host: str = "localhost") -> Authority:
    """Make an authority and a certificate for `host` and 127.0.0.1."""
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = _certificate("test authority", "test authority", root_key, root_key, x509.BasicConstraints(True, None))
    names = x509.SubjectAlternativeName([x509.DNSName(host), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    leaf = _certificate(host, "test authority", key, root_key, names)
    ca_file, pair = folder / "ca.pem", folder / "server.pem"
    ca_file.write_bytes(root.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pair.write_bytes(private + leaf.public_bytes(serialization.Encoding.PEM))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair)
    return Authority(ca_file, context)


_OTHER_USES = (
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def _certificate(
    name: str,
    issuer: str,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    extension: x509.ExtensionType,
) -> x509.Certificate:
    """Sign a certificate that names its key and its issuer's, which Python from 3.13 on insists on."""
    now = dt.datetime.now(dt.UTC)
    issued_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    signs = isinstance(extension, x509.BasicConstraints)
    uses = dict.fromkeys(_OTHER_USES, False) | {"digital_signature": not signs, "key_cert_sign": signs}
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(extension, critical=signs)
        .add_extension(x509.KeyUsage(**uses), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(issued_by, critical=False)
        .sign(issuer_key, hashes.SHA256())
    )
