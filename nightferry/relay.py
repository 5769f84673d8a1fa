"""One chain over several machines: a hop leaves word of its completion, the next hop's machine waits for it.

The word is a file beside the destination's marker, written only where a machine was given its part of a chain
by ``--hop``. It names the nights that were brought late, too: the next machine's ledger does not know of them, and
its window may not hold them; and by which cameras and folders they were brought, as its file of the instrument may
say otherwise. Moving is the syncer's.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import posixpath
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from catalogue.records import HopNight, NightRecord
from nightferry.runs import Run
from nightferry.selection import Asked, hops_asked
from nightferry.workplace import Workplace
from observatory.endpoints.contract import OURS, Look
from observatory.ends import CLOCK_TOLERANCE_S
from observatory.errors import CouldNotTell, UsageError
from observatory.listing import ANY_NIGHT, camera_layout
from observatory.names import show
from observatory.nights import night_text, parse_night
from observatory.spec.chain import Hop, hops
from observatory.truth import State
from reports.model import Note
from syncer.outcome import HopOutcome

log = logging.getLogger("nightferry")

FRESH = dt.timedelta(hours=20)
"""A word older than this is yesterday's."""
AHEAD = dt.timedelta(seconds=CLOCK_TOLERANCE_S)
"""So far two machines' clocks may differ before a sync refuses."""
LOOK_EVERY_S = 30.0
IN_TIME = dt.timedelta(days=1)
"""The present night and the one before it are looked at by every machine, however long it was off."""
MOST_LATE = 10_000
WORD_BYTES = 1 << 20
"""More of a word is not read; so many nights take a third of it."""


@dataclass(frozen=True, slots=True)
class Word:
    """What a machine says of a hop.

    Attributes
    ----------
    completed_utc : datetime
    late : mapping of night to datetime
        When a night was brought that was not of the last two then.
    brings : mapping or None
        Which files are brought, and whereto, as `brings` writes it; None where a version said so that did not know.
    """

    completed_utc: dt.datetime
    late: Mapping[dt.date, dt.datetime] = field(default_factory=dict)
    brings: Mapping[str, Any] | None = None


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
                _leave(workplace, hop, outcome.state)
            except (CouldNotTell, OSError) as error:  # the next machine then waits, and says that it waited in vain
                log.warning("no word left", extra={"hop": outcome.hop, "reason": str(error)})


def _leave(workplace: Workplace, hop: Hop, state: State) -> None:
    endpoint, path = workplace.endpoint(hop.destination.host), _word(hop)
    late = {night_text(night): at.isoformat() for night, at in _brought_late(workplace, hop).items()}
    said = {
        "completed_utc": workplace.now().isoformat(),
        "state": state.value,
        "late": late,
        "brings": brings(workplace, hop),
    }
    temporary = path + b".new"
    endpoint.remove(temporary)
    with endpoint.create(temporary, 0o644) as stream:
        stream.write(json.dumps(said).encode() + b"\n")
    endpoint.rename(temporary, path)


def brings(workplace: Workplace, hop: Hop) -> dict[str, Any]:
    """Return which files a hop brings, and whereto, by this machine's files; as JSON gives it back."""
    instrument = hop.instrument
    cameras = {
        name: {
            "files": [*camera.taken],
            "exclude": [*camera.exclude],
            "layout": camera_layout(hop.destination, name, camera),
            "nights": camera.nights,
        }
        for name, camera in hop.cameras.items()
    }
    zone = workplace.specification.site.timezone
    return {"cameras": cameras, "nights": [zone, instrument.rollover, instrument.night_in_name]}


def _brought_late(workplace: Workplace, hop: Hop) -> dict[dt.date, dt.datetime]:
    """Return when the nights were brought that were older than every machine's last look, those brought last."""
    clock = workplace.clock_of(hop.instrument)
    brought = {one.night: at for one in _nights_of(workplace, hop) if (at := one.moved_utc or one.first_seen_utc)}
    late = [(at, night) for night, at in brought.items() if night < clock.night_of(at) - IN_TIME]
    return {night: at for at, night in sorted(late)[-MOST_LATE:]}


def _nights_of(workplace: Workplace, hop: Hop) -> Sequence[HopNight]:
    known = workplace.ledger.hop_nights(hop.instrument.instrument, hop.key)
    return [one for one in known if one.night != ANY_NIGHT]


