"""Ids that two sites give alike: UUIDv5 of what a thing is, never of when or where it was noted.

RFC 9562 section 5.5; Butler's ids of datasets are made in the same manner.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid

NAMESPACE = uuid.UUID("5d5c4f0e-7d05-5a3b-9a4e-0d0b5a1f6c21")
"""Of nightferry's own ids; any that nobody else uses, and never to be changed."""


def identity(kind: str, *facts: str | int | bytes | dt.date | None) -> uuid.UUID:
    """Return the id of a thing of some kind, such as an exposure, from the facts that make it what it is."""
    return uuid.uuid5(NAMESPACE, json.dumps([kind, *(_plain(fact) for fact in facts)], separators=(",", ":")))


def _plain(fact: str | int | bytes | dt.date | None) -> str | int | None:
    if isinstance(fact, bytes):
        return fact.decode("utf-8", "surrogateescape")
    return f"{fact:%Y%m%d}" if isinstance(fact, dt.date) else fact
