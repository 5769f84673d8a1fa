"""Filling the catalogue from one place: its nights listed and handed on, its doubts said.

A night is night.py's; which places there are to fill from, nightferry/holdings/cataloguing.py knows.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from catalogue.holdings.book import HoldingBook
from catalogue.holdings.grouping import Grouping
from catalogue.holdings.headers import Reader
from catalogue.holdings.night import Bench, Listed, NightFilling, NightOutcome
from catalogue.holdings.records import Place
from catalogue.holdings.section import CatalogueSection, sources_of
from observatory.endpoints.contract import Look, Survey
from observatory.ends import NO_SIGN
from observatory.errors import CouldNotTell, FileUnreadable, RecordsUnavailable, RootNotProven
from observatory.layouts import Layout
from observatory.listing import ANY_NIGHT, Scope, camera_layout, scope_of
from observatory.names import matcher, show
from observatory.nights import NightClock
from observatory.records import FILE, LINK, NUL, decode_file, path_of
from observatory.spec import chain
from observatory.spec.models import Camera, Instrument

Elsewhere = Callable[[str], tuple[Look, chain.Place] | None]
"""Gives another copy of the chain by its name, with the machine on which it is; None where there is none."""


@dataclass(frozen=True, slots=True)
class FillJob:
    """What is filled, and from where.

    Attributes
    ----------
    place : Place
        As the catalogue knows it.
    declared : chain.Place
        As the specification declares it.
    endpoint : Look
        The machine on which it is: this one.
    is_vouched : bool
        A person said that this is the root although it shows no sign of it.
    again : bool
        Read every file anew.
    dry_run : bool
        Note nothing.
    progress : callable
        Told after each night how many files it holds.
    """

    book: HoldingBook
    instrument: Instrument
    section: CatalogueSection
    place: Place
    declared: chain.Place
    endpoint: Look
    elsewhere: Elsewhere
    clock: NightClock
    now: Callable[[], dt.datetime]
    is_vouched: bool = False
    again: bool = False
    dry_run: bool = False
    progress: Callable[[int], None] = field(default=lambda files: None)


@dataclass
class FillOutcome:
    """What filling from one place came to.

    Attributes
    ----------
    nights : int
        Looked at.
    counts : NightOutcome
        Over all of them.
    doubts : list of str
        What could not be looked at; any makes the outcome unknown.
    """

    instrument: str
    copy: str
    nights: int = 0
    counts: NightOutcome = field(default_factory=NightOutcome)
    doubts: list[str] = field(default_factory=list)


def fill_place(job: FillJob, nights: Sequence[dt.date]) -> FillOutcome:
    """Note what some nights of a place hold; nothing that is known is read again.

    Raises
    ------
    observatory.errors.RecordsUnavailable
        The database cannot be asked or told. Everything else is in the outcome.
    """
    outcome = FillOutcome(job.place.instrument, job.place.copy)
    if not job.dry_run:
        job.book.record_place(job.place)
    bench = _bench(job)
    for some in _batches(job, nights):
        try:
            _fill(job, bench, some, outcome)
        except RecordsUnavailable:
            raise
        except CouldNotTell as error:
            outcome.doubts.append(str(error))
            break
    return outcome


def _batches(job: FillJob, nights: Sequence[dt.date]) -> Iterator[tuple[dt.date, ...]]:
    """A night at a time, so that memory does not grow with the window; all at once where names alone tell them."""
    if job.instrument.night_in_name is not None:
        yield tuple(sorted(nights))
    else:
        yield from ((night,) for night in sorted(nights))


def nights_on_disk(job: FillJob) -> tuple[dt.date, ...]:
    """Return every night of which the place has a folder or, where names tell nights, a file; ascending.

    Raises
    ------
    observatory.errors.CouldNotTell
        The root cannot be listed, or is not proven.
    """
    scope = scope_of(job.instrument, job.declared, _cameras(job), (), job.clock)
    if scope.by_name is not None:
        return _nights_in_names(job, scope.by_name)
    survey = job.endpoint.survey(scope.request)
    survey.close()
    if not (survey.facts.is_proven or job.is_vouched):
        raise RootNotProven(job.endpoint.name, job.place.root, NO_SIGN)
    layouts = [Layout(camera_layout(job.declared, name, camera)) for name, camera in _cameras(job).items()]
    found = {located[0] for layout in layouts for path in _folders(job, layout) if (located := layout.night_of(path))}
    return tuple(sorted(found))


def _folders(job: FillJob, layout: Layout) -> Iterator[bytes]:
    """Yield the folders below the root that have the form of a night's."""
    reached = [b""]
    for pattern in layout.glob().split(b"/"):
        takes = matcher((pattern,))
        reached = [
            (above + b"/" + name).lstrip(b"/")
            for above in reached
            for name in _names(job, above)
            if takes(name) == "taken"
        ]
    yield from reached


def _names(job: FillJob, folder: bytes) -> list[bytes]:
    try:
        with os.scandir(job.place.root.encode() + b"/" + folder) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir())
    except OSError as error:
        raise FileUnreadable(job.endpoint.name, show(folder) or job.place.root, error.strerror or str(error)) from error


def _nights_in_names(job: FillJob, by_name: Callable[[bytes], dt.date | None]) -> tuple[dt.date, ...]:
    found = set()
    for _, _, names in os.walk(job.place.root.encode()):
        found |= {night for name in names if (night := by_name(name)) is not None}
    return tuple(sorted(found))


