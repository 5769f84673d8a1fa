"""A simulated day: one clock for everybody, hosts whose lines and disks fail as a seed says, and sudden death.

Every failure is drawn from the host's own generator in the order of its own calls, so that a seed replays exactly.
Leaves to site.py what is done with them and to truth.py what must hold.
"""

from __future__ import annotations

import datetime as dt
import errno
import os
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from observatory.endpoints.contract import Facts, Hashed, RootFacts, Survey, SurveyRequest, Trouble
from observatory.endpoints.memory import MemoryEndpoint
from observatory.endpoints.memory_things import Thing
from observatory.errors import CommandFailed, HostSilent, HostUnreachable
from observatory.records import NUL

BEGIN_S = dt.datetime(2040, 3, 1, 6, tzinfo=dt.UTC).timestamp()
"""Far ahead of any real clock: nothing that is set aside in a simulation is ever a month old."""


class Died(BaseException):
    """The process was killed here: no handler may take it for a fault that can be told."""


@dataclass
class Clock:
    """The one clock of a simulation; sleeping is what makes it go on.

    Attributes
    ----------
    now_s : float
        Unix seconds.
    dies_in : int or None
        So many calls of hosts until the running process is killed; None: it lives.
    is_dead : bool
        Since it was killed, nothing of it reaches a host any more.
    """

    now_s: float = BEGIN_S
    dies_in: int | None = None
    is_dead: bool = False

    def now(self) -> dt.datetime:
        """Return the present instant, UTC."""
        return dt.datetime.fromtimestamp(self.now_s, dt.UTC)

    def time(self) -> float:
        """Stand for time.time."""
        return self.now_s

    def time_ns(self) -> int:
        """Stand for time.time_ns."""
        return round(self.now_s * 1e9)

    def gmtime(self) -> time.struct_time:
        """Stand for time.gmtime."""
        return time.gmtime(self.now_s)

    def strftime(self, form: str, parts: time.struct_time) -> str:
        """Stand for time.strftime."""
        return time.strftime(form, parts)

    def monotonic(self) -> float:
        """Stand for time.monotonic."""
        return self.now_s

    def sleep(self, seconds: float) -> None:
        """Let time pass at once."""
        self.now_s += seconds

    def tick(self) -> None:
        """Count one call of a host, and die where it was the last."""
        if self.is_dead:
            raise Died
        if self.dies_in is not None:
            self.dies_in -= 1
            if self.dies_in < 0:
                self.is_dead = True
                raise Died

    def live(self) -> None:
        """Start a new process."""
        self.dies_in, self.is_dead = None, False


@dataclass
class Weather:
    """How likely each fault is at each call; all nought is a quiet day."""

    line_drops: float = 0.0
    falls_silent: float = 0.0
    disk_fails: float = 0.0
    listing_breaks: float = 0.0
    hash_fails: float = 0.0
    writes_rot: float = 0.0


QUIET = Weather()


class CutSurvey:
    """A listing that broke off after some records: what came is true, and it says that it is not all."""

    def __init__(self, whole: Survey, kept_share: float) -> None:
        self._whole, self._share = whole, kept_share
        self.facts: RootFacts = whole.facts
        self.troubles: list[Trouble] = []
        self.folders = whole.folders

    def __iter__(self) -> Iterator[bytes]:
        """Yield the first of the records."""
        records = b"".join(self._whole).split(NUL)[:-1]
        kept = records[: int(len(records) * self._share)]
        if kept:
            yield NUL.join(kept) + NUL
        self.troubles += [*self._whole.troubles, Trouble(b"", "the connection was lost while it was listed")]

    def close(self) -> None:
        """Stop."""
        self._whole.close()


