"""What counts as arrived: the files are looked at afresh at the destination, then brought to its disk.

No engine's own word is believed here; what it said serves as the reason where a file is not there.
Moving is the engines' own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from observatory.asking import asking
from observatory.endpoints.contract import Facts, Hashed, Look, Promise
from observatory.errors import CouldNotTell
from syncer.transfer.contract import Arrived, Batch, CarryResult, Item, NotArrived
from syncer.transfer.group import give_group

CHANGED = "changed while it was copied; the next run looks at it again"
VANISHED = "vanished from the source while it was copied"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an engine learned on the way, by target.

    Attributes
    ----------
    failures : mapping
        Why a file did not arrive, as far as the engine could tell.
    hashes : mapping
        SHA-256 of temporary files as the destination read them, equal to what the source sent; an empty
        text where the bytes were cloned by the file system.
    """

    failures: Mapping[bytes, NotArrived] = field(default_factory=dict)
    hashes: Mapping[bytes, str] = field(default_factory=dict)


def settle(engine: str, batch: Batch, evidence: Evidence, new_folders: Sequence[bytes]) -> CarryResult:
    """Look at every item's target, sync the destination once, and say what arrived.

    `new_folders` are those that had to be made below the destination's root, so far as the group needs to know.

    Raises
    ------
    CouldNotTell
        The destination cannot be looked at, or could not bring it to disk: nothing may be recorded.
    """
    verdicts = confirm(batch, evidence)
    arrived = tuple(verdict for verdict in verdicts if isinstance(verdict, Arrived))
    remarks: list[str] = []
    if arrived:
        remarks = give_group(batch, [*new_folders, *(one.item.target for one in arrived)])
        batch.destination.sync(batch.destination_root)
    failed = tuple(verdict for verdict in verdicts if isinstance(verdict, NotArrived))
    return CarryResult(engine, arrived, failed, tuple(remarks))


def confirm(batch: Batch, evidence: Evidence) -> list[Arrived | NotArrived]:
    """Judge every item by what the destination shows, in the batch's order.

    Size and mtime must be those of the plan. The source is looked at again too: what changed there
    meanwhile did not arrive, whatever the destination shows. An item that replaces another needs more,
    as the old file may have the same size and time: its bytes are hashed on both sides.
    """
    at_source = [Promise(item.path, item.size_bytes, item.mtime_s) for item in batch.items]
    with asking(batch.ends, 1, "look") as pool:
        asked = pool.submit(_look_at_source, batch, at_source)
        there = _unlike(batch.destination, batch.destination_root, _at_destination(batch.items, at_source))
        here = asked.result()
    verdicts = [_judge(item, there.get(item.target), here.get(item.path), evidence) for item in batch.items]
    return _prove_replaced(batch, verdicts, evidence)


def _unlike(end: Look, root: bytes, promises: Sequence[Promise]) -> dict[bytes, Facts]:
    return {facts.path: facts for facts in end.differing(root, promises)}


def _at_destination(items: Sequence[Item], at_source: Sequence[Promise]) -> Sequence[Promise]:
    """Most files bear the same name there."""
    if all(item.target == item.path for item in items):
        return at_source
    return [Promise(item.target, item.size_bytes, item.mtime_s) for item in items]


def _look_at_source(batch: Batch, promises: Sequence[Promise]) -> dict[bytes, Facts]:
    """A source that cannot be asked any more takes nothing back: what is there is judged alone."""
    try:
        return _unlike(batch.source, batch.source_root, promises)
    except CouldNotTell as error:
        return {path: Facts(path, reason=str(error)) for path, _, _ in promises}


def _judge(item: Item, there: Facts | None, here: Facts | None, evidence: Evidence) -> Arrived | NotArrived:
    """Judge by what either end shows; None: just what was promised."""
    if there is not None and there.reason is not None:
        why = f"could not be looked at where it should have arrived: {there.reason}"
        return NotArrived(item, why, may_retry=True, was_seen=False)
    if here is not None and _is_another(item, here):
        return NotArrived(item, CHANGED, may_retry=True)
    if there is not None:
        return _why_not(item, there, here, evidence.failures.get(item.target))
    return Arrived(item, item.size_bytes, item.mtime_s, evidence.hashes.get(item.target) or None)


def _is_another(item: Item, here: Facts) -> bool:
    """Say whether something else stands at the source now; a link that the listing followed is none."""
    is_there = here.reason is None and here.size_bytes is not None
    return is_there and (here.is_file or not item.by_link)


def _why_not(item: Item, there: Facts, here: Facts | None, known: NotArrived | None) -> NotArrived:
    if here is not None and here.reason is None and here.size_bytes is None:
        return NotArrived(item, VANISHED)
    if known is not None:
        return known
    if there.size_bytes is None:
        return NotArrived(item, "is not at the destination, and nobody said why", may_retry=True)
    if not there.is_file:
        return NotArrived(item, "something that is no regular file bears its name at the destination")
    if there.size_bytes != item.size_bytes:
        why = f"has {there.size_bytes} bytes at the destination where the plan promised {item.size_bytes}"
        return NotArrived(item, why, may_retry=True)
    return NotArrived(item, "bears another modification time at the destination than the plan promised", may_retry=True)


def _prove_replaced(
    batch: Batch, verdicts: Sequence[Arrived | NotArrived], evidence: Evidence
) -> list[Arrived | NotArrived]:
    doubtful = [
        verdict.item
        for verdict in verdicts
        if isinstance(verdict, Arrived) and verdict.item.replaces and verdict.item.target not in evidence.hashes
    ]
    if not doubtful:
        return list(verdicts)
    sums = {item.target: pair for item, pair in zip(doubtful, _hash_both(batch, doubtful), strict=True)}
    return [_with_hash(verdict, sums.get(verdict.item.target)) for verdict in verdicts]


def _hash_both(batch: Batch, items: Sequence[Item]) -> Iterator[tuple[Hashed, Hashed]]:
    here = batch.source.hash(batch.source_root, [item.path for item in items])
    there = batch.destination.hash(batch.destination_root, [item.target for item in items])
    return zip(here, there, strict=True)


def _with_hash(verdict: Arrived | NotArrived, sums: tuple[Hashed, Hashed] | None) -> Arrived | NotArrived:
    if sums is None or isinstance(verdict, NotArrived):
        return verdict
    here, there = sums
    if here.sha256 is None or there.sha256 is None:
        why = here.reason or there.reason or "no checksum"
        why = f"replaces another file, and its bytes could not be compared: {why}"
        return NotArrived(verdict.item, why, may_retry=True, was_seen=False)
    if here.sha256 != there.sha256:
        return NotArrived(verdict.item, "did not replace the file of that name: the bytes there are still others", True)
    return Arrived(verdict.item, verdict.size_bytes, verdict.mtime_s, there.sha256)
