"""Holes in a night's frame numbers: the loss that no comparison of two sides can see.

Pure: works on names that somebody else listed. Whether a hole fails the hop is verdict.py's,
what people have accepted is handed in.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice, pairwise

from observatory.nights import night_text
from observatory.spec.models import Sequence
from verifier.verdict import SequenceGap

MOST_NUMBERS = 10_000
"""The most absent numbers named in one night of one camera: one stray name must not fill a report."""
MOST_DIGITS = 9
"""A longer number is a stamp or an identifier, not the count of a night's frames."""

NightCamera = tuple[dt.date, str]
"""A night and the name of a camera."""


def find_gaps(
    sequence: Sequence,
    present: Mapping[NightCamera, Iterable[bytes]],
    accepted: Mapping[dt.date, Collection[int]] | None = None,
) -> tuple[SequenceGap, ...]:
    """Find the frame numbers that a night lacks on the source.

    Parameters
    ----------
    sequence : Sequence
        The specification's section. In its pattern ``{night}`` is that night's ``YYYYMMDD``, ``{camera}`` the
        camera's name, ``{number}`` up to `MOST_DIGITS` digits with perhaps one letter after them, which is
        ignored (``0012a`` is a second read of frame 12); all else is literal.
    present : mapping
        For each night and camera the base names on the source. Names of any other form, or of another
        night, are not of the sequence.
    accepted : mapping, optional
        Per night the numbers that a person said are absent for a reason.

    Returns
    -------
    tuple of SequenceGap
        By night and camera, numbers ascending: what is absent between the lowest and the highest number (from
        `start`, where the section has it, to the highest), less the allowed and accepted ones; at most
        `MOST_NUMBERS` each, the lowest. A night without a single name of the sequence has no gap, `start` or not:
        whether anything was to be expected cannot be told from names.
    """
    known = accepted or {}
    gaps = []
    for night, camera in sorted(present):
        numbers = numbers_of(sequence.pattern, night, camera, present[night, camera])
        forgiven = {*sequence.allowed, *known.get(night, ())}
        absent = (number for number in _holes(numbers, sequence.start) if number not in forgiven)
        reported = tuple(islice(absent, MOST_NUMBERS))
        if reported:
            gaps.append(SequenceGap(night, camera, reported))
    return tuple(gaps)


def bears_no_number(sequence: Sequence, present: Mapping[NightCamera, Collection[bytes]]) -> bool:
    """Say whether there are files and not one of them bears a number: then no hole is ever found."""
    names = ((night, camera, found) for (night, camera), found in present.items() if found)
    return bool(present) and not any(numbers_of(sequence.pattern, *one) for one in names)


def numbers_of(pattern: str, night: dt.date, camera: str, names: Iterable[bytes]) -> set[int]:
    """Return the frame numbers that some base names show; one number written in two ways counts once."""
    expression = _expression(pattern, night, camera)
    matches = (expression.fullmatch(name) for name in names)
    return {int(match["number"]) for match in matches if match}


def _holes(numbers: Collection[int], start: int | None) -> Iterator[int]:
    before = min(numbers, default=0) if start is None else start - 1
    above = sorted(number for number in numbers if number > before)
    for low, high in pairwise([before, *above]):
        yield from range(low + 1, high)


_FIELD = re.compile(r"\{(night|number|camera)\}")


def _expression(pattern: str, night: dt.date, camera: str) -> re.Pattern[bytes]:
    fields = {
        "night": re.escape(night_text(night)),
        "camera": re.escape(camera),
        "number": f"(?P<number>[0-9]{{1,{MOST_DIGITS}}})[A-Za-z]?",
    }
    # Splitting by an expression with one group leaves literal text and field names in turn.
    parts = _FIELD.split(pattern)
    expression = [fields[part] if index % 2 else re.escape(part) for index, part in enumerate(parts)]
    return re.compile("".join(expression).encode())
