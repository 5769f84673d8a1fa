"""What may refuse a plan before a byte moves, and what it comes to by night: names, clocks, space, counts.

Pure. What to move is plan.py's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping

from observatory.counting import clock_words
from observatory.endpoints.contract import RootFacts
from observatory.ends import CLOCK_TOLERANCE_S
from observatory.listing import HopScope
from observatory.names import fold_key, form_key
from syncer.outcome import Failure, NightMoves
from syncer.plan import Move, Plan

SPACE_PER_FILE_BYTES = 4096
"""What a file takes on disk beyond its bytes, about: a block's remainder and an inode."""


def refuse_folded(
    moves: Iterable[Move], existing: Iterable[bytes], key: Callable[[bytes], bytes] = fold_key
) -> tuple[list[Move], list[Failure]]:
    """Refuse moves whose names become one where case and Unicode form are folded.

    Parameters
    ----------
    moves : iterable of Move
    existing : iterable of bytes
        Paths that the destination already holds under some folded form of a planned name.
    key : callable
        Gives one answer for names that the destination takes for one.
    """
    taken = {key(path) for path in existing}
    groups: dict[bytes, list[Move]] = {}
    for move in moves:
        groups.setdefault(key(move.target), []).append(move)
    fine: list[Move] = []
    refused: list[Move] = []
    for name, group in groups.items():
        clear = len(group) == 1 and (group[0].replaces or name not in taken)
        (fine if clear else refused).extend(group)
    reason = "its name differs from another's in case or Unicode form alone, which the destination folds"
    return fine, [Failure(move.entry.path, reason) for move in refused]


def have_one_form(moves: Iterable[Move]) -> bool:
    """Say whether two moves have names that differ in Unicode form alone."""
    forms = [form_key(move.target) for move in moves if not move.target.isascii()]
    return len(set(forms)) < len(forms)


def refuse_answered(moves: Iterable[Move], existing: Collection[bytes]) -> tuple[list[Move], list[Failure]]:
    """Refuse moves to names that the destination does not list and answers to all the same.

    Parameters
    ----------
    moves : iterable of Move
    existing : collection of bytes
        Targets, all new to the listing, at which a file was found.
    """
    reason = "the destination holds its name in another Unicode form, which it folds, or got it just now"
    fine = [move for move in moves if move.replaces or move.target not in existing]
    refused = [move for move in moves if not move.replaces and move.target in existing]
    return fine, [Failure(move.entry.path, reason) for move in refused]


def why_refused(plan: Plan, source: RootFacts, destination: RootFacts, names: tuple[str, str]) -> str | None:
    """Return why a whole plan is refused before a byte moves: clocks or space; None where it may go on."""
    for facts, name in zip((source, destination), names, strict=True):
        if abs(facts.clock_ahead_s) > CLOCK_TOLERANCE_S:
            return (
                f"{name}: its clock is {clock_words(facts.clock_ahead_s)} this machine's;"
                f" ages cannot be judged. Set the clocks (chrony or ntpd), then sync again"
            )
    needed = plan.size_bytes + SPACE_PER_FILE_BYTES * len(plan.moves)
    if plan.moves and destination.free_bytes is not None and needed > destination.free_bytes:
        space = f"{needed:,} bytes are needed and {destination.free_bytes:,} are free"
        return f"{names[1]}: {space}; nothing was moved. Make room"
    return None


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
