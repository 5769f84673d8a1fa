"""What only the files themselves can answer before a plan is made: hashes, promised sizes, folded names.

Asks; what follows from the answers is plan.py's.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from observatory.asking import asking
from observatory.batches import batched
from observatory.endpoints.contract import Hashed, Inspection, Look
from observatory.errors import FileUnreadable
from observatory.listing import HopScope
from observatory.names import fold_key, form_key
from syncer.candidates import Candidates
from syncer.outcome import Failure
from syncer.plan import Answers, Plan
from syncer.safety import have_one_form, refuse_answered, refuse_folded
from syncer.survey import End

QUESTION_FILES = 5000
"""Files per question: one command each."""
MOST_OPENED = 200
"""So many files are opened one by one, to tell what cannot be read from what could not be written."""


class Questions:
    """Asks both ends of one hop."""

    def __init__(self, scope: HopScope, source: End, destination: End) -> None:
        self._scope = scope
        self._source, self._destination = source.endpoint, destination.endpoint
        self._source_root, self._destination_root = scope.source.request.root, scope.destination.request.root

    def answers(self, candidates: Candidates, waiting_since_s: Mapping[bytes, float]) -> Answers:
        """Hash what looks the same and is newer; inspect what is recent, has waited, or would replace something."""
        same_hash = dict(self._same_hashes(sorted(pair.source.path for pair in candidates.to_hash)))
        replacing = {pair.source.path for pair in candidates.pairs}
        replacing |= {path for path, same in same_hash.items() if same is False}
        settling = {entry.path for entry in candidates.settling(waiting_since_s)} - replacing
        inspections = {answer.path: answer for answer in self._inspected(settling, sums=False)}
        inspections |= {answer.path: answer for answer in self._inspected(replacing, sums=True)}
        doubtful = sorted(path for path in replacing if _is_damaged(inspections.get(path)))
        return Answers(same_hash, inspections, waiting_since_s, frozenset(self._not_whole_there(doubtful)))

    def _inspected(self, paths: Iterable[bytes], sums: bool) -> Iterator[Inspection]:
        """Where something would be replaced, add up the file's own sums: a flipped bit shows in nothing else."""
        for batch in batched(sorted(paths), QUESTION_FILES):
            yield from self._source.inspect(self._source_root, batch, sums=sums)

    def _not_whole_there(self, paths: Sequence[bytes]) -> Iterator[bytes]:
        """Only where the source is damaged does it matter whether what it would replace is whole."""
        for batch in batched(paths, QUESTION_FILES):
            targets = [self._scope.target_of(path) for path in batch]
            answers = self._destination.inspect(self._destination_root, targets, sums=True)
            yield from (path for path, answer in zip(batch, answers, strict=True) if _is_damaged(answer))

    def _same_hashes(self, paths: Sequence[bytes]) -> Iterator[tuple[bytes, bool | Failure]]:
        for batch in batched(paths, QUESTION_FILES):
            targets = [self._scope.target_of(path) for path in batch]
            with asking((self._source, self._destination), 1, "hash") as pool:
                asked = pool.submit(_listed, self._source, self._source_root, batch)
                there = _listed(self._destination, self._destination_root, targets)
            for one, other in zip(asked.result(), there, strict=True):
                yield one.path, _compared(one, other)

    def unreadable(self, paths: Sequence[bytes]) -> frozenset[bytes]:
        """Return those of some source files that are there and cannot be read; asked about what did not arrive."""
        asked = paths[:MOST_OPENED]
        there = [found.path for found in self._source.stat(self._source_root, asked) if found.is_file]
        return frozenset(path for path in there if not self._can_be_read(path))

    def _can_be_read(self, path: bytes) -> bool:
        try:
            with self._source.open(posixpath.join(self._source_root, path)) as stream:
                stream.read(1)
        except (FileUnreadable, OSError):
            return False
        return True

    def refuse_folded(self, plan: Plan, folds_form: Callable[[], bool]) -> Plan:
        """Refuse names that the destination's file system would make one; asked only where something is to move.

        Whether it folds case is asked by the marker's name in capitals: on a dry run over a root without a marker it
        cannot be told. Whether it folds Unicode form alone is tried by `folds_form`, and only where two new names
        differ in nothing else; else it shows itself by answering to a name that it does not list.
        """
        if not plan.moves:
            return plan
        key = None
        if self.destination_folds:
            key = fold_key
        elif have_one_form(plan.moves) and folds_form():
            key = form_key
        fresh = [move.target for move in plan.moves if not move.replaces]
        asked = fresh if key is fold_key else [target for target in fresh if not target.isascii()]
        found = list(self._destination.stat(self._destination_root, asked)) if asked else []
        if key is not None:
            existing = [one.path for one in found if one.size_bytes is not None]
            fine, refused = refuse_folded(plan.moves, existing, key)
        else:
            fine, refused = refuse_answered(plan.moves, frozenset(one.path for one in found if one.is_file))
        gone = {failure.path for failure in refused}
        return replace(
            plan,
            moves=tuple(fine),
            refused=tuple(sorted([*plan.refused, *refused])),
            stuck=tuple(failure for failure in plan.stuck if failure.path not in gone),
        )

    @cached_property
    def destination_folds(self) -> bool:
        """Whether the destination takes names that differ in case alone for one."""
        shouted = next(iter(self._destination.stat(self._destination_root, [b".NIGHTFERRY/ROOT"])))
        return shouted.size_bytes is not None


def _is_damaged(inspection: Inspection | None) -> bool:
    return inspection is not None and inspection.state in ("damaged", "short")


def _compared(here: Hashed, there: Hashed) -> bool | Failure:
    """Return whether two files have one hash, or which of them has none, in its host's own words."""
    for on, one in (("source", here), ("destination", there)):
        if one.sha256 is None:
            return Failure(here.path, one.reason or "could not be hashed", on)
    return here.sha256 == there.sha256


def _listed(endpoint: Look, root: bytes, paths: Sequence[bytes]) -> list[Hashed]:
    return list(endpoint.hash(root, paths))
