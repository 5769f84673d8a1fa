"""What was freed on the source, and lies on the destination alone: is it there, and is it what was freed?

Nothing is left on the source to compare it with; what it was comes in as plain data from those who freed it.
Leaves to looked.py what follows from the answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from observatory.batches import batched
from observatory.endpoints.contract import Look
from verifier.fixity import BATCH_FILES, hash_one_side
from verifier.verdict import Finding


@dataclass(frozen=True, slots=True)
class Freed:
    """A file as it was when it was freed; `sha256` in hexadecimal."""

    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class SinceFreed:
    """What hashing the copies of freed files showed; source paths."""

    differing: frozenset[bytes] = frozenset()
    unreadable: tuple[Finding, ...] = ()


def of_other_size(freed: Mapping[bytes, Freed], sizes_there: Mapping[bytes, int]) -> tuple[bytes, ...]:
    """Return the freed files whose copies are there and of another size, ascending."""
    return tuple(sorted(path for path, size in sizes_there.items() if path in freed and freed[path].size_bytes != size))


def of_other_content(
    freed: Mapping[bytes, Freed],
    paths: Sequence[bytes],
    there: tuple[Look, bytes],
    target_of: Callable[[bytes], bytes],
) -> SinceFreed:
    """Hash the copies of some freed files, and hold them against what was freed.

    Raises
    ------
    CouldNotTell
        The host was lost, or its answers are not those to the questions.
    """
    differing: set[bytes] = set()
    unreadable: list[Finding] = []
    for batch in batched(paths, BATCH_FILES):
        for path, answer in zip(batch, hash_one_side(*there, [target_of(path) for path in batch]), strict=True):
            if not answer.sha256:
                unreadable.append(Finding(path, "destination", answer.reason or "could not be hashed"))
            elif answer.sha256 != freed[path].sha256:
                differing.add(path)
    return SinceFreed(frozenset(differing), tuple(unreadable))
