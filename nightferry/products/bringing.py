"""A night brought back from other copies: read there, carried, hashed on both sides, and a receipt of it all.

Only files that are as they were made or first read are brought (nearest.py), and a night is back when all of it is.
Carrying is the syncer's, proving the verifier's; what steps made is undone by restoring.py.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nightferry.expectations import expectations
from nightferry.products.nearest import Lack, below_night, known_of
from nightferry.retention.aside import settle_if_free
from nightferry.retention.evidence import HopWitness, cameras_at, chain_of, chains, judge_nights, read_place
from nightferry.workplace import Workplace
from observatory.errors import LockHeld, UsageError
from observatory.files import write_whole
from observatory.listing import HopScope, hop_scope
from observatory.names import show, to_json
from observatory.nights import STAMP_FORMAT, night_text
from observatory.spec.chain import Hop, Place, variants
from observatory.spec.models import Instrument
from observatory.truth import State, worst
from syncer.outcome import HopOutcome
from syncer.survey import End
from syncer.sync import SyncOptions, sync_hop
from syncer.transfer.contract import Progress
from verifier.check import check
from verifier.options import CheckOptions, HashedPair
from verifier.verdict import HopVerdict

ANY = "any"
"""Whichever other copies verify, the nearest first: along the chain from where the night is wanted."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person asked for.

    Attributes
    ----------
    source : str
        Name or host of a copy, or ``any``.
    target : str or None
        Name or host of the copy that gets the night; None: the first of the chain.
    dry_run : bool
    progress : callable
        Told how far the carrying is.
    """

    source: str
    target: str | None = None
    dry_run: bool = False
    progress: Callable[[Progress], None] = field(default=lambda progress: None)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one night that was to be brought back.

    Attributes
    ----------
    instrument : str
    night : date
    source, target : Place
    state : State
    reason : str or None
        For every state but ok.
    files : mapping of bytes to str
        Every file of the night that came from there, or was on the target already: with its hash, the same on both,
        and as it was made or first read.
    outcome : HopOutcome or None
    not_back : tuple of bytes
        Of what the night is known to have, what is not on the target as it was: paths below the night's folder.
    """

    instrument: str
    night: dt.date
    source: Place
    target: Place
    state: State
    reason: str | None = None
    files: dict[bytes, str] = field(default_factory=dict)
    outcome: HopOutcome | None = None
    not_back: tuple[bytes, ...] = ()
    started_utc: dt.datetime | None = None
    finished_utc: dt.datetime | None = None

    def document(self) -> dict[str, Any]:
        """Return the receipt as JSON."""
        return {
            "instrument": self.instrument,
            "night": night_text(self.night),
            "from": {"copy": self.source.name, "host": self.source.host, "root": self.source.root},
            "to": {"copy": self.target.name, "host": self.target.host, "root": self.target.root},
            "state": str(self.state),
            "reason": self.reason,
            "started_utc": _instant(self.started_utc),
            "finished_utc": _instant(self.finished_utc),
            "planned": self.outcome.planned if self.outcome else 0,
            "transferred": self.outcome.transferred if self.outcome else 0,
            "bytes": self.outcome.moved_bytes if self.outcome else 0,
            "replaced": [to_json(path) for path in self.outcome.replaced] if self.outcome else [],
            "not_back": [to_json(path) for path in self.not_back],
            "files": [{"path": to_json(path), "sha256": sha256} for path, sha256 in sorted(self.files.items())],
        }


def _instant(instant: dt.datetime | None) -> str | None:
    return None if instant is None else instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def bring_back(
    workplace: Workplace, instrument: Instrument, nights: Sequence[dt.date], wanted: Wanted
) -> Iterator[Receipt]:
    """Bring some nights back, one by one, and yield a receipt of each; the caller holds the instrument's lock.

    Raises
    ------
    UsageError
        There is no such copy, or it is the one that is to get the night.
    """
    ways = list(_ways(instrument, wanted))
    for night in nights:
        found = [receipt for way in ways for receipt in _over_sources(workplace, instrument, night, way, wanted)]
        yield from found
        if not found:
            _, target, sources = ways[0]
            words = f"no file of it is on {' or '.join(source.name for source in sources)}"
            yield Receipt(instrument.instrument, night, sources[0], target, State.DIFFERENT, words)


_Way = tuple[str, Place, list[Place]]
"""A variant, the copy that gets the night, and those that it may come from."""


def _over_sources(
    workplace: Workplace, instrument: Instrument, night: dt.date, way: _Way, wanted: Wanted
) -> Iterator[Receipt]:
    """Bring what is good from one copy after the other until the night is whole; yield a receipt of each that gave."""
    work = _Night(workplace, instrument, night, way, wanted)
    for source in way[2]:
        work.bring_from(source)
        if work.is_whole:
            break
    yield from work.receipts()


