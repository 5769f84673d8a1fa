"""A night brought back from another copy: read there, carried, hashed on both sides, and a receipt of it all.

The copy that it comes from must be as its files were made or first read. Carrying is the syncer's, proving the
verifier's; what steps made is undone by restoring.py.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from catalogue.evidence_records import SafeState
from nightferry.expectations import expectations
from nightferry.retention.evidence import (
    HopWitness,
    cameras_at,
    chains,
    held_by_chain,
    judge_nights,
    read_place,
)
from nightferry.retention.safe import judge
from nightferry.workplace import Workplace
from observatory.errors import LockHeld, UsageError
from observatory.files import write_whole
from observatory.listing import HopScope, hop_scope
from observatory.names import to_json
from observatory.nights import night_text
from observatory.spec.chain import Hop, Place, variants
from observatory.spec.models import Instrument
from observatory.truth import State
from syncer.outcome import HopOutcome
from syncer.survey import End
from syncer.sync import SyncOptions, sync_hop
from syncer.transfer.contract import Progress
from verifier.check import CheckOptions, HashedPair, check
from verifier.verdict import HopVerdict

ANY = "any"
"""Whichever other copy verifies, the nearest first: along the chain from where the night is wanted."""
STAMP = "%Y%m%dT%H%M%SZ"


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
    refused : str or None
        Why nothing was carried: the copy is not as its files were made or first read, or could not be read.
    state : State
    reason : str or None
        For every state but ok.
    files : mapping of bytes to str
        Every file of the night on the target with its hash, the same on both sides.
    outcome : HopOutcome or None
    """

    instrument: str
    night: dt.date
    source: Place
    target: Place
    state: State
    reason: str | None = None
    files: dict[bytes, str] = field(default_factory=dict)
    outcome: HopOutcome | None = None
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
    """Try the copies one after the other; yield the receipt of the first that verifies, else of the last tried."""
    variant, target, sources = way
    last = None
    for source in sources:
        receipt = _bring(workplace, instrument, variant, source, target, night, wanted)
        last = receipt or last
        if receipt is not None and receipt.state is State.OK:
            break
    if last is not None:
        yield last


def _ways(instrument: Instrument, wanted: Wanted) -> Iterator[_Way]:
    """Yield, variant by variant, the copy that gets the night and those that it may come from, the nearest first."""
    for words, chain in zip(variants(instrument), chains(instrument), strict=True):
        target = chain[0] if wanted.target is None else _named(instrument, chain, wanted.target)
        if wanted.source == ANY:
            at = chain.index(target)
            others = sorted((place for place in chain if place != target), key=lambda one: abs(chain.index(one) - at))
        else:
            others = [_named(instrument, chain, wanted.source)]
        if target in others:
            raise UsageError(f"{target.name} is to get the night itself; name another copy. Nothing was done")
        yield ",".join(words.values()), target, others


def _named(instrument: Instrument, chain: Sequence[Place], name: str) -> Place:
    found = [place for place in chain if name in (place.name, place.host)]
    if len(found) != 1:
        known = ", ".join(place.name for place in chain)
        raise UsageError(f"{instrument.instrument} has no copy {name!r} (declared: {known}); nothing was done")
    return found[0]


def _bring(
    workplace: Workplace,
    instrument: Instrument,
    variant: str,
    source: Place,
    target: Place,
    night: dt.date,
    wanted: Wanted,
) -> Receipt | None:
    started = workplace.now()
    blank = Receipt(instrument.instrument, night, source, target, State.OK, started_utc=started)
    refusal, files = _read_source(workplace, instrument, source, night)
    if refusal is not None:
        return replace(blank, state=refusal[0], reason=refusal[1], finished_utc=workplace.now())
    if not files:
        return None
    cameras = cameras_at(instrument, source)
    cameras = {name: camera for name, camera in cameras.items() if name in cameras_at(instrument, target)}
    hop = Hop(instrument, variant, source, target, cameras)
    scope = hop_scope(hop, (night,), workplace.clock_of(instrument))
    receipt = _carry(workplace, hop, scope, blank, wanted)
    return replace(receipt, finished_utc=workplace.now())


def _read_source(
    workplace: Workplace, instrument: Instrument, source: Place, night: dt.date
) -> tuple[tuple[State, str] | None, int]:
    """Hash a night on the copy that it is to come from; return why it must not, and how many files it has there."""
    read = read_place(workplace, instrument, source, (night,))
    if read.reason is not None:
        return (State.UNKNOWN, read.reason), read.files
    chain = next(chain for chain in chains(instrument) if source in chain)
    judge_nights(workplace, instrument, chain, [night])
    held = held_by_chain(workplace, instrument, chain, night)
    safe = dict(zip(chain, judge(held), strict=True))[source]
    if safe is not None and safe.state is SafeState.UNSAFE:
        return (State.DIFFERENT, f"{source.name} does not verify: {safe.reason}; nothing was carried"), read.files
    if read.unread:
        return (State.UNKNOWN, f"{read.unread} files on {source.name} could not be read"), read.files
    return None, read.files


def _carry(workplace: Workplace, hop: Hop, scope: HopScope, blank: Receipt, wanted: Wanted) -> Receipt:
    source, target = (
        End(workplace.endpoint(place.host), workplace.access(place.host)) for place in (hop.source, hop.destination)
    )
    options = SyncOptions(
        stamp=workplace.now().strftime(STAMP),
        hash_all=True,
        dry_run=wanted.dry_run,
        expected=expectations(workplace, hop, scope.nights),
        progress=wanted.progress,
    )
    try:
        outcome = sync_hop(scope, source, target, options)
    except LockHeld as error:
        return replace(blank, state=State.UNKNOWN, reason=str(error))
    receipt = replace(blank, outcome=outcome, state=outcome.state, reason=outcome.reason)
    if wanted.dry_run or outcome.state is not State.OK:
        return receipt
    verdict, files = _verify(workplace, hop, scope)
    return replace(receipt, state=verdict.state, reason=verdict.reason, files=files)


def _verify(workplace: Workplace, hop: Hop, scope: HopScope) -> tuple[HopVerdict, dict[bytes, str]]:
    """Hash both sides afresh, remember it as evidence, and return what was found."""
    witness, files = HopWitness(workplace, hop, scope), dict[bytes, str]()

    def hashed(pair: HashedPair) -> None:
        witness.hashed(pair)
        files.update({one.path: one.sha256 for one in pair.destination if one.sha256 is not None})

    source, target = (workplace.endpoint(place.host) for place in (hop.source, hop.destination))
    expected = expectations(workplace, hop, scope.nights)
    verdict = check(scope, source, target, CheckOptions(level="checksum", expected=expected, on_hashed=hashed))
    witness.conclude(verdict)
    return verdict, files


def keep_receipt(workplace: Workplace, receipt: Receipt) -> Path:
    """Write a receipt into the state folder and return where it lies."""
    stamp = (receipt.finished_utc or workplace.now()).strftime(STAMP)
    name = f"restore-{receipt.instrument}-{night_text(receipt.night)}-{stamp}.json"
    path = workplace.state / "receipts" / name
    write_whole(path, (json.dumps(receipt.document(), indent=1) + "\n").encode())
    return path
