"""A drill: harmless faults planted in a scratch instrument, to prove that this installation would notice them.

Real hosts, real engine, real verification, real mail; two scratch folders, a scratch ledger, nothing of any
instrument. Which faults there are is faults.py's, saying what was found the command line's.
"""

from __future__ import annotations

import datetime as dt
import io
import os
import posixpath
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nightferry.demo import exposure
from nightferry.hop_sync import SyncWishes
from nightferry.hop_verify import VerifyWishes
from nightferry.runs import Run
from nightferry.selection import Asked, hops_asked, scope_asked
from nightferry.syncing import sync_one
from nightferry.verifying import verify_one
from nightferry.workplace import Workplace
from observatory.endpoints.contract import Act
from observatory.errors import CouldNotTell, NightferryError, UsageError
from observatory.layouts import Layout
from observatory.nights import night_text
from observatory.spec.models import Host, Instrument, Specification
from observatory.truth import State
from reports.model import Report
from syncer.outcome import HopOutcome
from verifier.verdict import HopVerdict

NAME = "drill"
LAYOUT = "%Y/%m%d"
FRAMES = 6
OLD_S = 172_800.0
"""Age of the frames: beyond every settle time."""
HERE = "drill."
"""Begins the names of hosts that are folders of this machine."""

_COUNTED = ("missing", "extra", "size_differs", "checksum_differs", "damaged", "in_progress", "unrecognised")


@dataclass(frozen=True, slots=True)
class Line:
    """What became of one drill.

    Attributes
    ----------
    state : State
        ok: found as planted (and mended, where a sync can); different: found otherwise; unknown: it could not be tried.
    name, words : str
    """

    state: State
    name: str
    words: str


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a person wants of a drill.

    Attributes
    ----------
    source, destination : (host, folder) or None
        Where the scratch roots are made; None: in the state folder, on this machine.
    mails : bool
        Whether the alarm is mailed, where the site declares mail.
    only : frozenset of str
        These faults alone; empty: all.
    """

    source: tuple[str, str] | None = None
    destination: tuple[str, str] | None = None
    mails: bool = True
    only: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault that can be tried anywhere.

    Attributes
    ----------
    name, title : str
    plant : callable
        Makes it in the scratch roots, where all is well before.
    right : mapping of list to number of files, or None
        What a verify must find, and nothing else; None: that nobody could look.
    level : str
    undo : callable, optional
        Takes it back; without it one sync must make both sides whole again.
    """

    name: str
    title: str
    plant: Callable[[Scratch], None]
    right: Mapping[str, int] | None
    level: str = "size"
    undo: Callable[[Scratch], None] | None = None


class Scratch:
    """Two roots with the same six frames, and hands to break them."""

    def __init__(self, workplace: Workplace, now: dt.datetime) -> None:
        self.workplace = workplace
        (self.hop,) = hops_asked(workplace, Asked())
        self.night = workplace.present_night(self.hop.instrument) - dt.timedelta(days=1)
        self.now = now
        self.frames = {self.path_of(number): _frame(number, now) for number in range(1, FRAMES + 1)}
        self.run = Run(workplace, "drill", [NAME])

    def path_of(self, number: int) -> bytes:
        """Return a frame's path below both roots."""
        return Layout(LAYOUT).folder(self.night) + f"/DRILL_{night_text(self.night)}.{number:04d}.fits".encode()

    @property
    def ends(self) -> tuple[tuple[Act, bytes], tuple[Act, bytes]]:
        """Both hosts with their scratch roots, the source first."""
        source, destination = (
            (self.workplace.endpoint(place.host), os.fsencode(place.root))
            for place in (self.hop.source, self.hop.destination)
        )
        return source, destination

    def put(self, end: int, path: bytes, data: bytes, age_s: float = OLD_S) -> None:
        """Write a file below one root (0: source, 1: destination), in the place of what was there."""
        endpoint, root = self.ends[end]
        endpoint.make_folders(root, [posixpath.dirname(path)])
        self.take(end, path)
        absolute = posixpath.join(root, path)
        with endpoint.create(absolute, 0o644) as stream:
            stream.write(data)
        mtime_s = self.now.timestamp() - age_s
        endpoint.set_attributes(absolute, round(mtime_s * 1e9), None)

    def take(self, end: int, path: bytes) -> None:
        """Remove a file below one root."""
        endpoint, root = self.ends[end]
        endpoint.remove(posixpath.join(root, path))

    def fill(self) -> None:
        """Put every frame on the source as it was; the marker proves its root."""
        for path, data in self.frames.items():
            self.put(0, path, data)
        self.put(0, b".nightferry/root", b"")

    def restore(self) -> None:
        """Put every frame on both ends as it was."""
        self.fill()
        for path, data in self.frames.items():
            self.put(1, path, data)

    def sync(self) -> HopOutcome:
        """Carry the hop as a sync with ``--level checksum`` does."""
        roots = frozenset((place.host, place.root) for place in (self.hop.source, self.hop.destination))
        wishes = SyncWishes(hash_all=True, new_roots=roots, accepted_losses=roots)
        return sync_one(self.workplace, self.run, self.hop, scope_asked(self.workplace, Asked(), self.hop), wishes)

    def verify(self, level: str, reverse: bool = True) -> HopVerdict:
        """Verify the hop."""
        scope = scope_asked(self.workplace, Asked(), self.hop)
        return verify_one(self.workplace, self.run, self.hop, scope, VerifyWishes(level=level, reverse=reverse))


