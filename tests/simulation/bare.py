"""The same runs without ledger and daemon: sync, then verify, hop by hop, with what a run must know kept in memory.

Far quicker, so that thousands of seeds are played in a minute; every twentieth seed goes through the whole house.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from observatory.endpoints.contract import HostAccess
from observatory.errors import LockHeld
from observatory.listing import HopScope, hop_scope
from observatory.nights import STAMP_FORMAT, window
from observatory.spec.chain import Hop
from observatory.truth import State
from reports.model import Report
from syncer.outcome import HopOutcome
from syncer.survey import End
from syncer.sync import SyncOptions, sync_hop
from syncer.transfer.contract import Arrived
from tests.simulation.site import SimulatedSite
from tests.simulation.truth import is_ours, night_of
from tests.simulation.weather import Died, files_below
from verifier.check import check
from verifier.options import CheckOptions
from verifier.verdict import HopVerdict


@dataclass
class Known:
    """What one machine remembers of one hop, as the ledger would."""

    counts: dict[dt.date, int] = field(default_factory=dict)
    waiting_s: dict[bytes, float] = field(default_factory=dict)
    loss: tuple[int, int] | None = None


class BareRuns:
    """One machine's runs over a simulated site."""

    def __init__(self, site: SimulatedSite) -> None:
        self.site = site
        self.known: defaultdict[str, Known] = defaultdict(Known)

    def run(self, accepts_loss: bool = False) -> Report | None:
        """Do one run over all hops; None where it was killed."""
        began = self.site.clock.now()
        try:
            outcomes = [self._sync(hop, accepts_loss) for hop in self.site.hops]
            self.site.verified_from_s = self.site.clock.now_s
            verdicts = [self._verify(hop) for hop in self.site.hops]
        except Died:
            self.site.deaths += 1
            self.site.tell("the run was killed")
            return None
        report = Report("Simulated", "run", began, self.site.clock.now(), verdicts=verdicts, outcomes=outcomes)
        self.site.tell("run: " + " ".join(f"{row.hop}={row.state}" for row in (*outcomes, *verdicts)))
        return report

    def _scope(self, hop: Hop) -> HopScope:
        """Ask for the window and for every night that was ever seen."""
        present = self.site.night_clock.night_of(self.site.clock.now())
        nights = {*window(present, 4), *self.known[hop.key].counts}
        return hop_scope(hop, tuple(sorted(nights)), self.site.night_clock)

    def _sync(self, hop: Hop, accepts_loss: bool) -> HopOutcome:
        site, known = self.site, self.known[hop.key]
        ends = [End(site.hosts[place.host], access(place.host)) for place in (hop.source, hop.destination)]

        def arrived(moved: Sequence[Arrived]) -> None:
            site.remember(hop, [one.item.path for one in moved])

        options = SyncOptions(
            site.clock.now().strftime(STAMP_FORMAT),
            previous_counts=dict(known.counts),
            pending_loss=known.loss,
            loss_accepted=accepts_loss,
            waiting_since_s=dict(known.waiting_s),
            on_arrived=arrived,
        )
        scope, began_s = self._scope(hop), site.clock.now_s
        try:
            outcome = sync_hop(scope, *ends, options)
        except LockHeld as error:
            names, roots = (hop.source.host, hop.destination.host), (hop.source.root, hop.destination.root)
            return HopOutcome("sha", hop.key, *names, *roots, nights=scope.nights, lock_reason=str(error))
        if outcome.state is State.OK and not accepts_loss and site.changed_s < began_s:
            self._nothing_was_lost(hop, known)
        self._learn(known, outcome, accepts_loss)
        return outcome

    def _nothing_was_lost(self, hop: Hop, known: Known) -> None:
        """Contradict a run that is ok although more than half of what this machine saw before is gone."""
        source = files_below(self.site.hosts[hop.source.host], hop.source.root.encode())
        left = sum(is_ours(path) and night_of(path) in known.counts for path, _ in source)
        assert 2 * left >= sum(known.counts.values()), f"ok, but {hop.source.host} lost more than half of its files"

    def _learn(self, known: Known, outcome: HopOutcome, accepts_loss: bool) -> None:
        least = {} if outcome.state is not State.UNKNOWN else known.counts
        seen = {night: max(row.source_files, least.get(night, 0)) for night, row in outcome.per_night.items()}
        known.counts.update(seen)
        known.loss = None if accepts_loss else outcome.loss or known.loss
        if accepts_loss:
            known.counts = {night: seen.get(night, 0) for night in known.counts}
        if outcome.per_night or outcome.state is State.OK:
            known.waiting_s = dict(since(outcome.in_progress, known, self.site.clock.now_s))

    def _verify(self, hop: Hop) -> HopVerdict:
        here, there = (self.site.hosts[place.host] for place in (hop.source, hop.destination))
        return check(self._scope(hop), here, there, CheckOptions(level=self.site.instrument.verify.level))


def since(paths: Iterable[bytes], known: Known, now_s: float) -> Iterable[tuple[bytes, float]]:
    """Yield since when each path has been in progress."""
    return ((path, known.waiting_s.get(path, now_s)) for path in paths)


def access(name: str) -> HostAccess:
    """Return how a simulated host is reached."""
    return HostAccess(name, f"{name}.sim")
