r"""The record of a listing: one NUL-terminated line of bytes per file, sorted.

A record is::

    kind path // size / mtime
    kind path // size / mtime / l

with `kind` one byte, `path` relative to the root in raw bytes, `size` in bytes and `mtime` in
Unix seconds as GNU find's ``%T@`` prints it (``1473280496.2500000000``). Two slashes cannot occur
in a path, so the first pair ends it whatever the name holds. Links carry ``//`` and their target
instead, and a file that was reached through a link bears the ``/l``. Records sort as bytes; the kind
comes first, so the files of a listing form one run that two hosts write alike, and equal runs compare
as plain bytes without being parsed.
"""

from __future__ import annotations

from typing import NamedTuple

FILE = b"f"
"""A regular file that the specification's patterns take."""
LINK = b"l"
"""A symbolic link that is not followed; the record ends in its target."""
OTHER = b"o"
"""Neither file, folder nor link: a socket, a pipe, a device."""
UNRECOGNISED = b"u"
"""A regular file that matches neither `files` nor `exclude`."""

NUL = b"\0"


BY_LINK = b"/l"
"""Ends the record of a file that is a link, or lies in a folder that is one: only there may a link be followed."""

NOT_ASKED = b"0/0"
"""Size and time where they were not asked for; short, as a million of them travel and are sorted."""


class RecordError(ValueError):
    """A listing holds what no listing of ours can hold; nothing concluded from it is to be believed."""


class Entry(NamedTuple):
    """One file as listed.

    Attributes
    ----------
    path : bytes
        Relative to the root of its copy.
    size_bytes : int
    mtime_s : float
        Modification time, Unix seconds; good to a microsecond, which is enough to compare ages.
    by_link : bool
        A link was followed to it.
    """

    path: bytes
    size_bytes: int
    mtime_s: float
    by_link: bool = False


def encode_file(path: bytes, size_bytes: int, mtime_ns: int, kind: bytes = FILE, mark: bytes = b"") -> bytes:
    """Return the record of a file, without the closing NUL, as GNU find would print it."""
    seconds, nanoseconds = divmod(mtime_ns, 1_000_000_000)
    return b"%s%s//%d/%d.%09d0%s" % (kind, path, size_bytes, seconds, nanoseconds, mark)


def encode_name(path: bytes, kind: bytes = FILE) -> bytes:
    """Return the record of a file of which the name alone was asked for."""
    return b"%s%s//%s" % (kind, path, NOT_ASKED)


def encode_link(path: bytes, target: bytes) -> bytes:
    """Return the record of a link that is not followed."""
    return b"%s%s//%s" % (LINK, path, target)


def encode_other(path: bytes) -> bytes:
    """Return the record of what is neither file nor link."""
    return b"%s%s//" % (OTHER, path)


def key_of(record: bytes) -> bytes:
    """Return what a record is sorted and matched by: its kind, path and the two slashes."""
    end = record.find(b"//")
    if end < 1:
        raise RecordError(f"not a record: {record[:80]!r}")
    return record[: end + 2]


def path_of(record: bytes) -> bytes:
    """Return the path of a record of any kind, relative to the root."""
    return record[1 : record.index(b"//")]


def decode_file(record: bytes) -> Entry:
    """Return the entry of a file record (kind FILE or UNRECOGNISED).

    Raises
    ------
    RecordError
        The record is not of that form.
    """
    path, slashes, rest = record[1:].partition(b"//")
    size, slash, mtime = rest.partition(b"/")
    if not slashes or not slash or not size.isdigit():
        raise RecordError(f"not a record of a file: {record[:80]!r}")
    by_link = mtime.endswith(BY_LINK)
    try:
        return Entry(path, int(size), _seconds(mtime.removesuffix(BY_LINK) if by_link else mtime), by_link)
    except ValueError as error:
        raise RecordError(f"not a time: {mtime[:40]!r}") from error


def _seconds(text: bytes) -> float:
    """Read a time as find prints it: before 1970 too its fraction counts upwards, ``-3.25`` is 2.75 s before."""
    value = float(text)
    if value >= 0:
        return value
    whole, _, fraction = text.partition(b".")
    return int(whole) + float(b"0." + fraction)


def target_of(record: bytes) -> bytes:
    """Return the target of a link's record."""
    return record[record.index(b"//") + 2 :]
