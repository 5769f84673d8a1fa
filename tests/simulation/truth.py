"""The omniscient: looks into every simulated host at once, and contradicts whoever says what is not so.

Knows nothing of plans and listings; it reads bytes. Leaves to site.py when it is asked.
"""

from __future__ import annotations

import datetime as dt
import fnmatch
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from observatory.endpoints.memory_things import Thing
from observatory.spec.chain import Hop
from observatory.truth import State
from syncer.outcome import HopOutcome
from tests.simulation.weather import SimulatedHost, files_below
from verifier.verdict import HopVerdict

PATTERN = "SHA_*.raw"


def night_of(path: bytes) -> dt.date | None:
    """Return the night of a path below a root by its folders, ``%Y/%m%d``."""
    parts = path.split(b"/")
    try:
        return dt.datetime.strptime((parts[0] + parts[1]).decode("ascii"), "%Y%m%d").date()
    except (ValueError, IndexError):
        return None


def is_ours(path: bytes) -> bool:
    """Say whether a name is one that the specification takes."""
    return fnmatch.fnmatchcase(path.rpartition(b"/")[2].decode("latin-1"), PATTERN)


@dataclass
class Truth:
    """What is so.

    Attributes
    ----------
    originals : mapping of path to bytes
        What people have put on the origin and not taken away: nobody else may change it.
    keeps_replaced : bool
        What is replaced is set aside; False where the specification says that newer bytes take its place.
    versions : mapping of path to list of bytes
        Every content that people ever gave a name, anywhere, the newest last.
    arrived : mapping of (host, path) to bytes
        What was recorded as transferred and nobody has harmed since.
    accepted : set of bytes
        The paths that a person has accepted as they are, or as lost.
    taken : set of (host, path)
        What a person deleted since the run that is under way began.
    """

    hosts: Mapping[str, SimulatedHost]
    hops: Collection[Hop]
    settle_s: float
    originals: dict[bytes, bytes] = field(default_factory=dict)
    keeps_replaced: bool = True
    versions: defaultdict[bytes, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    arrived: dict[tuple[str, bytes], bytes] = field(default_factory=dict)
    accepted: set[bytes] = field(default_factory=set)
    taken: set[tuple[str, bytes]] = field(default_factory=set)

    # ---- what people do

    def put(self, host: str, root: bytes, path: bytes, data: bytes, mtime_s: float | None = None) -> None:
        """Let a person write a file."""
        self.hosts[host].put(root + b"/" + path, data, mtime_s)
        self.versions[path].append(data)
        self.arrived.pop((host, path), None)
        if self._is_origin(host):
            self.originals[path] = data

    def take(self, host: str, root: bytes, path: bytes) -> None:
        """Let a person delete a file."""
        self.hosts[host].things.pop(root + b"/" + path, None)
        self.arrived.pop((host, path), None)
        self.taken.add((host, path))
        if self._is_origin(host):
            self.originals.pop(path, None)

    def _is_origin(self, host: str) -> bool:
        return all(hop.destination.host != host for hop in self.hops)

    # ---- what must hold whenever

    def nothing_is_lost(self) -> None:
        """Assert that no original was touched, nothing half bears a final name, and what was recorded is there."""
        origin = next(hop.source for hop in self.hops if self._is_origin(hop.source.host))
        found = {path: thing.data for path, thing in files_below(self.hosts[origin.host], origin.root.encode())}
        assert found == self.originals, "an original was changed"
        for hop in self.hops:
            place = hop.destination
            for path, thing in files_below(self.hosts[place.host], place.root.encode()):
                assert thing.data in self.versions[path], f"{path!r} on {place.host} is half there: {thing.data!r}"
        for (host, path), data in self.arrived.items():
            assert self._is_kept(host, path, data), f"{path!r} was recorded as arrived on {host} and is lost"

    def _is_kept(self, host: str, path: bytes, data: bytes) -> bool:
        """Say whether a host holds these bytes under a name, or, where the specification says so, newer ones."""
        kept = list(self._kept(host, path))
        given = self.versions[path]
        newer = given[given.index(data) :] if data in given and not self.keeps_replaced else [data]
        return any(one in newer for one in kept)

    def _kept(self, host: str, path: bytes) -> Iterator[bytes]:
        """Yield what a host holds under a name, set aside or not."""
        for known, thing in self.hosts[host].things.items():
            if thing.kind == "file" and known.endswith(b"/" + path):
                yield thing.data

    # ---- what nobody may contradict

    def settled(self, hop: Hop, nights: Collection[dt.date]) -> Iterator[tuple[bytes, Thing]]:
        """Yield what is on a hop's source, of some nights, and old enough by that host's own clock."""
        host = self.hosts[hop.source.host]
        clock_s = host.clock.now_s + host.clock_offset_s
        for path, thing in files_below(host, hop.source.root.encode()):
            if is_ours(path) and night_of(path) in nights and abs(clock_s - thing.mtime_ns / 1e9) > self.settle_s + 120:
                yield path, thing

    def verdict_is_true(self, hop: Hop, verdict: HopVerdict) -> None:
        """Contradict a verdict that is ok and should not be."""
        if verdict.state is not State.OK:
            return
        there = dict(files_below(self.hosts[hop.destination.host], hop.destination.root.encode()))
        settled = list(self.settled(hop, verdict.nights))
        for path, thing in settled:
            if path in self.accepted:
                continue
            copy = there.get(path)
            assert copy is not None, f"ok, but {path!r} is missing on {hop.destination.host}"
            if verdict.level != "existence":
                assert len(copy.data) == len(thing.data), f"ok, but {path!r} is of other size"
            if verdict.level == "checksum":
                assert copy.data == thing.data, f"ok, but {path!r} has other bytes"
        assert verdict.compared + len(verdict.in_progress) == verdict.source_files
        assert verdict.compared >= len(settled) - self._gone_since(verdict, settled), "ok, but too few were compared"

    def _gone_since(self, verdict: HopVerdict, settled: Collection[tuple[bytes, Thing]]) -> int:
        """Files that a verdict still called in progress have settled by now, at the most so many."""
        return len(verdict.in_progress)

    def outcome_is_true(self, hop: Hop, outcome: HopOutcome) -> None:
        """Contradict a sync that says all is there and it is not."""
        if outcome.state is not State.OK or outcome.dry_run:
            return
        there = dict(files_below(self.hosts[hop.destination.host], hop.destination.root.encode()))
        for path, thing in self.settled(hop, outcome.nights):
            if path not in outcome.in_progress and path not in self.accepted:
                assert path in there, f"sync ok, but {path!r} is missing on {hop.destination.host}"
                assert len(there[path].data) == len(thing.data), f"sync ok, but {path!r} is of other size"
