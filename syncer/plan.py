"""From two listings and a policy to what must move, with a reason per file.

Pure. `Candidates` sorts what the merge shows; `decide` makes the plan once the questions that only
the files themselves can answer (hashes, promised sizes) are answered. Asking and moving are sync.py's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from observatory.compare import split
from observatory.endpoints.contract import Inspection, RootFacts
from observatory.listing import HopScope, count_by_night
from observatory.names import fold_key, is_safe
from observatory.records import FILE, LINK, UNRECOGNISED, Entry, decode_file, path_of, target_of
from syncer.outcome import Failure, NightMoves

CLOCK_TOLERANCE_S = 60.0
"""Two clocks further apart than this cannot be used to judge ages (INTERFACE: more than a minute)."""
NEWER_BY_S = 2.0
"""A source file newer by more than this is asked about by hash; FAT and old NFS keep 2 s."""
SPACE_PER_FILE_BYTES = 4096
"""What a file takes on disk beyond its bytes, about: a block's remainder and an inode."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How an instrument wants its files judged; ages in seconds.

    Attributes
    ----------
    settle_s, settle_limit_s : float
    on_difference : str
        ``version``, ``keep`` or ``replace``. Where several sources fill one copy it is ``keep``: what one
        source brought is never replaced by another's file of the same name.
    symlinks : str
    hash_all : bool
        Ask every file that looks the same for its hash (``sync --level checksum``).
    """

    settle_s: float
    settle_limit_s: float
    on_difference: str = "version"
    symlinks: str = "follow-inside"
    hash_all: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """One file on both sides."""

    source: Entry
    destination: Entry


@dataclass(frozen=True, slots=True)
class Move:
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


@dataclass
class Candidates:
    """Visitor of the merge: what may have to move, what waits, what is only listed.

    Parameters
    ----------
    scope : HopScope
    policy : Policy
    clock_s : float
        The source's own clock when it was listed.
    """

    scope: HopScope
    policy: Policy
    clock_s: float
    new: list[Entry] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    to_hash: list[Pair] = field(default_factory=list)
    waiting: list[Entry] = field(default_factory=list)
    links: list[tuple[bytes, bytes]] = field(default_factory=list)
    unrecognised: list[bytes] = field(default_factory=list)
    occupied: set[bytes] = field(default_factory=set)
    counts: dict[dt.date, int] = field(default_factory=dict)

    def same(self, block: bytes) -> None:
        """Count equal records; they are asked about only where every file is to be hashed."""
        count_by_night(self.scope.source, block, self.counts)
        if self.policy.hash_all:
            entries = (decode_file(record) for record in split(block) if record[:1] == FILE)
            self.to_hash.extend(Pair(entry, entry) for entry in entries)

    def pair(self, source: bytes, destination: bytes) -> None:
        """Sort a file that both sides have but show differently."""
        if source[:1] != FILE:
            self._only_listed(source)
            return
        here, there = decode_file(source), decode_file(destination)
        self._count(here.path)
        if here.size_bytes != there.size_bytes:
            (self.waiting.append(here) if self.is_young(here) else self.pairs.append(Pair(here, there)))
        elif here.mtime_s - there.mtime_s > NEWER_BY_S or self.policy.hash_all:
            (self.waiting.append(here) if self.is_young(here) else self.to_hash.append(Pair(here, there)))

    def only_source(self, record: bytes) -> None:
        """Sort what the destination lacks."""
        if record[:1] != FILE:
            self._only_listed(record)
            return
        entry = decode_file(record)
        self._count(entry.path)
        (self.waiting if self.is_young(entry) else self.new).append(entry)

    def only_destination(self, record: bytes) -> None:
        """Remember what stands in the way of a name without being a file of ours."""
        if record[:1] != FILE:
            self.occupied.add(path_of(record))

    def is_young(self, entry: Entry) -> bool:
        """Say whether a file changed too recently; a time far in the future says nothing about age."""
        return abs(self.clock_s - entry.mtime_s) < self.policy.settle_s

    def _only_listed(self, record: bytes) -> None:
        if record[:1] == LINK:
            self.links.append((path_of(record), target_of(record)))
        elif record[:1] == UNRECOGNISED:
            self.unrecognised.append(path_of(record))

    def _count(self, path: bytes) -> None:
        night = self.scope.source.night_of(path)
        if night is not None:
            self.counts[night] = self.counts.get(night, 0) + 1

    def settling(self, waited: Container[bytes] = ()) -> Iterator[Entry]:
        """Yield what would move but changed within the settle limit, or was in progress when it was seen last.

        Its own headers may say that more is to come, or, the limit being over, that more never came.
        """
        for entry in (*self.new, *(pair.source for pair in self.pairs)):
            if abs(self.clock_s - entry.mtime_s) < self.policy.settle_limit_s or entry.path in waited:
                yield entry


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done for one hop; every list ascends but `moves`, which has the newest night first."""

    moves: tuple[Move, ...]
    links: tuple[tuple[bytes, bytes], ...]
    in_progress: tuple[bytes, ...]
    kept: tuple[Failure, ...]
    refused: tuple[Failure, ...]
    stuck: tuple[Failure, ...]
    unrecognised: tuple[bytes, ...]
    counts: Mapping[dt.date, int]

    @property
    def size_bytes(self) -> int:
        """Bytes to move."""
        return sum(move.entry.size_bytes for move in self.moves)


