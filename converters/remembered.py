"""What the ledger knows of one night of one copy, held while the night is worked on: records, hashes, approvals.

Says whether a product still stands, also where a later step has put another in its place. What is done about it
is work.py's and pipeline.py's; how it is kept the ledger's.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Protocol

from catalogue.records import KnownHash, Product, StepRecord, StepResult
from converters.base import Facts
from converters.facts import facts_of
from converters.workspace import sha256_of

_YOUNG_S = 2.0
"""A file changed so recently may change again without showing it: the clock of a file system ticks every few ms."""


class StepMemory(Protocol):
    """What is asked of the ledger."""

    def step_record(self, instrument: str, copy: str, step: str, subject: bytes) -> StepRecord | None:
        """Return what was last noted of a step on a subject."""
        ...

    def step_records(self, instrument: str, night: dt.date) -> tuple[StepRecord, ...]:
        """Return what was last noted of every step of a night."""
        ...

    def record_step(self, record: StepRecord) -> None:
        """Note how far a step came with a subject, in place of what was noted before."""
        ...

    def forget_step(self, instrument: str, copy: str, step: str, subject: bytes) -> None:
        """Forget what was noted of a step on a subject that there is no more."""
        ...

    def known_hashes(self, instrument: str, copy: str, night: dt.date) -> Mapping[bytes, KnownHash]:
        """Return the hashes that were noted of a night's files."""
        ...

    def remember_hashes(
        self, instrument: str, copy: str, night: dt.date, hashes: Iterable[tuple[bytes, KnownHash]]
    ) -> None:
        """Note hashes of a night's files."""
        ...

    def approved(self, instrument: str, copy: str, night: dt.date) -> frozenset[tuple[str, str]]:
        """Return step and digest of everything that a person approved of a night."""
        ...

    def night_processed(
        self, instrument: str, copy: str, night: dt.date, labels: Iterable[str], at_utc: dt.datetime
    ) -> None:
        """Note that a night is through some steps; with none, that it is not."""
        ...

    def nights_processed(self, instrument: str, copy: str) -> Mapping[dt.date, tuple[frozenset[str], dt.datetime]]:
        """Return which nights are through which steps, and since when."""
        ...

    def freed_products(self, instrument: str, copy: str, night: dt.date) -> frozenset[tuple[bytes, str]]:
        """Return path and hash of everything that was freed of a night with proof."""
        ...


class Hashes:
    """Hashes of files below a root; a file is read again only if its size, times or inode have changed.

    May be used by many threads; two that ask for one file read it once.
    """

    def __init__(self, root: Path, known: Mapping[bytes, KnownHash]) -> None:
        self._root = root
        self._known = dict(known)
        self._fresh: dict[bytes, KnownHash] = {}
        self._guard = threading.Lock()
        self._reading: dict[bytes, threading.Lock] = {}

    def of(self, path: bytes) -> str:
        """Return the SHA-256 of a file, its path relative to the root.

        Raises
        ------
        OSError
        """
        with self._guard:
            lock = self._reading.setdefault(path, threading.Lock())
        with lock:
            place = self._root / os.fsdecode(path)
            stamp, changed_s = _stamp_of(place)
            known = self._known.get(path)
            if known is not None and known.stamp == stamp:
                return known.sha256
            began_s = time.time()
            sha256 = sha256_of(place)
            if abs(began_s - changed_s) > _YOUNG_S and _stamp_of(place)[0] == stamp:
                self._keep(path, KnownHash(stamp, sha256))
            return sha256

    def note(self, path: bytes, sha256: str) -> None:
        """Take the hash of a file that we have just brought to its place ourselves."""
        self._keep(path, KnownHash(_stamp_of(self._root / os.fsdecode(path))[0], sha256))

    def _keep(self, path: bytes, known: KnownHash) -> None:
        with self._guard:
            self._known[path] = known
            self._fresh[path] = known

    def take_fresh(self) -> list[tuple[bytes, KnownHash]]:
        """Return what has become known since this was last asked."""
        with self._guard:
            fresh, self._fresh = sorted(self._fresh.items()), {}
            return fresh


