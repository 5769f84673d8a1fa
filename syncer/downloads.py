"""What the lists beside a download promise, what of it is there and right, and lists of the rest for wget and curl.

Lists are known by their content: lines of checksums and names, lines of addresses, or one checksum in a file named
after another (``x.fits.md5``). Nothing found in a folder is run, and no address is asked here.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from observatory.endpoints.contract import OURS
from observatory.files import sweep, write_whole
from observatory.formats import whole
from observatory.manifests import ALGORITHMS, Listed, read_manifest, write_manifest
from observatory.names import is_safe, show, to_json
from observatory.truth import State

WGET_LIST, CURL_LIST = "absent.txt", "absent.curl"
_OUTPUTS = frozenset({WGET_LIST, CURL_LIST, *(f"absent.{name}" for name in ALGORITHMS.values())})
_LARGEST_LIST = 32 * 1024**2
"""Bytes; 3,000 frames are named in 500 kB, and nothing larger is read to find out whether it is a list."""
_LIKELY = re.compile(rb"list|md5|sha\d|sum|manifest|url|wget|curl|\.txt\Z|\.lst\Z|\A[^.]+\Z", re.IGNORECASE)
_LIST_FOLDERS = frozenset({b"zadmin", b"zvalidate"})
_ADDRESS = re.compile(rb"(?P<url>(?:https?|ftp)://[^\s\"]+)(?:\s+(?P<digest>[0-9a-fA-F]{32,128}))?\s*")
_DIGEST_ALONE = re.compile(rb"\s*(?P<digest>[0-9a-fA-F]{32,128})\s*(?:-\s*)?")
_SIDECAR = re.compile(rb"(?P<name>.+)\.(?:md5|sha1|sha256|sha512)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Expected:
    """One file that a list promises.

    Attributes
    ----------
    list : bytes
        Its list, below the folder.
    name : bytes
        As listed: a base name, or a path below the folder or below its list's.
    url : str or None
    digest, algorithm : str or None
    """

    list: bytes
    name: bytes
    url: str | None = None
    digest: str | None = None
    algorithm: str | None = None

    @property
    def base(self) -> bytes:
        """Its base name."""
        return self.name.rpartition(b"/")[2]

    @property
    def beside(self) -> bytes:
        """Its path below the folder, if the name is one below its list's."""
        folder, slash, _ = self.list.rpartition(b"/")
        return folder + slash + self.name


@dataclass(slots=True)
class DownloadCheck:
    """What a folder came to.

    Attributes
    ----------
    folder : Path
    lists : list of bytes
        The lists that were read.
    expected : int
        Files that they promise, each once.
    verified : int
        Present, with the listed sum.
    unverified : int
        Present and whole by their own format as far as that can be judged; no sum is listed.
    absent : list of Expected
    wrong, unreadable : list of (path, reason)
    """

    folder: Path
    lists: list[bytes] = field(default_factory=list)
    expected: int = 0
    verified: int = 0
    unverified: int = 0
    absent: list[Expected] = field(default_factory=list)
    wrong: list[tuple[bytes, str]] = field(default_factory=list)
    unreadable: list[tuple[bytes, str]] = field(default_factory=list)

    @property
    def state(self) -> State:
        """OK where all that is promised is there; without a list that promises something, UNKNOWN."""
        if self.unreadable or not self.expected:
            return State.UNKNOWN
        return State.DIFFERENT if self.absent or self.wrong else State.OK

    def document(self) -> dict[str, object]:
        """Return what JSON says of it."""
        return {
            "state": self.state.value,
            "folder": to_json(os.fsencode(self.folder)),
            "lists": [to_json(path) for path in self.lists],
            "expected": self.expected,
            "verified": self.verified,
            "unverified": self.unverified,
            "absent": [{"name": to_json(one.name), "url": one.url, "digest": one.digest} for one in self.absent],
            "wrong": [{"path": to_json(path), "reason": reason} for path, reason in self.wrong],
            "unreadable": [{"path": to_json(path), "reason": reason} for path, reason in self.unreadable],
        }

    def lines(self) -> Iterator[str]:
        """Yield the counts, then every finding."""
        if not self.lists and not self.unreadable:
            yield f"{self.folder}: UNKNOWN: no list of what should be there was found, so nothing could be checked"
            return
        yield (
            f"{self.folder}: {self.expected} listed, {self.verified} there with the listed sum, {self.unverified} there"
            f" without one, {len(self.absent)} absent, {len(self.wrong)} wrong"
        )
        yield from (f"  wrong: {show(path)}: {reason}; remove it and fetch it again" for path, reason in self.wrong)
        yield from (f"  could not be read: {show(path)}: {reason}" for path, reason in self.unreadable)
        without = [one for one in self.absent if one.url is None]
        yield from (f"  absent, and no list gives its address: {show(one.name)}" for one in without)
        if len(without) < len(self.absent):
            yield f"  fetch the absent: wget -i {WGET_LIST}   or   curl --config {CURL_LIST}   (in {self.folder})"