def _bench(job: FillJob) -> Bench:
    section, instrument = job.section, job.instrument
    declared = section.complete.stable_s
    return Bench(
        book=job.book,
        endpoint=job.endpoint,
        place=job.place,
        grouping=Grouping(
            instrument.instrument, job.place.variant, section, tuple(instrument.cameras), _tells_cameras(instrument)
        ),
        reader=Reader(section, sources_of(section), job.clock),
        links=lambda copy, night: _links(job, copy, night),
        now=job.now,
        stable_s=instrument.settle_s if declared is None else declared,
        settle_s=instrument.settle_s,
        again=job.again,
        dry_run=job.dry_run,
    )


def _tells_cameras(instrument: Instrument) -> bool:
    """Say whether cameras have folders of their own in a night: on any copy, for a file is one on all of them."""
    layouts = [instrument.layout, *(copy.layout for copy in instrument.copies)]
    own = any(camera.layout is not None for camera in instrument.cameras.values() if camera.nights != "none")
    return len(instrument.cameras) > 1 and (own or any("{camera}" in layout for layout in layouts if layout))


def _fill(job: FillJob, bench: Bench, nights: tuple[dt.date, ...], outcome: FillOutcome) -> None:
    scope = scope_of(job.instrument, job.declared, _cameras(job), nights, job.clock)
    listed, is_whole = _listed(job, scope, outcome)
    for night in nights:
        with warnings.catch_warnings():  # astropy warns of cards that bend the standard; what is wanted is judged here
            warnings.simplefilter("ignore")
            outcome.counts.add(_filled(job, bench, night, listed.get(night, []), is_whole))
        outcome.nights += 1
        job.progress(len(listed.get(night, ())))


def _filled(job: FillJob, bench: Bench, night: dt.date, listed: Sequence[Listed], is_whole: bool) -> NightOutcome:
    """Fill from one night, unless it lists as it did when nothing of it was left to do."""
    digest = _digest(listed)
    settled = job.book.settled_night(job.place, night)
    if settled is not None and is_whole and not job.again and settled[0] == digest:
        return NightOutcome(files=len(listed), exposures=settled[1])
    outcome = NightFilling(bench, night, listed, is_whole).fill()
    is_open = outcome.faults or outcome.growing or outcome.waiting or not is_whole
    if not job.dry_run and (not is_open or settled is not None):
        job.book.settle_night(job.place, night, None if is_open else digest, outcome.exposures)
    return outcome


def _digest(listed: Sequence[Listed]) -> str:
    digest = hashlib.sha256()
    for one in listed:
        entry = one.entry
        digest.update(b"%s\0%s\0%d\0%r\0" % (one.camera.encode(), entry.path, entry.size_bytes, entry.mtime_s))
    return digest.hexdigest()


def _cameras(job: FillJob) -> dict[str, Camera]:
    """Return the cameras that lie in the place and have nights: a tree without nights holds no exposures."""
    here = job.declared.declared.cameras
    return {
        name: camera
        for name, camera in job.instrument.cameras.items()
        if camera.nights != "none" and (here is None or name in here)
    }


def _listed(job: FillJob, scope: Scope, outcome: FillOutcome) -> tuple[dict[dt.date, list[Listed]], bool]:
    """List the nights, and say whether all of it could be looked at."""
    survey = job.endpoint.survey(scope.request)
    try:
        if not (survey.facts.is_proven or job.is_vouched):
            raise RootNotProven(job.endpoint.name, job.place.root, NO_SIGN)
        found = _by_night(scope, survey)
    finally:
        survey.close()
    for trouble in survey.troubles:
        outcome.doubts.append(f"{job.place.copy}: {show(trouble.path) or job.place.root}: {trouble.reason}")
    return found, not survey.troubles


def _by_night(scope: Scope, survey: Survey) -> dict[dt.date, list[Listed]]:
    found: defaultdict[dt.date, list[Listed]] = defaultdict(list)
    for chunk in scope.asked_about(survey):
        for record in chunk[:-1].split(NUL):
            located = scope.locate(path_of(record)) if record[:1] == FILE else None
            if located is None or located[0] == ANY_NIGHT:
                continue
            night, camera, folder = located
            entry = decode_file(record)
            below = entry.path if folder == b"." else entry.path[len(folder) + 1 :]
            found[night].append(Listed(camera or scope.camera_of(entry.path) or "", below, entry))
    return found


def _links(job: FillJob, copy: str, night: dt.date) -> frozenset[bytes] | None:
    """Return the links in a night's folder on the copy where the instrument makes them."""
    there = (job.endpoint, job.declared) if copy == job.place.copy else job.elsewhere(copy)
    if there is None:
        return None
    endpoint, place = there
    followed = job.instrument.model_copy(update={"symlinks": "copy"})
    scope = scope_of(followed, place, _cameras(job), (night,), job.clock)
    try:
        survey = endpoint.survey(scope.request)
    except CouldNotTell:
        return None
    try:
        records = [record for chunk in survey for record in chunk[:-1].split(NUL) if record[:1] == LINK]
    finally:
        survey.close()
    if survey.troubles:
        return None
    return frozenset(_below(scope, path_of(record)) for record in records)


def _below(scope: Scope, path: bytes) -> bytes:
    located = scope.locate(path)
    folder = located[2] if located else b"."
    return path if folder == b"." else path[len(folder) + 1 :]
