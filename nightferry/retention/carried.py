"""What was carried to a copy takes the place of what was read there: nobody has read the new bytes yet.

Loaded by every sync; what is read and judged on copies is evidence.py's.
"""

from __future__ import annotations

from collections.abc import Collection

from nightferry.retention.holders import known_holder
from nightferry.workplace import Workplace
from observatory.listing import ANY_NIGHT, HopScope


def note_carried(workplace: Workplace, scope: HopScope, paths: Collection[bytes]) -> None:
    """Note that files were carried over a hop, and judge anew the nights of which others had been read.

    Parameters
    ----------
    paths : collection of bytes
        Source paths.
    """
    hop = scope.hop
    holder = known_holder(workplace, hop.instrument, hop.destination)
    if holder is None:
        return
    nights = {night for path in paths if (night := scope.source.night_of(path)) is not None} - {ANY_NIGHT}
    targets = frozenset(map(scope.target_of, paths))
    again = workplace.ledger.record_carried(holder, workplace.now(), nights, targets)
    if again:
        from nightferry.retention.evidence import chain_of, judge_nights  # loaded only where something was read

        judge_nights(workplace, hop.instrument, chain_of(hop.instrument, hop.source), again)
