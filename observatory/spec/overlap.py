"""Can two sets of shell patterns take one and the same path? Decided exactly, with an example where they can.

A pattern becomes a row of steps, each consuming one character or any number of them; two rows are walked side by
side, breadth first, over one character of each class that the patterns tell apart. What `exclude` takes is followed
as a set of positions and rules a path out. Pure; says nothing of what the paths are for.
"""

from __future__ import annotations

import fnmatch
import functools
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

MOST_STATES = 10_000
"""Pairs looked at before giving up; patterns that people write need a few hundred."""
_ANY = re.compile(r"[\s\S]", re.ASCII)
_NO_SLASH = re.compile(r"[^/]")
_PART = re.compile(r"\*+|\?|\[!?\]?[^\]]*\]|[\s\S]")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a pattern: which character it takes, and whether it may be taken any number of times."""

    takes: re.Pattern[str]
    repeats: bool = False


Steps = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Territory:
    """The paths below one folder that some patterns take.

    Attributes
    ----------
    folder : str
        Absolute; shell patterns for what changes from night to night, their ``*`` not crossing slashes.
    files, exclude : tuple of str
        Without a ``/`` they are matched against the whole name in any subfolder, with one against the whole
        path below the folder, ``*`` then crossing slashes.
    """

    folder: str
    files: tuple[str, ...]
    exclude: tuple[str, ...] = ()


def steps(pattern: str, crosses: bool) -> Steps:
    """Return the steps of a shell pattern; `crosses` says whether ``*``, ``?`` and ``[...]`` may take a slash."""
    return tuple(_steps(pattern, crosses))


def _steps(pattern: str, crosses: bool) -> Iterator[Step]:
    wild = _ANY if crosses else _NO_SLASH
    for part in _PART.findall(pattern):
        if part.startswith("*"):
            yield Step(wild, repeats=True)
        elif part == "?":
            yield Step(wild)
        elif len(part) > 1:
            yield Step(_compiled(("" if crosses else "(?!/)") + _class_of(part)))
        else:
            yield Step(_compiled(re.escape(part)))


def _class_of(part: str) -> str:
    """Return the regular expression of ``[...]`` as fnmatch reads it, without its anchors."""
    translated = fnmatch.translate(part)
    return translated[translated.index(":") + 1 : translated.rindex(")")]


@functools.lru_cache(maxsize=1024)
def _compiled(expression: str) -> re.Pattern[str]:
    return re.compile(expression, re.DOTALL)


def _routes(folder: Steps, patterns: Iterable[str]) -> list[Steps]:
    found = []
    for pattern in patterns:
        if "/" in pattern:
            found.append(folder + steps(pattern, crosses=True))
        else:
            name = steps(pattern, crosses=False)
            found += [folder + name, (*folder, Step(_ANY, repeats=True), *steps("/", crosses=True), *name)]
    return found


def shared_path(one: Territory, other: Territory) -> str | None:
    """Return a path that both take, the shortest there is; None where there is none.

    Where the patterns are too entangled to decide (none that a person wrote has been), the answer is a text
    that says so: two that cannot be shown to differ are treated as overlapping.
    """
    if not _may_meet(one.folder, other.folder):
        return None
    is_same = one.folder == other.folder  # then only what lies below it has to be walked
    folders = [() if is_same else steps(place.folder.rstrip("/") + "/", crosses=False) for place in (one, other)]
    excluded = tuple(_routes(folders[0], one.exclude) + _routes(folders[1], other.exclude))
    for mine in _routes(folders[0], one.files):
        for theirs in _routes(folders[1], other.files):
            found = _meet(mine, theirs, excluded, is_below=is_same)
            if found is not None:
                return f"{_example(one.folder)}/{found}" if is_same else found
    return None


def _may_meet(one: str, other: str) -> bool:
    """Say whether two folders agree up to the first sign of a pattern: most do not, and need no walk."""
    heads = [re.split(r"[*?\[]", folder.rstrip("/") + "/", maxsplit=1)[0] for folder in (one, other)]
    shorter, longer = sorted(heads, key=len)
    return longer.startswith(shorter)


def _example(folder: str) -> str:
    return re.sub(r"\[(.)[^\]]*\]", r"\1", folder.rstrip("/"))


Positions = frozenset[int]


def _closed(route: Steps, positions: Iterable[int]) -> Positions:
    """Add what is reached without consuming: a repeated step may be taken no times at all."""
    reached = set()
    for position in positions:
        end = position
        while end < len(route) and route[end].repeats:
            end += 1
        reached |= set(range(position, end + 1))
    return frozenset(reached)


def _advance(route: Steps, positions: Positions, character: str) -> Positions:
    taking = [at for at in positions if at < len(route) and route[at].takes.match(character)]
    return _closed(route, [at if route[at].repeats else at + 1 for at in taking])


def _meet(mine: Steps, theirs: Steps, excluded: Sequence[Steps], is_below: bool) -> str | None:
    """Walk both routes over every class of characters until both end on a path that nothing excludes.

    With `is_below` the path begins behind a slash.
    """
    routes = (mine, theirs, *excluded)
    start = tuple(_closed(route, [0]) for route in routes)
    alphabet = _alphabet(routes)
    waiting, seen = deque([("", start)]), {(is_below, start)}
    while waiting:
        path, state = waiting.popleft()
        ends = [len(route) in positions for route, positions in zip(routes, state, strict=True)]
        at_slash = path.endswith("/") or (is_below and not path)
        if ends[0] and ends[1] and not any(ends[2:]) and not at_slash:
            return path
        if len(seen) > MOST_STATES:
            return f"{path}... (could not be shown to differ)"
        for character in alphabet:
            if character == "/" and at_slash:  # no path has an empty part
                continue
            after = tuple(_advance(route, at, character) for route, at in zip(routes, state, strict=True))
            if after[0] and after[1] and (character == "/", after) not in seen:
                seen.add((character == "/", after))
                waiting.append((path + character, after))
    return None


def _alphabet(routes: Iterable[Steps]) -> list[str]:
    """Return one character of every class that the steps tell apart, those that people can read first."""
    patterns = {step.takes for route in routes for step in route}
    named = {character for pattern in patterns for character in pattern.pattern}
    edges = {chr(ord(character) + 1) for character in named if ord(character) < 0x10FFFF}
    candidates = sorted(named | edges | {"0", "a", "_"}, key=lambda character: (not character.isalnum(), character))
    classes: dict[tuple[bool, ...], str] = {}
    for character in [*candidates, "\N{GREEK SMALL LETTER ALPHA}"]:
        signature = tuple(pattern.match(character) is not None for pattern in patterns)
        classes.setdefault(signature, character)
    return list(classes.values())
