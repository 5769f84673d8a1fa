"""How what a task made comes to its place: checked, hashed, on disk, and known to the ledger before it is moved.

What lies there already and is ours may be replaced; whatever else is put aside and kept. Where a task works is
workspace.py's, what is noted work.py's.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from catalogue.records import Product, StepRecord, StepResult
from converters.remembered import Hashes, NightMemory
from converters.workspace import Workspace, sha256_of
from observatory.files import to_disk
from observatory.names import show


class NotMade(Exception):
    """A task did not make what it was to make; the reason is its text."""


class Publisher:
    """Brings the products of one attempt to their places.

    Parameters
    ----------
    night : NightMemory
        Knows what any step made of the night.
    known : StepRecord or None
        Of the last attempt.
    consumed : collection of bytes
        Paths below the root that this task may replace beside its own products.
    writes_beside : bool
        The step leaves its products in their places itself.
    """

    def __init__(
        self,
        space: Workspace,
        night: NightMemory,
        known: StepRecord | None,
        consumed: frozenset[bytes],
        writes_beside: bool,
    ) -> None:
        self._space, self._night, self._known = space, night, known
        self._consumed, self._writes_beside = consumed, writes_beside
        self._before = {product.path: product for product in known.products} if known is not None else {}
        self._outputs: tuple[bytes, ...] = ()
        self._intended: tuple[Product, ...] = ()
        self._strangers: list[bytes] = []

    @property
    def warning(self) -> str | None:
        """What is to be said of files that stood in the products' places and were not ours; None: there were none."""
        if not self._strangers:
            return None
        first, count = show(self._strangers[0]), len(self._strangers)
        others = f" and {count - 1} more" if count > 1 else ""
        return f"{first}{others} stood there and no step had made it so: set aside below .nightferry/replaced"

    @property
    def owned(self) -> tuple[Product, ...]:
        """Products in their places that are ours: of an earlier success, or of this attempt."""
        kept = {} if self._is_leftover else self._before
        return tuple(sorted((kept | {one.path: one for one in self._intended}).values()))

    def owned_with(self, ready: Mapping[bytes, tuple[Path, str]]) -> tuple[Product, ...]:
        """Return `owned` with what is about to be published: a run that is killed then knows it for its own."""
        self._intended = tuple(Product(path, sha256) for path, (_, sha256) in sorted(ready.items()))
        return self.owned

    @property
    def _is_leftover(self) -> bool:
        """Whether the last attempt was killed, so that what lies there may be half made."""
        return self._known is not None and self._known.result is StepResult.STARTED and self._writes_beside

    def prepare(self, outputs: tuple[bytes, ...], begun: Callable[[tuple[Product, ...]], None]) -> list[Path]:
        """Clear the way, have it noted that we begin, and return where the step is to leave its products."""
        self._outputs = outputs
        if not self._writes_beside:
            begun(self.owned)
            places = [
                self._space.folder / "made" / str(number) / Path(os.fsdecode(path)).name
                for number, path in enumerate(outputs)
            ]
            for place in places:
                place.parent.mkdir(parents=True)
            return places
        try:
            for path in outputs:  # before the note: what that names is ours to remove, and this may not be
                self._clear(path, path in self._before and (self._is_leftover or self._may_replace(path)))
        except OSError:
            self._space.put_back()
            raise
        begun(tuple(Product(path, "") for path in outputs))
        return [self._space.root / os.fsdecode(path) for path in outputs]

    def check(
        self, named: Mapping[bytes, Path], hashes: Mapping[bytes, str], is_altered: bool
    ) -> dict[bytes, tuple[Path, str]]:
        """Check what the step made and return each product's place and hash, by its path below the root.

        Where the step altered its input nothing is demanded: then everything that there is stays.

        Raises
        ------
        NotMade
        """
        if not is_altered:
            for path, place in named.items():
                _check_product(path, place)
        there = {path: place for path, place in named.items() if place.is_file()}
        return {path: (place, hashes.get(path) or sha256_of(place)) for path, place in there.items()}

    def publish(self, ready: Mapping[bytes, tuple[Path, str]]) -> tuple[Product, ...]:
        """Bring products to their places."""
        for path, (place, sha256) in ready.items():
            if self._writes_beside:
                to_disk(place)
                to_disk(place.parent)
            else:
                if not self._may_replace(path):
                    self._clear(path, is_ours=False)
                self._space.publish(place, path)
            self._night.hashes.note(path, sha256)
        return tuple(Product(path, sha256) for path, (_, sha256) in sorted(ready.items()))

    def _clear(self, path: bytes, is_ours: bool) -> None:
        if self._space.put_aside(path, is_ours) and not is_ours:
            self._strangers.append(path)

    def obsolete(self, present: Collection[bytes]) -> list[bytes]:
        """Return what was made of this task before and is no more; what was replaced by later steps is not there."""
        before = () if self._writes_beside else self._before.values()
        gone = [product for product in before if product.path not in present]
        return [product.path for product in gone if _lies_there(self._night.hashes, product)]

    def clear(self, products: tuple[Product, ...]) -> None:
        """Put aside what is obsolete beside the present products."""
        for path in self.obsolete({product.path for product in products}):
            self._space.put_aside(path, is_ours=False)

    def _may_replace(self, path: bytes) -> bool:
        """Say whether what lies at a place is ours: its bytes tell. A product that a person altered is not."""
        if path in self._consumed:
            return True
        before = self._before.get(path)
        if before is None:
            return False
        try:
            found = self._night.hashes.of(path)
            return found == before.sha256 or self._night.is_made(path, found) or self._night.is_of_an_attempt(path)
        except OSError:
            return False

    def undo(self) -> None:
        """Remove what was half made, and put back what was there."""
        if self._writes_beside:
            for path in self._outputs:
                place = self._space.root / os.fsdecode(path)
                if place.is_file() or place.is_symlink():
                    place.unlink()
        self._space.put_back(with_ours=not self._is_leftover)


