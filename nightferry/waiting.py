"""Since when files have been in progress, as the ledger knows it: what never settles is judged all the same.

What "in progress" means is decided by syncer/plan.py and verifier/looked.py.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable

from catalogue.records import HopNight, NightRecord
from nightferry.runs import Run
from nightferry.workplace import Workplace
from observatory.listing import HopScope


def overdue(workplace: Workplace, scope: HopScope) -> frozenset[bytes]:
    """Return the source paths that have been in progress for longer than the settle limit."""
    instrument = scope.hop.instrument
    limit_s = workplace.now().timestamp() - instrument.settle_limit_s
    since = workplace.ledger.waiting_since(instrument.instrument, scope.hop.key)
    return frozenset(path for path, since_s in since.items() if since_s <= limit_s)


def were_in_progress(workplace: Workplace, scope: HopScope, nights: Iterable[HopNight]) -> frozenset[dt.date]:
    """Return those of some nights half of whose files, or more, were in progress when they were seen last."""
    waiting = workplace.ledger.waiting_since(scope.hop.instrument.instrument, scope.hop.key)
    files = Counter(map(scope.source.night_of, waiting))
    return frozenset(one.night for one in nights if files[one.night] * 2 >= one.source_files > 0)


def record_waiting(
    workplace: Workplace, run: Run, scope: HopScope, paths: Iterable[bytes], seen: Collection[dt.date] | None
) -> None:
    """Note which files are in progress; of nights that were not asked about nothing is forgotten.

    Parameters
    ----------
    seen : collection of night or None
        Of which the source shows files; None: it could not be read to its end. A night that was begun and shows none
        any more is expected no longer: of files that are being written some never stay.
    """
    name, hop = scope.hop.instrument.instrument, scope.hop.key
    known = workplace.ledger.waiting_since(name, hop)
    if known and seen is not None:
        _expect_no_more(workplace, run, scope, seen)
    beyond = (path for path in known if scope.source.night_of(path) is None)
    workplace.ledger.record_waiting(name, hop, {*paths, *beyond}, workplace.now())


def _expect_no_more(workplace: Workplace, run: Run, scope: HopScope, seen: Collection[dt.date]) -> None:
    name, hop = scope.hop.instrument.instrument, scope.hop.key
    gone = [one for one in workplace.ledger.hop_nights(name, hop, scope.nights) if one.night not in seen]
    unexpected = {night: NightRecord(source_files=0) for night in were_in_progress(workplace, scope, gone)}
    workplace.ledger.record_nights(run.id, name, hop, unexpected, workplace.now())
