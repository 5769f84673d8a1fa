"""BagIt bags of a night: a folder that says of itself what it holds, made whole or not at all, and checked.

Bags are those of RFC 8493, version 1.0, with SHA-256 throughout; which files a night has night_files.py says.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from observatory.counting import counted
from observatory.errors import FileUnreadable, NightferryError, UsageError
from observatory.files import sweep, to_disk, token
from observatory.names import is_safe, show
from observatory.truth import State

_BLOCK_BYTES = 1 << 20
_DECLARATION = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
_OXUM = re.compile(rb"^Payload-Oxum:[ \t]*([0-9]+\.[0-9]+)[ \t]*\r?$", re.MULTILINE | re.IGNORECASE)
_MANIFEST = re.compile(rb"(?P<digest>[0-9a-fA-F]{64})[ \t]+\*?(?P<path>[^\r\n]+)")


class BagNotWritten(NightferryError):
    """The disk on which a bag is made takes it not."""

    def __init__(self, folder: Path, error: OSError) -> None:
        super().__init__(f"{folder}: could not be written: {error.strerror or error}; no bag was made")


@dataclass(frozen=True, slots=True)
class Bag:
    """A bag that was made: its folder, files and bytes of its payload."""

    folder: Path
    files: int
    bytes: int


def make_bag(
    files: Mapping[bytes, Path],
    folder: Path,
    facts: Mapping[str, str],
    progress: Callable[[int], None] = lambda n: None,
) -> Bag:
    """Copy files into a bag; under its own name it is there whole or not at all.

    Parameters
    ----------
    files : mapping of path in the payload to file
    folder : Path
        The bag; must not be there yet.
    facts : mapping of label to value
        For bag-info.txt, beside the payload's size and the date.
    progress : callable
        Told how many files are copied.

    Raises
    ------
    UsageError
        No file, a folder that is there, or a name that is not UTF-8.
    FileUnreadable
        A file cannot be read; nothing is left.
    BagNotWritten
        The bag's disk is full or failed; nothing is left.
    """
    if not files:
        raise UsageError(f"{folder}: no file for a bag; nothing was made")
    if folder.exists():
        raise UsageError(f"{folder} is there already; nothing was made")
    for name in files:
        if name.decode("utf-8", "replace").encode() != name:
            raise UsageError(f"{show(name)}: a bag's names are UTF-8, and this one is not; nothing was made")
    folder.parent.mkdir(parents=True, exist_ok=True)
    sweep(folder.parent, f".{folder.name}.")
    making = folder.parent / f".{folder.name}.{token()}"
    try:
        made = _fill(making, files, facts, progress)
        making.rename(folder)
        to_disk(folder.parent)
    except OSError as error:
        raise BagNotWritten(folder, error) from error
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return Bag(folder, len(files), made)


def _fill(making: Path, files: Mapping[bytes, Path], facts: Mapping[str, str], progress: Callable[[int], None]) -> int:
    lines: list[bytes] = []
    total = 0
    for done, (name, file) in enumerate(sorted(files.items()), 1):
        place = b"data/" + name
        digest, size = _copy(file, making / os.fsdecode(place))
        lines.append(digest.encode() + b"  " + _encoded(place) + b"\n")
        total += size
        progress(done)
    today = dt.datetime.now(dt.UTC).date().isoformat()
    told = {**facts, "Bagging-Date": today, "Bag-Software-Agent": "nightferry", "Payload-Oxum": f"{total}.{len(files)}"}
    tags = {
        "bagit.txt": _DECLARATION,
        "bag-info.txt": "".join(f"{label}: {_one_line(value)}\n" for label, value in told.items()).encode(),
        "manifest-sha256.txt": b"".join(lines),
    }
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(tags.items()))
    tags["tagmanifest-sha256.txt"] = sums.encode()
    for tag, content in tags.items():
        _write(making / tag, content)
    for here, _, _ in os.walk(making):
        to_disk(Path(here))
    return total


def _copy(file: Path, place: Path) -> tuple[str, int]:
    """Copy bytes and time; return the sum of what was read once it has been read back."""
    place.parent.mkdir(parents=True, exist_ok=True)
    summing = hashlib.sha256()
    with _opened(file) as reading, place.open("xb") as writing:
        size = 0
        while block := _block(reading, file):
            summing.update(block)
            size += writing.write(block)
        facts = os.fstat(reading.fileno())
        writing.flush()
        os.fsync(writing.fileno())
    os.utime(place, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    with place.open("rb") as written:
        if size != facts.st_size or hashlib.file_digest(written, "sha256").hexdigest() != summing.hexdigest():
            why = "it changed while it was copied, or what was written is not what is read back; no bag was made"
            raise FileUnreadable("this machine", show(bytes(file)), why)
    return summing.hexdigest(), size


def _opened(file: Path) -> BinaryIO:
    try:
        return file.open("rb")
    except OSError as error:
        raise _unreadable(file, error) from error


def _block(reading: BinaryIO, file: Path) -> bytes:
    try:
        return reading.read(_BLOCK_BYTES)
    except OSError as error:
        raise _unreadable(file, error) from error


def _unreadable(file: Path, error: OSError) -> FileUnreadable:
    return FileUnreadable("this machine", show(bytes(file)), f"{error.strerror or error}; no bag was made")


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _encoded(path: bytes) -> bytes:
    """Return a path as a manifest holds it: line ends and the sign that escapes them are escaped (RFC, 2.1.3)."""
    return path.replace(b"%", b"%25").replace(b"\r", b"%0D").replace(b"\n", b"%0A")


def _decoded(path: bytes) -> bytes:
    for escaped, sign in ((rb"%0[Dd]", b"\r"), (rb"%0[Aa]", b"\n"), (rb"%25", b"%")):
        path = re.sub(escaped, sign, path)
    return path


def _one_line(text: str) -> str:
    return " ".join(text.split())


@dataclass(slots=True)
class BagChecked:
    """What a bag came to."""

    folder: Path
    verified: int = 0
    wrong: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    @property
    def state(self) -> State:
        """OK where it is complete and valid in the RFC's sense, and holds something."""
        if self.unreadable:
            return State.UNKNOWN
        return State.DIFFERENT if self.wrong or not self.verified else State.OK

    def lines(self) -> Iterator[str]:
        """Yield the counts, then every finding."""
        word = {State.OK: "valid", State.DIFFERENT: "not valid", State.UNKNOWN: "UNKNOWN"}[self.state]
        yield f"{self.folder}: {word}, {counted(self.verified, 'file')} verified"
        yield from (f"  {finding}" for finding in (*self.wrong, *self.unreadable))


