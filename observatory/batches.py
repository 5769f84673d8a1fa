"""Splitting long lists: `itertools.batched` for Python 3.11, which does not have it yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def batched(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Yield slices of at most `size` items, in order; nothing for nothing."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
