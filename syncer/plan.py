"""From sorted candidates, a policy and what the files answered to what must move, with a reason per file.

Pure. Leaves the sorting to candidates.py, and to sync.py asking what only the files themselves can answer (hashes,
promised sizes) and moving.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from observatory.endpoints.contract import Inspection, Trouble
from observatory.names import SafePaths, folders_above, show
from observatory.records import Entry
from syncer.candidates import Candidates, Pair
from syncer.outcome import Failure

BEHIND_A_LINK = (
    "the destination has other bytes of this name behind a link, and they may be another file's; make a folder of its"
    " own there in the link's place"
)


class Move(NamedTuple):
    """One file to be moved.

    Attributes
    ----------
    entry : Entry
        As listed on the source.
    target : bytes
        Path below the destination root.
    replaces : bool
        The destination has other bytes under that name.
    reason : str
        Why it moves, for the plan.
    """

    entry: Entry
    target: bytes
    replaces: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done for one hop; every list ascends but `moves`, which has the newest night first.

    `refused` must not be moved, `unclear` could not be judged: what moves, waits, is kept, refused or unclear
    is together every file of the source that is not the same on both sides.
    """

    moves: tuple[Move, ...]
    links: tuple[tuple[bytes, bytes], ...]
    in_progress: tuple[bytes, ...]
    kept: tuple[Failure, ...]
    refused: tuple[Failure, ...]
    unclear: tuple[Failure, ...]
    stuck: tuple[Failure, ...]
    unrecognised: tuple[bytes, ...]
    counts: Mapping[dt.date, int]

    @property
    def size_bytes(self) -> int:
        """Bytes to move."""
        return sum(move.entry.size_bytes for move in self.moves)

    def wanted(self) -> tuple[bytes, ...]:
        """Return the source paths of what is to be moved or made, links included."""
        return (*(move.entry.path for move in self.moves), *(path for path, _ in self.links))

    def left_open(self) -> tuple[bytes, ...]:
        """Return the source paths of what is not, or not surely, there and is not to be moved either."""
        return (*(failure.path for failure in (*self.refused, *self.unclear, *self.kept)), *self.in_progress)


@dataclass(frozen=True, slots=True)
class Answers:
    """What the files themselves said, by source path; of hashes also which end has none, and why.

    `not_whole_there` holds those whose destination file is by its own format no better than the source's.
    """

    same_hash: Mapping[bytes, bool | Failure] = field(default_factory=dict)
    inspections: Mapping[bytes, Inspection] = field(default_factory=dict)
    waiting_since_s: Mapping[bytes, float] = field(default_factory=dict)
    not_whole_there: frozenset[bytes] = frozenset()

    def damage(self, path: bytes) -> str | None:
        """Return why a source file is not to replace the destination's: it is damaged, and that one is whole."""
        inspection = self.inspections.get(path)
        if inspection is None or inspection.state not in ("damaged", "short") or path in self.not_whole_there:
            return None
        return f"the source is damaged: {inspection.reason}"


def decide(candidates: Candidates, answers: Answers) -> Plan:
    """Make the plan.

    Files wait while they are young or while their headers promise more bytes than there are, up to the
    settle limit; a source that is shorter or damaged replaces nothing; names that would meet on the
    destination are refused, all of them.
    """
    draft = _Draft(candidates, answers)
    for entry in candidates.new:
        draft.consider_new(entry)
    for pair in candidates.pairs:
        draft.consider_other_size(pair)
    for pair in candidates.to_hash:
        draft.consider_hashed(pair)
    for entry in candidates.waiting:
        draft.consider_waiting(entry, None)
    for pair in candidates.waiting_pairs:
        draft.consider_waiting(pair.source, pair.destination)
    return draft.finish()