def drill(workplace: Workplace, wishes: Wishes, faults: Sequence[Fault]) -> Iterator[Line]:
    """Play the faults one after another; yield what became of each, as it becomes known.

    Raises
    ------
    UsageError
        A fault or a host that is not there was asked for.
    """
    chosen = [fault for fault in faults if not wishes.only or fault.name in wishes.only]
    unknown = wishes.only - {fault.name for fault in faults}
    if unknown:
        known = ", ".join(fault.name for fault in faults)
        raise UsageError(f"no fault {sorted(unknown)[0]!r}; there are: {known}")
    with _scratch(workplace, wishes) as scratch:
        try:
            yield _first(scratch)
        except (NightferryError, OSError) as error:
            yield Line(State.UNKNOWN, "carry", f"six frames could not be carried: {error}")
            return
        for fault in chosen:
            yield _play(scratch, fault)
        yield from _mail(scratch, wishes)


def _first(scratch: Scratch) -> Line:
    scratch.fill()
    outcome = scratch.sync()
    verdict = scratch.verify("checksum")
    is_well = (outcome.state, outcome.transferred, verdict.state) == (State.OK, FRAMES, State.OK)
    words = f"{outcome.transferred} of {FRAMES} frames carried by {outcome.engine}, proven by checksum"
    if not is_well:
        words = f"{words.partition(',')[0]}; {outcome.reason or verdict.reason or 'nothing said why'}"
    return Line(State.OK if is_well else State.DIFFERENT, "carry", words)


def _play(scratch: Scratch, fault: Fault) -> Line:
    try:
        fault.plant(scratch)
        try:
            found = scratch.verify(fault.level)
        finally:
            _undo(scratch, fault)
        if not _is_right(found, fault):
            return Line(State.DIFFERENT, fault.name, f"{fault.title}: found {_said(found)}, planted {_planted(fault)}")
        after = scratch.verify("checksum")
    except (NightferryError, OSError) as error:
        return Line(State.UNKNOWN, fault.name, f"{fault.title}: could not be tried: {error}")
    if after.state is not State.OK:
        return Line(State.DIFFERENT, fault.name, f"{fault.title}: found, and not mended: {after.reason}")
    how = "mended by a sync" if fault.undo is None else "taken back"
    return Line(State.OK, fault.name, f"{fault.title}: {_said(found)}; {how}")


def _undo(scratch: Scratch, fault: Fault) -> None:
    if fault.undo is None:
        scratch.sync()
    else:
        fault.undo(scratch)


def _counts(found: HopVerdict) -> dict[str, int]:
    counts = {key: len(getattr(found, key)) for key in _COUNTED}
    counts["sequence_gaps"] = sum(len(gap.numbers) for gap in found.sequence_gaps)
    return {key: count for key, count in counts.items() if count}


def _is_right(found: HopVerdict, fault: Fault) -> bool:
    if fault.right is None:
        return found.state is State.UNKNOWN
    return found.state is not State.UNKNOWN and _counts(found) == dict(fault.right)


def _in_words(key: str, count: int) -> str:
    words = key.replace("_", " ")
    return f"{count} {words.removesuffix('s') if count == 1 and key == 'sequence_gaps' else words}"


def _said(found: HopVerdict) -> str:
    counts = ", ".join(_in_words(key, count) for key, count in _counts(found).items())
    return f"{found.state}{f' ({counts})' if counts else ''}"


