"""One chain over several machines: a hop leaves word of its completion, the next hop's machine waits for it.

The word is a file beside the destination's marker, written only where a machine was given its part of a chain
by ``--hop``. Moving is the syncer's.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import posixpath
import time
from collections.abc import Callable, Iterator, Sequence

from nightferry.selection import Asked, hops_asked
from nightferry.workplace import Workplace
from observatory.endpoints.contract import OURS, Act
from observatory.errors import CouldNotTell
from observatory.spec.chain import Hop, hops
from observatory.truth import State
from reports.model import Note
from syncer.outcome import HopOutcome
from syncer.safety import CLOCK_TOLERANCE_S

log = logging.getLogger("nightferry")

FRESH = dt.timedelta(hours=20)
"""A word older than this is yesterday's."""
AHEAD = dt.timedelta(seconds=CLOCK_TOLERANCE_S)
"""So far two machines' clocks may differ before a sync refuses."""
LOOK_EVERY_S = 30.0


def _word(hop: Hop) -> bytes:
    name = f"completed-{hop.instrument.instrument}-{hop.key}".replace(":", "-to-").replace("/", "_")
    return posixpath.join(hop.destination.root.encode(), OURS, name.encode())


def leave_records(workplace: Workplace, asked: Asked, outcomes: Sequence[HopOutcome]) -> None:
    """Leave word of each completed hop, where this machine was given only a part of the chain.

    Nothing is written below a root that was not seen: a drive that is away may be another one by now.
    """
    by_key = {(hop.instrument.instrument, hop.key): hop for hop in hops_asked(workplace, asked)} if asked.hops else {}
    for outcome in outcomes:
        hop = by_key.get((outcome.instrument, outcome.hop))
        is_completed = outcome.state is not State.UNKNOWN and not outcome.dry_run and outcome.markers[1] is not None
        if hop is not None and is_completed:
            try:
                _leave(workplace.endpoint(hop.destination.host), _word(hop), workplace.now(), outcome.state)
            except (CouldNotTell, OSError) as error:  # the next machine then waits, and says that it waited in vain
                log.warning("no word left", extra={"hop": outcome.hop, "reason": str(error)})


def _leave(endpoint: Act, path: bytes, now: dt.datetime, state: State) -> None:
    temporary = path + b".new"
    endpoint.remove(temporary)
    with endpoint.create(temporary, 0o644) as stream:
        stream.write(json.dumps({"completed_utc": now.isoformat(), "state": state.value}).encode() + b"\n")
    endpoint.rename(temporary, path)


def completed(endpoint: Act, hop: Hop) -> dt.datetime | None:
    """Return when a hop was completed last, as its word says; None without one that can be read."""
    try:
        with endpoint.open(_word(hop)) as stream:
            said = json.loads(stream.read(4096))
        at = dt.datetime.fromisoformat(said["completed_utc"])
        return at if at.utcoffset() is not None else None
    except (CouldNotTell, OSError, ValueError, KeyError, TypeError):
        return None


def earlier_hops(hop: Hop) -> tuple[Hop, ...]:
    """Return the hops of the same variant that fill a hop's source."""
    return tuple(one for one in hops(hop.instrument) if one.destination == hop.source)


def await_earlier_hops(
    workplace: Workplace, asked: Asked, limit_h: float | None, sleep: Callable[[float], None] = time.sleep
) -> Iterator[Note]:
    """Wait for the word of the hops before those of ``--hop``; yield a note for each that did not come in time.

    It is urgent: what lies here is well, and the machine that did not bring the rest may not be able to say so.
    """
    if limit_h is None or not asked.hops:
        return
    wanted = [one for hop in hops_asked(workplace, asked) for one in earlier_hops(hop)]
    deadline = workplace.now() + dt.timedelta(hours=limit_h)
    while missing := [hop for hop in wanted if not _has_come(workplace, hop)]:
        if workplace.now() >= deadline:
            break
        sleep(min(LOOK_EVERY_S, max(0.1, (deadline - workplace.now()).total_seconds())))
    for hop in missing:
        sentence = (
            f"the hop {hop.key} did not come within {limit_h:g} h; went on with what {hop.destination.name} holds"
        )
        yield Note(sentence, hop.instrument.instrument, is_urgent=True)


def _has_come(workplace: Workplace, hop: Hop) -> bool:
    """A word that is fresh, and newer than the last time that we ourselves went on from it.

    One that is dated ahead tells nothing: its machine's clock, or ours, is wrong, and it would be fresh for ever.
    """
    at, now = completed(workplace.endpoint(hop.destination.host), hop), workplace.now()
    if at is None or not -AHEAD <= now - at <= FRESH:
        return False
    names = (hop.instrument.instrument, now + AHEAD)
    runs = (workplace.ledger.last_finished(kind, *names) for kind in ("run", "sync"))
    return all(last is None or at > last.started_utc for last in runs)