@dataclass(frozen=True, slots=True)
class Answers:
    """What the files themselves said, by source path."""

    same_hash: Mapping[bytes, bool | None] = field(default_factory=dict)
    inspections: Mapping[bytes, Inspection] = field(default_factory=dict)
    waiting_since_s: Mapping[bytes, float] = field(default_factory=dict)


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
        draft.consider_waiting(entry)
    return draft.finish()


class _Draft:
    """A plan in the making."""

    def __init__(self, candidates: Candidates, answers: Answers) -> None:
        self._candidates, self._answers = candidates, answers
        self._policy = candidates.policy
        self._moves: list[Move] = []
        self._in_progress: list[bytes] = []
        self._kept: list[Failure] = []
        self._refused: list[Failure] = []
        self._stuck: list[Failure] = []

    def consider_new(self, entry: Entry) -> None:
        self._move(entry, replaces=False, reason="not on the destination")

    def consider_other_size(self, pair: Pair) -> None:
        here, there = pair.source, pair.destination
        if here.size_bytes < there.size_bytes:
            self._keep(here, f"the source is shorter ({here.size_bytes} bytes against {there.size_bytes})")
        else:
            self._replace(here, f"{there.size_bytes} bytes on the destination, {here.size_bytes} on the source")

    def consider_hashed(self, pair: Pair) -> None:
        same = self._answers.same_hash.get(pair.source.path)
        if same is None:
            self._refused.append(Failure(pair.source.path, "could not be hashed on both sides"))
        elif not same:
            self._replace(pair.source, "other content on the destination")

    def consider_waiting(self, entry: Entry) -> None:
        since = self._answers.waiting_since_s.get(entry.path)
        limit = self._policy.settle_limit_s
        if since is None or self._candidates.clock_s - since < limit:
            self._in_progress.append(entry.path)
        else:
            self._stuck.append(Failure(entry.path, f"still being written after {limit:g} s; copied as it is"))
            self._add(Move(entry, self._candidates.scope.target_of(entry.path), True, "stuck"))

    def _replace(self, entry: Entry, reason: str) -> None:
        inspection = self._answers.inspections.get(entry.path)
        if inspection is not None and inspection.state in ("damaged", "short"):
            self._keep(entry, f"the source is damaged: {inspection.reason}")
        elif self._policy.on_difference == "keep":
            self._keep(entry, reason)
        else:
            self._move(entry, replaces=True, reason=reason)

    def _move(self, entry: Entry, replaces: bool, reason: str) -> None:
        inspection = self._answers.inspections.get(entry.path)
        is_short = inspection is not None and inspection.state == "short"
        if is_short and self._within_limit(entry):
            self._in_progress.append(entry.path)
            return
        if inspection is not None and inspection.state in ("short", "damaged"):
            self._stuck.append(Failure(entry.path, inspection.reason))
        self._add(Move(entry, self._candidates.scope.target_of(entry.path), replaces, reason))

    def _within_limit(self, entry: Entry) -> bool:
        return abs(self._candidates.clock_s - entry.mtime_s) < self._policy.settle_limit_s

    def _add(self, move: Move) -> None:
        unsafe = is_safe(move.target)
        if unsafe is not None:
            self._refused.append(Failure(move.entry.path, unsafe))
        elif move.target in self._candidates.occupied:
            self._refused.append(
                Failure(move.entry.path, "the destination has something else than a file of this name")
            )
        else:
            self._moves.append(move)

    def _keep(self, entry: Entry, reason: str) -> None:
        self._kept.append(Failure(entry.path, reason))

    def _links(self) -> tuple[tuple[bytes, bytes], ...]:
        if self._policy.symlinks == "copy":
            return tuple(sorted(self._candidates.links))
        words = "a link; the specification refuses links"
        if self._policy.symlinks == "refuse":
            self._refused.extend(Failure(path, words) for path, _ in self._candidates.links)
        return ()

    def finish(self) -> Plan:
        links = self._links()
        moves, collisions = refuse_collisions(self._moves)
        night_of = self._candidates.scope.source.night_of
        moves.sort(key=lambda move: (-(night_of(move.entry.path) or dt.date.min).toordinal(), move.target))
        outside = [path for path, _ in self._candidates.links] if self._policy.symlinks == "follow-inside" else []
        return Plan(
            moves=tuple(moves),
            links=links,
            in_progress=tuple(sorted(self._in_progress)),
            kept=tuple(sorted(self._kept)),
            refused=tuple(sorted([*self._refused, *collisions])),
            stuck=tuple(sorted(self._stuck)),
            unrecognised=tuple(sorted([*self._candidates.unrecognised, *outside])),
            counts=dict(self._candidates.counts),
        )


