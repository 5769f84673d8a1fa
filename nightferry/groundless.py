"""An ok that rests on nothing: what two listings that agree do not show, as the instrument's file looks past it.

Software at a telescope changes names and folders, and asks nobody. Files that no camera takes any more, nights that
stay empty for weeks, a sequence of which no file bears a number: all of it agrees on both sides. It is said of the
copies where data are born; the others hold what comes from there.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from nightferry.beside import strays
from nightferry.expectations import is_origin
from nightferry.selection import Asked, acceptances, away_now, instruments_asked
from nightferry.workplace import Workplace
from observatory.counting import counted, is_or_are
from observatory.listing import ANY_NIGHT, HopScope, Scope, hop_scope, is_taken, name_of
from observatory.names import matcher, show
from observatory.nights import night_text
from observatory.spec.chain import Hop, hops
from observatory.spec.models import Instrument
from observatory.truth import State
from reports.model import Note
from syncer.outcome import HopOutcome
from verifier.verdict import HopVerdict, NightCount

SILENT_NIGHTS = 14
"""So long an instrument may be without a file, however short its window is: clouds, an eyepiece night, a holiday."""


def notes_of_groundless(workplace: Workplace, asked: Asked, seen: Iterable[HopVerdict | HopOutcome]) -> Iterator[Note]:
    """Yield an urgent note for each thing that makes an ok worth less than it seems; nobody else says it."""
    found = {(one.instrument, one.hop): one for one in seen if one.state in (State.OK, State.DIFFERENT)}
    for instrument in instruments_asked(workplace, asked):
        name = instrument.instrument
        born = [hop for hop in hops(instrument) if is_origin(instrument, hop.source)]
        looks = [_Look(workplace, hop, found[name, hop.key]) for hop in born if (name, hop.key) in found]
        sentences = [*dict.fromkeys(chain.from_iterable(map(_of_look, looks)))]  # a fork's hops tell of one source
        if looks and len(looks) == len(born) and not asked.dates and asked.nights is None:
            sentences += _silence(workplace, instrument, looks)
        yield from (Note(sentence, name, is_urgent=True) for sentence in sentences)
    if asked.dates and found and not any(map(_has_files, found.values())):
        nights = ", ".join(asked.dates)
        yield Note(f"not one file of what -d asks for ({nights}) is where it was looked for; is the date right?")


def _has_files(seen: HopVerdict | HopOutcome) -> bool:
    is_there = isinstance(seen, HopVerdict) and (seen.destination_files or seen.sequence_gaps)
    return bool(seen.source_files or seen.unrecognised or is_there)


@dataclass(frozen=True, slots=True)
class _Look:
    """One hop from where data are born, and what a verification or a sync showed of it."""

    workplace: Workplace
    hop: Hop
    seen: HopVerdict | HopOutcome


def _of_look(look: _Look) -> Iterator[str]:
    name, scope = look.seen.instrument, _scope(look)
    links = {path for path in look.seen.unrecognised if _is_called_as_ours(scope.source, path)}
    strangers = (path for path in look.seen.unrecognised if path not in links)
    kinds = (
        (strangers, f"of no camera of {name}.yaml", "Name them in files, or in exclude"),
        (links, "behind links that were not followed", "Put the files in their places, or the root where they lead"),
    )
    for paths, what, remedy in kinds:
        if left := _left_by_night(look, scope, paths):
            yield _left_words(look, left, what, remedy)
    yield from _nightless(look, scope)
    if isinstance(look.seen, HopVerdict):
        yield from _of_verdict(look.seen)
        yield from _beside(look, scope)


def _of_verdict(verdict: HopVerdict) -> Iterator[str]:
    if verdict.is_unnumbered:
        yield (
            f"{verdict.source}: not one of {counted(verdict.source_files, 'file')} bears a frame number as"
            " sequence has it, so that no absent frame would be noticed."
            f" Write in {verdict.instrument}.yaml how files are called now, or take sequence out"
        )
    if 0 < verdict.source_files == verdict.unjudged:
        files = counted(verdict.unjudged, "file")
        yield (
            f"{verdict.source}: level structure looked at nothing but the sizes of {files}: none is of a format that"
            f" it can judge (FITS, xrif). Write level: checksum in {verdict.instrument}.yaml"
        )


def _beside(look: _Look, scope: HopScope) -> Iterator[str]:
    """Yield a sentence where files lie beside the nights; the present one's may yet be put into their places."""
    known = _settled_nights(look)
    found = strays(look.workplace, scope.source, set(look.seen.nights) - known)
    if found:
        name, nights = look.seen.instrument, [one.night for one in found if one.night is not None]
        accept = f"; or: nightferry accept -i {name} -d {night_text(max(nights))} --reason TEXT" if nights else ""
        lie = "lies" if len(found) == 1 else "lie"
        yield (
            f"{look.seen.source}: {counted(len(found), 'file')} {lie} beside the nights, where layout names no folder,"
            f" such as {show(found[-1].path)}: nobody carries or compares them."
            f" Put them into their night's folder, or name them in exclude{accept}"
        )


