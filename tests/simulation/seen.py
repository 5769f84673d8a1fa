"""What runs saw on a source of a simulated site, and what they have to say once neither end has it any more."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from observatory.spec.chain import Hop
from observatory.truth import State
from tests.simulation.truth import night_of
from tests.simulation.weather import files_below

if TYPE_CHECKING:
    from tests.simulation.kept import KeptSite
    from verifier.verdict import HopVerdict

MARGIN_S = 60.0
"""Beyond the settle time: the clocks of hosts differ."""


class Seen:
    """The files that each hop's source was seen to hold and nobody was writing, night by night."""

    def __init__(self, site: KeptSite) -> None:
        self._site = site
        self._seen: dict[tuple[str, dt.date], set[bytes]] = {}
        self._waited: set[bytes] = set()
        self._uncarried: defaultdict[str, set[bytes]] = defaultdict(set)
        self._begun: defaultdict[str, set[bytes]] = defaultdict(set)

    def forget(self) -> None:
        """Somebody has accepted every loss."""
        self._seen.clear()
        self._uncarried.clear()

    def expect(self, hop: Hop, paths: set[bytes], *, is_proven: bool) -> None:
        """Expect some files that a prune had begun to free; none whose proof it had written: they may be gone by it."""
        if is_proven:
            self._begun[hop.key] -= paths
            self._uncarried[hop.key] -= paths
        else:
            self._begun[hop.key] |= paths
            self._uncarried[hop.key] |= paths

    def judge(self, hop: Hop, verdict: HopVerdict) -> None:
        """Contradict a verdict without a word about files that a run saw and neither end has any more."""
        site, source = self._site, hop.source.host
        ends = {source, hop.destination.host}
        travels = any(copy.removable for copy in site.instrument.copies if copy.host in ends)
        if travels or not (verdict.source_alone or verdict.state in (State.OK, State.DIFFERENT)):
            return
        if not verdict.source_alone:
            self._judge_names(hop, verdict)
        self._waited.update(verdict.in_progress)  # some never stay: the ledger counts them no more
        for night in verdict.nights:
            here, there = (site.of_night(place.host, night) for place in (hop.source, hop.destination))
            if verdict.source_alone:
                self._seen.setdefault((hop.key, night), set()).update(self._settled(source, here))
                continue
            known = {path for path in self._seen.get((hop.key, night), ()) if (source, path) not in site.freed}
            known = {path for path in known - site.begun if len(site.observer.calls(path)) == 1}
            if len(here.keys() | there.keys()) < len(known) and not known & site.truth.accepted:
                lost = sorted(known - here.keys() - there.keys())
                assert night in verdict.gone, f"{verdict.state}, and no word of {lost} of {hop.key}, which were seen"
            else:
                self._seen[hop.key, night] = set(here) - self._waited

    def _judge_names(self, hop: Hop, verdict: HopVerdict) -> None:
        """Contradict a verdict that is silent of a file that an earlier one missed, and that neither end has any more.

        And one that names a file which somebody has, under another name too. Of one that was changed after it was
        renamed nobody can know that it is the same.
        """
        site, ends = self._site, (hop.source.host, hop.destination.host)
        there = {path for name in ends for path, _ in files_below(site.hosts[name], site.root(name))}
        known, calls = self._uncarried[hop.key], site.observer.calls
        excused = (
            {path for name, path in site.freed if name in ends}
            | site.truth.accepted
            | (site.begun - self._begun[hop.key])
        )
        lost = {path for path in known if night_of(path) in verdict.nights and not {*calls(path)} & (there | excused)}
        told = set(verdict.gone_files)
        missing = set(verdict.missing)  # freed once, brought back, and lost: as freed it is missing on the destination
        unsaid = sorted(path for path in lost if not {*calls(path)} & (told | missing))
        assert not unsaid, f"{verdict.state}, and no word of {unsaid} of {hop.key}, which were missing, by name"
        found = sorted(path for path in told if path in there or site.observer.is_itself(hop.source.host, path))
        assert not found, f"{found} of {hop.key} are said to be gone, and are there"
        self._uncarried[hop.key] = {path for path in known if path in lost or not {*calls(path)} & there}
        self._uncarried[hop.key] |= set(verdict.missing) - excused

    def _settled(self, name: str, paths: Iterable[bytes]) -> set[bytes]:
        site = self._site
        things, start = site.hosts[name].things, site.root(name) + b"/"
        age_s = {path: site.clock.now_s - things[start + path].mtime_ns / 1e9 for path in paths}
        return {path for path, age in age_s.items() if abs(age) > site.instrument.settle_s + MARGIN_S}
