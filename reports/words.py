"""Small words that every form of the report shares: roots, nights, sizes, one line of foreign text.

Names of files are left to observatory.names; this is about everything else that is shown.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator

from observatory.names import show
from verifier.verdict import SequenceGap


def one_line(text: str) -> str:
    """Return foreign text (a host's own words, a person's reason) as one line without control characters."""
    return show(" ".join(text.split()).encode("utf-8", "surrogateescape"))


def with_slash(root: str) -> str:
    """Return a root with exactly one trailing slash."""
    return one_line(root).rstrip("/") + "/"


def night_text(night: dt.date) -> str:
    """Return a night as YYYYMMDD."""
    return night.strftime("%Y%m%d")


def instant_text(instant: dt.datetime) -> str:
    """Return an instant as ISO 8601 in UTC, to the second, ending in Z."""
    return instant.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def ranges(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield ascending numbers as runs, first and last of each."""
    first = last = None
    for number in numbers:
        if first is None or last is None:
            first = last = number
        elif number == last + 1:
            last = number
        else:
            yield first, last
            first = last = number
    if first is not None and last is not None:
        yield first, last


def gap_lines(gaps: Iterable[SequenceGap], instrument: str) -> list[str]:
    """Return holes in frame numbers, one run a line: ``20160907 140-145``, or ``20160907 red 140-145``.

    The camera stands between them where the gaps are of several, or of one that is not called as the instrument.
    """
    gaps = sorted(gaps, key=lambda gap: (gap.night, gap.camera))
    is_named = any(gap.camera not in ("", instrument) for gap in gaps)
    lines = []
    for gap in gaps:
        words = f"{night_text(gap.night)} {gap.camera}" if is_named else night_text(gap.night)
        lines += [f"{words} {_range(first, last)}" for first, last in ranges(gap.numbers)]
    return lines


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def size_text(size_bytes: float) -> str:
    """Return a size for people, in decimal units: ``0 B``, ``6.0 kB``, ``2.1 GB``."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size_bytes < 1000:
            return f"{size_bytes:.0f} B" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:.1f} PB"


def seconds_text(seconds: float) -> str:
    """Return a duration for people: ``8 s``, ``3 min 20 s``, ``2 h 05 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
