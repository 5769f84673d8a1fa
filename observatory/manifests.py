"""Manifests: lists of checksums and names, as sha256sum, md5sum and their kin write them, read with tolerance.

Pure: text in, lines out, and back. Hashing the files that a manifest names is its user's.

Taken are GNU's form (``HASH  name``, ``HASH *name`` for binary, a backslash before the hash where the name is
escaped), BSD's (``SHA256 (name) = HASH``), CRLF line ends, no last line end, several spaces or a tab, a leading
``./``, empty lines and comments with ``#``. See coreutils' manual, "cksum output modes"; the algorithm of an untagged
line follows from the number of its digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

ALGORITHMS = {32: "md5", 40: "sha1", 56: "sha224", 64: "sha256", 96: "sha384", 128: "sha512"}
"""By the number of hexadecimal digits; each is a name that `hashlib.new` knows."""
_PLAIN = re.compile(rb"(?P<escaped>\\?)(?P<digest>[0-9a-fA-F]{32,128})(?: [ *]|[ \t]+)(?P<name>[^\r\n]+)")
_TAGGED = re.compile(rb"(?P<escaped>\\?)[A-Z0-9-]+ \((?P<name>[^\r\n]+)\) = (?P<digest>[0-9a-fA-F]{32,128})[ \t]*")
_ESCAPES = {b"\\\\": b"\\", b"\\n": b"\n", b"\\r": b"\r"}


@dataclass(frozen=True, slots=True, order=True)
class Listed:
    """One line of a manifest.

    Attributes
    ----------
    name : bytes
        As listed, without a leading ``./``; relative to where the manifest lies.
    digest : str
        Hexadecimal, small letters.
    algorithm : str
        As `hashlib.new` calls it.
    """

    name: bytes
    digest: str
    algorithm: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a manifest lists, in its order, and the numbers (from 1) of lines that say nothing that can be read."""

    files: tuple[Listed, ...]
    unread_lines: tuple[int, ...] = ()


def read_manifest(content: bytes) -> Manifest:
    """Read a manifest; a line that cannot be read is counted, never passed over in silence."""
    files: list[Listed] = []
    unread: list[int] = []
    for number, raw in enumerate(content.split(b"\n"), 1):
        line = raw.removesuffix(b"\r")
        if not line.strip() or line.startswith(b"#"):
            continue
        listed = _read_line(line)
        if listed is None:
            unread.append(number)
        else:
            files.append(listed)
    return Manifest(tuple(files), tuple(unread))


def _read_line(line: bytes) -> Listed | None:
    found = _TAGGED.fullmatch(line) or _PLAIN.fullmatch(line)
    if found is None:
        return None
    algorithm = ALGORITHMS.get(len(found["digest"]))
    if algorithm is None:
        return None
    name = re.sub(rb"\\[\\nr]", lambda hit: _ESCAPES[hit[0]], found["name"]) if found["escaped"] else found["name"]
    while name.startswith(b"./"):
        name = name[2:].lstrip(b"/")
    return Listed(name, found["digest"].decode().lower(), algorithm) if name else None


def write_manifest(files: Iterable[Listed]) -> bytes:
    """Return a manifest that ``sha256sum --check`` reads, sorted by name; a name of several lines is escaped."""
    return b"".join(_line(listed) for listed in sorted(files))


def _line(listed: Listed) -> bytes:
    name = listed.name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
    mark = b"\\" if name != listed.name else b""
    return mark + listed.digest.encode() + b"  " + name + b"\n"
