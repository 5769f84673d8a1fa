"""Ids that two sites give alike: UUIDv5 of what a thing is, never of when or where it was noted.

RFC 9562 section 5.5; Butler's ids of datasets are made in the same manner.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid

NAMESPACE = uuid.UUID("5d5c4f0e-7d05-5a3b-9a4e-0d0b5a1f6c21")
"""Of nightferry's own ids; any that nobody else uses, and never to be changed."""
Fact = str | int | bytes | dt.date | None


def identity(kind: str, *facts: Fact) -> uuid.UUID:
    """Return the id of a thing of some kind, such as an exposure, from the facts that make it what it is.

    Each fact is written with its length before it, so that no two sequences of facts are written alike.
    """
    written = b"".join(map(_written, (kind, *facts)))
    return uuid.UUID(bytes=hashlib.sha1(NAMESPACE.bytes + written, usedforsecurity=False).digest()[:16], version=5)


def _written(fact: Fact) -> bytes:
    if fact is None:
        return b"-,"
    if not isinstance(fact, bytes):
        fact = (f"{fact:%Y%m%d}" if isinstance(fact, dt.date) else str(fact)).encode("utf-8", "surrogateescape")
    return b"%d:%s," % (len(fact), fact)