def clear_outdated(space: Workspace, known: NightMemory, outdated: Iterable[StepRecord]) -> None:
    """Put aside what is left of what some records say was made, and forget these."""
    for record in outdated:
        for product in record.products:
            if _lies_there(known.hashes, product):
                space.put_aside(product.path, is_ours=False)
        known.forget(record)


def left_consumed(known: NightMemory, step: str) -> list[bytes]:
    """Return what a step had consumed and could not remove to the end, by its path below the root.

    A few of many inputs that are left would else be planned as a task of their own, whose products replace the whole.
    """
    lefts = ((record, _left_of(known, record)) for record in known.records(step))
    return [path for record, left in lefts if left and known.stands(record.products) for path in left]


def is_anything_left(known: NightMemory) -> bool:
    """Say whether something lies there still, or again, that a step had consumed."""
    return any(_left_of(known, record) for record in known.records())


def _left_of(known: NightMemory, record: StepRecord) -> list[bytes]:
    if record.result is not StepResult.DONE:
        return []
    made = {product.path for product in record.products}
    return [
        taken.path
        for taken in record.inputs
        if taken.is_consumed and taken.path not in made and _is_at(known.hashes, taken.path, taken.sha256)
    ]


def _lies_there(hashes: Hashes, product: Product) -> bool:
    return _is_at(hashes, product.path, product.sha256)


def _is_at(hashes: Hashes, path: bytes, sha256: str) -> bool:
    try:
        return hashes.of(path) == sha256
    except OSError:
        return False


def _check_product(path: bytes, place: Path) -> None:
    try:
        found = place.lstat()
    except FileNotFoundError:
        raise NotMade(f"it ended well but made no {show(path)}") from None
    if not stat.S_ISREG(found.st_mode):
        raise NotMade(f"it made {show(path)}, which is no regular file")
    if found.st_size == 0:
        raise NotMade(f"it made {show(path)}, which is empty")