@dataclass
class SimulatedHost(MemoryEndpoint):
    """A host in memory with weather.

    Attributes
    ----------
    clock : Clock
    random : random.Random
        Its own: what happens here never depends on what another host was asked.
    weather : Weather
    meanwhile : callable or None
        Called once, at the call of this host after `meanwhile_in` others: another machine's run, or a person.
    """

    clock: Clock = field(default_factory=Clock)
    random: random.Random = field(default_factory=random.Random)
    weather: Weather = field(default_factory=Weather)
    meanwhile: Callable[[], None] | None = None
    meanwhile_in: int = 0
    unsynced: dict[int, Thing] = field(default_factory=dict)

    def _happens(self, likelihood: float) -> bool:
        return likelihood > 0.0 and self.random.random() < likelihood

    def _called(self) -> None:
        """Be asked for anything: time passes, the process may die, others work, and the line may drop."""
        self.clock.tick()
        self.clock.now_s += 0.01
        if self.meanwhile is not None:
            self.meanwhile_in -= 1
            if self.meanwhile_in < 0:
                happens, self.meanwhile = self.meanwhile, None
                happens()
        if self._happens(self.weather.line_drops):
            raise HostUnreachable(self.name, "the line dropped")
        if self._happens(self.weather.falls_silent):
            self.clock.sleep(60.0)
            raise HostSilent(self.name, "being asked", 60.0)

    def _written(self, doing: str) -> None:
        self._called()
        if self._happens(self.weather.disk_fails):
            raise CommandFailed(self.name, doing, os.strerror(errno.EIO))

    # ---- look

    def survey(self, request: SurveyRequest) -> Survey:
        """List, or break off."""
        self._called()
        found = super().survey(request)
        return CutSurvey(found, self.random.random()) if self._happens(self.weather.listing_breaks) else found

    def stat(self, root: bytes, paths: Sequence[bytes]) -> Iterator[Facts]:
        """Look at some paths."""
        self._called()
        return super().stat(root, paths)

    def hash(self, root: bytes, paths: Sequence[bytes]) -> Iterator[Hashed]:
        """Hash some files; the far end may die between two of them."""
        self._called()
        for answer in super().hash(root, paths):
            if self._happens(self.weather.hash_fails):
                raise CommandFailed(self.name, "hashing files", "it stopped answering")
            yield answer

    def open(self, path: bytes) -> BinaryIO:
        """Open a file for reading."""
        self._called()
        return super().open(path)

    def list_folder(self, path: bytes) -> list[bytes]:
        """List one folder."""
        self._called()
        return super().list_folder(path)

    # ---- act

    def create(self, path: bytes, mode: int = 0o600) -> BinaryIO:
        """Create a file; until it is synced a power cut may take its bytes."""
        self._written("creating a file")
        stream = super().create(path, mode)
        thing = self.things[self._resolve(path, False)]
        self.unsynced[id(thing)] = thing
        return stream

    def take_room(self, size_bytes: int) -> None:
        """Write some bytes."""
        self.clock.tick()
        if self._happens(self.weather.disk_fails):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().take_room(size_bytes)

    def make_folders(self, root: bytes, paths: Sequence[bytes], mode: int | None = None) -> None:
        """Make folders."""
        self._written("making folders")
        super().make_folders(root, paths, mode)

    def set_attributes(self, path: bytes, mtime_ns: int | None, mode: int | None) -> None:
        """Set times and modes."""
        self._written("setting attributes")
        super().set_attributes(path, mtime_ns, mode)

    def rename(self, old: bytes, new: bytes) -> None:
        """Rename; a bad disk may change a bit of what it holds on the way to its name."""
        self._written("renaming")
        super().rename(old, new)

    def remove(self, path: bytes) -> None:
        """Remove a file."""
        self._written("removing")
        super().remove(path)

    def sync(self, root: bytes) -> None:
        """Bring all to disk."""
        self._written("syncing")
        super().sync(root)
        self.unsynced.clear()

    def sync_file(self, stream: BinaryIO) -> None:
        """Bring one file to disk."""
        self._written("syncing a file")
        super().sync_file(stream)
        self.unsynced.pop(id(getattr(stream, "_thing", None)), None)

    def lose_power(self) -> None:
        """Lose what was written and not synced: such files are cut short, as journalling file systems leave them."""
        for thing in self.unsynced.values():
            if self.random.random() < 0.5:
                thing.data = thing.data[: self.random.randrange(len(thing.data) + 1)]
        self.unsynced.clear()


def files_below(host: MemoryEndpoint, root: bytes) -> Iterable[tuple[bytes, Thing]]:
    """Yield what is a file below a root, our own folder left out, by path below it."""
    start = root + b"/"
    for path, thing in host.things.items():
        if path.startswith(start) and thing.kind == "file" and not path.startswith(start + b".nightferry/"):
            yield path[len(start) :], thing