class _Night:
    """One night of one variant on its way back."""

    def __init__(self, workplace: Workplace, instrument: Instrument, night: dt.date, way: _Way, wanted: Wanted) -> None:
        self._workplace, self._instrument, self._night, self._wanted = workplace, instrument, night, wanted
        self._variant, self._target, self._sources = way
        self._chain = chain_of(instrument, self._target)
        self._cameras = cameras_at(instrument, self._target)
        self._known = known_of(workplace, instrument, self._chain, night)
        self._belongs = self._known.belongs(self._cameras)
        self._back: set[bytes] = set()
        self._receipts: list[Receipt] = []
        self._refused: list[Receipt] = []
        self._tried: list[str] = []
        self._unread: list[str] = []

    @property
    def is_whole(self) -> bool:
        """Whether every file that the night is known to have was proven on the target, or would be carried."""
        return bool(self._tried) and self._belongs <= self._back

    def bring_from(self, source: Place) -> None:
        """Read one copy and carry what is good there and not back yet."""
        blank = self._blank(source)
        if not self._wanted.dry_run:
            for place in (self._target, source):
                settle_if_free(self._workplace, self._instrument, place)
        read = read_place(self._workplace, self._instrument, source, (self._night,))
        if read.reason is not None:
            self._refused.append(replace(blank, state=State.UNKNOWN, reason=read.reason))
            return
        judge_nights(self._workplace, self._instrument, self._chain, [self._night])
        self._look()
        if not read.files:
            return
        self._tried.append(source.name)
        if read.unread:
            self._unread.append(f"{read.unread} files on {source.name} could not be read")
        good = self._known.good_on(source.name, self._cameras)
        names = {name: path for name, path in good.items() if name not in self._back}
        receipt = self._carry(blank, source, names) if names else blank
        self._receipts.append(replace(receipt, finished_utc=self._workplace.now()))

    def _blank(self, source: Place) -> Receipt:
        name, now = self._instrument.instrument, self._workplace.now()
        return Receipt(name, self._night, source, self._target, State.OK, started_utc=now, finished_utc=now)

    def _look(self) -> None:
        """Take up what was learned of the night."""
        self._known = known_of(self._workplace, self._instrument, self._chain, self._night)
        self._belongs |= self._known.belongs(self._cameras)

    def _carry(self, blank: Receipt, source: Place, names: Mapping[bytes, bytes]) -> Receipt:
        """Carry some files, given as paths there by name, and note which are proven to be back."""
        shared = {name: one for name, one in cameras_at(self._instrument, source).items() if name in self._cameras}
        hop = Hop(self._instrument, self._variant, source, self._target, shared)
        clock = self._workplace.clock_of(self._instrument)
        scope = hop_scope(hop, (self._night,), clock).only_files(names.values())
        receipt = _carry(self._workplace, hop, scope, blank, self._wanted)
        if self._wanted.dry_run:
            self._back |= set(names) if receipt.state is State.OK else set()
            return receipt
        targets = {name: scope.target_of(path) for name, path in names.items()}
        proven = {name for name, at in targets.items() if receipt.files.get(at) == self._known.references[name]}
        self._back |= proven
        receipt = replace(receipt, files={targets[name]: self._known.references[name] for name in proven})
        if len(proven) == len(names):
            return replace(receipt, state=State.OK, reason=None)
        return receipt if receipt.state is not State.OK else replace(receipt, state=State.DIFFERENT)

    # ---- the end

    def receipts(self) -> list[Receipt]:
        """Return the receipts of the night, none where no copy has any file; the last says what is still lacking."""
        if not self._receipts:
            return self._refused[-1:]
        if self._belongs - self._back:
            self._look_at_target()
        left = tuple(sorted(self._belongs - self._back))
        if not left:
            promised = [one for one in self._receipts if one.outcome is not None and self._wanted.dry_run]
            gave = promised or [one for one in self._receipts if one.files] or self._receipts[-1:]
            return [replace(one, state=State.OK, reason=None) for one in gave]
        *before, last = self._receipts
        state = worst([State.DIFFERENT, last.state, *([State.UNKNOWN] if self._unread else [])])
        said = last.reason or ""
        unread = [sentence for sentence in self._unread if sentence not in said]
        reason = "; ".join(filter(None, [said, *unread, self._what_lacks(left)]))
        lacking = tuple(below_night(name) for name in left)
        return [*self._refused, *before, replace(last, state=state, reason=reason, not_back=lacking)]

    def _what_lacks(self, left: tuple[bytes, ...]) -> str:
        others = [place.name for place in _nearest(self._chain, self._target) if place.name not in self._tried]
        to = None if self._wanted.target is None else self._target.name
        lack = Lack(self._instrument.instrument, self._night, left, tuple(self._tried), to)
        return lack.words(self._known, others, self._cameras)

    def _look_at_target(self) -> None:
        """Take what lies on the target as it was for back, though no copy gave it."""
        read = read_place(self._workplace, self._instrument, self._target, (self._night,))
        if read.reason is not None:
            self._unread.append(read.reason)
            return
        self._look()
        self._back |= self._known.good_on(self._target.name, self._cameras).keys()


