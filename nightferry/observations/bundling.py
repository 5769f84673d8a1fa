"""Observations bundled for another site: what was selected, copied below one root, verified and listed.

Copying is converters/export/bundle.py's, choosing observing.py's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from converters.export.bundle import MANIFEST, Carried, Parcel, add_to_list, carry, contents
from converters.export.observations import Observation
from converters.export.staging import our_folder, staging
from nightferry.locks import instrument_lock
from nightferry.observations.observing import Selected
from nightferry.observations.room import refuse_without_room
from observatory.errors import UsageError
from observatory.files import os_fault
from observatory.truth import State


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a bundle did, or would do.

    Attributes
    ----------
    selected : Selected
    root : Path
        The new data root.
    parcels : tuple of Parcel
    left_out : tuple of Observation
        Observations that still go on.
    problems : tuple of str
    unlisted : str or None
        Why what was copied could not be listed.
    """

    selected: Selected
    root: Path
    parcels: tuple[Parcel, ...]
    left_out: tuple[Observation, ...]
    problems: tuple[str, ...]
    unlisted: str | None = None

    @property
    def state(self) -> State:
        """Unknown where something could not be read, different where a file failed or nothing was found."""
        if self.problems:
            return State.UNKNOWN
        nothing = self.selected.wish.names_something and not self.selected.observations
        failed = self.unlisted or any(parcel.fate is Carried.FAILED for parcel in self.parcels)
        return State.DIFFERENT if failed or nothing else State.OK


def bundle(
    chosen: Selected,
    cameras: Sequence[str],
    root: Path,
    *,
    dry_run: bool = False,
    ready: Callable[[int, int], None] = lambda done, total: None,
) -> Bundle:
    """Bundle the observations selected.

    Raises
    ------
    UsageError
        No camera is named or automatic, or the new root is one of the old.
    LockHeld
        Something else works into the new root.
    NightferryError
        There is not room enough.
    """
    setting = chosen.setting
    named = tuple(cameras) or setting.section.automatic
    if not named:
        raise UsageError(f"{setting.instrument.instrument}: no camera: name some with -c")
    root = root.absolute()
    if any(root.resolve() == one.resolve() for one in setting.roots):
        raise UsageError(f"-D {root} is one of the roots that are read")
    held = contents(setting.roots, chosen.observations, named)
    left_out = tuple(one for one in chosen.observations if one.is_open)
    problems = (*chosen.troubles, *held.unreadable)
    if dry_run:
        return Bundle(chosen, root, held.parcels, left_out, problems)
    root.mkdir(parents=True, exist_ok=True)
    with instrument_lock(our_folder(root), "export"), staging(root) as folder:
        needed_bytes = sum(parcel.size_bytes for parcel in held.parcels if not (root / parcel.relative).exists())
        refuse_without_room(root, needed_bytes, "nothing was copied.")
        total = len(held.parcels)
        carried = carry(held.parcels, root, folder, lambda done: ready(done, total))
        unlisted = _unlisted(root, carried)
    return Bundle(chosen, root, tuple(carried), left_out, problems, unlisted)


def _unlisted(root: Path, carried: Sequence[Parcel]) -> str | None:
    """List what was carried; return why that could not be done: what became of the files is said all the same."""
    try:
        add_to_list(root, carried)
    except OSError as error:
        return os_fault(error, root / MANIFEST)
    return None
