"""Whether files hold the same bytes on both sides: SHA-256 where the bytes lie, both sides at once.

Reads only. Which files are asked about is opened.py's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import wait
from dataclasses import dataclass, field

from observatory.asking import asking
from observatory.batches import batched
from observatory.endpoints.contract import Hashed, Look
from observatory.errors import CommandFailed
from verifier.verdict import Finding

BATCH_FILES = 5000
"""Files per question, a command a batch: at a hundred megabytes a file half a day may go by in one."""

TICK_S = 0.5
"""How often the progress bar is told of what both sides have answered."""

Side = tuple[Look, bytes, Sequence[bytes]]
"""An endpoint, a root on it, and paths below that root."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What hashing showed: source paths of files that differ, and what could not be read on which side."""

    differing: frozenset[bytes]
    unreadable: tuple[Finding, ...]


OnHashed = Callable[[Sequence[Hashed], Sequence[Hashed]], None]
"""Is told of each batch what was read on the source and on the destination, pair by pair."""


def tell_nobody(here: Sequence[Hashed], there: Sequence[Hashed]) -> None:
    """Take what was read for one comparison alone."""


def hash_both(
    source: Side, destination: Side, progress: Callable[[int], None], on_hashed: OnHashed = tell_nobody
) -> Iterator[tuple[Hashed, Hashed]]:
    """Hash the files of both sides pairwise; the two path lists are of one length and order.

    Raises
    ------
    CouldNotTell
        A host was lost, or its answers are not those to the questions.
    """
    done, over = 0, threading.Event()
    with asking((source[0], destination[0]), 2, "hash") as pool:
        batches = zip(batched(source[2], BATCH_FILES), batched(destination[2], BATCH_FILES), strict=True)
        try:
            for here, there in batches:
                sides = (
                    _Hashing(source[0], source[1], here, over),
                    _Hashing(destination[0], destination[1], there, over),
                )
                asked = [pool.submit(side.work) for side in sides]
                while wait(asked, TICK_S).not_done:
                    progress(done + min(len(side.answers) for side in sides))
                on_hashed(asked[0].result(), asked[1].result())
                yield from zip(asked[0].result(), asked[1].result(), strict=True)
                done += len(here)
                progress(done)
        finally:  # interrupted, nobody waits until the batch has been hashed
            over.set()


@dataclass(frozen=True, slots=True)
class _Hashing:
    """Some files of one side being hashed; `answers` grows, and once `over` is set no further one is waited for."""

    endpoint: Look
    root: bytes
    paths: Sequence[bytes]
    over: threading.Event = field(default_factory=threading.Event)
    answers: list[Hashed] = field(default_factory=list)

    def work(self) -> list[Hashed]:
        for answer in self.endpoint.hash(self.root, self.paths):
            self.answers.append(answer)
            if self.over.is_set():
                break
        if [answer.path for answer in self.answers] != list(self.paths):
            why = f"{len(self.paths)} files were asked about, others were answered"
            raise CommandFailed(self.endpoint.name, "hashing", why)
        return self.answers


def hash_one_side(endpoint: Look, root: bytes, paths: Sequence[bytes]) -> list[Hashed]:
    """Hash some files of one side, in their order.

    Raises
    ------
    CouldNotTell
        The host was lost, or its answers are not those to the questions.
    """
    return _Hashing(endpoint, root, paths).work()


def differing_contents(
    source: Side, destination: Side, progress: Callable[[int], None], on_hashed: OnHashed = tell_nobody
) -> Contents:
    """Compare the contents of files on both sides.

    Raises
    ------
    CouldNotTell
        A host was lost on the way; what was hashed by then is not returned, the hop is unknown.
    """
    differing: set[bytes] = set()
    unreadable: list[Finding] = []
    for here, there in hash_both(source, destination, progress, on_hashed):
        if not here.sha256:
            unreadable.append(Finding(here.path, "source", here.reason or "could not be hashed"))
        if not there.sha256:
            unreadable.append(Finding(here.path, "destination", there.reason or "could not be hashed"))
        if here.sha256 and there.sha256 and here.sha256 != there.sha256:
            differing.add(here.path)
    return Contents(frozenset(differing), tuple(sorted(unreadable)))
