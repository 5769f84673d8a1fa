"""Datasets taken out of the catalogue and their files out of the datastore; no bytes are lost by it.

The record goes first: a crash leaves a file that `catalogue check` names. A link whose original is alive is removed;
any other file may be the last of its kind, and is set aside below ``.nightferry`` in the datastore.
"""

from __future__ import annotations

import datetime as dt
import enum
import itertools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from catalogue.datasets.records import Dataset
from nightferry.holdings.originals import needed_by_others
from observatory.endpoints.contract import MARKER, OURS
from observatory.errors import RootNotProven
from observatory.files import is_one_name, to_disk
from observatory.names import show
from observatory.nights import STAMP_FORMAT
from syncer.ingest.model import Transfer

if TYPE_CHECKING:
    from catalogue.catalogue import Catalogue


class Fate(enum.StrEnum):
    """What becomes of a dataset's file."""

    UNLINKED = "unlinked"
    SET_ASIDE = "set aside"
    LEFT = "left where it is"
    ABSENT = "was gone already"
    FAILED = "could not be removed"
    NEEDED = "stays"


@dataclass(frozen=True, slots=True)
class Removed:
    """One dataset, and what became or would become of its file."""

    dataset: Dataset
    fate: Fate
    reason: str | None = None


def refuse_away(datasets: Sequence[Dataset], is_here: Callable[[str], bool]) -> None:
    """Make sure that the datastores of some datasets lie here and are themselves.

    Raises
    ------
    RootNotProven
        One lies on another machine, or shows no marker: its files are not gone, they cannot be seen.
    """
    for host, root in sorted({(one.host, one.root) for one in datasets}):
        if not is_here(host):
            raise RootNotProven(host, show(root), "lies on another machine", "remove its datasets there")
        if not (Path(os.fsdecode(root)) / os.fsdecode(MARKER)).is_file():
            raise RootNotProven(host, show(root), f"shows no {MARKER.decode()}; nothing was removed")


def fate_of(dataset: Dataset) -> Fate:
    """Return what removing a dataset would do to its file."""
    file = dataset.file
    if dataset.transfer == Transfer.DIRECT.value:
        return Fate.LEFT
    if not os.path.lexists(file):
        return Fate.ABSENT
    if file.is_symlink():
        return Fate.UNLINKED
    return Fate.UNLINKED if _is_hard_link(file, Path(os.fsdecode(dataset.origin))) else Fate.SET_ASIDE


def _is_hard_link(file: Path, original: Path) -> bool:
    """Say whether a file has another name that stays: the very name by another way is none."""
    is_same = original.exists() and original.samefile(file)
    return is_same and not is_one_name(original, file)


def foresee(catalogue: Catalogue, datasets: Sequence[Dataset]) -> list[Removed]:
    """Return what removing some datasets would come to; nothing is touched."""
    needed = needed_by_others(catalogue, datasets)
    return [
        Removed(one, Fate.NEEDED, needed[one.id]) if one.id in needed else Removed(one, fate_of(one))
        for one in datasets
    ]


def remove(catalogue: Catalogue, datasets: Sequence[Dataset], at_utc: dt.datetime) -> list[Removed]:
    """Forget datasets, then remove or set aside their files; return what became of each.

    One whose file another dataset leads to stays, in the catalogue too.
    """
    needed = needed_by_others(catalogue, datasets)
    catalogue.remove_datasets([one.id for one in datasets if one.id not in needed])
    aside = f"removed/{at_utc.strftime(STAMP_FORMAT)}"
    return [Removed(one, Fate.NEEDED, needed[one.id]) if one.id in needed else _remove(one, aside) for one in datasets]


def _remove(dataset: Dataset, aside: str) -> Removed:
    try:
        fate = fate_of(dataset)
        if fate is Fate.UNLINKED:
            dataset.file.unlink()
            to_disk(dataset.file.parent)
        elif fate is Fate.SET_ASIDE:
            place = _unused(Path(os.fsdecode(dataset.root)) / os.fsdecode(OURS) / aside / os.fsdecode(dataset.path))
            place.parent.mkdir(parents=True, exist_ok=True)
            dataset.file.rename(place)
            to_disk(place.parent)
    except OSError as error:
        return Removed(dataset, Fate.FAILED, error.strerror or str(error))
    return Removed(dataset, fate)


def _unused(place: Path) -> Path:
    """Return a path that nothing bears: what was set aside in the same second is not replaced."""
    numbers = itertools.count(1)
    found = place
    while os.path.lexists(found):
        found = place.with_name(f"{place.name}.{next(numbers)}")
    return found