def _ways(instrument: Instrument, wanted: Wanted) -> Iterator[_Way]:
    """Yield, variant by variant, the copy that gets the night and those that it may come from, the nearest first."""
    for words, chain in zip(variants(instrument), chains(instrument), strict=True):
        target = chain[0] if wanted.target is None else _named(instrument, chain, wanted.target)
        others = _nearest(chain, target) if wanted.source == ANY else [_named(instrument, chain, wanted.source)]
        if target in others:
            raise UsageError(f"{target.name} is to get the night itself; name another copy. Nothing was done")
        yield ",".join(words.values()), target, others


def _nearest(chain: Sequence[Place], target: Place) -> list[Place]:
    """Return the other copies of a chain, the nearest along it first."""
    at = chain.index(target)
    return sorted((place for place in chain if place != target), key=lambda one: abs(chain.index(one) - at))


def _named(instrument: Instrument, chain: Sequence[Place], name: str) -> Place:
    found = [place for place in chain if name in (place.name, place.host)]
    if len(found) != 1:
        known = ", ".join(place.name for place in chain)
        raise UsageError(f"{instrument.instrument} has no copy {name!r} (declared: {known}); nothing was done")
    return found[0]


def _carry(workplace: Workplace, hop: Hop, scope: HopScope, blank: Receipt, wanted: Wanted) -> Receipt:
    source, target = (
        End(workplace.endpoint(place.host), workplace.access(place.host)) for place in (hop.source, hop.destination)
    )
    options = SyncOptions(
        stamp=workplace.now().strftime(STAMP_FORMAT),
        hash_all=True,
        dry_run=wanted.dry_run,
        expected=expectations(workplace, hop, scope.nights),
        progress=wanted.progress,
        is_proven=True,
    )
    try:
        outcome = sync_hop(scope, source, target, options)
    except LockHeld as error:
        return replace(blank, state=State.UNKNOWN, reason=str(error))
    receipt = replace(blank, outcome=outcome, state=outcome.state, reason=_why(outcome))
    if wanted.dry_run or outcome.refused_reason is not None:
        return receipt
    verdict, files = _verify(workplace, hop, scope)
    state = worst([outcome.state, State.UNKNOWN if verdict.unknown_reason else State.OK])
    return replace(receipt, state=state, reason=receipt.reason or verdict.unknown_reason, files=files)


def _why(outcome: HopOutcome) -> str | None:
    """Return what kept files from coming, with the first of them."""
    if not outcome.failed or outcome.reason is None:
        return outcome.reason
    first = outcome.failed[0]
    return f"{outcome.reason} ({show(first.path)}: {first.reason})"


def _verify(workplace: Workplace, hop: Hop, scope: HopScope) -> tuple[HopVerdict, dict[bytes, str]]:
    """Hash both sides afresh, remember it as evidence, and return what was found."""
    witness, files = HopWitness(workplace, hop, scope), dict[bytes, str]()

    def hashed(pair: HashedPair) -> None:
        witness.hashed(pair)
        files.update({one.path: one.sha256 for one in pair.destination if one.sha256 is not None})

    source, target = (workplace.endpoint(place.host) for place in (hop.source, hop.destination))
    expected = expectations(workplace, hop, scope.nights)
    options = CheckOptions("checksum", expected=expected, on_hashed=hashed, on_missing=witness.lacking)
    verdict = check(scope, source, target, options)
    witness.conclude(verdict)
    return verdict, files


def keep_receipt(workplace: Workplace, receipt: Receipt) -> Path:
    """Write a receipt into the state folder and return where it lies."""
    stamp = (receipt.finished_utc or workplace.now()).strftime(STAMP_FORMAT)
    name = f"restore-{receipt.instrument}-{night_text(receipt.night)}-{stamp}"
    folder = workplace.state / "receipts"
    names = (f"{name}.json", *(f"{name}-{number}.json" for number in range(2, 1000)))
    path = next(path for name in names if not (path := folder / name).exists())
    write_whole(path, (json.dumps(receipt.document(), indent=1) + "\n").encode())
    return path
