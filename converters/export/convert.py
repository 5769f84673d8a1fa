"""One archive of one observation made into FITS files, in a staging folder; works in a process of its own.

Reads the archive, takes the frames that belong, asks the telemetry and writes. Whatever happens is told in the
answer: one bad archive stops nothing. Bringing products to their place is publish.py's.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from converters.export.external import make_externally
from converters.export.frames import Choice, Instants, acquired_ns, choose
from converters.export.headers import Column, Exposures, Rule, Series, columns, exposures
from converters.export.jobs import FROM_THE_FIRST_NS, STILL_SPEAKING, HeaderPlan, Job, Made, Staged
from converters.export.products import Content, cube_file, frame_files
from converters.export.reader import Around, telemetry_state
from converters.export.staging import empty, fingerprint, write
from converters.export.tree import cube_name, frame_names
from converters.fits_writer import NoFits
from converters.stamps import NS_PER_S, format_instant
from converters.xrif import read
from observatory.counting import counted
from observatory.errors import CouldNotTell, NightferryError
from observatory.files import os_fault, to_disk

CAMERA_KIND, EXPOSURE_FIELD = "telem_stdcam", "exptime"
"""Where a camera says how long it exposes."""
_USUAL_EXPOSURE_NS = 10 * NS_PER_S
"""Exposures up to this length are told by one look at the telemetry, longer ones by two."""


def make(job: Job) -> Made:
    """Make one archive; tries its sources in turn and tells how the last one failed."""
    began = time.monotonic()
    made = Made(job.archive, job.sources[0] if job.sources else Path(job.archive), failure="it lies below no root")
    for source in job.sources:
        made = _made_of(job, source)
        if made.failure is None:
            break
        empty(job.staging)  # what a source that failed half-way has left is no part of the next one's
    return replace(made, seconds=time.monotonic() - began)


def _made_of(job: Job, source: Path) -> Made:
    try:
        return make_externally(job, source) if job.external is not None else _make(job, source)
    except NightferryError as error:
        return Made(job.archive, source, failure=str(error), is_unknown=isinstance(error, CouldNotTell))
    except NoFits as error:
        return Made(job.archive, source, failure=str(error))
    except OSError as error:
        return Made(job.archive, source, failure=os_fault(error, job.staging))
    except MemoryError:
        return Made(job.archive, source, failure="there is not enough memory for it")
    except Exception as error:  # noqa: BLE001  # the job boundary: told as this archive's failure, the others go on
        return Made(job.archive, source, failure=f"a fault of ours: {type(error).__name__}: {error}")


def _make(job: Job, source: Path) -> Made:
    size, mtime_ns, sha256 = fingerprint(source)
    archive = read(source)
    choice = choose(archive.timing, job.begin_ns, job.end_ns)
    made = Made(job.archive, source, size, mtime_ns, sha256, before=choice.before, after=choice.after, lost=choice.lost)
    if not choice.taken.size:
        return made
    timing, images = archive.timing[choice.taken], archive.images[choice.taken]
    facts = header_facts(job.header, acquired_ns(timing))
    history = _history(job, source, sha256, choice, len(archive.timing))
    content = Content(images, timing, facts.exposed, facts.columns, job.header, history)
    return replace(
        made,
        products=tuple(_written(job, content)),
        frames=len(timing),
        absent=facts.absent,
        telemetry=facts.state,
        warning=_warning(made, facts),
    )


def _warning(made: Made, facts: HeaderFacts) -> str | None:
    said = []
    if made.lost:
        said.append(f"the camera dropped {counted(made.lost, 'frame')}")
    if facts.absent:
        named = ", ".join(facts.absent[:5]) + (", ..." if len(facts.absent) > 5 else "")
        said.append(f"no telemetry for {counted(len(facts.absent), 'card')} ({named})")
    return "; ".join(said) or None


def _written(job: Job, content: Content) -> Iterator[Staged]:
    """Write the products; all of them, and only then each is brought to disk: quicker than one by one."""
    if job.form == "cube":
        named: Iterable[tuple[str, bytes]] = [(cube_name(job.archive), cube_file(content))]
    else:
        names = frame_names(job.header.camera, content.exposed.end_ns.tolist(), job.namesakes_ns)
        named = zip(names, frame_files(content), strict=True)
    staged = [write(job.staging / name, made) for name, made in named]
    for one in staged:
        to_disk(job.staging / one.name)
    yield from staged


def _history(job: Job, source: Path, sha256: str, choice: Choice, frames: int) -> tuple[str, ...]:
    """Say what the file was made of; nothing of when or where, which would make it another one every time."""
    lines = [
        f"nightferry export of {source.name}",
        f"SHA-256 {sha256}",
    ]
    if job.begin_ns > FROM_THE_FIRST_NS:
        lines.append(f"observation since {format_instant(job.begin_ns)} UTC")
    if choice.before or choice.after:
        lines.append(f"of {frames} frames {choice.before} before and {choice.after} after it were left out")
    return tuple(lines)


class HeaderFacts:
    """What the telemetry tells of some frames.

    Attributes
    ----------
    exposed : Exposures
    columns : mapping of Rule to its value for each frame
    absent : tuple of str
        Keywords that some frame lacks, the exposure time's first.
    state : str
        What telemetry there was (`telemetry_state`).
    """

    def __init__(self, exposed: Exposures, found: dict[Rule, Column], state: str) -> None:
        self.exposed, self.columns, self.state = exposed, found, state
        self.absent = tuple(
            rule.keyword.removeprefix("HIERARCH ")
            for rule, column in found.items()
            if any(value is None for value in column)
        )


def header_facts(plan: HeaderPlan, instants: Instants) -> HeaderFacts:
    """Ask the telemetry about frames acquired at some instants (Unix nanoseconds, at least one)."""
    if not plan.with_telemetry:
        return HeaderFacts(_unknown(instants), {}, "")
    first, last = int(instants.min()), int(instants.max())
    begin = first - plan.gap_ns - _USUAL_EXPOSURE_NS
    around = Around(plan.roots, begin, last + plan.gap_ns)
    exposed = exposures(instants, around.series(plan.camera, CAMERA_KIND, EXPOSURE_FIELD), plan.gap_ns)
    earliest = int(exposed.known_begin_ns.min()) - plan.gap_ns
    if earliest < begin:
        around = Around(plan.roots, earliest, last + plan.gap_ns)
    found = dict(columns(plan.rules, around, exposed, plan.gap_ns))
    has_all = around.reaches(plan.devices, first - plan.gap_ns, last)
    state = telemetry_state(plan, first, last, around)
    return HeaderFacts(exposed, found, state if has_all else STILL_SPEAKING + state)


def _unknown(instants: Instants) -> Exposures:
    nothing: NDArray[Any] = np.empty(0, np.int64)
    return exposures(instants, Series(nothing, ()), 0)
