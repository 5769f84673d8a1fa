"""What files show that are opened where the level asks for it, on either end of a hop.

Reads only. Which bytes are equal is fixity.py's to tell, which files are whole structure.py's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from observatory.endpoints.contract import Hashed, Look, Survey
from observatory.listing import HopScope
from observatory.names import show
from observatory.sharing import stands_for_two
from verifier.fixity import OnHashed, differing_contents, tell_nobody
from verifier.options import CheckOptions, HashedPair
from verifier.structure import find_damage
from verifier.tally import Tally
from verifier.verdict import Finding


@dataclass(frozen=True, slots=True)
class Ends:
    """Both ends of a hop, and their listings."""

    scope: HopScope
    source: Look
    destination: Look
    here: Survey
    there: Survey


@dataclass(frozen=True, slots=True)
class Opened:
    """What opening files showed, by their source paths; `unjudged` counts those of no format that can be judged."""

    checksum_differs: frozenset[bytes] = frozenset()
    damaged: tuple[Finding, ...] = ()
    unreadable: tuple[Finding, ...] = ()
    unjudged: int = 0


class Opening:
    """Opens files on both ends as deep as the options say."""

    def __init__(self, ends: Ends, options: CheckOptions) -> None:
        self._ends, self._options = ends, options
        self._roots = ends.scope.source.request.root, ends.scope.destination.request.root

    def opened(self, tally: Tally, alone: Sequence[bytes], differing: Sequence[bytes]) -> Opened:
        """Open what is alike; at level structure also what is on the source `alone`, and both of `differing` size."""
        if self._options.level == "checksum":
            return self._contents(sorted(tally.alike()), self._tell_hashed)
        told = self._contents(tally.of_other_time)
        if self._options.level != "structure":
            return told
        found = self._damage(alone, sorted([*tally.alike(), *differing]))
        return replace(
            found,
            unreadable=tuple(sorted({*found.unreadable, *told.unreadable})),
            checksum_differs=told.checksum_differs,
        )

    def doubles(self, paths: Sequence[bytes]) -> list[Finding]:
        """Return those of some files whose place on the destination is another's too: there is one file for two."""
        found = stands_for_two(self._ends.scope, self._ends.source, self._ends.destination, paths)
        return [
            Finding(path, "destination", f"its place is behind a link, and is that of {show(other)} as well")
            for path, other in found.items()
        ]

    def _contents(self, paths: Sequence[bytes], on_hashed: OnHashed = tell_nobody) -> Opened:
        """Hash files on both sides."""
        targets = [self._ends.scope.target_of(path) for path in paths]
        here = (self._ends.source, self._roots[0], paths)
        there = (self._ends.destination, self._roots[1], targets)
        answer = differing_contents(here, there, self._options.progress, on_hashed)
        return Opened(checksum_differs=answer.differing, unreadable=answer.unreadable)

    def _tell_hashed(self, here: Sequence[Hashed], there: Sequence[Hashed]) -> None:
        self._options.on_hashed(HashedPair((self._ends.here.facts, self._ends.there.facts), here, there))

    def _damage(self, alone: Sequence[bytes], both: Sequence[bytes]) -> Opened:
        """Ask of files whether they are whole: of those of `both` sides on either."""
        source, destination = self._roots
        progress = self._options.progress
        here = find_damage(self._ends.source, source, sorted([*both, *alone]), "source", progress)
        targets = {self._ends.scope.target_of(path): path for path in both}
        there = find_damage(self._ends.destination, destination, list(targets), "destination", progress)
        back = [replace(finding, path=targets[finding.path]) for finding in there.damaged]
        unread = [replace(finding, path=targets[finding.path]) for finding in there.unreadable]
        return Opened(
            damaged=tuple(sorted([*here.damaged, *back])),
            unreadable=tuple(sorted([*here.unreadable, *unread])),
            unjudged=here.unjudged,
        )
