"""Since when files have been in progress, as the ledger knows it: what never settles is judged all the same.

What "in progress" means is decided by syncer/plan.py and verifier/check.py.
"""

from __future__ import annotations

from collections.abc import Iterable

from nightferry.workplace import Workplace
from observatory.listing import HopScope


def overdue(workplace: Workplace, scope: HopScope) -> frozenset[bytes]:
    """Return the source paths that have been in progress for longer than the settle limit."""
    instrument = scope.hop.instrument
    limit_s = workplace.now().timestamp() - instrument.settle_limit_s
    since = workplace.ledger.waiting_since(instrument.instrument, scope.hop.key)
    return frozenset(path for path, since_s in since.items() if since_s <= limit_s)


def record_waiting(workplace: Workplace, scope: HopScope, paths: Iterable[bytes]) -> None:
    """Note which files are in progress; of nights that were not asked about nothing is forgotten."""
    name, hop = scope.hop.instrument.instrument, scope.hop.key
    known = workplace.ledger.waiting_since(name, hop)
    beyond = (path for path in known if scope.source.night_of(path) is None)
    workplace.ledger.record_waiting(name, hop, {*paths, *beyond}, workplace.now())
