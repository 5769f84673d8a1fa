"""The files of some nights as they lie on a copy of this machine, for those who take files by the night.

Lists afresh; a root that does not prove to be the root, or a part that cannot be listed, is said and never empty.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nightferry.workplace import Workplace
from observatory.ends import NO_SIGN
from observatory.errors import RootNotProven, UsageError
from observatory.listing import scope_of
from observatory.records import FILE, NUL, path_of
from observatory.spec.chain import Place, places
from observatory.spec.models import Instrument


@dataclass(frozen=True, slots=True)
class NightFiles:
    """Files of some nights on one copy.

    Attributes
    ----------
    place : Place
    files : mapping of path below the root to night
    troubles : tuple of (absolute path, reason)
    """

    place: Place
    files: dict[bytes, dt.date]
    troubles: tuple[tuple[bytes, str], ...]

    def file(self, path: bytes) -> Path:
        """Return where a file lies."""
        return Path(self.place.root) / os.fsdecode(path)


def local_place(workplace: Workplace, instrument: Instrument, copy: str | None = None) -> Place:
    """Return the copy of an instrument that lies on this machine: the first of the chain, or the one named.

    Raises
    ------
    UsageError
        None lies here, or the one named does not.
    """
    here = [place for place in places(instrument) if workplace.access(place.host).is_local]
    chosen = [place for place in here if copy in (None, place.name)]
    if not chosen:
        named = f"the copy {copy!r}" if copy is not None else "no copy"
        verb = "does not lie" if copy is not None else "lies"
        raise UsageError(f"{instrument.instrument}: {named} {verb} on this machine; name files or folders instead")
    return chosen[0]


def files_of_nights(
    workplace: Workplace, instrument: Instrument, place: Place, nights: Sequence[dt.date]
) -> NightFiles:
    """List the files of some nights that the cameras' patterns take.

    Raises
    ------
    CouldNotTell
        The root cannot be listed, or is not proven to be the root.
    """
    clock = workplace.clock_of(instrument)
    scope = scope_of(instrument, place, instrument.cameras, tuple(sorted(nights)), clock)
    survey = workplace.endpoint(place.host).survey(scope.request)
    if not survey.facts.is_proven:
        survey.close()
        raise RootNotProven(place.host, place.root, NO_SIGN)
    files: dict[bytes, dt.date] = {}
    for chunk in scope.asked_about(survey):
        for record in chunk[:-1].split(NUL):
            night = scope.night_of(path_of(record)) if record[:1] == FILE else None
            if night is not None and night in scope.asked:
                files[path_of(record)] = night
    root = place.root.encode()
    troubles = tuple((root + b"/" + trouble.path, trouble.reason) for trouble in survey.troubles)
    return NightFiles(place, files, troubles)
