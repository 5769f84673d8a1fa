"""What runs saw on a source of a simulated site, and what they have to say once neither end has it any more."""

from __future__ import annotations

import datetime as dt
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

    def forget(self) -> None:
        """Somebody has accepted every loss."""
        self._seen.clear()

    def judge(self, hop: Hop, verdict: HopVerdict) -> None:
        """Contradict a verdict without a word about files that a run saw and neither end has any more."""
        site, source = self._site, hop.source.host
        ends = {source, hop.destination.host}
        travels = any(copy.removable for copy in site.instrument.copies if copy.host in ends)
        if travels or not (verdict.source_alone or verdict.state in (State.OK, State.DIFFERENT)):
            return
        self._waited.update(verdict.in_progress)  # some never stay: the ledger counts them no more
        for night in verdict.nights:
            here, there = (site.of_night(place.host, night) for place in (hop.source, hop.destination))
            if verdict.source_alone:
                self._seen.setdefault((hop.key, night), set()).update(self._settled(source, here))
                continue
            known = {path for path in self._seen.get((hop.key, night), ()) if (source, path) not in site.freed}
            if len(here.keys() | there.keys()) < len(known) and not known & site.truth.accepted:
                lost = sorted(known - here.keys() - there.keys())
                assert night in verdict.gone, f"{verdict.state}, and no word of {lost} of {hop.key}, which were seen"
            else:
                self._seen[hop.key, night] = set(here) - self._waited

    def _settled(self, name: str, paths: Iterable[bytes]) -> set[bytes]:
        site = self._site
        things, start = site.hosts[name].things, site.root(name) + b"/"
        age_s = {path: site.clock.now_s - things[start + path].mtime_ns / 1e9 for path in paths}
        return {path for path, age in age_s.items() if abs(age) > site.instrument.settle_s + MARGIN_S}


def lose_uncarried(site: KeptSite, origin: str) -> None:
    """Let somebody clear the origin of a few files that lie nowhere else: less of a night than is a sudden loss."""
    if not site.is_there(origin):
        return
    others = [(name, host) for name, host in site.hosts.items() if name != origin]
    elsewhere = {path for name, host in others for path, _ in files_below(host, site.root(name))}
    nights: dict[dt.date | None, list[bytes]] = {}
    for path, _ in files_below(site.hosts[origin], site.root(origin)):
        nights.setdefault(night_of(path), []).append(path)
    for night, paths in nights.items():
        alone = [path for path in paths if path not in elsewhere]
        lost = site.random.sample(alone, min(len(alone), (len(paths) - 1) // 2)) if night is not None else []
        site.tell(f"cleared on {origin}: {lost}")
        site.spoil(lost)
        for path in lost:
            site.truth.take(origin, site.root(origin), path)
            site.telling(origin).harm(site.root(origin) + b"/" + path)
