"""One batch carried by two engines: divided, and the two results joined in the batch's order."""

from __future__ import annotations

from collections.abc import Callable, Collection

from syncer.transfer.contract import Batch, CarryResult, Item
from syncer.transfer.meter import part_of

Carry = Callable[[Batch], CarryResult]


def in_parts(batch: Batch, carry: Carry, others: Collection[Item], carry_others: Carry) -> CarryResult:
    """Carry a batch, some of its items in another way, after the rest; the first way's name stands for all."""
    if not others:
        return carry(batch)
    apart = {item.target for item in others}
    rest = [item for item in batch.items if item.target not in apart]
    first = carry(batch.with_items(rest).with_progress(part_of(batch, after=())))
    second = batch.with_items(tuple(others)).with_progress(part_of(batch, after=rest))
    return merge(batch, first, carry_others(second))


def merge(batch: Batch, *results: CarryResult) -> CarryResult:
    """Join the results of parts of a batch, in the batch's order; the first one's name stands for all."""
    order = {item.target: number for number, item in enumerate(batch.items)}
    arrived = [one for result in results for one in result.arrived]
    failed = [one for result in results for one in result.failed]
    return CarryResult(
        engine=results[0].engine,
        arrived=tuple(sorted(arrived, key=lambda one: order[one.item.target])),
        failed=tuple(sorted(failed, key=lambda one: order[one.item.target])),
        remarks=tuple(remark for result in results for remark in result.remarks),
    )
