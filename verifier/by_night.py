"""What a look at a hop showed, night by night: names for the sequence, counts for the report.

Pure. Holes in the numbers are sequence.py's to find.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from observatory.endpoints.contract import Trouble
from observatory.listing import ANY_NIGHT, Scope
from verifier.sequence import NightCamera
from verifier.tally import Tally, is_below
from verifier.verdict import NightCount, SequenceGap


def blurred_nights(source: Scope, troubles: Iterable[Trouble]) -> set[dt.date]:
    """Return nights of which the source could not show all: a number not seen there is not known to be absent."""
    paths = [trouble.path for trouble in troubles]
    hit = {
        date
        for folder, (date, _) in source.folders.items()
        for path in paths
        if folder == b"." or is_below(folder, path) or is_below(path, folder)
    }
    return set(source.nights) if hit and source.by_name is not None else hit


def names_by_night(source: Scope, paths: Iterable[bytes]) -> dict[NightCamera, list[bytes]]:
    """Return the base names of some files of the source, by night and camera; a tree without nights has no sequence."""
    names: dict[NightCamera, list[bytes]] = {}
    for path in paths:
        night, camera = source.night_of(path), source.camera_of(path)
        if night is not None and night != ANY_NIGHT and camera is not None:
            names.setdefault((night, camera), []).append(path.rpartition(b"/")[2])
    return names


def open_by_night(
    source: Scope, open_paths: Iterable[bytes], gaps: Sequence[SequenceGap], blurred: Iterable[dt.date]
) -> Counter[dt.date]:
    """Count what keeps nights open: files, absent numbers, and that not all of a night could be seen."""
    still_open = Counter(blurred)
    for gap in gaps:
        still_open[gap.night] += len(gap.numbers)
    still_open.update(source.night_of(path) or dt.date.min for path in open_paths)
    return still_open


def count_nights(
    source: Scope, tally: Tally, still_open: Counter[dt.date], accepted: Mapping[dt.date, int]
) -> dict[dt.date, NightCount]:
    """Return the counts of every night of which anything was seen, or is open."""
    extra = Counter(map(source.night_of, tally.extra))
    return {
        night: NightCount(
            tally.source_counts.get(night, 0),
            tally.destination_counts.get(night, 0),
            still_open[night],
            accepted.get(night, 0),
            extra[night],
        )
        for night in sorted({*tally.source_counts, *tally.destination_counts, *still_open})
    }
