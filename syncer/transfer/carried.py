"""From a batch to its result, the same for every engine: folders first, then the sending, then the look afterwards.

How bytes are sent is the engines' own (courier.py, stream.py), what counts as arrived confirm.py's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from syncer.transfer.confirm import Evidence, settle
from syncer.transfer.contract import Batch, CarryResult, NotArrived
from syncer.transfer.folders import make_ready
from syncer.transfer.group import folders_not_there
from syncer.transfer.meter import Meter

Refused = Mapping[bytes, NotArrived]
"""By target: what is not even tried, as its folder could not be made."""


def carried(engine: str, batch: Batch, send: Callable[[Meter, Refused], Evidence]) -> CarryResult:
    """Make a batch's folders, have it sent, and look afresh at what arrived.

    Parameters
    ----------
    engine : str
        Its name.
    batch : Batch
    send : callable
        Sends everything that is not refused, and says what it learned.

    Raises
    ------
    CouldNotTell
        A host cannot be reached; and whatever `send` raises.
    """
    if not batch.items:
        return CarryResult(engine, (), ())
    new_folders, meter = folders_not_there(batch), Meter(batch)
    result = settle(engine, batch, send(meter, make_ready(batch)), new_folders)
    meter.settle([arrived.item for arrived in result.arrived])
    return result
