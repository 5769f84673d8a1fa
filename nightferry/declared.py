"""Whether an instrument's file asks for more than when its older nights were looked at: these were proven without it.

A camera that is new, patterns that take more, a copy that was put into the chain: nothing of that is looked for in
nights before the window, and `status` calls them proven as they were. What the file said is kept in the state.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalogue.records import HopNight, NightState
from nightferry.relay import brings
from nightferry.selection import Asked, instruments_asked
from nightferry.workplace import Workplace
from observatory.counting import counted
from observatory.files import sweep, write_whole
from observatory.listing import ANY_NIGHT
from observatory.nights import night_text, window_of
from observatory.spec.chain import hops
from observatory.spec.models import Instrument
from reports.model import Note

FOLDER = "declared"
TOLD_FOR = dt.timedelta(days=7)
"""So long each report says it: old nights that are nowhere any more would be told for ever."""

Forms = Mapping[str, Mapping[str, Any]]
"""What each hop of an instrument takes, by its key."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """What an instrument's file said when it was read last, and what before; `changed_utc`: when that changed."""

    forms: Forms
    before: Forms
    changed_utc: dt.datetime


def notes_of_declared(workplace: Workplace, asked: Asked, *, keeps_records: bool) -> Iterator[Note]:
    """Yield an urgent note for each hop over which an instrument's file takes more than it did in older nights."""
    for instrument in instruments_asked(workplace, asked):
        kept = _kept(workplace, instrument, keeps_records)
        if _is_fresh(workplace, kept):
            for key in kept.forms:
                yield from _notes_of_hop(workplace, instrument, key, kept)


def _kept(workplace: Workplace, instrument: Instrument, keeps_records: bool) -> _Kept:
    """Return what an instrument's file says now, and what it said before."""
    path = _path(workplace, instrument.instrument)
    forms = {hop.key: brings(workplace, hop) for hop in hops(instrument)}
    known = _read(path)
    if known is None and instrument.formerly is not None:
        known = _read(_path(workplace, instrument.formerly))
    if known is not None and known.forms == forms:
        return known
    before = forms if known is None else known.before if _is_fresh(workplace, known) else known.forms
    kept = _Kept(forms, before, workplace.now())
    if keeps_records:
        said = {"forms": kept.forms, "before": kept.before, "changed_utc": kept.changed_utc.isoformat()}
        write_whole(path, json.dumps(said).encode())
        sweep(path.parent)
    return kept


def _path(workplace: Workplace, name: str) -> Path:
    return workplace.state / FOLDER / f"{name}.json"


def _is_fresh(workplace: Workplace, kept: _Kept) -> bool:
    return workplace.now() - kept.changed_utc <= TOLD_FOR


def _read(path: Path) -> _Kept | None:
    """Return what was kept; None where nothing was, or nothing that can be read: then today's file is the first."""
    try:
        said = json.loads(path.read_bytes())
        return _Kept(dict(said["forms"]), dict(said["before"]), dt.datetime.fromisoformat(said["changed_utc"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _notes_of_hop(workplace: Workplace, instrument: Instrument, key: str, kept: _Kept) -> Iterator[Note]:
    name, before = instrument.instrument, kept.before.get(key)
    more = [] if before is None else list(_more(before, kept.forms[key]))
    nights = sorted(_without(workplace, instrument, key, kept)) if more or before is None else []
    if not nights:
        return
    span = f"{night_text(nights[0])}..{night_text(nights[-1])}"
    older = f"{counted(len(nights), 'night')} before the window ({span})"
    if before is None:
        sentence = (
            f"{name}.yaml has {key} since {kept.changed_utc:%Y-%m-%d}, and {older} never went that way."
            f" Where they shall: nightferry sync -i {name} --hop {key} -d {span}"
        )
    else:
        sentence = (
            f"{name}.yaml takes more over {key} since {kept.changed_utc:%Y-%m-%d} ({'; '.join(more)}), and {older}"
            f" had been looked at by then. Whether it lies there too: nightferry verify -i {name} -d {span}"
        )
    yield Note(sentence, name, is_urgent=True)


def _more(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a hop takes that it did not; a tree without nights is compared whole whenever it is."""
    for name, camera in now["cameras"].items():
        known = before["cameras"].get(name)
        if camera["nights"] == "none":
            continue
        if known is None:
            yield f"camera {name}"
        elif not _is_within(camera, known):
            yield f"other files of camera {name}"


def _is_within(camera: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    """Say whether all that a camera takes was taken before, as far as its patterns tell."""
    is_narrower = {*camera["files"]} <= {*known["files"]} and {*camera["exclude"]} >= {*known["exclude"]}
    return is_narrower and camera["layout"] == known["layout"]


def _without(workplace: Workplace, instrument: Instrument, key: str, kept: _Kept) -> Iterator[dt.date]:
    """Yield the nights before the window that were seen, and on a hop not by what its file says now.

    What is open is looked at each time.
    """
    ledger, name = workplace.ledger, instrument.instrument
    before = window_of(instrument.window_nights, workplace.present_night(instrument))[0]
    known = {one: ledger.hop_nights(name, one) for one in {*kept.before, *kept.forms}}
    rows = {row.night: row for row in known[key]}
    seen = {row.night for some in known.values() for row in some if row.first_seen_utc is not None}
    for night in seen:
        row = rows.get(night)
        if ANY_NIGHT != night < before and (row is None or _was_settled(row, kept.changed_utc)):
            yield night


def _was_settled(row: HopNight, changed_utc: dt.datetime) -> bool:
    return row.state is not NightState.OPEN and row.proven_utc is not None and row.proven_utc < changed_utc
