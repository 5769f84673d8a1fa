"""A night that went through its steps, and of which files came afterwards, is processed no more.

Found by what was hashed, so that `status`, `prune`, `convert --pending` and hops that wait for a step believe the same.
What evidence proves of copies is safe.py's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from catalogue.evidence_records import ReadFile
from catalogue.records import StepRecord
from nightferry.workplace import Workplace
from observatory.spec.chain import Place
from observatory.spec.models import Instrument


def reopen_if_late(
    workplace: Workplace,
    instrument: Instrument,
    place: Place,
    night: dt.date,
    read: Iterable[ReadFile],
) -> bool:
    """Note a night as not processed where its steps on a copy have not seen what lies there; say whether that was so.

    Parameters
    ----------
    read : iterable of ReadFile
        The files of the night there, as they were read last.
    """
    if instrument.convert is None:
        return False
    from converters.pipeline import copy_name  # what takes steps is loaded only where there are some

    name, copy = instrument.instrument, copy_name(instrument, place)
    known = workplace.ledger.nights_processed(name, copy).get(night)
    if known is None:
        return False
    records = [one for one in workplace.ledger.step_records(name, night) if one.copy == copy]
    if not came_late(records, read, known[1]):
        return False
    workplace.ledger.night_processed(name, copy, night, (), workplace.now())
    return True


def came_late(records: Sequence[StepRecord], read: Iterable[ReadFile], processed_utc: dt.datetime) -> bool:
    """Say whether a file lies there that no step took or made, and that came after them. Pure.

    One that was there before is none of theirs: a log, say. That is told by the time of the last change, which no
    program can set back; steps work where files lie, so both times are of one clock. A file that is known to steps and
    holds other bytes by now is no reason to take them again: it may be rotten.
    """
    taken = {one.path for record in records for one in record.inputs}
    known = taken.union(one.path for record in records for one in record.products)
    noted_s = processed_utc.timestamp()
    return any(
        file.path not in known and file.sha256 is not None and file.changed_s is not None and file.changed_s > noted_s
        for file in read
    )