def check_bag(folder: Path) -> BagChecked:
    """Check every file of a bag against its manifests: none missing, none wrong, none too many."""
    checked = BagChecked(folder)
    if not (folder / "bagit.txt").is_file():
        checked.unreadable.append("it has no bagit.txt: it is no bag")
        return checked
    payload = _check_manifest(checked, folder, "manifest-sha256.txt")
    _check_manifest(checked, folder, "tagmanifest-sha256.txt")
    checked.wrong += [f"listed, and no payload: {show(path)}" for path in sorted(payload) if path[:5] != b"data/"]
    held = dict(_payload(checked, folder))
    checked.wrong += [f"not listed: {show(path)}" for path in sorted(held.keys() - payload)]
    if not (checked.wrong or checked.unreadable):
        _check_oxum(checked, folder, f"{sum(held.values())}.{len(held)}")
    checked.verified = len(payload) if not checked.wrong and not checked.unreadable else 0
    return checked


def _payload(checked: BagChecked, folder: Path) -> Iterator[tuple[bytes, int]]:
    """Yield path and size of every file below ``data``; one that a link leads to outside the bag is not in it."""

    def refused(error: OSError) -> None:
        checked.unreadable.append(f"could not be listed: {error.filename}: {error.strerror}")

    root = Path(os.path.realpath(folder))
    for here, _, names in os.walk(folder / "data", onerror=refused):
        for file in (Path(here) / name for name in names):
            path, place = os.fsencode(file.relative_to(folder)), Path(os.path.realpath(file))
            if not place.is_relative_to(root):
                checked.wrong.append(f"a link that leads out of the bag: {show(path)}")
            yield path, place.stat().st_size if place.is_file() else 0


def _check_oxum(checked: BagChecked, folder: Path, found: str) -> None:
    """Hold bytes and number of the payload's files against what the bag says of them, if it does (RFC, 2.2.2)."""
    try:
        told = _OXUM.search((folder / "bag-info.txt").read_bytes())
    except FileNotFoundError:
        return
    except OSError as error:
        checked.unreadable.append(f"bag-info.txt: {error.strerror}")
        return
    if told is not None and told[1].decode() != found:
        checked.wrong.append(f"bag-info.txt says Payload-Oxum {told[1].decode()}, the payload's is {found}")


def _check_manifest(checked: BagChecked, folder: Path, name: str) -> set[bytes]:
    try:
        lines = (folder / name).read_bytes().split(b"\n")
    except OSError as error:
        checked.unreadable.append(f"{name}: {error.strerror}")
        return set()
    listed: set[bytes] = set()
    for line in filter(None, (line.rstrip(b"\r") for line in lines)):
        found = _MANIFEST.fullmatch(line)
        path = _decoded(found["path"]) if found else b""
        if found is None or is_safe(path) is not None:
            checked.wrong.append(f"{name}: cannot be read: {show(line)[:100]}")
            continue
        listed.add(path)
        _check_file(checked, folder, path, found["digest"].decode().lower())
    return listed


def _check_file(checked: BagChecked, folder: Path, path: bytes, digest: str) -> None:
    try:
        with (folder / os.fsdecode(path)).open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != digest:
                checked.wrong.append(f"its SHA-256 is not the listed one: {show(path)}")
    except FileNotFoundError:
        checked.wrong.append(f"missing: {show(path)}")
    except OSError as error:
        checked.unreadable.append(f"could not be read: {show(path)}: {error.strerror}")