def _nightless(look: _Look, scope: HopScope) -> Iterator[str]:
    """Yield a sentence where more names than are taken, of those that end as a camera's do, tell no night."""
    if scope.source.by_name is None:
        return
    looks_alike = matcher(_suffixes(look.hop))
    paths = (path for path in look.seen.unrecognised if scope.source.night_of(path) is None)
    found = [path for path in sorted(paths) if looks_alike(path.rpartition(b"/")[2]) == "taken"]
    if len(found) > look.seen.source_files:
        yield (
            f"{look.seen.source}: {counted(len(found), 'file')} {is_or_are(len(found))} of no night, as night_in_name"
            f" finds none in {show(found[0])}: nobody carries or compares them."
            f" Mend it in {look.seen.instrument}.yaml, or name them in exclude"
        )


def _settled_nights(look: _Look) -> set[dt.date]:
    """Return the nights of which nothing more is said: those that a person accepted whole, and the present one."""
    known = {one.night for one in acceptances(look.workplace, look.hop) if one.whole_night}
    return {*known, look.workplace.present_night(look.hop.instrument)}


def _is_called_as_ours(scope: Scope, path: bytes) -> bool:
    named = name_of(scope, path)
    return named is not None and is_taken(scope, named[1])


def _scope(look: _Look) -> HopScope:
    return hop_scope(look.hop, tuple(look.seen.nights), look.workplace.clock_of(look.hop.instrument))


def _left_by_night(look: _Look, scope: HopScope, paths: Iterable[bytes]) -> dict[dt.date, list[bytes]]:
    """Return those of some paths that end as a camera's files do, of nights of which more is left so than taken.

    Of the present night nothing: a camera may give a file its name when it is whole.
    """
    looks_alike = matcher(_suffixes(look.hop))
    left: dict[dt.date, list[bytes]] = {}
    for path in sorted(paths):
        night = scope.source.night_of(path)
        if night is not None and looks_alike(path.rpartition(b"/")[2]) == "taken":
            left.setdefault(night, []).append(path)
    known = _settled_nights(look) if left else set()
    return {n: paths for n, paths in left.items() if n not in known and len(paths) > _taken(look.seen, n)}


def _suffixes(hop: Hop) -> tuple[bytes, ...]:
    """Return patterns of what ends as files of a hop's cameras do: ``*.fits``."""
    names = (pattern.rpartition("/")[2] for camera in hop.cameras.values() for pattern in camera.taken)
    return tuple({f"*.{name.rpartition('.')[2]}".encode() for name in names if "." in name})


def _taken(seen: HopVerdict | HopOutcome, night: dt.date) -> int:
    count = seen.per_night.get(night, NightCount())
    return count.files if isinstance(count, NightCount) else count.source_files


def _left_words(look: _Look, left: Mapping[dt.date, list[bytes]], what: str, remedy: str) -> str:
    newest, name = max(left), look.seen.instrument
    last, files = night_text(newest), sum(map(len, left.values()))
    return (
        f"{look.seen.source}: {counted(files, 'file')} of {counted(len(left), 'night')}, the last {last},"
        f" {is_or_are(files)} {what}, such as"
        f" {show(left[newest][0])}: nobody carries or compares them. {remedy};"
        f" or: nightferry accept -i {name} -d {last} --reason TEXT"
    )


def _silence(workplace: Workplace, instrument: Instrument, looks: Sequence[_Look]) -> Iterator[str]:
    """Yield a sentence where an instrument that took files has none in its whole window, wherever it may stand."""
    nights = {night for look in looks for night in (*look.seen.nights, *look.seen.per_night)} - {ANY_NIGHT}
    has_files = any(_taken(look.seen, night) for look in looks for night in nights)
    if has_files or away_now(workplace, instrument) is not None:
        return
    last = _last_night(looks)
    if last is None or last in nights:  # files of one of them were freed, or are missed already
        return
    if workplace.present_night(instrument) - last > dt.timedelta(days=SILENT_NIGHTS):
        which = counted(len(nights), "night")
        yield (
            f"not one of the last {which} holds a file; {night_text(last)} was the last that did. Look whether its"
            " files go to other folders now than layout has it. If it takes none:"
            f" nightferry away -i {instrument.instrument} --until DATE --reason TEXT"
        )


def _last_night(looks: Iterable[_Look]) -> dt.date | None:
    known = (look.workplace.ledger.hop_nights(look.seen.instrument, look.hop.key) for look in looks)
    seen = (one.night for one in chain.from_iterable(known) if one.first_seen_utc is not None)
    return max((night for night in seen if night != ANY_NIGHT), default=None)
