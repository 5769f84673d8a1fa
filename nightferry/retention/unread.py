"""Whether the schedule has the copies read late enough in a night's life for `prune` ever to free it.

What is declared alone; what was read is evidence.py's, and what may go syncer/prune.py's.
"""

from __future__ import annotations

from observatory.nights import THIS_AND_LAST_MONTH
from observatory.spec.models import Instrument, Retention, Schedule

_WEEK = 7
"""`prune` may fall due once a week: what it rests on must be fresh for so long after a night's time has come."""
_LONGEST_MONTHS = 62


def why_never_freed(instrument: Instrument, retention: Retention, schedule: Schedule) -> str | None:
    """Return why nothing would ever be freed by what the schedule reads; None where it may be, or nothing is scheduled.

    A night is read as long as it is in the window, and may go when it is `keep_nights` old, by hashes of the last
    `within_days`: where the one ends that long before the other begins, all evidence is too old every time.
    """
    if schedule.prune is None or (schedule.run is None and schedule.verify is None):
        return None
    own = [kind.keep_nights for kind in retention.kinds.values() if kind.free and kind.keep_nights is not None]
    keep = min([retention.keep_nights, *own])
    ask = f"or have cron call `nightferry status --safe -i {instrument.instrument} -n {keep + _WEEK}` each week"
    if instrument.verify.level != "checksum":
        level = instrument.verify.level
        return (
            f"nothing in the schedule hashes the copies: declare `verify: {{level: checksum}}` (it is {level}), {ask}"
        )
    window = _LONGEST_MONTHS if instrument.window_nights == THIS_AND_LAST_MONTH else instrument.window_nights
    if keep - (window - 1) < retention.within_days:
        return None
    return (
        f"nothing will be freed: a night is hashed for the last time when it is {window - 1} nights old, and may go"
        f" when it is {keep}, by hashes of the last {retention.within_days} days. Set window_nights to"
        f" {keep - retention.within_days + 1 + _WEEK}, {ask}"
    )
