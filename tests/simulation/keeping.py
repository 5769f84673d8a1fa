"""Plays sites on which files are freed and brought back: nightly runs, prunes that die, restores, all from one seed.

What must hold is kept.py's; play.py starts it.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar
from unittest.mock import patch

import syncer.freeing
from catalogue.evidence_records import FreeingState
from nightferry.hop_sync import SyncWishes
from nightferry.products.bringing import Receipt, Wanted, bring_back
from nightferry.retention.holders import known_holder
from nightferry.retention.outcome import PlacePruned
from nightferry.retention.pruned import state_of
from nightferry.retention.pruning import PruneWishes, prune
from nightferry.runs import Run
from nightferry.selection import Asked
from nightferry.syncing import accept_unsynced
from observatory.errors import NightferryError
from observatory.nights import night_text
from observatory.truth import State
from reports.model import Report
from tests.simulation.failed import Failed
from tests.simulation.kept import ORIGIN, KeptSite
from tests.simulation.site import DAY_S, simulated_time, two_machines
from tests.simulation.truth import night_of
from tests.simulation.weather import Died, files_below

DAYS = 5
Told = TypeVar("Told")


def play_kept(seed: int) -> KeptSite:
    """Play one site with retention for some days and then quiet weather.

    Raises
    ------
    Failed
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nightferry-simulated-")))
        site = KeptSite(seed, folder)
        stack.enter_context(simulated_time(site.clock))
        stack.enter_context(patch.object(syncer.freeing, "HANDS", 1))  # in the same order each time
        try:
            Keeping(site, stack).play()
        except AssertionError as error:
            raise Failed(f"kept seed {seed}: {error}\n" + "\n".join(site.story)) from error
    return site


