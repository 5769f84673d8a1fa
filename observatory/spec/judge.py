"""One document against its model: every fault at once, and the rest mended so that it can be judged too.

pydantic stops at the first floor of faults: what a whole section lacks shows only when its keys are right. So what
is at fault is left out, or filled in where it must be there, and the rest is validated again. Reads no files.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from observatory.errors import Problem
from observatory.spec import yaml
from observatory.spec.fields import keys, section_at
from observatory.spec.models import AwaySpan, Camera, Copy, Hours, Instrument
from observatory.spec.sentences import sentence
from observatory.spec.yaml import Document, KeyPath

MOST_ROUNDS = 12
"""More than sections lie within sections."""
Model = TypeVar("Model", bound=BaseModel)


@dataclass(slots=True)
class Judged(Generic[Model]):
    """What became of one document: the model as far as it goes, and what is wrong.

    `value` stands for what was written only where there are no problems; otherwise what was at fault has
    been left out or filled in, so that the rest can be checked too.
    """

    document: Document
    value: Model | None
    problems: list[Problem] = field(default_factory=list)
    faults: set[KeyPath] = field(default_factory=set)

    def is_known(self, path: KeyPath) -> bool:
        """Say whether a fault at this path or around it has been told already."""
        return any(path[: len(fault)] == fault for fault in self.faults)


def judge(document: Document, model: type[Model], raw: Any = None, base: KeyPath = ()) -> Judged[Model]:
    """Validate a document, or a part of it, as often as it takes to see every fault that hides behind another."""
    judged: Judged[Model] = Judged(document, None, list(document.problems) if not base else [])
    raw = copy.deepcopy(document.value if raw is None and not base else raw)
    if not isinstance(raw, dict):
        if not judged.problems:
            judged.problems.append(document.problem(base, "is empty" if raw is None else "needs keys with values"))
        return judged
    for _ in range(MOST_ROUNDS):  # each round mends what it found; a section within a section needs one more
        try:
            judged.value = model.model_validate(raw, by_alias=True, by_name=False)
        except ValidationError as error:
            paths = _tell(judged, model, raw, base, error.errors(include_url=False))
            if not _mend_all(raw, paths, model):
                break
        else:
            break
    return judged


def _mend_all(raw: Any, paths: Sequence[KeyPath], model: type[BaseModel]) -> bool:
    """Mend every fault, the deepest first, so that no path moves before its turn."""
    mended = [_mend(raw, path, model) for path in sorted(paths, key=_deepest_first)]
    return all(mended)


def _deepest_first(path: KeyPath) -> tuple[int, int, str]:
    last = path[-1] if path and isinstance(path[-1], int) else 0
    return -len(path), -last, str(path)


def _tell(
    judged: Judged[Model], model: type[BaseModel], raw: Any, base: KeyPath, errors: Sequence[ErrorDetails]
) -> list[KeyPath]:
    """Add a problem for each path at fault that nothing told before explains; return all paths at fault."""
    located = sorted(_placed(raw, errors), key=lambda pair: str(pair[0]))
    told = [(path, [error for _, error in group]) for path, group in groupby(located, key=lambda pair: pair[0])]
    before = set(judged.faults)
    for path, group in told:
        whole = (*base, *path)
        explained = any(whole[: len(f)] == f or f[: len(whole)] == whole for f in before)
        if not explained:
            judged.problems.append(judged.document.problem(whole, sentence(group, path, model)))
        if whole:  # a fault of the file as a whole explains none of its keys
            judged.faults.add(whole)
    return [path for path, _ in told]


def _placed(raw: Any, errors: Sequence[ErrorDetails]) -> Iterator[tuple[KeyPath, ErrorDetails]]:
    """Give each error its place; a list that is called too short because all its items are at fault is not."""
    placed = [(_located(raw, error), error) for error in errors]
    for path, error in placed:
        below = any(other[: len(path)] == path and len(other) > len(path) for other, _ in placed)
        if not (below and error["type"] == "too_short"):
            yield path, error


def _located(raw: Any, error: ErrorDetails) -> KeyPath:
    """Return where in the file an error lies: pydantic also names the kinds that a value might have been."""
    path: list[str | int] = []
    value = raw
    for part in error["loc"]:
        if not yaml.has(value, part):
            break
        path.append(part)
        value = value[part]
    missing = error["loc"][-1:] if error["type"] == "missing" else ()
    return (*path, *missing)


_STANDS_IN: Mapping[type[BaseModel], Mapping[str, Any]] = {
    Copy: {"host": "unreadable-host-{}", "root": "/unreadable-root-{}"},
    Camera: {"files": ["*"]},
    AwaySpan: {"from": "00010101", "until": "99991231", "reason": "unreadable"},
    Hours: {"from": "00:00", "until": "00:00", "rate_bytes_per_s": "1"},
}
"""What is filled in for a required key, so that the sections around it, and those beside it, can be judged."""


def _mend(raw: Any, path: KeyPath, model: type[BaseModel]) -> bool:
    """Leave out what is at fault, or fill in what must be there; False where the rest would be guesswork."""
    if not path:
        raw.setdefault("layout", "%Y%m%d")
        return issubclass(model, Instrument) and "night_in_name" not in raw
    holder = raw
    for part in path[:-1]:
        if not yaml.has(holder, part):  # mended away a moment ago
            return True
        holder = holder[part]
    if isinstance(holder, list):  # an item of the wrong kind: without it the others would change their numbers
        return path[:1] != ("copies",) and _mend(raw, path[:-1], model)
    section = section_at(model, path[:-1])
    declared = keys(section).get(str(path[-1])) if section else None
    if section is None or declared is None or not declared.is_required():
        holder.pop(path[-1], None)
        return True
    standing = _STANDS_IN.get(section, {}).get(str(path[-1]))
    if standing is None:
        return len(path) > 1 and _mend(raw, path[:-1], model)
    holder[path[-1]] = standing.format("-".join(map(str, path))) if isinstance(standing, str) else list(standing)
    return True
