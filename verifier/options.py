"""How a hop is to be verified, and what whoever asks is told meanwhile: levels, options, hashed pairs.

Plain data; check.py does as it says.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from observatory.endpoints.contract import Hashed, RootFacts, Survey
from observatory.ends import NOTHING_EXPECTED, Expectations
from observatory.records import Entry
from verifier.accepted import Acceptance
from verifier.freed import Freed
from verifier.roll import Called, Facts

LEVELS = ("existence", "size", "checksum", "structure")
_INCLUDES = {"existence": LEVELS[:1], "size": LEVELS[:2], "checksum": LEVELS[:3], "structure": (*LEVELS[:2], LEVELS[3])}


def includes(level: str, other: str) -> bool:
    """Say whether what one level answers includes another's question: structure is size and damage, not content."""
    return other in _INCLUDES[level]


@dataclass(frozen=True, slots=True)
class HashedPair:
    """A batch of files hashed on both sides, pair by pair; paths are those of each side.

    Attributes
    ----------
    roots : pair of RootFacts
        What source and destination said of themselves before.
    source, destination : sequence of Hashed
    """

    roots: tuple[RootFacts, RootFacts]
    source: Sequence[Hashed]
    destination: Sequence[Hashed]


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """How one hop is to be verified.

    Attributes
    ----------
    level : str
        One of `LEVELS`.
    reverse : bool
        Also list what is on the destination and not on the source.
    accepted : sequence of Acceptance
        What a person has said is known.
    progress : callable
        Called with the number of files whose bytes have been read so far.
    expected : pair of Expectation
        What is known of the two ends beforehand.
    freed : collection of bytes
        Source paths that were freed on purpose: on the destination alone they are not extra, their numbers no holes.
    kept : mapping of bytes to Freed
        Those of `freed` that the destination held when they were freed, as they were: what it lacks of them is missing.
    overdue : frozenset of bytes
        Source paths that have been in progress for longer than the settle limit: they wait no more.
    not_due : collection of night
        Nights that the destination need not have yet: what it lacks of them is in progress.
    on_listed : callable
        Told both listings when they were read to their ends; may refuse them (`CouldNotTell`).
    on_hashed : callable
        Told what was read, by those who remember it; with the facts of both roots.
    on_missing : callable
        Told the source paths that the destination lacks, accepted ones too: nobody holds what a person gave up.
    uncarried : mapping of bytes to Facts
        Source paths that earlier looks saw, and of which the destination was not known to have the file.
    on_called : callable
        Told what became of them.
    on_lacking : callable
        Told the settled files of the source that the destination lacks, accepted ones too.
    is_joined : bool
        Several sources fill the destination, and keep times: a file of the same size and any other time may be
        another source's, and is told by its contents.
    nights_by_clock : bool
        The nights were counted back from now, by this machine's clock; False: somebody named them.
    """

    level: str = "size"
    reverse: bool = False
    accepted: Sequence[Acceptance] = ()
    progress: Callable[[int], None] = field(default=lambda count: None)
    expected: Expectations = NOTHING_EXPECTED
    freed: Collection[bytes] = frozenset()
    kept: Mapping[bytes, Freed] = field(default_factory=dict)
    overdue: frozenset[bytes] = frozenset()
    not_due: Collection[dt.date] = frozenset()
    on_listed: Callable[[Survey, Survey], None] = field(default=lambda here, there: None)
    on_hashed: Callable[[HashedPair], None] = field(default=lambda pair: None)
    on_missing: Callable[[Sequence[bytes]], None] = field(default=lambda paths: None)
    uncarried: Mapping[bytes, Facts] = field(default_factory=dict)
    on_called: Callable[[Called], None] = field(default=lambda called: None)
    on_lacking: Callable[[Sequence[Entry]], None] = field(default=lambda entries: None)
    is_joined: bool = False
    nights_by_clock: bool = True
