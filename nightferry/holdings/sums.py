"""Lists of SHA-256 per exposure, as ``sha256sum`` writes them, made from datasets and checked against a folder.

Every file that is listed is read now; a recorded hash is compared with what is read and never copied. The dialects
of lists are observatory/manifests.py's.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from catalogue.datasets.records import Dataset
from observatory.files import sweep, write_whole
from observatory.manifests import Listed, read_manifest, write_manifest
from observatory.names import is_safe, show, to_json
from observatory.truth import State
from syncer.ingest.place import hash_file


@dataclass(slots=True)
class SumsWritten:
    """What writing lists came to: their paths, files listed, and files that could not be, with the reason."""

    lists: list[Path] = field(default_factory=list)
    files: int = 0
    failed: list[tuple[bytes, str]] = field(default_factory=list)
    unreadable: list[tuple[bytes, str]] = field(default_factory=list)

    @property
    def state(self) -> State:
        """OK where every file was listed; of no file at all it is not."""
        if self.unreadable:
            return State.UNKNOWN
        return State.DIFFERENT if self.failed or not self.files else State.OK


def write_sums(
    groups: Sequence[tuple[str, Sequence[Dataset]]],
    folder: Path,
    progress: Callable[[int], None] = lambda done: None,
) -> SumsWritten:
    """Write a list for each group of datasets, named ``checksum-GROUP.sha256sum``.

    A list holds base names; a file whose bytes are not those recorded is not listed.

    Raises
    ------
    OSError
        A list could not be written.
    """
    written = SumsWritten()
    folder.mkdir(parents=True, exist_ok=True)
    sweep(folder)
    done = 0
    for name, datasets in groups:
        listed: list[Listed] = []
        for one in datasets:
            digest = _hash(one, written)
            if digest is not None:
                listed.append(Listed(os.fsencode(one.file.name), digest, "sha256"))
            done += 1
            progress(done)
        if listed:
            path = folder / f"checksum-{name}.sha256sum"
            write_whole(path, write_manifest(listed))
            path.chmod(0o644)
            written.lists.append(path)
            written.files += len(listed)
    return written


def _hash(one: Dataset, written: SumsWritten) -> str | None:
    path = bytes(one.file)
    try:
        digest = hash_file(path)
    except FileNotFoundError:
        written.failed.append((path, "the catalogue has it, the disk has not"))
        return None
    except OSError as error:
        written.unreadable.append((path, error.strerror or str(error)))
        return None
    if one.sha256 is not None and digest != one.sha256:
        written.failed.append((path, "its SHA-256 is not the recorded one"))
        return None
    return digest


@dataclass(slots=True)
class SumsChecked:
    """What one list came to: files with the listed sum, missing, wrong and unreadable ones, and files not listed.

    `base` is the folder that its `names` are below.
    """

    path: Path
    base: Path
    names: frozenset[bytes] = frozenset()
    verified: int = 0
    missing: list[bytes] = field(default_factory=list)
    wrong: list[bytes] = field(default_factory=list)
    extra: list[bytes] = field(default_factory=list)
    unreadable: list[tuple[bytes, str]] = field(default_factory=list)

    @property
    def state(self) -> State:
        """OK where something was verified and nothing is amiss: an empty list proves nothing."""
        if self.unreadable:
            return State.UNKNOWN
        return State.DIFFERENT if self.missing or self.wrong or self.extra or not self.verified else State.OK

    def document(self) -> dict[str, Any]:
        """Return what JSON says of it."""
        return {
            "list": to_json(os.fsencode(self.path)),
            "state": self.state.value,
            "verified": self.verified,
            "missing": [to_json(name) for name in self.missing],
            "wrong": [to_json(name) for name in self.wrong],
            "extra": [to_json(name) for name in self.extra],
            "unreadable": [{"path": to_json(name), "reason": reason} for name, reason in self.unreadable],
        }

    def lines(self) -> Iterator[str]:
        """Yield the counts, then every finding."""
        counts = f"{self.verified} verified, {len(self.missing)} missing, {len(self.wrong)} wrong"
        yield f"{self.path}: {counts}, {len(self.extra)} not listed, {len(self.unreadable)} could not be read"
        for word, names in (("missing", self.missing), ("wrong", self.wrong), ("not listed", self.extra)):
            yield from (f"  {word}: {show(name)}" for name in names)
        yield from (f"  could not be read: {show(name)}: {reason}" for name, reason in self.unreadable)
        if not self.verified and not self.unreadable:
            yield "  no file was verified"


def check_lists(paths: Sequence[Path], folder: Path | None = None) -> list[SumsChecked]:
    """Check lists of any dialect against the files beside them, or in another folder.

    A file of the lists' folders that none of them lists is named once, with the first that lists one beside it; lists
    themselves are never extra.
    """
    checks = [check_sums(path, folder) for path in paths]
    named: dict[Path, set[bytes]] = {}
    for one in checks:
        named.setdefault(one.base, set()).update(one.names)
    for one in checks:
        one.extra = sorted(_beside(one) - named[one.base])
        named[one.base].update(one.extra)
    return checks


def check_sums(path: Path, folder: Path | None = None) -> SumsChecked:
    """Check the files that one list names."""
    checked = SumsChecked(path, path.parent if folder is None else folder)
    try:
        manifest = read_manifest(path.read_bytes())
    except OSError as error:
        checked.unreadable.append((bytes(path), error.strerror or str(error)))
        return checked
    checked.unreadable += [(bytes(path), f"line {number} cannot be read") for number in manifest.unread_lines]
    checked.names = frozenset(listed.name for listed in manifest.files)
    for listed in manifest.files:
        _check(checked, listed)
    return checked


def _check(checked: SumsChecked, listed: Listed) -> None:
    if is_safe(listed.name) is not None:
        checked.unreadable.append((listed.name, is_safe(listed.name) or ""))
        return
    try:
        with (checked.base / os.fsdecode(listed.name)).open("rb") as stream:
            digest = hashlib.file_digest(stream, listed.algorithm).hexdigest()
    except FileNotFoundError:
        checked.missing.append(listed.name)
        return
    except OSError as error:
        checked.unreadable.append((listed.name, error.strerror or str(error)))
        return
    if digest == listed.digest:
        checked.verified += 1
    else:
        checked.wrong.append(listed.name)


def _beside(checked: SumsChecked) -> set[bytes]:
    """Return the files in the folders of those that a list names; a folder that cannot be looked at is said."""
    found: set[bytes] = set()
    for folder in {name.rpartition(b"/")[0] for name in checked.names} or {b""}:
        here = checked.base / os.fsdecode(folder)
        try:
            paths = [path for path in here.iterdir() if path.is_file()] if here.is_dir() else []
        except OSError as error:
            checked.unreadable.append((bytes(here), error.strerror or str(error)))
            continue
        files = (path for path in paths if not path.name.endswith(("sum", "sums")) and not path.name.startswith("."))
        found |= {os.fsencode(path.relative_to(checked.base)) for path in files}
    return found
