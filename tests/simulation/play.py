"""Plays simulated sites, seed after seed; ``python -m tests.simulation.play --seeds N`` or ``--seed ONE``.

A seed that fails prints its story and ends with 1; the same seed tells the same story again. Every twentieth seed goes
through the whole house (daemon, nightly run, ledger, mail); the others call sync and verify as it does. Another of each
twenty is played a second time, on a site with retention (keeping.py).
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Protocol
from zoneinfo import ZoneInfo

from nightferry.daemon import Daemon, trigger_of
from nightferry.workplace import Workplace
from reports.model import Note, Report
from tests.simulation.bare import BareRuns
from tests.simulation.failed import Failed
from tests.simulation.keeping import play_kept
from tests.simulation.post import SimulatedPost
from tests.simulation.site import (
    DAY_S,
    ZONE,
    SimulatedSite,
    simulated_time,
    two_machines,
)

DAYS = 3
DUE = "0 8 * * *"
WHOLE_HOUSE_EVERY = 20
KEPT_AT = 10
"""Of every twenty seeds this one is played with retention too."""


def play(seed: int) -> SimulatedSite:
    """Play one site for some days and then quiet weather.

    Raises
    ------
    Failed
    """
    site = SimulatedSite(seed)
    try:
        with ExitStack() as stack:
            stack.enter_context(simulated_time(site.clock))
            Days(site, whole_house(site, stack) if seed % WHOLE_HOUSE_EVERY == 0 else Bare(site)).play()
    except AssertionError as error:
        raise Failed(f"seed {seed}: {error}\n" + "\n".join(site.story)) from error
    return site


class Runs(Protocol):
    """Who does the runs of a site."""

    def starts(self) -> None:
        """Be switched on: what fell due meanwhile is made up."""

    def due(self) -> None:
        """Do the run that is due now."""

    def another(self) -> None:
        """Do another machine's run in between."""

    def quiet(self, accepts_loss: bool) -> Report | None:
        """Do one run by hand; on wish a person accepts every loss with it."""

    def end(self, due: list[dt.datetime]) -> None:
        """Assert what must be true of all runs together."""


class Bare:
    """Sync and verify, without ledger and daemon."""

    def __init__(self, site: SimulatedSite) -> None:
        self.site, self.ours, self.others = site, BareRuns(site), BareRuns(site)

    def starts(self) -> None:
        """Nothing is made up without a daemon."""

    def due(self) -> None:
        """Run, and judge what it said."""
        settle(self.site, self.ours.run())

    def another(self) -> None:
        """Run on another machine."""
        self.others.run()

    def quiet(self, accepts_loss: bool) -> Report | None:
        """Run by hand."""
        return self.ours.run(accepts_loss)

    def end(self, due: list[dt.datetime]) -> None:
        """Nothing was promised."""


def settle(site: SimulatedSite, report: Report | None) -> bool:
    """Judge a run's report, or cut the power where it was killed; what was to happen in between has happened."""
    for host in site.hosts.values():
        host.meanwhile = None
        if report is None:
            host.lose_power()
    site.clock.live()
    if report is None:
        return False
    site.judge(report)
    return True


def whole_house(site: SimulatedSite, stack: ExitStack) -> WholeHouse:
    """Open two machines' ledgers, and a daemon over one of them."""
    return WholeHouse(site, *two_machines(site, stack))