class Keeping:
    """Some days of one site, by the ledger of one machine; another comes in between, and frees nothing."""

    def __init__(self, site: KeptSite, stack: ExitStack) -> None:
        self.site = site
        self.workplace, self.elsewhere = two_machines(site, stack)

    def play(self) -> None:
        """Play all days, then the quiet ones."""
        site = self.site
        for _ in range(DAYS):
            mends = self._morning()
            self._settled(lambda: site.run(self.workplace), self._judged)
            site.clock.sleep(3600.0)
            self._afternoon()
            mends()
            if site.random.random() < 0.3:
                site.observer.tidies(ORIGIN)
            site.originals_are_there()
            site.clock.sleep(DAY_S - 3600.0)
        site.calm()
        self._quiet_days()

    def _morning(self) -> Callable[[], None]:
        site, chance = self.site, self.site.random
        site.expose()
        site.mirror()
        if chance.random() < 0.4:
            site.take_drive()
        site.keep_disks()
        for _ in range(chance.choice((0, 0, 1, 2))):
            site.meddle()
        happens = chance.random()
        if happens < 0.1:
            site.replace_disk()
        elif happens < 0.2:
            site.take_everywhere()
        elif happens < 0.3:
            site.accept(self.workplace.ledger)
        mends = site.break_something() if chance.random() < 0.2 else lambda: None
        site.storm()
        if chance.random() < 0.2:
            site.interleave(self._another)
        self._may_die(0.15)
        return mends

    def _may_die(self, likelihood: float) -> None:
        if self.site.random.random() < likelihood:
            self.site.clock.dies_in = self.site.random.randrange(60)

    def _afternoon(self) -> None:
        site, chance = self.site, self.site.random
        if chance.random() < 0.8:
            if chance.random() < 0.3:
                site.interleave(chance.choice((site.meddle, self._another)))
            self._may_die(0.3)
            self._settled(self._prune, self._told)
            self._note_begun()
        if chance.random() < (0.5 if site.left_aside() else 0.15):
            self._may_die(0.2)
            self._settled(self._restore, lambda nothing: None)
            self._take_up()

    def _settled(self, act: Callable[[], Told | None], judge: Callable[[Told], None]) -> None:
        """Do something, and judge what it said, or cut the power where it was killed."""
        site = self.site
        try:
            told = act()
        except Died:
            told = None
            site.deaths += 1
            site.tell("it was killed")
        for host in site.hosts.values():
            host.meanwhile = None
            if site.clock.is_dead:
                host.lose_power()
                site.proven.clear()
        site.clock.live()
        if told is not None:
            judge(told)

    def _another(self) -> None:
        """Let another machine do its nightly run in between; it does not die with ours."""
        site = self.site
        dies_in, site.clock.dies_in = site.clock.dies_in, None
        site.tell("another machine's run begins in between")
        site.run(self.elsewhere)
        site.proven.clear()
        site.clock.dies_in = dies_in

    def _judged(self, report: Report) -> None:
        self.site.judge(report)

    # ---- freeing

    def _prune(self) -> list[PlacePruned]:
        run = Run(self.workplace, "prune", ["sha"])
        _ = run.id
        found = prune(self.workplace, run, Asked(), PruneWishes(free=True))
        run.finish(state_of(found))
        return found

    def _note_begun(self) -> None:
        """Note what a prune that broke off, or died, had begun to free: by its own word, as nothing else tells.

        Nothing goes before its proof is written: until then what somebody takes is a loss.
        """
        instrument = self.site.instrument
        for hop in self.site.hops:
            holder = known_holder(self.workplace, instrument, hop.source)
            for freeing in () if holder is None else self.workplace.ledger.open_freeings(holder):
                paths = {file.path for file in freeing.files}
                self.site.begun.update(paths)
                self.site.seen.expect(hop, paths, is_proven=freeing.state is FreeingState.PROVEN)

    def _told(self, found: Sequence[PlacePruned]) -> None:
        for one in found:
            gone = sum(len(night.gone) for night in one.nights)
            self.site.tell(f"prune {one.place.name}: {one.state}, {gone} gone {one.reason or ''} {one.unknown}")
            for night in one.nights:
                for file in night.gone:
                    assert (one.place.name, file.path) in self.site.freed, f"{file.path!r} is said to be gone"

    # ---- bringing back

    def _nights(self) -> list[dt.date]:
        there = {night_of(path) for path, _ in files_below(self.site.hosts[ORIGIN], self.site.root(ORIGIN))}
        went = {night_of(path) for path in (*(path for _, path in self.site.freed), *self.site.on_their_way_out())}
        return sorted(night for night in there | went if night is not None)

    def _restore(self) -> None:
        """Bring every night back to the origin; what became of it is held against what is there."""
        nights, receipts = self._nights(), defaultdict[dt.date, list[Receipt]](list)
        try:
            for receipt in bring_back(self.workplace, self.site.instrument, nights, Wanted("any")):
                receipts[receipt.night].append(receipt)
        except NightferryError as error:
            self.site.tell(f"restore: {error}")
            return
        for night in nights:
            said = [f"{one.source.name}: {one.state} {one.reason or ''}" for one in receipts[night]]
            self.site.tell(f"restore {night_text(night)}: {said}")
        self.site.brought(nights, receipts)

    def _take_up(self) -> None:
        """Take up what a restore that died has brought."""
        self.site.brought([], {})

    # ---- the end

    def _quiet_days(self) -> None:
        site, wishes = self.site, self.site.accepting()
        site.bring_drive()
        self._accept_unsynced()
        site.proven.clear()  # what is lost is accepted
        site.seen.forget()
        for accepted in (wishes, wishes, SyncWishes()):
            report = site.run(self.workplace, wishes=accepted)
            assert report is not None
            site.judge(report)
            site.mirror()
            site.clock.sleep(3600.0)
        self._converged(report)
        for _ in range(2):
            self._told(self._prune())
            site.originals_are_there()
            site.clock.sleep(DAY_S)
        assert not site.left_aside(), f"left by freeing: {site.left_aside()}"
        self._restore()
        site.originals_are_there()
        report = site.run(self.workplace)
        assert report is not None
        site.judge(report)

    def _accept_unsynced(self) -> None:
        run = Run(self.workplace, "sync", ["sha"])
        _ = run.id
        accept_unsynced(self.workplace, run, self.site.accepting())
        run.finish(State.OK)

    def _converged(self, report: Report) -> None:
        for outcome in report.outcomes:
            assert outcome.planned == 0, f"still to do: {outcome}"
            assert outcome.state is not State.UNKNOWN, outcome.reason
        for verdict in report.verdicts:
            assert verdict.unknown_reason is None, verdict.unknown_reason
            assert not set(verdict.missing) - self.site.ever_freed - self.site.begun, (
                f"still missing: {verdict.missing}"
            )