def _stamp_of(place: Path) -> tuple[str, float]:
    found = place.stat()
    return f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns} {found.st_ino}", found.st_ctime


def size_and_mtime(stamp: str) -> tuple[int, float]:
    """Return size in bytes and mtime in Unix seconds that a stamp stands for."""
    size_bytes, mtime_ns = stamp.split()[:2]
    return int(size_bytes), int(mtime_ns) / 1e9


class NightMemory:
    """The ledger's knowledge of one night on one copy; notes go to the ledger and are known here at once."""

    def __init__(self, memory: StepMemory, instrument: str, copy: str, night: dt.date, root: Path) -> None:
        self.memory, self.instrument, self.copy, self.night = memory, instrument, copy, night
        self._root = root
        self.hashes = Hashes(root, memory.known_hashes(instrument, copy, night))
        self.approved = memory.approved(instrument, copy, night)
        self._freed = memory.freed_products(instrument, copy, night)
        found = memory.step_records(instrument, night)
        self._records = {(one.step, one.subject): one for one in found if one.copy == copy}
        self._takers: dict[tuple[bytes, str], set[tuple[str, bytes]]] = {}
        self._made: Counter[tuple[bytes, str]] = Counter()
        self._begun: dict[bytes, Counter[str]] = {}
        self._standing: set[Product | tuple[str, bytes]] = set()
        for one in self._records.values():
            self._index(one)
        self._guard = threading.Lock()

    def record(self, step: str, subject: bytes) -> StepRecord | None:
        """Return what was last noted of a step on a subject."""
        known = self._records.get((step, subject))
        # where names tell the night, a subject may have been noted under another one
        return known or self.memory.step_record(self.instrument, self.copy, step, subject)

    def awaited(self, step: str, subject: bytes) -> str | None:
        """Return what a step did without, and may still come, when it last made something of a subject."""
        known = self.record(step, subject)
        return known.awaits if known is not None and known.result is StepResult.DONE else None

    def note(self, record: StepRecord) -> None:
        """Note how far a step came."""
        self.memory.record_step(record)
        with self._guard:
            self._unindex(self._records.get((record.step, record.subject)))
            self._records[(record.step, record.subject)] = record
            self._index(record)

    def look_again(self) -> None:
        """Believe no longer that what stood when it was last looked at stands now."""
        self._standing = set()  # another one: who is looking just now goes on with what was true

    def forget(self, record: StepRecord) -> None:
        """Forget a record whose subject there is no more."""
        self.memory.forget_step(self.instrument, self.copy, record.step, record.subject)
        with self._guard:
            self._unindex(self._records.pop((record.step, record.subject), None))

    def _index(self, record: StepRecord) -> None:
        """Know what a record made and consumed: each file is asked after, and a night may have thousands."""
        if record.result is not StepResult.DONE:
            for product in record.products:
                self._begun.setdefault(product.path, Counter())[product.sha256] += 1
            return
        self._made.update((product.path, product.sha256) for product in record.products)
        for taken in record.inputs:
            if taken.is_consumed:
                self._takers.setdefault((taken.path, taken.sha256), set()).add((record.step, record.subject))

    def _unindex(self, record: StepRecord | None) -> None:
        if record is None:
            return
        self.look_again()  # what it made or consumed is about to be something else
        if record.result is StepResult.DONE:
            self._made.subtract((product.path, product.sha256) for product in record.products)
        else:
            for product in record.products:
                self._begun[product.path][product.sha256] -= 1
        for taken in record.inputs:
            self._takers.get((taken.path, taken.sha256), set()).discard((record.step, record.subject))

    def _takers_of(self, product: Product) -> list[StepRecord]:
        with self._guard:
            keys = self._takers.get((product.path, product.sha256), set())
            return [self._records[key] for key in sorted(keys)]

    def records(self, step: str | None = None) -> list[StepRecord]:
        """Return the night's records, of one step or of all, by step and subject."""
        with self._guard:
            found = [one for key, one in sorted(self._records.items()) if step in (None, key[0])]
        return found

    def keep_hashes(self) -> None:
        """Hand what was hashed to the ledger."""
        self.memory.remember_hashes(self.instrument, self.copy, self.night, self.hashes.take_fresh())

    def made(self) -> set[tuple[bytes, str]]:
        """Return path and hash of everything that steps have made of the night."""
        with self._guard:
            return {key for key, count in self._made.items() if count > 0}

    def is_made(self, path: bytes, sha256: str | None) -> bool:
        """Say whether a step has made a file of the night, with these bytes."""
        return sha256 is not None and self._made.get((path, sha256), 0) > 0

    def is_of_an_attempt(self, path: bytes) -> bool:
        """Say whether a file is what an attempt that never ended was about to publish, byte for byte: it is ours.

        Raises
        ------
        OSError
            It could not be read.
        """
        with self._guard:
            told = {sha256 for sha256, count in self._begun.get(path, {}).items() if count > 0}
        return bool(told) and self.hashes.of(path) in told

    def outdated(self, step: str, subjects: Collection[bytes], all_below: bytes | None = None) -> list[StepRecord]:
        """Return the records of a step that are of no present subject, and were made of what steps make no more.

        A subject that is gone because what was made of it stands in its place is not among them. Where `all_below`
        is a folder's path with its slash, the subjects are all that is to be made of what lies in it: then what was
        made besides is of an earlier plan.
        """
        made = self.made()
        paths = {path for path, _ in made}
        return [
            one
            for one in self.records(step)
            if one.subject not in subjects
            and (
                any(
                    (taken.is_consumed or taken.path in paths) and (taken.path, taken.sha256) not in made
                    for taken in one.inputs
                )
                or (all_below is not None and one.subject.startswith(all_below) and subjects and self._lie_there(one))
            )
        ]

    def _lie_there(self, record: StepRecord) -> bool:
        """Say whether everything that a step took is at its place, whatever it holds: nothing of it was freed."""
        return bool(record.inputs) and all((self._root / os.fsdecode(one.path)).is_file() for one in record.inputs)

    def counted(self, step: str) -> Facts | None:
        """Return what a step has counted of the night, in whichever runs its parts were made; None: it counts none.

        What was made by an earlier plan, and was set aside since, is no part of it.
        """
        done = [one for one in self.records(step) if one.result is StepResult.DONE and one.facts]
        told = [facts_of(one.facts) for one in done if one.facts and self.stands(one.products)]
        return sum(told, Facts()) if told else None

    def hold_digest(self, step: str) -> str:
        """Return what tells the results of a step in this night from others: an approval is of these alone."""
        digest = hashlib.sha256()
        for one in self.records(step):
            digest.update(one.subject + b"\0" + one.digest.encode() + b"\0")
            for product in one.products:
                digest.update(product.path + b"\0" + product.sha256.encode() + b"\0")
        return digest.hexdigest()

    def stands(self, products: Collection[Product]) -> bool:
        """Say whether products are as they were made, or replaced by what later steps made of them and that stands.

        What was found to stand is not looked at again until `look_again`, or until a step makes its own anew: one step
        may have taken thousands of files together, and each of those that made them asks after all.
        """
        known = self._standing
        return all(self._stands(product, frozenset(), known) for product in products)

    def _stands(self, product: Product, asked: frozenset[Product], known: set[Product | tuple[str, bytes]]) -> bool:
        if product in known:
            return True
        if not self._lies_there(product):
            if product in asked:
                return False  # a file written anew under its own name, and then lost
            if not any(self._all_stand(one, asked | {product}, known) for one in self._takers_of(product)):
                return False
        known.add(product)
        return True

    def _all_stand(
        self, record: StepRecord, asked: frozenset[Product], known: set[Product | tuple[str, bytes]]
    ) -> bool:
        key = (record.step, record.subject)
        if key not in known:
            if not all(self._stands(one, asked, known) for one in record.products):
                return False
            known.add(key)
        return True

    def _lies_there(self, product: Product) -> bool:
        try:
            return self.hashes.of(product.path) == product.sha256
        except OSError:
            # freed with proof it stands on other copies; else it is gone or unreadable, and made again
            return (product.path, product.sha256) in self._freed
