"""What the bytes of a night's files must be, by all that was read of them: a copy may rot after it was proven.

Leaves to the caller what becomes of a file that is not so.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from catalogue.evidence_records import ReadFile
from catalogue.holdings.records import TIMES_AGREE_S, HeldCopy, Place
from nightferry.retention.evidence import chains, held_by_chain
from nightferry.retention.safe import Held, references
from nightferry.workplace import Workplace
from observatory.spec.models import Instrument


@dataclass(frozen=True, slots=True)
class AsRead:
    """Files of a night where they lie, by host, root and path, each with the hash that it had."""

    files: Mapping[tuple[str, str, bytes], tuple[ReadFile, str]]

    def hash_of(self, place: Place, copy: HeldCopy) -> str | None:
        """Return the hash of a copy; None where nobody read it as it is now, by size and time."""
        file, sha256 = self.files.get((place.host, place.root, copy.path), (None, None))
        is_same = file is not None and _is_one_version(file, copy)
        return sha256 if is_same else None


def as_read(workplace: Workplace, instrument: Instrument, night: dt.date) -> AsRead:
    """Return what the ledger knows of a night's files on every copy."""
    found = {}
    for chain in chains(instrument):
        held = held_by_chain(workplace, instrument, chain, night)
        for place, one in zip(chain, held, strict=True):
            for file, sha256 in _hashes(one, held):
                found[place.host, place.root, file.path] = file, sha256
    return AsRead(found)


def _hashes(one: Held, chain: Sequence[Held]) -> Iterator[tuple[ReadFile, str]]:
    """Yield a copy's files with their hashes; where copies differ that with which it was made or first read."""
    first = references(chain)
    read: defaultdict[bytes, list[ReadFile]] = defaultdict(list)
    for file in (evidence.file for held in chain for evidence in held.evidence.values()):
        read[file.name].append(file)
    for mine in (evidence.file for evidence in one.evidence.values()):
        hashes = {file.sha256 for file in read[mine.name] if file.sha256 and _is_one_version(mine, file)}
        reference = {first[mine.name].sha256} if mine.name in first else set()
        told = reference & hashes or hashes
        if len(told) == 1:
            yield mine, told.pop()


def _is_one_version(one: ReadFile, other: ReadFile | HeldCopy) -> bool:
    return one.size_bytes == other.size_bytes and abs(one.mtime_s - other.mtime_s) < TIMES_AGREE_S
