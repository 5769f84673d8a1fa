"""Sync some hops and remember it, one after the other: each hop's failure is its own.

What is done with one hop is hop_sync.py's, moving is syncer/sync.py's, saying it the command line's.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from nightferry.hop_sync import HopSync, SyncWishes, forget_lost, nothing_done
from nightferry.retention.holders import known_holder
from nightferry.runs import Run
from nightferry.selection import Asked, is_whole_look, scope_asked, syncable
from nightferry.vanished import known_before
from nightferry.workplace import Workplace
from observatory.accounts import account
from observatory.counting import counted
from observatory.errors import CouldNotTell
from observatory.listing import HopScope, hop_scope
from observatory.spec.chain import Hop, hops
from syncer.outcome import HopOutcome

if TYPE_CHECKING:
    from nightferry.products.converting import Converted

log = logging.getLogger("nightferry")


def sync(workplace: Workplace, run: Run, asked: Asked, wishes: SyncWishes) -> list[HopOutcome]:
    """Sync the hops asked for, in order, and record each; one that breaks off does not stop the others."""
    if run.keeps_records:
        log.info("run begun", extra={"run": run.id})
    accept_unsynced(workplace, run, wishes)
    outcomes = []
    for hop in syncable(workplace, asked):
        try:
            outcomes.append(sync_one(workplace, run, hop, scope_asked(workplace, asked, hop), wishes))
        except CouldNotTell as error:
            outcomes.append(replace(nothing_done(workplace, hop, ()), unknown_reason=str(error)))
    return with_what_would_come(outcomes) if wishes.dry_run else outcomes


def with_what_would_come(outcomes: Sequence[HopOutcome]) -> list[HopOutcome]:
    """Say of each hop of a dry run what those before it would bring to its source: it stands in none of its counts."""
    coming: Counter[tuple[str, str, str]] = Counter()
    told = []
    for outcome in outcomes:
        more = coming[outcome.instrument, outcome.source, outcome.source_root]
        coming[outcome.instrument, outcome.destination, outcome.destination_root] += outcome.planned + more
        words = f"that is of what {outcome.source} holds now; up to {counted(more, 'file')} more would come before"
        told.append(replace(outcome, remarks=(*outcome.remarks, words)) if more else outcome)
    return told


def sync_one(
    workplace: Workplace,
    run: Run,
    hop: Hop,
    scope: HopScope,
    wishes: SyncWishes,
    fresh: Converted | None = None,
) -> HopOutcome:
    """Sync one hop and record it; where it waits for a step, only the nights of which that is complete.

    Parameters
    ----------
    fresh : Converted, optional
        What this very run has converted before.
    """
    is_whole = is_whole_look(workplace, hop, scope.nights)
    scope = _ready(workplace, hop, scope, fresh)
    if run.keeps_records:
        _settle_aside(workplace, hop)
    listings = workplace.listings(scope)
    before = known_before(workplace, scope, listings.began_utc)
    work = HopSync(workplace, run, scope, wishes, before, listings)
    outcome = work.sync()
    log.info(
        "synced",
        extra={
            "instrument": outcome.instrument,
            "hop": outcome.hop,
            "state": outcome.state.value,
            "transferred": outcome.transferred,
            "planned": outcome.planned,
        },
    )
    if run.keeps_records:
        work.record(outcome, is_whole)
    return outcome


def _ready(workplace: Workplace, hop: Hop, scope: HopScope, fresh: Converted | None) -> HopScope:
    """Return what of a scope may travel: of a hop that waits for a step the nights of which that is complete."""
    step = hop.destination.declared.after
    if step is None:
        return scope
    from nightferry.products.converting import Converted, complete_nights  # loaded only where there are steps

    ready = complete_nights(workplace, hop, step, scope.nights, fresh or Converted())
    return hop_scope(hop, tuple(sorted(ready)), workplace.clock_of(hop.instrument))


def _settle_aside(workplace: Workplace, hop: Hop) -> None:
    """Let what a prune that died had set aside on the destination come back, before it would be carried again."""
    place = hop.destination
    holder = known_holder(workplace, hop.instrument, place)
    if holder is not None and workplace.ledger.open_freeings(holder):
        from nightferry.retention.aside import settle_if_free  # loaded only where a prune died

        settle_if_free(workplace, hop.instrument, place)


def accept_unsynced(workplace: Workplace, run: Run, wishes: SyncWishes) -> int:
    """Accept the losses of sources that others copy from (`fill: external`), which no sync comes by; count them.

    What is there is counted afresh by the next verify.
    """
    found = [
        hop
        for instrument in workplace.instruments.values()
        for hop in hops(instrument)
        if hop.destination.declared.fill is not None and wishes.accepts_loss(hop.source)
    ]
    for hop in found if run.keeps_records else ():
        workplace.ledger.accept_loss(hop.source.host, hop.source.root, by=account(), at_utc=workplace.now())
        seen = workplace.ledger.hop_nights(hop.instrument.instrument, hop.key)
        forget_lost(workplace, run, scope_asked(workplace, Asked(), hop), [night.night for night in seen])
    return len(found)