def _planted(fault: Fault) -> str:
    if fault.right is None:
        return "what makes it unknown"
    return ", ".join(_in_words(key, count) for key, count in fault.right.items())


def _mail(scratch: Scratch, wishes: Wishes) -> Iterator[Line]:
    """Send the alarm that one missing frame makes, to those who get the site's reports."""
    mail = scratch.workplace.specification.site.mail
    if mail is None or not wishes.mails:
        return
    from nightferry.reporting import delivery  # loads the template engine

    try:
        scratch.take(1, scratch.path_of(1))
        verdict = scratch.verify("size")
        now = scratch.workplace.now()
        site = scratch.workplace.specification.site.site
        report = Report(site, "verify", scratch.run.started_utc, now, verdicts=[verdict])
        faults = list(delivery.send(scratch.workplace, report, by_hand=True))
    except (NightferryError, OSError) as error:
        faults = [str(error)]
    if faults:
        yield Line(State.DIFFERENT, "mail", "; ".join(faults))
    else:
        yield Line(State.OK, "mail", f"the alarm was handed over for {', '.join(mail.to)}: look whether it came")


@contextmanager
def _scratch(workplace: Workplace, wishes: Wishes) -> Iterator[Scratch]:
    """Make the scratch roots, open a workplace over them, and remove both in the end."""
    now = workplace.now()
    folder = workplace.state / "drill" / f"{now:%Y%m%dT%H%M%S}-{os.getpid()}"
    folder.mkdir(parents=True)
    places = [_place(workplace, asked, folder, end) for end, asked in _sides(wishes)]
    specification = _specification(workplace, folder, places)
    try:
        with Workplace(specification, workplace.now) as inner:
            try:
                for host, root in places:
                    parent, _, name = os.fsencode(root).rpartition(b"/")
                    inner.endpoint(host).make_folders(parent, [name])
                yield Scratch(inner, now)
            finally:
                for host, root in places:
                    _remove(inner.endpoint(host), os.fsencode(root))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sides(wishes: Wishes) -> Iterator[tuple[str, tuple[str, str] | None]]:
    yield "source", wishes.source
    yield "destination", wishes.destination


def _place(workplace: Workplace, asked: tuple[str, str] | None, folder: Path, end: str) -> tuple[str, str]:
    if asked is None:
        return f"{HERE}{end}", str(folder / end)
    host, root = asked
    if host not in workplace.specification.site.hosts:
        raise UsageError(f"no host {host!r} is declared in site.yaml")
    return host, posixpath.join(root, f"nightferry-drill-{folder.name}-{end}")


def _specification(workplace: Workplace, folder: Path, places: Sequence[tuple[str, str]]) -> Specification:
    """Return the site as declared, with a scratch instrument, ledger and spool, and a name that nobody mistakes."""
    declared = workplace.specification.site
    here = {name: Host(local=True, address=name) for name, _ in places if name.startswith(HERE)}
    site = declared.model_copy(
        update={
            "site": f"DRILL {declared.site}",
            "state": str(folder / "state"),
            "database": "sqlite:///drill.db",
            "hosts": {**declared.hosts, **here},
        }
    )
    instrument = Instrument.model_validate(
        {
            "instrument": NAME,
            "title": "a drill, no instrument",
            "layout": LAYOUT,
            "cameras": {NAME: {"files": ["DRILL_*.fits"]}},
            "copies": [
                {"host": host, "root": root, "name": end}
                for end, (host, root) in zip(("source", "destination"), places, strict=True)
            ],
            "sequence": {"pattern": "DRILL_{night}.{number}.fits", "start": 1},
            "window_nights": 3,
        }
    )
    return workplace.specification.model_copy(update={"site": site, "instruments": {NAME: instrument}})


def _frame(number: int, now: dt.datetime) -> bytes:
    stream = io.BytesIO()
    exposure("drill", now - dt.timedelta(days=1, minutes=10 * number), number).writeto(stream, checksum=True)
    return stream.getvalue()


def _remove(endpoint: Act, path: bytes) -> None:
    """Remove a scratch root with all that lies below it; what cannot be reached any more is left."""
    try:
        for name in endpoint.list_folder(path):
            below = posixpath.join(path, name)
            try:
                endpoint.remove(below)
            except (CouldNotTell, OSError):
                _remove(endpoint, below)
        endpoint.remove(path)
    except (CouldNotTell, OSError):
        return
