"""What is to become of each file: placed, found in its place, identical, changed or refused; before a byte moves.

Pure: what lies where and what is recorded comes in as data, and the question whether two files hold the same bytes
goes out through a callback. Naming the files is the caller's, placing them place.py's.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from observatory.names import fold_key, show
from syncer.ingest.model import Bin, Candidate, Planned, Present, Result, Transfer

Same = Literal["same", "different"] | str
"""The answer to whether two files hold the same bytes: the two words, or the reason why it cannot be told."""
Compare = Callable[[bytes, bytes], Same]
"""Told two paths, a source's and one of the datastore."""


def plan(
    candidates: Sequence[Candidate],
    recorded: Mapping[uuid.UUID, bytes],
    taken: Mapping[bytes, uuid.UUID],
    present: Mapping[bytes, Present],
    compare: Compare,
) -> tuple[Planned, ...]:
    """Return what is to become of each candidate, in their order.

    Parameters
    ----------
    candidates : sequence of Candidate
    recorded : mapping of dataset id to path
        Where the catalogue says that the datasets of these ids lie.
    taken : mapping of path to dataset id
        Which dataset the catalogue has at the candidates' destinations.
    present : mapping of path to Present
        What was found at every path of the three above; a path that is not there was not looked at.
    compare : callable
        Asked only where neither inode nor size decides.
    """
    collisions = _collisions(candidates)
    first: dict[uuid.UUID, Candidate] = {}
    planned: list[Planned] = []
    for candidate in candidates:
        leading = first.setdefault(candidate.id, candidate)
        if id(candidate) in collisions:
            planned.append(Planned(candidate, Result.REFUSED, collisions[id(candidate)], Bin.EXPOSURE))
        elif leading is not candidate:
            planned.append(_second(candidate, leading, compare))
        else:
            planned.append(_one(candidate, recorded, taken, present, compare))
    return tuple(_without_contradictions(planned))


def _collisions(candidates: Sequence[Candidate]) -> dict[int, str]:
    """Find different datasets that would lie at one path: the later would silently replace the earlier."""
    at: dict[bytes, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        at[fold_key(candidate.destination)].append(candidate)
    found: dict[int, str] = {}
    for held in at.values():
        if len(held) > 1:
            found.update(_crowded(held))
    return found


def _crowded(held: Sequence[Candidate]) -> Iterator[tuple[int, str]]:
    first = {one.id: one for one in reversed(held)}
    for candidate in held:
        other = next((one for key, one in first.items() if key != candidate.id), None)
        if other is not None:
            place = show(candidate.destination)
            yield id(candidate), f"{show(other.source.path)}, another dataset, would lie at the same place, {place}"


def _second(candidate: Candidate, leading: Candidate, compare: Compare) -> Planned:
    """A file whose data id an earlier one of this very ingest has."""
    answer = _same(candidate, leading.source.real, _as_present(leading), compare)
    if answer == "same":
        return Planned(candidate, Result.IDENTICAL, at=leading.destination)
    if answer == "different":
        why = f"{show(leading.source.path)} has the same data id and other content; neither was taken"
        return Planned(candidate, Result.REFUSED, why, Bin.EXPOSURE)
    return Planned(candidate, Result.UNREADABLE, answer, Bin.FILE)


def _as_present(candidate: Candidate) -> Present:
    source = candidate.source
    return Present(source.size_bytes, source.device, source.inode)


def _one(
    candidate: Candidate,
    recorded: Mapping[uuid.UUID, bytes],
    taken: Mapping[bytes, uuid.UUID],
    present: Mapping[bytes, Present],
    compare: Compare,
) -> Planned:
    kept = recorded.get(candidate.id)
    if kept is not None:
        there = present[kept]
        if there.size_bytes is not None or there.reason is not None:
            return _against(candidate, kept, there, compare, Result.IDENTICAL)
    holder = taken.get(candidate.destination)
    if holder is not None and holder != candidate.id:
        why = f"the catalogue has another dataset ({holder}) at {show(candidate.destination)}"
        return Planned(candidate, Result.REFUSED, why, Bin.EXPOSURE)
    if candidate.transfer in (Transfer.DIRECT, Transfer.INSIDE):
        return Planned(candidate, Result.NEW)
    there = present[candidate.destination]
    if there.size_bytes is None and there.reason is None:
        return Planned(candidate, Result.NEW)
    return _against(candidate, candidate.destination, there, compare, Result.FOUND)


def _against(candidate: Candidate, path: bytes, there: Present, compare: Compare, when_same: Result) -> Planned:
    if there.reason is not None:
        return Planned(candidate, Result.UNREADABLE, f"{show(path)}: {there.reason}", Bin.FILE)
    answer = _same(candidate, path, there, compare)
    if answer == "same":
        return Planned(candidate, when_same, at=path)
    if answer != "different":
        return Planned(candidate, Result.UNREADABLE, answer, Bin.FILE)
    if when_same is Result.IDENTICAL:
        sizes = f"{candidate.source.size_bytes} bytes given, {there.size_bytes} held"
        why = f"the datastore holds other content at {show(path)} ({sizes}); it was left as it is"
        return Planned(candidate, Result.CHANGED, why, Bin.FILE, at=path)
    why = f"another file, of which the catalogue knows nothing, lies at {show(path)}"
    return Planned(candidate, Result.REFUSED, why, Bin.FILE)


def _same(candidate: Candidate, path: bytes, there: Present, compare: Compare) -> Same:
    if not there.is_file:
        return "different"
    if (there.device, there.inode) == candidate.source.key:
        return "same"
    if there.size_bytes != candidate.source.size_bytes:
        return "different"
    return compare(candidate.source.real, path)


def _without_contradictions(planned: Sequence[Planned]) -> Iterator[Planned]:
    """Of two files with one data id and different content neither is taken: which is right a person must say."""
    refused = {one.candidate.id for one in planned if one.result is Result.REFUSED}
    for one in planned:
        if one.candidate.id in refused and one.result in (Result.NEW, Result.FOUND):
            why = "another file with the same data id and other content was given too; neither was taken"
            yield Planned(one.candidate, Result.REFUSED, why, Bin.EXPOSURE)
        elif one.candidate.id in refused and one.result is Result.IDENTICAL and one.at == one.candidate.destination:
            yield replace(one, result=Result.REFUSED, reason="its like was refused", bin=Bin.EXPOSURE, at=None)
        else:
            yield one


def hold_back(planned: Sequence[Planned], spoilt: Collection[Hashable]) -> tuple[Planned, ...]:
    """Hold back every new file of an exposure of which another file failed: it is taken whole or not at all.

    Parameters
    ----------
    planned : sequence of Planned
    spoilt : collection of exposures
        Those of which a file failed before it could be planned.

    Notes
    -----
    A file that *changed* spoils nothing: the datastore holds an earlier version of it.
    """
    bad = (Result.REFUSED, Result.FAILED, Result.UNREADABLE)
    broken = {one.candidate.exposure for one in planned if one.result in bad} | set(spoilt)
    return tuple(
        Planned(one.candidate, Result.HELD_BACK, "another file of its exposure failed", Bin.EXPOSURE)
        if one.candidate.exposure in broken and one.result in (Result.NEW, Result.FOUND)
        else one
        for one in planned
    )