class _Draft:
    """A plan in the making."""

    def __init__(self, candidates: Candidates, answers: Answers) -> None:
        self._candidates, self._answers = candidates, answers
        self._policy = candidates.policy
        self._is_safe = SafePaths()
        self._moves: list[Move] = []
        self._in_progress: list[bytes] = []
        self._kept: list[Failure] = []
        self._refused: list[Failure] = []
        self._unclear: list[Failure] = []
        self._stuck: list[Failure] = []

    def consider_new(self, entry: Entry) -> None:
        self._move(entry, replaces=False, reason="not on the destination")

    def consider_other_size(self, pair: Pair) -> None:
        here, there = pair.source, pair.destination
        if here.size_bytes < there.size_bytes and not self._policy.is_proven:
            self._keep(here, _shorter(pair))
        else:
            self._replace(here, f"{there.size_bytes} bytes on the destination, {here.size_bytes} on the source")

    def consider_hashed(self, pair: Pair) -> None:
        same = self._answers.same_hash.get(pair.source.path)
        if same is None:
            self._unclear.append(Failure(pair.source.path, "could not be hashed on both sides"))
        elif isinstance(same, Failure):
            self._unclear.append(same)
        elif not same:
            self._replace(pair.source, "other content on the destination")

    def consider_waiting(self, entry: Entry, there: Entry | None) -> None:
        since = self._answers.waiting_since_s.get(entry.path)
        limit = self._policy.settle_limit_s
        if since is None or self._candidates.clock_s - since < limit:
            self._in_progress.append(entry.path)
        elif there is not None and (why := self._why_kept(Pair(entry, there))):
            self._keep(entry, f"still being written after {limit:g} s, and {why}")
        elif self._add(entry, there is not None, f"still being written after {limit:g} s"):
            self._stuck.append(Failure(entry.path, f"still being written after {limit:g} s; copied as it is"))

    def _why_kept(self, pair: Pair) -> str | None:
        """Return why a file that never settled does not replace what the destination has; None where it may."""
        if pair.source.size_bytes < pair.destination.size_bytes:
            return _shorter(pair)
        if damage := self._answers.damage(pair.source.path):
            return damage
        if self._policy.on_difference == "keep":
            return "the destination has another file of this name"
        return None

    def _replace(self, entry: Entry, reason: str) -> None:
        if self._policy.is_proven:
            self._move(entry, replaces=True, reason=reason)
        elif damage := self._answers.damage(entry.path):
            self._keep(entry, damage)
        elif self._policy.on_difference == "keep":
            self._keep(entry, reason)
        else:
            self._move(entry, replaces=True, reason=reason)

    def _move(self, entry: Entry, replaces: bool, reason: str) -> None:
        inspection = self._answers.inspections.get(entry.path)
        promises_more = inspection is not None and inspection.state == "short" and bool(entry.size_bytes)
        if inspection is None or not promises_more or self._policy.is_proven:
            self._add(entry, replaces, reason)  # an empty file promises nothing, and damage is the verifier's to tell
        elif self._within_limit(entry):
            self._in_progress.append(entry.path)
        elif self._add(entry, replaces, reason):
            self._stuck.append(Failure(entry.path, inspection.reason))

    def _within_limit(self, entry: Entry) -> bool:
        return abs(self._candidates.clock_s - entry.mtime_s) < self._policy.settle_limit_s

    def _add(self, entry: Entry, replaces: bool, reason: str) -> bool:
        """Plan a move, or refuse it where its name cannot be had; say which."""
        target = self._candidates.scope.target_of(entry.path)
        refusal = self._why_not(entry.path, target)
        if replaces and entry.path in self._candidates.behind_links:
            refusal = BEHIND_A_LINK
        if refusal is not None:
            self._refused.append(Failure(entry.path, refusal))
            return False
        self._moves.append(Move(entry, target, replaces, reason))
        return True

    def _why_not(self, path: bytes, target: bytes) -> str | None:
        unsafe = self._is_safe(target)
        if unsafe is not None:
            return unsafe
        if target in self._candidates.occupied or target in self._candidates.folders:
            return "the destination has something else than a file of this name"
        if self._candidates.occupied and any(folder in self._candidates.occupied for folder in folders_above(target)):
            return "its folder on the destination is a link that leads out of the root, or no folder at all"
        if self._candidates.scope.source_of(target) != path:
            return "its place on the destination is that of another file"
        return None

    def _keep(self, entry: Entry, reason: str) -> None:
        self._kept.append(Failure(entry.path, reason))

    def _links(self, taken: Collection[bytes]) -> tuple[tuple[bytes, bytes], ...]:
        """Return the links to be made; where they are not carried they are refused or only listed."""
        candidates = self._candidates
        if self._policy.symlinks == "refuse":
            reason = "a link; the specification refuses links"
            self._refused.extend(Failure(path, reason) for path, _ in (*candidates.links, *candidates.other_links))
        if self._policy.symlinks != "copy":
            return ()
        for path, _ in candidates.other_links:
            self._kept.append(Failure(path, "a link of this name points elsewhere on the destination"))
        fine = []
        for path, points_to in candidates.links:
            target = candidates.scope.target_of(path)
            refusal = self._why_not(path, target)
            if refusal is None and target in taken:
                refusal = "another file has the same place on the destination"
            if refusal is None:
                fine.append((path, points_to))
            else:
                self._refused.append(Failure(path, refusal))
        return tuple(sorted(fine))

    def finish(self) -> Plan:
        moves, collisions = refuse_collisions(self._moves)
        links = self._links({move.target for move in self._moves})
        night_of = self._candidates.scope.source.night_of
        moves.sort(key=lambda move: (-(night_of(move.entry.path) or dt.date.min).toordinal(), move.target))
        moved = {move.entry.path for move in moves}
        candidates = self._candidates
        outside = (*candidates.links, *candidates.other_links) if self._policy.symlinks == "follow-inside" else ()
        return Plan(
            moves=tuple(moves),
            links=links,
            in_progress=tuple(sorted(self._in_progress)),
            kept=tuple(sorted(self._kept)),
            refused=tuple(sorted([*self._refused, *collisions])),
            unclear=tuple(sorted(self._unclear)),
            stuck=tuple(sorted(failure for failure in self._stuck if failure.path in moved)),
            unrecognised=tuple(sorted([*candidates.unrecognised, *(path for path, _ in outside)])),
            counts=dict(candidates.counts),
        )


