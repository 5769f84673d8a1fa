"""A number and its noun, as a sentence wants them.

Everything else about words is left to those who say them.
"""

from __future__ import annotations


def counted(count: int, singular: str, plural: str | None = None) -> str:
    """Return ``1 night``, ``30 nights``; the plural adds an s where it is not given."""
    return f"{count} {singular if count == 1 else plural or singular + 's'}"