def check_downloads(folder: Path, progress: Callable[[int, int], None] = lambda done, total: None) -> DownloadCheck:
    """Read a folder's lists and look for what they promise; alters nothing.

    Parameters
    ----------
    progress : callable
        Told how many files are checked, and how many are to be.
    """
    check = DownloadCheck(folder)
    files = _files(check)
    promises = list(_promises(check, files))
    meant = _meant(promises, [path for path in files if path not in check.lists])
    check.expected = len(meant)
    for done, one in enumerate(meant, 1):
        if one.place is None:
            check.absent.append(one.expected)
        else:
            _judge(check, one.expected, one.place)
        progress(done, len(meant))
    return check


def write_lists(check: DownloadCheck) -> list[Path]:
    """Write the lists of what is absent into the folder, and remove those of an earlier time; return what is there.

    Raises
    ------
    OSError
    """
    absent = [one for one in check.absent if one.url is not None]
    contents: dict[str, bytes] = {}
    if absent:
        contents[WGET_LIST] = b"".join(f"{one.url}\n".encode() for one in absent)
        contents[CURL_LIST] = b"".join(map(_curl, absent))
    for algorithm in sorted({one.algorithm for one in check.absent if one.algorithm}):
        sums = [Listed(one.base, one.digest or "", algorithm) for one in check.absent if one.algorithm == algorithm]
        contents[f"absent.{algorithm}"] = write_manifest(sums)
    sweep(check.folder)
    for name in sorted(_OUTPUTS - set(contents)):
        (check.folder / name).unlink(missing_ok=True)
    for name, content in contents.items():
        write_whole(check.folder / name, content)
    return [check.folder / name for name in contents]


def _curl(one: Expected) -> bytes:
    name = one.base.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return b'url = "%s"\noutput = "%s"\n' % ((one.url or "").encode(), name)


def _files(check: DownloadCheck) -> list[bytes]:
    """Return every file below the folder, relative to it, sorted; links are not followed."""
    root = os.fsencode(check.folder)

    def refused(error: OSError) -> None:
        check.unreadable.append((os.fsencode(error.filename or root), error.strerror or str(error)))

    found: list[bytes] = []
    for here, folders, files in os.walk(root, onerror=refused):
        folders[:] = sorted(name for name in folders if name != OURS)
        found += [(here + b"/" + name)[len(root) + 1 :] for name in files]
    return sorted(path for path in found if path.decode("utf-8", "replace") not in _OUTPUTS)


def _promises(check: DownloadCheck, files: Sequence[bytes]) -> Iterator[Expected]:
    for path in files:
        name = path.rpartition(b"/")[2]
        is_likely = _LIKELY.search(name) or _LIST_FOLDERS & set(path.split(b"/")[:-1])
        if not is_likely or whole.format_of(name) is not None:
            continue
        place = check.folder / os.fsdecode(path)
        try:
            if place.is_symlink() or not 0 < place.stat().st_size <= _LARGEST_LIST:
                continue
            content = place.read_bytes()
        except OSError as error:
            check.unreadable.append((path, error.strerror or str(error)))
            continue
        promised = list(_read_list(check, path, content))
        if promised:
            check.lists.append(path)
            yield from promised


