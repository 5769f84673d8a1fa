"""What must be so before a night's first step is taken: the night is over, nothing grows, companions are complete.

It stands before nights on which a night step works; a step of single inputs leaves each young one alone (work.py).
"""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from converters.base import NightFolder
from converters.nightstep import AnyStep, NightStep
from converters.remembered import NightMemory
from observatory.names import matcher, show
from observatory.spec.models import Camera

_LITERAL = re.compile(rb"([*?\[\\])")
_ESCAPED = re.compile(rb"\[(.)\]")


@dataclass(frozen=True, slots=True)
class Moment:
    """When it is asked, and how long files take.

    Attributes
    ----------
    present : date or None
        The night that it is now; None: not asked.
    now_s : float
        Unix seconds.
    settle_s, settle_limit_s : float
        A file younger than the first may grow; a companion that is absent after the second never comes: what
        becomes of its file is the step's to say.
    """

    present: dt.date | None
    now_s: float
    settle_s: float
    settle_limit_s: float


def reason_to_wait(
    folder: NightFolder,
    steps: Sequence[AnyStep],
    cameras: Mapping[str, Camera],
    night: NightMemory,
    moment: Moment,
) -> str | None:
    """Return why a night's folder cannot be begun yet; None where it can.

    Raises
    ------
    OSError
        A file could not be looked at.
    """
    night_steps = [step for step in steps if isinstance(step, NightStep)]
    if not night_steps:
        return None
    if moment.present is not None and folder.night >= moment.present:
        return "the night is not over"
    reasons = (*_growing(folder, night, moment), *_companions(folder, cameras, moment))
    if reasons:
        return reasons[0] if len(reasons) == 1 else f"{reasons[0]}, and {len(reasons) - 1} more"
    return next(filter(None, (step.not_ready(folder) for step in night_steps)), None)


def _growing(folder: NightFolder, night: NightMemory, moment: Moment) -> Iterator[str]:
    made = {path for path, _ in night.made()}
    for path in folder.files:
        below_root = folder.below_root(path)
        # a time far ahead is a wrong stamp, not a file being written: it would never settle
        is_young = below_root not in made and abs(moment.now_s - _mtime_s(folder, path)) < moment.settle_s
        if is_young and not night.is_of_an_attempt(below_root):
            yield f"{show(path)} is younger than {moment.settle_s:g} s"


def _companions(folder: NightFolder, cameras: Mapping[str, Camera], moment: Moment) -> Iterator[str]:
    there = frozenset(folder.files)
    for name, camera in cameras.items():
        if not camera.companions or folder.camera not in (None, name):
            continue
        is_taken = matcher(_encoded(camera.files), _encoded(camera.exclude))
        is_companion = matcher([os.fsencode(one).replace(b"{stem}", b"*") for one in camera.companions])
        for path in folder.files:
            if is_taken(path) != "taken" or is_companion(path) == "taken":
                continue
            absent = [one for one in _companions_of(path, camera) if not _is_there(one, there)]
            if absent and moment.now_s - _mtime_s(folder, path) < moment.settle_limit_s:
                yield f"{show(absent[0])}, which belongs to {show(path)}, is not there yet"


def _encoded(patterns: Sequence[str]) -> list[bytes]:
    return [os.fsencode(pattern) for pattern in patterns]


def _companions_of(path: bytes, camera: Camera) -> list[bytes]:
    """Return the patterns of a file's companions: beside it, or where a ``/`` says so."""
    below, slash, name = path.rpartition(b"/")
    stem = _LITERAL.sub(rb"[\1]", name.rpartition(b".")[0] or name)
    beside = _LITERAL.sub(rb"[\1]", below) + slash
    patterns = (os.fsencode(one) for one in camera.companions)
    return [(b"" if b"/" in one else beside) + one.replace(b"{stem}", stem) for one in patterns]


def _is_there(pattern: bytes, there: frozenset[bytes]) -> bool:
    plain = _ESCAPED.sub(rb"\1", pattern)
    if plain in there:
        return True
    matches = matcher([b"./" + pattern])  # with a slash it is matched against the whole path
    return _LITERAL.search(plain) is not None and any(matches(b"./" + path) == "taken" for path in there)


def _mtime_s(folder: NightFolder, path: bytes) -> float:
    return folder.place_of(path).stat().st_mtime