def refuse_collisions(moves: Iterable[Move]) -> tuple[list[Move], list[Failure]]:
    """Split moves into those with a destination of their own and those that would meet another's."""
    by_target: dict[bytes, list[Move]] = {}
    for move in moves:
        by_target.setdefault(move.target, []).append(move)
    alone = [group[0] for group in by_target.values() if len(group) == 1]
    together = [move for group in by_target.values() if len(group) > 1 for move in group]
    return alone, [Failure(move.entry.path, "another file has the same place on the destination") for move in together]


def refuse_folded(moves: Iterable[Move], existing: Iterable[bytes]) -> tuple[list[Move], list[Failure]]:
    """Refuse moves whose names become one where case and Unicode form are folded.

    Parameters
    ----------
    moves : iterable of Move
    existing : iterable of bytes
        Paths that the destination already holds under some folded form of a planned name.
    """
    taken = {fold_key(path) for path in existing}
    groups: dict[bytes, list[Move]] = {}
    for move in moves:
        groups.setdefault(fold_key(move.target), []).append(move)
    fine: list[Move] = []
    refused: list[Move] = []
    for key, group in groups.items():
        clear = len(group) == 1 and (group[0].replaces or key not in taken)
        (fine if clear else refused).extend(group)
    reason = "its name differs from another's in case or Unicode form alone, which the destination folds"
    return fine, [Failure(move.entry.path, reason) for move in refused]


def why_refused(plan: Plan, source: RootFacts, destination: RootFacts, names: tuple[str, str]) -> str | None:
    """Return why a whole plan is refused before a byte moves: clocks or space; None where it may go on."""
    for facts, name in zip((source, destination), names, strict=True):
        if abs(facts.clock_ahead_s) > CLOCK_TOLERANCE_S:
            direction = "ahead of" if facts.clock_ahead_s > 0 else "behind"
            return (
                f"{name}: its clock is {abs(facts.clock_ahead_s):.0f} s {direction} this machine's;"
                f" ages cannot be judged. Set the clocks (chrony or ntpd), then sync again"
            )
    needed = plan.size_bytes + SPACE_PER_FILE_BYTES * len(plan.moves)
    if plan.moves and destination.free_bytes is not None and needed > destination.free_bytes:
        return (
            f"{names[1]}: {needed} bytes are needed and {destination.free_bytes} are free; nothing was moved. Make room"
        )
    return None


def mass_loss(now: Mapping[dt.date, int], before: Mapping[dt.date, int]) -> tuple[int, int] | None:
    """Return how many files there were and are, where a source lost more than half since the last run.

    Parameters
    ----------
    now, before : mapping of night to number of files
        `before` less what `prune` freed since. Nights that the last run did not see do not count.
    """
    expected = sum(before.values())
    found = sum(now.get(night, 0) for night in before)
    if expected == 0 or found * 2 >= expected:
        return None
    return expected, found


def moves_by_night(
    scope: HopScope, plan: Plan, arrived: Mapping[bytes, int], still_open: Iterable[bytes]
) -> dict[dt.date, NightMoves]:
    """Sum up a hop by night: files on the source, moved files and bytes, and what is still open.

    Parameters
    ----------
    scope : HopScope
    plan : Plan
    arrived : mapping of source path to size in bytes
    still_open : iterable of source paths that are not, or not surely, on the destination
    """
    moved: dict[dt.date, list[int]] = {}
    for path, size in arrived.items():
        row = moved.setdefault(scope.source.night_of(path) or dt.date.min, [0, 0])
        row[0] += 1
        row[1] += size
    open_files: dict[dt.date, int] = {}
    for path in still_open:
        night = scope.source.night_of(path) or dt.date.min
        open_files[night] = open_files.get(night, 0) + 1
    return {
        night: NightMoves(count, open_files.get(night, 0), *moved.get(night, [0, 0]))
        for night, count in sorted(plan.counts.items())
    }