def _shorter(pair: Pair) -> str:
    return f"the source is shorter ({pair.source.size_bytes} bytes against {pair.destination.size_bytes})"


def without_poisoned(plan: Plan, troubles: Iterable[Trouble], target_of: Callable[[bytes], bytes]) -> Plan:
    """Leave alone what lies in destination folders that could not be read: it may be there already.

    Parameters
    ----------
    troubles : iterable of Trouble
        Of the destination's listing.
    target_of : callable
        Gives the place of a source path there.
    """
    poisoned = {trouble.path: trouble.reason for trouble in troubles if trouble.path}
    behind = {path: _first_of(poisoned, target_of(path)) for path in (plan.wanted() if poisoned else ())}
    unclear = {path: folder for path, folder in behind.items() if folder is not None}
    reasons = (
        Failure(path, f"{show(folder)} on the destination could not be looked at: {poisoned[folder]}")
        for path, folder in unclear.items()
    )
    return replace(
        plan,
        moves=tuple(move for move in plan.moves if move.entry.path not in unclear),
        links=tuple(link for link in plan.links if link[0] not in unclear),
        stuck=tuple(failure for failure in plan.stuck if failure.path not in unclear),
        refused=tuple(sorted([*plan.refused, *reasons])),
    )


def _first_of(poisoned: Container[bytes], target: bytes) -> bytes | None:
    """Return the path that could not be looked at in which another lies, or which it is."""
    return next((path for path in (target, *folders_above(target)) if path in poisoned), None)


def refuse_collisions(moves: Iterable[Move]) -> tuple[list[Move], list[Failure]]:
    """Split moves into those with a destination of their own and those that would meet another's."""
    moves = list(moves)
    if len({move.target for move in moves}) == len(moves):
        return moves, []
    by_target: dict[bytes, list[Move]] = {}
    for move in moves:
        by_target.setdefault(move.target, []).append(move)
    alone = [group[0] for group in by_target.values() if len(group) == 1]
    together = [move for group in by_target.values() if len(group) > 1 for move in group]
    return alone, [Failure(move.entry.path, "another file has the same place on the destination") for move in together]
