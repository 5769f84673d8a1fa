"""What files of archives made whole did without, and whether it has come: for a step, which is taken again each day.

Kept as text with the step's record. An export knows the same of its archives by records of its own; see plan.py.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from converters.export.frames import acquired_ns
from converters.export.jobs import STILL_SPEAKING, HeaderPlan, Made
from converters.export.reader import Around, is_more, telemetry_state
from converters.export.whole import camera_of, header_plan
from converters.xrif import read_timing
from observatory.spec.models import Instrument


def awaited_by(made: Made, source: Path) -> str | None:
    """Return when an archive's frames were acquired and what telemetry there was; None where no header lacks any."""
    if not (made.absent or made.telemetry.startswith(STILL_SPEAKING)):
        return None
    instants = acquired_ns(read_timing(source))
    return json.dumps([int(instants.min()), int(instants.max()), made.telemetry.removeprefix(STILL_SPEAKING)])


def with_more_telemetry(awaited: Mapping[Path, str], instrument: Instrument, roots: Sequence[Path]) -> frozenset[Path]:
    """Return the archives of which there is more telemetry now than when they were made.

    Parameters
    ----------
    awaited : mapping of archive to text
        As `awaited_by` wrote it.
    """
    cameras: dict[str, list[Path]] = defaultdict(list)
    for archive in awaited:
        cameras[camera_of(archive)].append(archive)
    return frozenset(
        archive
        for camera, archives in cameras.items()
        for archive in _completed({one: awaited[one] for one in archives}, header_plan(instrument, camera, roots))
    )


def _completed(awaited: Mapping[Path, str], header: HeaderPlan) -> list[Path]:
    """Look once through the telemetry around all archives of a camera: it is the same files again and again."""
    told: dict[Path, tuple[int, int, str]] = {archive: tuple(json.loads(text)) for archive, text in awaited.items()}
    begin_ns = min(first for first, _, _ in told.values()) - header.gap_ns
    end_ns = max(last for _, last, _ in told.values()) + header.gap_ns
    around = Around(header.roots, begin_ns, end_ns)
    return [
        archive
        for archive, (first, last, then) in told.items()
        if is_more(telemetry_state(header, first, last, around), then)
    ]
