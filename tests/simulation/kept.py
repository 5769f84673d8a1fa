"""A simulated site on which files are freed and brought back, and one who sees every disk says whether that was right.

People change copies behind the program's back, bytes rot without a trace, disks come back as they were days ago or are
replaced by empty ones. What must hold: nothing goes but what other disks hold at that instant as far as anybody could
know; what is lost there afterwards is not called ok; what any disk holds as it was comes back. Days are keeping.py's.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from catalogue.ledger import Ledger
from nightferry.hop_sync import SyncWishes
from nightferry.products.bringing import Receipt
from nightferry.workplace import Workplace
from observatory.spec.chain import Hop
from observatory.spec.models import Copy, Instrument, Retention, Specification
from observatory.truth import State
from reports.model import Note, Report
from tests.simulation.disks import FREEING, TellingHost
from tests.simulation.observer import Observer
from tests.simulation.seen import Seen
from tests.simulation.site import NAMES, SimulatedSite
from tests.simulation.truth import is_ours, night_of
from tests.simulation.weather import SimulatedHost, files_below
from verifier.verdict import HopVerdict

ORIGIN = NAMES[0]
ARCHIVES = NAMES[1:]


class KeptSite(SimulatedSite):
    """A site with retention: three hosts, of which the first, and perhaps the second, may be freed.

    Parameters
    ----------
    seed : int
    folder : Path
        For proofs; a real one.

    Attributes
    ----------
    freed : mapping of (host, path) to bytes
        What was freed there, until it is brought back.
    ever_freed : set of bytes
        What of it was freed anywhere: whoever loses it later hears of it until it is accepted by name.
    begun : set of bytes
        What a prune had begun to free and did not come to its end with: whether it was that prune that took a file, or
        somebody else before the next one looked, nobody can tell.
    held : mapping of (host, path) to set of str
        The hosts that held it at that instant, and were read.
    disks : mapping of host to things
        How an archive's disk looked some days ago.
    proven : mapping of (hop, night) to set of bytes
        What lay on both ends, all of it, when a verdict said that all is well.
    unpredictable : set of night
        Of which somebody changed or took something: what of it can be brought back is not foretold.
    """

    host_type = TellingHost

    def __init__(self, seed: int, folder: Path) -> None:
        super().__init__(seed)
        self.folder = folder
        self.freed: dict[tuple[str, bytes], bytes] = {}
        self.ever_freed: set[bytes] = set()
        self.begun: set[bytes] = set()
        self.held: defaultdict[tuple[str, bytes], set[str]] = defaultdict(set)
        self.disks: dict[str, dict[bytes, Any]] = {}
        self.proven: dict[tuple[str, dt.date], set[bytes]] = {}
        self.seen, self.observer = Seen(self), Observer(self, seed)
        self.unpredictable: set[dt.date] = set()
        self.markers = 0
        self.began_s = 0.0
        self.brings_drive: Callable[[], None] | None = None
        tells = self.random.random() < 0.6
        for number, name in enumerate(NAMES):
            host = self.telling(name)
            host.tells_changes, host.first_inode = tells, 100_000 * number
            host.on_freed = self._went
            self._mark(host)

    def telling(self, name: str) -> TellingHost:
        """Return a host by its name."""
        host = self.hosts[name]
        assert isinstance(host, TellingHost)
        return host

    def _mark(self, host: SimulatedHost) -> None:
        self.markers += 1
        host.put(self.root(host.name) + b"/.nightferry/root", f"disk {self.markers}\n".encode())

    def _names(self) -> tuple[str, ...]:
        return NAMES

    def _instrument(self, names: Sequence[str]) -> Instrument:
        pick = self.random.choice
        declared = super()._instrument(names)
        copies = [copy.model_dump(by_alias=True, exclude_unset=True) for copy in declared.copies]
        rule = {"keep_nights": pick((0, 1, 2)), "copies": pick((1, 2)), "within_days": pick((2, 30))}
        copies[0]["retention"] = rule | {"reread": pick((True, False)), "count_absent": pick((True, False))}
        copies[2] |= pick(({}, {}, {"removable": True}, {"fill": "external"}))
        if pick((True, False)):
            copies[1]["retention"] = rule | {"copies": 1, "keep_nights": rule["keep_nights"] + 1}
        values = declared.model_dump(by_alias=True, exclude_unset=True)
        return Instrument.model_validate(values | {"copies": copies, "verify": {"level": "checksum"}})

    def specification(self) -> Specification:
        """Return what is declared, with a folder for proofs."""
        return super().specification().model_copy(update={"folder": str(self.folder)})

    # ---- people, and time

    def meddle(self) -> None:
        """Let somebody change, take or let rot one file on one disk, whatever else lies there."""
        host = self.telling(self.random.choice(NAMES))
        start = self.root(host.name)
        paths = sorted(path for path, _ in files_below(host, start))
        if not paths:
            return
        path = self.random.choice(paths)
        known = host.things[start + b"/" + path]
        what = self.random.choice(("edit", "rewrite", "delete", "rot", "rot"))
        self.tell(f"{what} on {host.name}: {path!r}")
        self.spoil([path])
        if what == "delete":
            self.truth.take(host.name, start, path)
        elif what == "rot":
            self._rot(host, path, self.random.randbytes(len(known.data)))
        else:
            size = len(known.data) if what == "edit" else self.random.randrange(1, 30)
            self.truth.put(host.name, start, path, self.random.randbytes(size), self.clock.now_s - 900.0)
        if what != "rot":  # nothing that looks could see that
            host.harm(start + b"/" + path)

    def _rot(self, host: TellingHost, path: bytes, data: bytes) -> None:
        host.rot(self.root(host.name) + b"/" + path, data)
        self.truth.versions[path].append(data)
        self.truth.arrived.pop((host.name, path), None)
        if host.name == ORIGIN:
            self.truth.originals[path] = data

    def take_everywhere(self) -> None:
        """Let somebody's program that mirrors a mistake take a few files from the first hosts of the chain, or all."""
        paths = sorted(path for path, _ in files_below(self.hosts[ORIGIN], self.root(ORIGIN)))
        hosts = NAMES[: self.random.choice((2, 3))]
        for path in self.random.sample(paths, min(len(paths), self.random.choice((1, 1, 2, 5)))):
            self.tell(f"taken from {', '.join(hosts)}: {path!r}")
            self.spoil([path])
            for name in hosts:
                self.truth.take(name, self.root(name), path)
                self.telling(name).harm(self.root(name) + b"/" + path)

    def accept(self, ledger: Ledger) -> None:
        """Let somebody accept one file as it is, or as lost, for good or until tomorrow."""
        path = self.random.choice(sorted(self.truth.versions) or [b""])
        night = night_of(path)
        if night is None:
            return
        self.tell(f"accepted: {path!r}")
        self.spoil([path])
        self.truth.accepted.add(path)
        said = self.random.choice((path, path.rpartition(b"/")[2]))
        now = self.clock.now()
        until = self.random.choice((None, self.night_clock.night_of(now) + dt.timedelta(days=1)))
        ledger.accept("sha", night, reason="known", by="somebody", at_utc=now, files=[said], until=until)

    # ---- a last copy that travels, or that others fill

    @property
    def last(self) -> Copy:
        """How the last copy of the chain is declared."""
        return self.instrument.copies[-1]

    def take_drive(self) -> None:
        """Let the drive be taken away, or come back."""
        if self.brings_drive is not None:
            self.bring_drive()
        elif self.last.removable:
            self.tell("the drive is taken away")
            self.brings_drive = self._unmount(self.hosts[ARCHIVES[-1]])

    def bring_drive(self) -> None:
        """Let the drive be there again, if it was taken."""
        if self.brings_drive is not None:
            self.tell("the drive is there again")
            self.brings_drive()
            self.brings_drive = None

    def mirror(self) -> None:
        """Let somebody else's program fill the last copy from the one before it; it may delete there too."""
        source, target = (self.hosts[name] for name in ARCHIVES)
        roots = [self.root(name) for name in ARCHIVES]
        if self.last.fill is None or not (self.is_there(source.name) and self.is_there(target.name)):
            return
        there = dict(files_below(source, roots[0]))
        for path, thing in there.items():
            if self._has(target.name, path) != thing.data:
                self.truth.put(target.name, roots[1], path, thing.data, thing.mtime_ns / 1e9)
                self.telling(target.name).harm(roots[1] + b"/" + path)
        gone = [path for path, _ in files_below(target, roots[1]) if path not in there]
        if self.instrument.copies[1].retention is None and gone and self.random.random() < 0.5:
            self.tell(f"the mirror deletes on {target.name}: {gone}")
            self.spoil(gone)
            for path in gone:
                self.truth.take(target.name, roots[1], path)
                self.telling(target.name).harm(roots[1] + b"/" + path)

    def is_there(self, name: str) -> bool:
        """Say whether a host answers, with its disk."""
        host = self.hosts[name]
        return host.is_reachable and self.root(name) + b"/.nightferry/root" in host.things

    def spoil(self, paths: Iterable[bytes]) -> None:
        """Promise nothing more about the nights of some files."""
        self.unpredictable.update(night for path in paths if (night := night_of(path)) is not None)

    def keep_disks(self) -> None:
        """Keep how the archives' disks look now: one of them may come back like that."""
        for name in ARCHIVES:
            start = self.root(name) + b"/"
            if self.random.random() < 0.4 and self.is_there(name):
                things = self.hosts[name].things
                self.disks[name] = {path: replace(thing) for path, thing in things.items() if path.startswith(start)}

    def replace_disk(self) -> None:
        """Let an archive come back on another disk: as it was some days ago, or empty and marked anew by a person."""
        host = self.telling(self.random.choice(ARCHIVES))
        if not self.is_there(host.name):
            return
        start = self.root(host.name) + b"/"
        before = dict(files_below(host, start[:-1]))
        for path in [path for path in host.things if path.startswith(start)]:
            del host.things[path]
        if host.name in self.disks and self.random.random() < 0.6:
            self.tell(f"the disk of {host.name} is as it was some days ago")
            host.things.update({path: replace(thing) for path, thing in self.disks[host.name].items()})
        else:
            self.tell(f"the disk of {host.name} is a new one")
            self._mark(host)
            self.proven.clear()  # by our own word nothing is, on that disk
        now = {path: thing.data for path, thing in files_below(host, start[:-1])}
        for path in before.keys() | now.keys():
            if path not in before or now.get(path) != before[path].data:
                host.harm(start + path)
        there = (key for key, data in self.truth.arrived.items() if key[0] == host.name and now.get(key[1]) != data)
        for key in list(there):
            del self.truth.arrived[key]
        self.spoil(before)

    # ---- freeing

    def _went(self, host: SimulatedHost, absolute: bytes, data: bytes) -> None:
        """Contradict that a file is freed which too few others hold, as far as anybody could know."""
        start = self.root(host.name) + b"/"
        path = absolute[len(start) :]
        if self._has(host.name, path) == data:
            return  # of twins the one that lay aside
        declared = next(copy for copy in self.instrument.copies if copy.host == host.name)
        assert declared.retention is not None, f"{host.name} is never freed"
        others = [self.telling(name) for name in self.hosts if name != host.name]
        proving = [one.name for one in others if self._may_prove(one, path, data, declared.retention)]
        words = f"{path!r} was freed on {host.name}, and others hold it: {proving}"
        assert len(proving) >= declared.retention.copies, words
        age = (self.night_clock.night_of(self.clock.now()) - (night_of(path) or dt.date.max)).days
        assert age >= max(declared.retention.keep_nights, 1), f"{path!r} was freed {age} nights after"
        self.freed[host.name, path] = data
        self.ever_freed.add(path)
        self.held[host.name, path] = {one.name for one in others if self._has(one.name, path) == data}
        self.truth.arrived.pop((host.name, path), None)
        if host.name == ORIGIN:
            assert self.truth.originals.pop(path) == data
        self.tell(f"freed on {host.name}: {path!r}, which {', '.join(proving)} hold")

    def _has(self, name: str, path: bytes) -> bytes | None:
        thing = self.hosts[name].things.get(self.root(name) + b"/" + path)
        return thing.data if thing is not None and thing.kind == "file" else None

    def _may_prove(self, host: TellingHost, path: bytes, data: bytes, rule: Retention) -> bool:
        """Say whether a copy holds these bytes, or somebody took them where the last look could not see it."""
        whole = self.root(host.name) + b"/" + path
        if self._has(host.name, path) == data:
            return True
        if data not in host.hashed[whole]:
            return False
        changed_since = host.harmed_s.get(whole, 0.0) >= host.seen_s.get(whole, 0.0)
        changed_since |= host.rotted_s.get(whole, 0.0) >= host.read_s.get(whole, 0.0)
        if self.last.removable and host.name == ARCHIVES[-1] and not self.is_there(host.name):
            return rule.count_absent
        is_trusted = host.tells_changes and not rule.reread and whole not in host.harmed_s
        return changed_since or (is_trusted and self._has(host.name, path) is not None)

    def remember(self, hop: Hop, paths: Iterable[bytes]) -> None:
        """Note what was recorded as arrived, but for what somebody took in the instant between."""
        host, start = self.telling(hop.destination.host), self.root(hop.destination.host) + b"/"
        super().remember(hop, [path for path in paths if host.harmed_s.get(start + path, 0.0) < self.began_s])

    def run(self, workplace: Workplace, notes: Sequence[Note] = (), wishes: SyncWishes | None = None) -> Report | None:
        """Do one nightly run."""
        self.began_s = self.clock.now_s
        return super().run(workplace, notes, wishes)

    # ---- what is said of it

    def judge(self, report: Report) -> None:
        """Hold a report against what is so, and against what was freed."""
        super().judge(report)
        if any(row.state is not State.OK for row in (*report.outcomes, *report.verdicts)):
            self.forget_proven(report)
        if self.changed_s >= max(report.started_utc.timestamp(), self.verified_from_s):
            return
        hop_of = {hop.key: hop for hop in self.hops}
        carried = {outcome.hop for outcome in report.outcomes if outcome.planned}
        for verdict in report.verdicts:
            self._freed_is_there(hop_of[verdict.hop], verdict)
            self._gone_is_said(hop_of[verdict.hop], verdict, verdict.hop in carried)
            self.seen.judge(hop_of[verdict.hop], verdict)

    def _freed_is_there(self, hop: Hop, verdict: HopVerdict) -> None:
        """Contradict a verdict that is ok although what was freed on its source is not on its destination any more."""
        if verdict.state is not State.OK:
            return
        source, destination = hop.source.host, hop.destination.host
        for (name, path), data in self.freed.items():
            if name != source or night_of(path) not in verdict.nights or destination not in self.held[name, path]:
                continue
            if path in self.truth.accepted:
                continue
            if (destination, path) not in self.freed and self._has(source, path) is None:
                there = {self._has(destination, path), self.on_their_way_out(destination).get(path)}
                assert data in there, f"ok, but the freed {path!r} is lost on {destination}"

    def forget_proven(self, report: Report) -> None:
        """Forget what was proven on hops about which something else was said: their nights are open again."""
        rows = (*report.outcomes, *report.verdicts)
        open_hops = {row.hop for row in rows if row.state is not State.OK}
        self.proven = {key: paths for key, paths in self.proven.items() if key[0] not in open_hops}

    def _gone_is_said(self, hop: Hop, verdict: HopVerdict, was_open: bool) -> None:
        """Contradict a verdict without a word about proven files that are on neither end any more.

        Where a sync had something to carry the night was open, and the next look has to say it.
        """
        if verdict.state is not State.OK:
            return
        young = {night_of(path) for path in verdict.in_progress}
        for night in verdict.nights:
            here, there = (self.of_night(place.host, night) for place in (hop.source, hop.destination))
            known = {
                path for path in self.proven.get((hop.key, night), ()) if (hop.source.host, path) not in self.freed
            }
            if max(len(here), len(there)) < len(known) and not known & self.truth.accepted:
                if was_open:
                    continue
                lost = sorted(known - here.keys() - there.keys())
                assert night in verdict.gone, f"ok, and no word of {lost} of {hop.key}, which were proven"
            if here and night not in young and all(there.get(path) == data for path, data in here.items()):
                self.proven[hop.key, night] = set(here)

    def of_night(self, name: str, night: dt.date) -> dict[bytes, bytes]:
        """Return what lies of a night on a host, by path."""
        found = files_below(self.hosts[name], self.root(name))
        return {path: thing.data for path, thing in found if night_of(path) == night and is_ours(path)}

    # ---- bringing back

    def brought(self, nights: Collection[dt.date], receipts: Mapping[dt.date, Sequence[Receipt]]) -> None:
        """Take up what lies on the origin now, and contradict a receipt that is ok and should not be."""
        found = {path: thing.data for path, thing in files_below(self.hosts[ORIGIN], self.root(ORIGIN))}
        self._nothing_overwritten(found)
        self.proven.clear()
        self.truth.originals = self.on_their_way_out() | found
        for night in nights:
            went = {
                path: data for (name, path), data in self.freed.items() if name == ORIGIN and night_of(path) == night
            }
            states = {receipt.state for receipt in receipts.get(night, ())}
            if states == {State.OK}:
                for path, data in went.items():
                    is_back = found.get(path) == data or self._may_lack(path, data, found)
                    assert is_back, f"{path!r} is said to be back and is not"
            elif went and night not in self.unpredictable and State.UNKNOWN not in states:
                reasons = [receipt.reason for receipt in receipts.get(night, ())]
                raise AssertionError(f"every file of {night} lies on other copies, and it is not back: {reasons}")
        for key in [key for key in self.freed if key[0] == ORIGIN and key[1] in found]:
            del self.freed[key]

    def _may_lack(self, path: bytes, data: bytes, found: Mapping[bytes, bytes]) -> bool:
        """Say whether somebody accepted a file, and it came as it was then, or no other disk has it any more."""
        if path not in self.truth.accepted:
            return False
        return path in found or all(self._has(name, path) != data for name in ARCHIVES)

    def _freed_at_origin(self) -> Iterator[tuple[bytes, bytes]]:
        return ((path, data) for (name, path), data in self.freed.items() if name == ORIGIN)

    def _nothing_overwritten(self, found: Mapping[bytes, bytes]) -> None:
        """Assert that what people have on the origin is there still, at its place or set aside."""
        for path, data in self.truth.originals.items():
            kept = {found.get(path), *self._set_aside(path), self.on_their_way_out().get(path)}
            assert data in kept, f"{path!r} on {ORIGIN} was overwritten by a restore"
        for path, data in found.items():
            assert data in self.truth.versions[path], f"{path!r} on {ORIGIN} is half there"

    def _set_aside(self, path: bytes) -> Iterator[bytes]:
        for known, thing in self.hosts[ORIGIN].things.items():
            if thing.kind == "file" and b"/.nightferry/replaced/" in known and known.endswith(b"/" + path):
                yield thing.data

    def left_aside(self) -> list[bytes]:
        """Return what lies in the folders of files that are being freed."""
        return [path for host in self.hosts.values() for path in host.things if FREEING in path]

    def originals_are_there(self) -> None:
        """Assert that nothing is lost; what a dead prune set aside is there, and is put back by the next."""
        before = dict(self.truth.originals)
        for path, data in self.on_their_way_out().items():
            if before.get(path) == data and self._has(ORIGIN, path) is None:
                del self.truth.originals[path]
        try:
            self.truth.nothing_is_lost()
        finally:
            self.truth.originals = before

    def on_their_way_out(self, name: str = ORIGIN) -> dict[bytes, bytes]:
        """Return what a dead prune set aside on a host, by the path that it had."""
        return {
            path.partition(FREEING)[2].partition(b"/")[2]: thing.data
            for path, thing in self.hosts[name].things.items()
            if thing.kind == "file" and FREEING in path
        }