class WholeHouse:
    """The daemon, the nightly run and the ledger of one machine; another machine does the same work."""

    def __init__(self, site: SimulatedSite, workplace: Workplace, elsewhere: Workplace) -> None:
        self.site, self.workplace, self.elsewhere = site, workplace, elsewhere
        self.trigger = trigger_of(DUE, ZoneInfo(ZONE))
        self.daemon = Daemon(workplace, self._start, {"run": self.trigger})
        self.post = SimulatedPost(site.random)
        self.begun: list[dt.datetime] = []
        self.notes: list[str] = []
        assert self.daemon._missed("run", self.trigger) is None, "the first start misses nothing"

    def starts(self) -> None:
        """Do what the daemon does when it starts: what fell due while it was off is made up, as one."""
        missed = self.daemon._missed("run", self.trigger)
        if missed is not None:
            self.daemon._due("run", missed)

    def due(self) -> None:
        """Do what the daemon does when the run is due."""
        self.daemon._due("run")

    def another(self) -> None:
        """Run on another machine."""
        self.site.run(self.elsewhere)

    def quiet(self, accepts_loss: bool) -> Report | None:
        """Run by hand."""
        return self.site.run(self.workplace, wishes=self.site.accepting() if accepts_loss else None)

    def _start(self, words: list[str]) -> int:
        """Stand for the process that the daemon starts."""
        self.begun.append(self.site.clock.now())
        notes = [Note(words[index + 1]) for index, word in enumerate(words) if word == "--note"]
        self.notes += [note.sentence for note in notes]
        report = self.site.run(self.workplace, notes)
        if not settle(self.site, report) or report is None:
            return -9
        self.post.post(report, self.site.clock.now())
        return 0

    def end(self, due: list[dt.datetime]) -> None:
        """Each due time was followed by a run, and where that was late, its report said so; every mail arrived."""
        for instant in due:
            begun = next((at for at in self.begun if at >= instant), None)
            assert begun is not None, f"the run due at {instant} never was"
            is_late = (begun - instant).total_seconds() > DAY_S / 2
            assert not is_late or self.notes, f"the run due at {instant} began at {begun}, and nobody said so"
        self.post.all_were_told()


class Days:
    """Some days of one site."""

    def __init__(self, site: SimulatedSite, runs: Runs) -> None:
        self.site, self.runs = site, runs
        self.trigger = trigger_of(DUE, ZoneInfo(ZONE))
        self.due: list[dt.datetime] = []
        self.is_up = True

    def play(self) -> None:
        """Play all days, then the quiet ones."""
        for _ in range(DAYS):
            mends = self._morning()
            self._day()
            mends()
            self.site.truth.nothing_is_lost()
        self.site.calm()
        self.runs.starts()
        self.site.converges(self.runs.quiet)
        self.runs.end(self.due)
        self.site.truth.nothing_is_lost()

    def _morning(self) -> Callable[[], None]:
        """People work, things break, and what is to strike in the middle of the run is drawn."""
        site = self.site
        site.expose()
        for _ in range(site.random.randrange(3)):
            site.meddle()
        mends = site.break_something() if site.random.random() < 0.4 else lambda: None
        site.storm()
        if site.random.random() < 0.3:
            site.interleave(self._another)
        if site.random.random() < 0.3:
            site.clock.dies_in = site.random.randrange(40)
        return mends

    def _another(self) -> None:
        """Let another machine do the same work in between; it does not die with ours."""
        dies_in, self.site.clock.dies_in = self.site.clock.dies_in, None
        self.site.tell("another machine's run begins in between")
        self.runs.another()
        self.site.clock.dies_in = dies_in

    def _day(self) -> None:
        was_up, self.is_up = self.is_up, self.site.random.random() < 0.85
        due = self._next_due()
        self.due.append(due)
        if self.is_up and not was_up:
            self.site.clock.now_s = due.timestamp() - 600.0
            self.runs.starts()
        self.site.clock.now_s = max(self.site.clock.now_s, due.timestamp())
        if self.is_up:
            self.runs.due()

    def _next_due(self) -> dt.datetime:
        now = self.site.clock.now()
        due = self.trigger.get_next_fire_time(now, now + dt.timedelta(seconds=1))
        assert isinstance(due, dt.datetime)
        return due.astimezone(dt.UTC)


def _played(seed: int) -> Iterator[SimulatedSite]:
    yield play(seed)
    if seed % WHOLE_HOUSE_EVERY == KEPT_AT:
        yield play_kept(seed)


def main() -> None:
    """Play what was asked for."""
    parser = argparse.ArgumentParser(description="simulated sites, each from one seed")
    parser.add_argument("--seeds", type=int, default=2000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--seed", type=int, help="play this one alone, and tell its story")
    asked = parser.parse_args()
    if asked.seed is not None:
        for site in _played(asked.seed):
            print("\n".join(site.story), end="\n\n")  # noqa: T201 - the person asked
        return
    began, deaths = time.monotonic(), 0
    for seed in range(asked.first, asked.first + asked.seeds):
        try:
            deaths += sum(site.deaths for site in _played(seed))
        except Failed as error:
            sys.exit(str(error))
    took_s = time.monotonic() - began
    print(f"{asked.seeds} seeds, {deaths} runs killed, {took_s:.0f} s: every promise was kept")  # noqa: T201


if __name__ == "__main__":
    main()
