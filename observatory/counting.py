"""A number and its noun, the first of many words, and how far off a clock is, as a sentence wants them.

Everything else about words is left to those who say them.
"""

from __future__ import annotations

from collections.abc import Sequence


def counted(count: int, singular: str, plural: str | None = None) -> str:
    """Return ``1 night``, ``30 nights``; the plural adds an s where it is not given."""
    return f"{count} {singular if count == 1 else plural or singular + 's'}"


def is_or_are(count: int) -> str:
    """Return the verb that goes with a number and its noun."""
    return "is" if count == 1 else "are"


def shortened(words: Sequence[str], most: int) -> str:
    """Return so many words at most with commas between them, and how many more there are."""
    rest = len(words) - most
    return ", ".join(words[:most]) + (f" and {rest} more" if rest > 0 else "")


def clock_words(ahead_s: float) -> str:
    """Return how far off a clock is, in the largest unit that still says two or more: ``33 h ahead of``."""
    off = abs(ahead_s)
    units = ((86400.0, "days"), (3600.0, "h"), (60.0, "min"))
    length, unit = next(((length, unit) for length, unit in units if off >= 2 * length), (1.0, "s"))
    return f"{off / length:.0f} {unit} {'ahead of' if ahead_s > 0 else 'behind'}"
