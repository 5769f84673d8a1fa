"""By what number the ledger knows a copy, and what was freed there.

Loaded by every run; what is read and judged on copies is evidence.py's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from nightferry.workplace import Workplace
from observatory.spec.chain import Place, places
from observatory.spec.models import Instrument


def holder_of(workplace: Workplace, instrument: Instrument, place: Place) -> int:
    """Return the number by which the ledger knows a copy."""
    others = _others_at(instrument, place)
    return workplace.ledger.holder(instrument.instrument, place.name, place.host, place.root, others)


def known_holder(workplace: Workplace, instrument: Instrument, place: Place) -> int | None:
    """Return the number by which the ledger knows a copy, under whatever name; None where nothing was noted of it."""
    others = _others_at(instrument, place)
    return workplace.ledger.known_holder(instrument.instrument, place.name, place.host, place.root, others)


def _others_at(instrument: Instrument, place: Place) -> frozenset[str]:
    """Return the names of other copies below the same root: copies for other cameras may share one."""
    there = {one.name for one in places(instrument) if (one.host, one.root) == (place.host, place.root)}
    return frozenset(there - {place.name})


def freed_on(workplace: Workplace, instrument: Instrument, place: Place, nights: Sequence[dt.date]) -> frozenset[bytes]:
    """Return the paths of what was freed on a copy in some nights."""
    holder = known_holder(workplace, instrument, place)
    return frozenset() if holder is None else frozenset(workplace.ledger.freed(holder, nights))