def word_of(endpoint: Look, hop: Hop) -> Word | None:
    """Return what was said last of a hop; None without a word that can be read."""
    try:
        with endpoint.open(_word(hop)) as stream:
            said = json.loads(stream.read(WORD_BYTES))
        late = {parse_night(night, ANY_NIGHT): _instant(at) for night, at in said.get("late", {}).items()}
        return Word(_instant(said["completed_utc"]), late, _read_brings(said.get("brings")))
    except (CouldNotTell, UsageError, OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _read_brings(said: object) -> Mapping[str, Any] | None:
    if not isinstance(said, dict) or not said.keys() >= {"cameras", "nights"} or not isinstance(said["cameras"], dict):
        return None
    return said if all(isinstance(camera, dict) for camera in said["cameras"].values()) else None


def _instant(text: str) -> dt.datetime:
    at = dt.datetime.fromisoformat(text)
    if at.utcoffset() is None:
        raise ValueError(f"{text} does not know its zone")
    return at


def heed_earlier_hops(workplace: Workplace, run: Run, asked: Asked) -> None:
    """Note which nights other machines brought late to the sources of ``--hop``: they are in the window until proven.

    An instant of theirs is taken for a little later, as clocks differ: what was proven just before it is looked at
    once more. Where their file of the instrument is another than ours, that is said.
    """
    for hop in hops_asked(workplace, asked) if asked.hops and run.keeps_records else ():
        for earlier in earlier_hops(hop):
            word = word_of(workplace.endpoint(hop.source.host), earlier)
            if word is not None:
                _heed_late(workplace, run, earlier, word)
                workplace.notes.extend(_notes_of_other_file(workplace, earlier, word))


def _heed_late(workplace: Workplace, run: Run, earlier: Hop, word: Word) -> None:
    known = {one.night: one.moved_utc for one in _nights_of(workplace, earlier)}
    for night, at in word.late.items():
        by_now, before = at + AHEAD, known.get(night)
        if before is None or before < by_now:
            _note_brought(workplace, run, earlier, night, by_now)


def _notes_of_other_file(workplace: Workplace, hop: Hop, word: Word) -> Iterator[Note]:
    """Yield an urgent note where another machine brings files by other rules than ours: what only theirs takes stays.

    Both machines find all well, each by its own. A word of yesterday says nothing of today's file.
    """
    is_fresh = workplace.now() - word.completed_utc <= FRESH
    name, ours = hop.instrument.instrument, brings(workplace, hop)
    differences = [*_differences(word.brings, ours)] if is_fresh and word.brings is not None else []
    if differences:
        sentence = (
            f"{hop.key} was carried by another {name}.yaml than ours: {'; '.join(differences)}. What it brings is"
            " carried on only as ours has it: give both machines the same file"
        )
        yield Note(sentence, name, is_urgent=True)


def _differences(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> Iterator[str]:
    """Yield what two machines' files of an instrument say differently of a hop."""
    for name in sorted(theirs["cameras"].keys() | ours["cameras"].keys()):
        there, here = (said["cameras"].get(name) for said in (theirs, ours))
        if there is None or here is None:
            whose = "ours" if there is None else "theirs"
            yield f"camera {show(name.encode('utf-8', 'surrogatepass'))} is in {whose} alone"
        elif keys := [key for key, value in here.items() if there.get(key) != value]:
            yield f"camera {name} differs ({', '.join(keys)})"
    if theirs["nights"] != ours["nights"]:
        yield "nights are told otherwise (timezone, rollover or night_in_name)"


def _note_brought(workplace: Workplace, run: Run, hop: Hop, night: dt.date, at: dt.datetime) -> None:
    workplace.ledger.record_nights(run.id, hop.instrument.instrument, hop.key, {night: NightRecord(moved_files=1)}, at)


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
    word, now = word_of(workplace.endpoint(hop.destination.host), hop), workplace.now()
    if word is None or not -AHEAD <= now - word.completed_utc <= FRESH:
        return False
    names = (hop.instrument.instrument, now + AHEAD)
    runs = (workplace.ledger.last_finished(kind, *names) for kind in ("run", "sync"))
    return all(last is None or word.completed_utc > last.started_utc for last in runs)
