"""Names of MagAO-X's files: ``<device>_<23 digits>.<extension>``, the digits UTC to the nanosecond.

Whether such a file is read, and what is in it, others say. Pure.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

NS_PER_S = 1_000_000_000
_NAME = re.compile(rb"(?s)(.+)_([0-9]{14})([0-9]{9})\.([A-Za-z0-9.]+)")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class StampedName:
    """What a file's name says.

    Attributes
    ----------
    device : bytes
        May hold underscores: the stamp follows the last.
    stamp_ns : int
        Unix nanoseconds, UTC: of the first frame or record.
    extension : str
        Without its dot: ``xrif``, ``bintel``, ``binlog``, ``ndjson.gz``.
    """

    device: bytes
    stamp_ns: int
    extension: str


def parse_name(name: bytes) -> StampedName | None:
    """Read a file's name, without folders; None where it is no such name or its digits are no instant."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    try:
        second = dt.datetime.strptime(found[2].decode(), "%Y%m%d%H%M%S").replace(tzinfo=dt.UTC)
    except ValueError:
        return None
    stamp_ns = (second - _EPOCH) // dt.timedelta(seconds=1) * NS_PER_S + int(found[3])
    return StampedName(found[1], stamp_ns, found[4].decode())


def format_stamp(instant_ns: int) -> str:
    """Return the 23 digits of an instant (Unix nanoseconds, years 1970 to 9999)."""
    seconds, nanoseconds = divmod(instant_ns, NS_PER_S)
    return f"{_EPOCH + dt.timedelta(seconds=seconds):%Y%m%d%H%M%S}{nanoseconds:09d}"


def format_instant(instant_ns: int, digits: int = 9) -> str:
    """Return an instant as FITS writes it, ``2025-12-02T00:00:12.500000000``; digits beyond are cut, not rounded."""
    seconds, nanoseconds = divmod(instant_ns, NS_PER_S)
    fraction = f".{nanoseconds:09d}"[: digits + 1] if digits else ""
    return f"{_EPOCH + dt.timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}{fraction}"


def day_folder(instant_ns: int) -> str:
    """Return the name of the folder of an instant's UTC day, ``2025_12_02``."""
    return f"{_EPOCH + dt.timedelta(seconds=instant_ns // NS_PER_S):%Y_%m_%d}"
