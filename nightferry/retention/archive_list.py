"""Lists by which archives say what they hold: read in whichever form they send, and matched with a night's files. Pure.

A line is believed only where the whole of it is understood: ``x.fits: FAILED`` names no file. What a confirmation is
good for is confirming.py's.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from observatory.errors import UsageError
from observatory.manifests import read_manifest
from observatory.names import show

_FITS = re.compile(rb"(?P<frame>.+?)\.fits?(?:\.(?:fz|gz|bz2|xz|zst|Z))?", re.IGNORECASE | re.DOTALL)
_SHA256, _MD5 = re.compile(rb"[0-9a-fA-F]{64}"), re.compile(rb"[0-9a-fA-F]{32}")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a list.

    Attributes
    ----------
    name : bytes
        A path or base name as listed, or a frame id.
    sha256 : str or None
    size_bytes : int or None
        None where the list does not tell it, as for `sha256`.
    has_other_sum : bool
        The list has a sum of it that cannot be compared with ours.
    is_line : bool
        It is a whole line: words may stand before the name.
    """

    name: bytes
    sha256: str | None = None
    size_bytes: int | None = None
    has_other_sum: bool = False
    is_line: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    """The files of a night that a list names, with their hashes, and the names that are none of them."""

    files: dict[bytes, str] = field(default_factory=dict)
    strangers: list[bytes] = field(default_factory=list)


def choose(known: Mapping[bytes, str], entries: Iterable[Entry], sizes: Mapping[bytes, int]) -> Chosen:
    """Return the files of a night that a list names.

    Parameters
    ----------
    known : mapping of name to hash
        Every file of the night, as `ReadFile.name`.
    sizes : mapping of name to bytes
        Of those of which it is known.

    Raises
    ------
    UsageError
        The list gives a file another hash or size than it has, or a name that several files bear.
    """
    names = _Names(known)
    chosen = Chosen()
    for entry in entries:
        meant = names.meant_by(entry)
        if not meant:
            chosen.strangers.append(entry.name)
        for name in meant:
            _refuse_other_bytes(entry, known[name], sizes.get(name))
            chosen.files[name] = known[name]
    return chosen


def _refuse_other_bytes(entry: Entry, sha256: str, size_bytes: int | None) -> None:
    said, read = None, None
    if entry.sha256 is not None and entry.sha256 != sha256:
        said, read = f"{entry.sha256[:12]}...", f"{sha256[:12]}..."
    elif None not in (entry.size_bytes, size_bytes) and entry.size_bytes != size_bytes:
        said, read = f"{entry.size_bytes} bytes", f"{size_bytes} bytes"
    if said is not None:
        raise UsageError(
            f"{show(_base(entry.name))}: the list says {said}, it was read as {read}; nothing was noted."
            " Look at it: one of the two is not what was sent"
        )


class _Names:
    """The files of a night by the words that a list may have for them."""

    def __init__(self, known: Mapping[bytes, str]) -> None:
        self._known = known
        self._by_base: dict[bytes, list[bytes]] = {}
        self._by_frame: dict[bytes, list[bytes]] = {}
        for name in known:
            self._by_base.setdefault(_base(name), []).append(name)
            if (frame := frame_of(name)) is not None:
                self._by_frame.setdefault(frame, []).append(name)

    def meant_by(self, entry: Entry) -> Collection[bytes]:
        """Return the files that an entry means: by its name, else by its frame id."""
        found = self._by_base.get(_base(entry.name))
        if found is None:
            frame = frame_of(entry.name) or entry.name.upper()
            found = self._by_frame.get(frame, [])
        if entry.is_line:
            found = [name for name in found if not _has_words_before(entry.name, name)]
        return self._told_apart(entry, found)

    def _told_apart(self, entry: Entry, found: Sequence[bytes]) -> Collection[bytes]:
        """Of several files of one name in different folders, return the one whose hash or path the list gives."""
        if len({_base(name) for name in found}) == len(found):
            return found
        if entry.sha256 is not None and (same := [name for name in found if self._known[name] == entry.sha256]):
            return same
        parts = {name: _shared_tail(name, entry.name) for name in found}
        best = [name for name in found if parts[name] == max(parts.values())]
        if len({_base(name) for name in best}) < len(best):
            both = " and ".join(show(name.partition(b"/")[2]) for name in sorted(best)[:2])
            raise UsageError(
                f"{show(entry.name)}: several files of the night bear this name ({both}); nothing was noted."
                " Give their paths or their sums"
            )
        return best


def _shared_tail(name: bytes, listed: bytes) -> int:
    """Return how many parts of two paths are the same, counted from the end; a frame id shares none."""
    pairs = zip(reversed(name.partition(b"/")[2].split(b"/")), reversed(listed.split(b"/")), strict=False)
    count = 0
    for mine, theirs in pairs:
        if mine != theirs:
            break
        count += 1
    return count


def _has_words_before(line: bytes, name: bytes) -> bool:
    """Say whether anything but folders may stand before a file's path: ``missing: a/x.fits`` names no file."""
    before = line.split(b"/")[: line.count(b"/") + 1 - max(1, _shared_tail(name, line))]
    return any(re.search(rb"\s", part) for part in before)


def frame_of(name: bytes) -> bytes | None:
    """Return the frame id that a FITS file's name is, in capitals, packed or not; None for every other name."""
    found = _FITS.fullmatch(_base(name))
    return None if found is None else found["frame"].upper()


def read_list(content: bytes) -> list[Entry]:
    """Read a list: sums and names as sha256sum writes them, ``FRAMEID|path|size[|sha256][|md5]``, or bare names."""
    content = content.removeprefix(_BOM)
    listed = read_manifest(content)
    unread = set(listed.unread_lines)
    sums = [
        Entry(one.name, one.digest) if one.algorithm == "sha256" else Entry(one.name, has_other_sum=True)
        for one in listed.files
    ]
    lines = (line.strip() for number, line in enumerate(content.split(b"\n"), 1) if number in unread)
    return [*sums, *(_entry(line) for line in lines)]


def _entry(line: bytes) -> Entry:
    """Return what a line says; one that is not understood is a name as a whole, and so that of no file."""
    fields = _fields(line)
    if not 3 <= len(fields) <= 5 or not fields[1] or not fields[2].isdigit():
        return Entry(line, is_line=True)
    sha256, md5 = None, None
    for sum_ in filter(None, fields[3:]):
        if sha256 is None and md5 is None and _SHA256.fullmatch(sum_):
            sha256 = sum_.decode().lower()
        elif md5 is None and _MD5.fullmatch(sum_):
            md5 = sum_
        else:
            return Entry(line, is_line=True)
    return Entry(fields[1], sha256, int(fields[2]), md5 is not None and sha256 is None)


def _fields(line: bytes) -> list[bytes]:
    """Return the fields of a line between ``|``; a manifest quotes those in which one or a quote stands."""
    if b'"' not in line:
        return [field.strip() for field in line.split(b"|")]
    try:
        (fields,) = csv.reader([line.decode("utf-8", "surrogateescape")], delimiter="|")
    except (csv.Error, ValueError):  # a line end within it: nothing that a manifest holds
        return [line]
    return [field.encode("utf-8", "surrogateescape") for field in fields]


def _base(path: bytes) -> bytes:
    return path.rpartition(b"/")[2]