def _read_list(check: DownloadCheck, path: bytes, content: bytes) -> Iterator[Expected]:
    """Read one file as a list, if most of its lines are those of one; what cannot be read in it is told."""
    alone, sidecar = _DIGEST_ALONE.fullmatch(content), _SIDECAR.fullmatch(path.rpartition(b"/")[2])
    if alone and sidecar:
        digest = alone["digest"].decode().lower()
        yield Expected(path, sidecar["name"], None, digest, ALGORITHMS.get(len(digest)))
        return
    lines = [line.strip() for line in content.split(b"\n") if line.strip() and not line.startswith(b"#")]
    addresses = [found for line in lines if (found := _ADDRESS.fullmatch(line))]
    manifest = read_manifest(content)
    most = max(len(addresses), len(manifest.files))
    if 2 * most <= len(lines):
        return  # some other text: a note, a script
    if most < len(lines):
        check.unreadable.append((path, f"{len(lines) - most} of its {len(lines)} lines cannot be read"))
    if len(addresses) == most:
        yield from filter(None, (_addressed(check, path, found) for found in addresses))
    else:
        yield from (Expected(path, one.name, None, one.digest, one.algorithm) for one in manifest.files)


def _addressed(check: DownloadCheck, path: bytes, found: re.Match[bytes]) -> Expected | None:
    url = found["url"].decode("utf-8", "replace")
    parts = urlsplit(url)
    name = unquote_to_bytes(parts.path.rpartition("/")[2] or parts.query.rpartition("=")[2])
    why = is_safe(name) or ("its name holds a '/'" if b"/" in name else None)
    if why is not None or not show(name).isprintable():
        check.unreadable.append((path, f"{url[:120]}: {why}"))
        return None
    digest = found["digest"].decode().lower() if found["digest"] else None
    return Expected(path, name, url, digest, ALGORITHMS.get(len(digest)) if digest else None)


@dataclass(slots=True)
class _Meant:
    """A file that some lists mean, each by one line; `place` is where it lies, below the folder."""

    expected: Expected
    place: bytes | None
    lines: dict[bytes, bytes]

    def takes(self, one: Expected, place: bytes | None) -> bool:
        """Say whether a line may mean this file: another line of the same list, place or sum means another."""
        known = self.expected
        return (
            self.lines.get(one.list, one.name) == one.name
            and (None in (place, self.place) or place == self.place)
            and (None in (one.digest, known.digest) or one.algorithm != known.algorithm or one.digest == known.digest)
        )

    def add(self, one: Expected) -> None:
        """Take what another list says of it: an address, a sum."""
        better = one if one.digest and not self.expected.digest else self.expected
        self.expected = replace(better, url=self.expected.url or one.url)
        self.lines[one.list] = one.name


def _meant(promises: Sequence[Expected], present: Sequence[bytes]) -> list[_Meant]:
    """Return the files that lists mean, by base name: one may give a file's address and another its sum."""
    held: dict[bytes, list[bytes]] = {}
    for path in present:
        held.setdefault(path.rpartition(b"/")[2], []).append(path)
    found: dict[bytes, list[_Meant]] = {}
    placed = [(one, _place(one, held.get(one.base, ()))) for one in promises]
    for one, place in sorted(placed, key=lambda pair: pair[1] is None):  # those that lie where they are listed first
        others = found.setdefault(one.base, [])
        known = next((other for other in others if other.takes(one, place)), None)
        if known is not None:
            known.add(one)
            continue
        taken = {other.place for other in others}
        left = (path for path in held.get(one.base, ()) if path not in taken)
        others.append(_Meant(one, place or next(left, None), {one.list: one.name}))
    return [one for base in sorted(found) for one in found[base]]


def _place(one: Expected, held: Sequence[bytes]) -> bytes | None:
    return next((path for path in (one.beside, one.name) if path in held), None)


def _judge(check: DownloadCheck, one: Expected, path: bytes) -> None:
    place = check.folder / os.fsdecode(path)
    try:
        if one.digest is not None and one.algorithm is not None:
            with place.open("rb") as stream:
                found = hashlib.file_digest(stream, one.algorithm).hexdigest()
            if found == one.digest:
                check.verified += 1
            else:
                check.wrong.append((path, f"its {one.algorithm} is not the listed one"))
            return
        if place.stat().st_size == 0:
            check.wrong.append((path, "it is empty"))
            return
    except OSError as error:
        check.unreadable.append((path, error.strerror or str(error)))
        return
    state, reason = whole.judge(os.fsencode(place))
    if state in ("short", "damaged"):
        check.wrong.append((path, reason))
    elif state == "unreadable":
        check.unreadable.append((path, reason))
    else:
        check.unverified += 1
