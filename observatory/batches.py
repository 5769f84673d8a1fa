"""Splitting long lists: by number, as `itertools.batched`, which Python 3.11 does not have yet, and by weight."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def batched(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Yield slices of at most `size` items, in order; nothing for nothing."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def by_weight(items: Iterable[Item], weight: Callable[[Item], int], most: int, heaviest: int) -> Iterator[list[Item]]:
    """Yield parts of at most `most` items that weigh at most `heaviest` together, in order; nothing for nothing.

    What weighs more by itself is a part of its own.
    """
    part: list[Item] = []
    together = 0
    for item in items:
        its = weight(item)
        if part and (len(part) == most or together + its > heaviest):
            yield part
            part, together = [], 0
        part.append(item)
        together += its
    if part:
        yield part
