"""One simulated site: random trees, people, weather, deaths and runs, all from one seed.

The runs are the real nightly run over the real planner, verifier, engine and ledger (in memory); hosts, clock,
network, disks and the mail server are simulated. What must hold is truth.py's and post.py's.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import random
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import sqlalchemy as sa

import nightferry.runs
import syncer.lock
import syncer.sync
from catalogue.ledger import Ledger
from catalogue.records import MovedFile
from catalogue.store import Store
from nightferry.hop_sync import SyncWishes
from nightferry.nightly import NightlyWishes, nightly
from nightferry.runs import Run, crashes
from nightferry.selection import Asked
from nightferry.workplace import Workplace
from observatory.endpoints.contract import Act
from observatory.nights import NightClock, night_text
from observatory.spec.chain import Hop, hops
from observatory.spec.models import Instrument, Site, Specification
from observatory.truth import State
from reports.model import Note, Report
from syncer.transfer.choose import choose
from tests.simulation.truth import Truth
from tests.simulation.weather import QUIET, Clock, Died, SimulatedHost, Weather

ZONE = "Africa/Johannesburg"
DAY_S = 86_400.0
NAMES = ("telescope", "archive", "cape")
ODD = (b"SHA_a\nb.raw", b"SHA_\xe9.raw", b"SHA_'$(id)'.raw", b"SHA_ -n.raw")


@cache
def empty_ledger() -> bytes:
    """Return a database that has every table and no row."""
    with tempfile.TemporaryDirectory() as folder:
        Ledger.open("sqlite:///catalogue.db", Path(folder)).close()
        connection = sqlite3.connect(Path(folder) / "catalogue.db")
        try:
            connection.execute("PRAGMA journal_mode = DELETE")  # a log beside the file cannot be had in memory
            return connection.serialize()
        finally:
            connection.close()


class RememberingLedger(Ledger):
    """The real ledger in memory; tells what it is told has arrived."""

    on_moved: Callable[[str, Sequence[MovedFile]], None]

    def record_moved(
        self, run_id: int, instrument: str, hop: str, files: Sequence[MovedFile], at_utc: dt.datetime
    ) -> None:
        """Record, and tell."""
        super().record_moved(run_id, instrument, hop, files, at_utc)
        self.on_moved(hop, files)


@contextlib.contextmanager
def ledger_in_memory() -> Iterator[RememberingLedger]:
    """Give a new ledger that no disk has to bear."""
    connection = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
    connection.deserialize(empty_ledger())
    engine = sa.create_engine("sqlite://", creator=lambda: connection, poolclass=sa.pool.StaticPool)
    sa.event.listen(engine, "begin", lambda begun: begun.exec_driver_sql("BEGIN"))
    ledger = RememberingLedger(Store(engine, "memory"))
    try:
        yield ledger
    finally:
        ledger.close()
        connection.close()


class SimulatedWorkplace(Workplace):
    """The site opened for work on simulated hosts."""

    def __init__(
        self, specification: Specification, clock: Clock, hosts: dict[str, SimulatedHost], ledger: Ledger
    ) -> None:
        super().__init__(specification, clock.now)
        self._hosts, self._ledger = hosts, ledger

    @contextlib.contextmanager
    def opened_ledger(self) -> Iterator[Ledger]:
        """Give the ledger: it lies in memory, and nothing is opened anew."""
        yield self.ledger

    def endpoint(self, host: str) -> Act:
        """Return a simulated host."""
        return self._hosts[host]


@contextlib.contextmanager
def simulated_time(clock: Clock) -> Iterator[None]:
    """Let what reads the machine's clock read the simulated one.

    Patched because these three take the machine's time by themselves: a lock's age, an engine's waits between its
    tries, and whether the process of an earlier run still lives (all simulated runs bear this process's number).
    """
    engine = partial(choose, clock_s=clock.monotonic, sleep=clock.sleep)
    with (
        patch.object(syncer.lock, "time", clock),
        patch.object(syncer.sync, "choose", engine),
        patch.object(nightferry.runs, "is_alive", lambda process: False),
    ):
        yield


class SimulatedSite:
    """A site and its days.

    Parameters
    ----------
    seed : int
    """

    host_type = SimulatedHost

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - a seed that replays is the point
        self.clock = Clock()
        names = self._names()
        self.hosts = {
            name: self.host_type(
                name,
                now=self.clock.time,
                clock=self.clock,
                random=random.Random(f"{seed} {name}"),  # noqa: S311
            )
            for name in names
        }
        self.instrument = self._instrument(names)
        self.hops: tuple[Hop, ...] = tuple(hops(self.instrument))
        keeps_replaced = self.instrument.on_difference != "replace"
        self.truth = Truth(self.hosts, self.hops, self.instrument.settle_s, keeps_replaced=keeps_replaced)
        self.night_clock = NightClock.from_spec(ZONE)
        self.story: list[str] = []
        self.deaths = 0
        self.changed_s = self.verified_from_s = 0.0  # when somebody last came in between; since when hosts are verified
        self.numbers: dict[dt.date, int] = {}
        for name in names:
            self.hosts[name].put_folder(self.root(name))
            self.hosts[name].put(self.root(name) + b"/.nightferry/root", b"")

    def _names(self) -> tuple[str, ...]:
        return NAMES[: self.random.choice((2, 2, 3))]

    def _instrument(self, names: Sequence[str]) -> Instrument:
        pick = self.random.choice
        copies: list[dict[str, Any]] = [
            {"host": name, "root": f"/data/{name}", "transfer": {"engine": "sftp", "sessions": 1}} for name in names
        ]
        keys: dict[str, Any] = {
            "instrument": "sha",
            "layout": "%Y/%m%d",
            "cameras": {"sha": {"files": ["SHA_*.raw"]}},
            "copies": copies,
            "window_nights": 4,
            "settle_s": 300,
            "verify": {"level": pick(("existence", "size", "size", "checksum", "checksum"))},
            "on_difference": pick(("version", "version", "keep", "replace")),
        }
        if pick((True, False)):
            keys["sequence"] = "SHA_{night}.{number}.raw"
        return Instrument.model_validate(keys)

    def specification(self) -> Specification:
        """Return what is declared."""
        site = Site.model_validate(
            {"site": "Simulated", "timezone": ZONE, "hosts": {name: {"address": f"{name}.sim"} for name in self.hosts}}
        )
        return Specification(folder="/simulated", site=site, instruments={"sha": self.instrument})

    def root(self, name: str) -> bytes:
        """Return a host's root."""
        return b"/data/" + name.encode()

    def tell(self, words: str) -> None:
        """Add a line to the story, which a failing seed prints."""
        self.story.append(f"{self.clock.now():%d %H:%M} {words}")

    # ---- people

    def expose(self) -> None:
        """Take some frames in the present night."""
        night = self.night_clock.night_of(self.clock.now())
        for _ in range(self.random.randrange(4)):
            number = self.numbers[night] = self.numbers.get(night, 0) + 1
            name = f"SHA_{night_text(night)}.{number:04d}.raw".encode()
            if self.instrument.sequence is None and self.random.random() < 0.2:
                name = self.random.choice(ODD)
            age_s = self.random.choice((10.0, 100.0, 1000.0, 5000.0))
            self.write(f"{night:%Y/%m%d}/".encode() + name, age_s)

    def write(self, path: bytes, age_s: float = 0.0) -> None:
        """Write a frame at the telescope; its age is by that host's own clock."""
        host = self.hosts[NAMES[0]]
        data = self.random.randbytes(self.random.randrange(1, 30))
        self.truth.put(NAMES[0], self.root(NAMES[0]), path, data, self.clock.now_s + host.clock_offset_s - age_s)
        self.tell(f"written: {path!r}, {len(data)} bytes, {age_s:.0f} s old")

    def meddle(self) -> None:
        """Let a person do what people do, at the telescope or on an archive."""
        if not self.truth.originals:
            return
        path = self.random.choice(sorted(self.truth.originals))
        name = self.random.choice(list(self.hosts))
        known = self.hosts[name].things.get(self.root(name) + b"/" + path)
        if known is None:
            return
        what = self.random.choice(("edit", "rewrite", "delete", "rot"))
        self.tell(f"{what} on {name}: {path!r}")
        mtime_s = known.mtime_ns / 1e9
        if what == "delete":
            self.truth.take(name, self.root(name), path)
        elif what == "rewrite":
            data = self.random.randbytes(self.random.randrange(1, 30))
            self.truth.put(name, self.root(name), path, data, self.clock.now_s - 1000.0)
        else:
            data = self.random.randbytes(len(known.data))
            self.truth.put(name, self.root(name), path, data, mtime_s if what == "rot" else self.clock.now_s - 900.0)

    def break_something(self) -> Callable[[], None]:
        """Break one host for a day; return what mends it."""
        host = self.random.choice(list(self.hosts.values()))
        what = self.random.choice(("off", "unmounted", "closed folder", "closed file", "clock", "full", "slow clock"))
        self.tell(f"{what}: {host.name}")
        if what == "off":
            host.is_reachable = False
            return lambda: setattr(host, "is_reachable", True)
        if what == "unmounted":
            return self._unmount(host)
        if what in ("clock", "slow clock"):
            host.clock_offset_s = 90_000.0 if what == "clock" else -40.0
            return lambda: setattr(host, "clock_offset_s", 0.0)
        if what == "full":
            host.room_bytes = self.random.randrange(40)
            return lambda: setattr(host, "room_bytes", None)
        kind = "folder" if what == "closed folder" else "file"
        start = self.root(host.name) + b"/20"
        inside = sorted(path for path, thing in host.things.items() if path.startswith(start) and thing.kind == kind)
        if inside:
            host.unreadable.add(self.random.choice(inside))
        return host.unreadable.clear

    def _unmount(self, host: SimulatedHost) -> Callable[[], None]:
        start = self.root(host.name) + b"/"
        disk = {path: host.things.pop(path) for path in list(host.things) if path.startswith(start)}
        originals = dict(self.truth.originals)
        arrived = {key: data for key, data in self.truth.arrived.items() if key[0] == host.name}
        if host.name == NAMES[0]:
            self.truth.originals.clear()
        for key in arrived:
            del self.truth.arrived[key]

        def mount() -> None:
            if host.name == NAMES[0]:
                self._hide(host, start)
                self.truth.originals.update(originals)
            written = [path for path in host.things if path.startswith(start)]
            assert not written, f"written into the mount point of {host.name}: {written}"
            host.things.update(disk)
            self.truth.arrived.update(arrived)

        return mount

    def _hide(self, host: SimulatedHost, start: bytes) -> None:
        """Let what people wrote into a mount point meanwhile lie hidden beneath what is mounted there again."""
        inside = [path for path in host.things if path.startswith(start)]
        files = {path for path in inside if host.things[path].kind == "file"}
        assert files == {start + path for path in self.truth.originals}, "written into the mount point"
        for path in inside:
            del host.things[path]
        self.truth.originals.clear()

    # ---- runs

    def storm(self) -> None:
        """Give every host its weather for the run to come."""
        self.truth.taken.clear()
        scale = self.random.choice((0.0, 0.0, 0.01, 0.04))
        for host in self.hosts.values():
            likely = partial(self.random.uniform, 0.0, scale)
            host.weather = Weather(likely(), likely(), likely(), likely(), likely())

    def interleave(self, another: Callable[[], None]) -> None:
        """Let a person, or another machine's run, come in between two calls of a host."""
        host = self.random.choice(list(self.hosts.values()))
        host.meanwhile_in = self.random.randrange(25)
        what = self.random.choice((self.meddle, self.expose, another))

        def happens() -> None:
            what()
            self.changed_s = self.clock.now_s

        host.meanwhile = happens

    def run(self, workplace: Workplace, notes: Sequence[Note] = (), wishes: SyncWishes | None = None) -> Report | None:
        """Do one nightly run; None where it was killed. Whatever it says is held against what is so."""
        run = Run(workplace, "run", ["sha"])
        told = [*notes, *(Note(sentence) for sentence in crashes(workplace))]
        try:
            report = nightly(workplace, run, Asked(), NightlyWishes(sync=wishes or SyncWishes()), told)
        except Died:
            self.deaths += 1
            self.tell("the run was killed")
            return None
        run.finish(report.state)
        states = " ".join(f"{row.hop}={row.state}" for row in (*report.outcomes, *report.verdicts))
        self.tell(f"run: {states}")
        return report

    def judge(self, report: Report) -> None:
        """Hold a report against what is so; what was true when it was looked at may have been changed since."""
        hop_of = {hop.key: hop for hop in self.hops}
        began_s = report.started_utc.timestamp()
        if self.changed_s < max(began_s, self.verified_from_s):
            for verdict in report.verdicts:
                self.truth.verdict_is_true(hop_of[verdict.hop], verdict)
        if self.changed_s < began_s:
            for outcome in report.outcomes:
                self.truth.outcome_is_true(hop_of[outcome.hop], outcome)

    def calm(self) -> None:
        """End every fault, and let all settle."""
        for host in self.hosts.values():
            host.weather, host.meanwhile = QUIET, None
        self.clock.live()
        self.clock.sleep(2 * DAY_S)

    def remember(self, hop: Hop, paths: Iterable[bytes]) -> None:
        """Note what was recorded as arrived, as it lies there at that instant, but for what somebody just took."""
        name, root = hop.destination.host, hop.destination.root.encode()
        for path in (one for one in paths if (name, one) not in self.truth.taken):
            thing = self.hosts[name].things.get(root + b"/" + path)
            assert thing is not None, f"{path!r} was recorded as arrived on {name} and is not there"
            self.truth.arrived[name, path] = thing.data

    def accepting(self) -> SyncWishes:
        """Return the wishes of a person who accepts every loss."""
        return SyncWishes(accepted_losses=frozenset((hop.source.host, hop.source.root) for hop in self.hops))

    def converges(self, run: Callable[[bool], Report | None]) -> None:
        """Assert that two quiet runs leave nothing to do, and nothing missing that could be there.

        `run` does one; asked with True, a person accepts every loss with it.
        """
        for _ in range(2):
            assert run(True) is not None
            self.clock.sleep(3600.0)
        report = run(False)
        assert report is not None
        self.judge(report)
        for outcome in report.outcomes:
            assert (outcome.planned, len(outcome.failed), outcome.state) != (0, 0, State.UNKNOWN), outcome.reason
            assert outcome.planned == 0, f"still to do: {outcome}"
        for verdict in report.verdicts:
            assert not verdict.missing, f"still missing: {verdict.missing}"
            assert verdict.unknown_reason is None, verdict.unknown_reason


def two_machines(site: SimulatedSite, stack: contextlib.ExitStack) -> tuple[SimulatedWorkplace, SimulatedWorkplace]:
    """Open one site for work on two machines, each with a ledger of its own; what each records is noted."""
    hop_of = {hop.key: hop for hop in site.hops}

    def opened() -> SimulatedWorkplace:
        ledger = stack.enter_context(ledger_in_memory())
        ledger.on_moved = lambda hop, files: site.remember(hop_of[hop], [moved.path for moved in files])
        return SimulatedWorkplace(site.specification(), site.clock, site.hosts, ledger)

    return opened(), opened()
