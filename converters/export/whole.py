"""Archives made into FITS files whole, without an observation: for those who know their files, and for the pipeline.

Making is convert.py's, as for an export; which archives, and where products go, the callers say.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from converters.export.headers import rules_of
from converters.export.jobs import FROM_THE_FIRST_NS, Form, HeaderPlan, Job
from converters.export.section import ExportSection
from converters.stamps import NS_PER_S, parse_name
from observatory.spec.models import Instrument

_ARCHIVE = ".xrif"


def camera_of(archive: Path) -> str:
    """Return the camera that an archive's name tells; its whole stem where it is named otherwise."""
    name = parse_name(os.fsencode(archive.name))
    return archive.name.removesuffix(_ARCHIVE) if name is None else os.fsdecode(name.device)


def header_plan(instrument: Instrument | None, camera: str, roots: Sequence[Path]) -> HeaderPlan:
    """Return what the headers of a camera need.

    Parameters
    ----------
    instrument : Instrument or None
        With or without a section `export`; without one there are no cards out of telemetry but the dates.
    camera : str
    roots : sequence of Path
        Where telemetry is looked for; none: it is left out.
    """
    section = None if instrument is None else instrument.section(ExportSection)
    title = "" if instrument is None else instrument.title or instrument.instrument
    known = section or ExportSection()
    return HeaderPlan(
        camera=camera,
        instrument=title,
        telescope=known.telescope or "",
        rules=rules_of(known, camera) if roots else (),
        roots=tuple(roots),
        gap_ns=round(known.gap_s * NS_PER_S),
        with_telemetry=bool(roots),
    )


def whole_job(archive: Path, header: HeaderPlan, form: Form, staging: Path) -> Job:
    """Return the job of making all frames of an archive; `staging` is an empty folder on the output's disk."""
    return Job(archive.name, (archive,), FROM_THE_FIRST_NS, None, form, header, staging)
