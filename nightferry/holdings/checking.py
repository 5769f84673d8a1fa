"""Whether datastores hold what the catalogue says: tracked but absent, altered, present but untracked.

Looks afresh and alters nothing. A datastore that is away is UNKNOWN, and none of its files is called absent.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalogue.datasets.records import Dataset
from observatory.endpoints.contract import MARKER, NEVER_ENTERED
from observatory.names import show, to_json
from observatory.truth import State
from syncer.ingest.find import look
from syncer.ingest.place import hash_file

if TYPE_CHECKING:
    from catalogue.catalogue import Catalogue


@dataclass(slots=True)
class DatastoreCheck:
    """What one datastore came to.

    Attributes
    ----------
    host, root : str, bytes
    tracked : int
        Datasets that the catalogue has there.
    good : int
        Those found as they were recorded.
    hashed : int or None
        How many of these by their hash: of what was only linked none may have been recorded. None: it was not asked.
    absent, altered, unreadable : list of (path, reason)
    untracked : list of bytes
        Files that the catalogue does not have.
    unknown_reason : str or None
        Why nothing could be looked at.
    """

    host: str
    root: bytes
    tracked: int = 0
    good: int = 0
    hashed: int | None = None
    absent: list[tuple[bytes, str]] = field(default_factory=list)
    altered: list[tuple[bytes, str]] = field(default_factory=list)
    unreadable: list[tuple[bytes, str]] = field(default_factory=list)
    untracked: list[bytes] = field(default_factory=list)
    unknown_reason: str | None = None

    @property
    def state(self) -> State:
        """The state of the datastore."""
        if self.unknown_reason is not None or self.unreadable:
            return State.UNKNOWN
        return State.DIFFERENT if self.absent or self.altered or self.untracked else State.OK

    def document(self) -> dict[str, Any]:
        """Return what JSON says of it."""
        lists = {"absent": self.absent, "altered": self.altered, "unreadable": self.unreadable}
        told: dict[str, Any] = {
            name: [{"path": to_json(path), "reason": reason} for path, reason in found] for name, found in lists.items()
        }
        return {
            "host": self.host,
            "root": to_json(self.root),
            "state": self.state.value,
            "reason": self.unknown_reason,
            "tracked": self.tracked,
            "good": self.good,
            "hashed": self.hashed,
            "untracked": [to_json(path) for path in self.untracked],
        } | told

    def lines(self) -> Iterator[str]:
        """Yield one line of counts, then every finding."""
        place = f"{self.host}:{show(self.root)}"
        if self.unknown_reason is not None:
            yield f"{place}: UNKNOWN: {self.unknown_reason}"
            return
        counts = f"{self.tracked} tracked, {self.good} good{self._by_hash()}"
        ill = f"{len(self.absent)} absent, {len(self.altered)} altered, {len(self.unreadable)} unreadable"
        yield f"{place}: {counts}, {ill}, {len(self.untracked)} untracked"
        yield from (f"  tracked but absent: {show(path)}: {reason}" for path, reason in self.absent)
        yield from (f"  altered: {show(path)}: {reason}" for path, reason in self.altered)
        yield from (f"  could not be read: {show(path)}: {reason}" for path, reason in self.unreadable)
        yield from (f"  present but untracked: {show(path)}" for path in self.untracked)

    def _by_hash(self) -> str:
        if self.hashed is None or self.hashed == self.good:
            return ""
        return f" ({self.hashed} by hash; of the others none was recorded: only their sizes were compared)"


def check(
    catalogue: Catalogue,
    is_here: Callable[[str], bool],
    declared: Iterable[tuple[str, bytes]] = (),
    checksum: bool = False,
) -> list[DatastoreCheck]:
    """Look at every datastore that the catalogue knows, and at those that it ought to know.

    Parameters
    ----------
    is_here : callable
        Says of a datastore's host whether it is this machine.
    declared : iterable of (host, root)
        The datastores on this machine that instruments declare. One that the catalogue does not know, and that shows
        a marker, was ingested into by a catalogue that is lost.
    checksum : bool
        Hash the files of which a hash was recorded.
    """
    known = {(host, root): number for number, host, root in catalogue.known_datastores()}
    checks = []
    for (host, root), number in known.items():
        one = DatastoreCheck(host, root, hashed=0 if checksum else None)
        checks.append(one)
        if not is_here(host):
            one.unknown_reason = f"it lies on {host}; look there"
        elif not _is_marked(root):
            one.unknown_reason = f"it shows no {MARKER.decode()}; its disk may not be mounted"
        else:
            _check_files(one, catalogue.every_dataset(number), checksum)
    for host, root in sorted(set(declared) - set(known)):
        if _is_marked(root):
            one = DatastoreCheck(host, root, hashed=0 if checksum else None)
            checks.append(one)
            _check_files(one, (), checksum)
    return checks


def _is_marked(root: bytes) -> bool:
    return (Path(os.fsdecode(root)) / os.fsdecode(MARKER)).is_file()


def _check_files(one: DatastoreCheck, datasets: Iterable[Dataset], checksum: bool) -> None:
    known: set[bytes] = set()
    for dataset in datasets:
        one.tracked += 1
        known.add(dataset.path)
        _check_file(one, dataset, checksum)
    for path in _walk(one):
        if path not in known:
            one.untracked.append(path)


def _check_file(one: DatastoreCheck, dataset: Dataset, checksum: bool) -> None:
    path = dataset.path
    there = look(one.root, [path])[path]
    if there.reason is not None:
        is_dangling = os.path.islink(os.path.join(one.root, path)) and "gone" in there.reason  # noqa: PTH114, PTH118
        (one.absent if is_dangling else one.unreadable).append((path, there.reason))
    elif there.size_bytes is None:
        one.absent.append((path, "the catalogue has it, the disk has not"))
    elif not there.is_file:
        one.altered.append((path, "it is no regular file"))
    elif there.size_bytes != dataset.size_bytes:
        one.altered.append((path, f"{there.size_bytes} bytes instead of {dataset.size_bytes}"))
    elif checksum and dataset.sha256 is not None:
        _check_sum(one, dataset)
    else:
        one.good += 1


def _check_sum(one: DatastoreCheck, dataset: Dataset) -> None:
    try:
        is_same = hash_file(os.path.join(one.root, dataset.path)) == dataset.sha256  # noqa: PTH118 - names are bytes
    except OSError as error:
        one.unreadable.append((dataset.path, error.strerror or str(error)))
        return
    if is_same:
        one.good += 1
        one.hashed = (one.hashed or 0) + 1
    else:
        one.altered.append((dataset.path, "its SHA-256 is not the recorded one"))


def _walk(one: DatastoreCheck) -> Iterator[bytes]:
    """Yield every file below a datastore's root, our own folder left out."""

    def refused(error: OSError) -> None:
        one.unreadable.append((os.fsencode(error.filename or one.root), error.strerror or str(error)))

    start = len(one.root) + 1
    for here, folders, files in os.walk(one.root, onerror=refused):
        folders[:] = sorted(name for name in folders if name not in NEVER_ENTERED)
        yield from (os.path.join(here, name)[start:] for name in sorted(files))  # noqa: PTH118 - names are bytes
