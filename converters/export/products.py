"""Frames and their facts as FITS files: one for each, or a cube with a table that has a row for each.

Which frames, and what their cards hold, convert.py hands in; how bytes become FITS is fits_writer.py's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from converters.export.frames import acquired_ns, written_ns
from converters.export.headers import Column, Exposures, Rule, Value
from converters.export.instants import modified_julian_date
from converters.export.jobs import HeaderPlan
from converters.fits_writer import Card, Pixels, image_hdu, pixels, table_hdu
from converters.fits_writer import Column as TableColumn
from converters.stamps import NS_PER_S, format_instant
from converters.xrif.archive import FRAME

TABLE = "FRAMES"
"""EXTNAME of the table in a cube."""


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """Some frames of one archive.

    Attributes
    ----------
    images : array
        Shape (frames, depth, height, width).
    timing : array of uint64
        Shape (frames, 5).
    exposed : Exposures
    columns : mapping of Rule to Column
        The cards out of telemetry.
    plan : HeaderPlan
    history : tuple of str
    """

    images: NDArray[Any]
    timing: NDArray[np.uint64]
    exposed: Exposures
    columns: Mapping[Rule, Column]
    plan: HeaderPlan
    history: tuple[str, ...]


def frame_files(content: Content) -> Iterator[bytes]:
    """Yield the file of each frame, in their order.

    Raises
    ------
    converters.fits_writer.NoFits
    """
    shaped = _shaped(content.images)
    stored = pixels(shaped)
    facts = _facts(content)
    telemetry = [(rule, column) for rule, column in content.columns.items()]
    first, last = _before(content.plan), [fact for fact in facts if fact.is_counter]
    times = [fact for fact in facts if not fact.is_counter]
    for place in range(len(shaped)):
        cards = [
            *_cards_at(times, place),
            *first,
            *_telemetry_at(telemetry, place),
            *_cards_at(last, place),
        ]
        yield image_hdu(Pixels(stored.data[place], stored.bitpix, stored.zero), cards, content.history)


def cube_file(content: Content) -> bytes:
    """Return one cube of all frames, and behind it a table with a row for each.

    What is the same for all frames stands in the header too.

    Raises
    ------
    converters.fits_writer.NoFits
    """
    facts = _facts(content)
    cards = [*_span_cards(content.exposed), *_before(content.plan)]
    for rule, column in content.columns.items():
        if column and column[0] is not None and all(value == column[0] for value in column):
            cards.append(Card(rule.keyword, column[0], rule.comment))
    table = [TableColumn(fact.keyword, fact.values, fact.unit) for fact in facts if fact.keyword != "TIMESYS"]
    table += [TableColumn(_column_name(rule), column) for rule, column in content.columns.items()]
    return image_hdu(pixels(_shaped(content.images)), cards, content.history) + table_hdu(TABLE, table)


def _shaped(images: NDArray[Any]) -> NDArray[Any]:
    """Drop the depth where it is one: NAXIS1 is the width, NAXIS2 the height."""
    return images[:, 0] if images.shape[1] == 1 else images


def _column_name(rule: Rule) -> str:
    return rule.keyword.removeprefix("HIERARCH ")


@dataclass(frozen=True, slots=True)
class _Fact:
    """A card that every frame has of its own."""

    keyword: str
    values: Sequence[Value | None]
    comment: str
    unit: str = ""
    is_counter: bool = False


def _facts(content: Content) -> list[_Fact]:
    return [*_times(content.exposed), *_counters(content.timing)]


def _times(exposed: Exposures) -> Iterator[_Fact]:
    begins, ends = exposed.begin_ns.tolist(), exposed.end_ns.tolist()
    middles = [middle if begin >= 0 else None for begin, middle in zip(begins, exposed.middle_ns.tolist(), strict=True)]
    known = [begin if begin >= 0 else None for begin in begins]
    lengths = [None if begin is None else (end - begin) / NS_PER_S for begin, end in zip(known, ends, strict=True)]
    observed = [end if begin is None else begin for begin, end in zip(known, ends, strict=True)]
    said = "beginning of exposure"
    if None in known:
        said = "end of exposure (length unknown)" if not any(known) else "beginning; its end where EXPTIME is absent"
    yield _Fact("DATE-OBS", _texts(observed), said)
    yield _Fact("DATE-BEG", _texts(known), "beginning of exposure")
    yield _Fact("DATE-AVG", _texts(middles), "middle of exposure")
    yield _Fact("DATE-END", _texts(ends), "end of exposure: acquisition")
    yield _Fact("TIMESYS", ["UTC"] * len(ends), "time scale of the dates")
    dates = [None if middle is None else modified_julian_date(middle) for middle in middles]
    yield _Fact("MJD-AVG", dates, "[d] middle of exposure", "d")
    yield _Fact("EXPTIME", lengths, "[s] exposure time", "s")


def _counters(timing: NDArray[np.uint64]) -> Iterator[_Fact]:
    acquired, written = acquired_ns(timing).tolist(), written_ns(timing).tolist()
    known = [instant if instant >= 0 else None for instant in written]
    yield _Fact("FRAMENO", [int(number) for number in timing[:, FRAME]], "the camera's frame counter", is_counter=True)
    for name, instants, what in (("ACQ", acquired, "acquisition"), ("WRT", known, "writing")):
        seconds = [None if instant is None else instant // NS_PER_S for instant in instants]
        nanoseconds = [None if instant is None else instant % NS_PER_S for instant in instants]
        yield _Fact(f"{name}SEC", seconds, f"[s] {what}, Unix time", "s", is_counter=True)
        yield _Fact(f"{name}NSEC", nanoseconds, f"[ns] {what}, of that second", "ns", is_counter=True)


def _texts(instants: Sequence[int | None]) -> list[str | None]:
    return [None if instant is None else format_instant(instant) for instant in instants]


def _before(plan: HeaderPlan) -> list[Card]:
    """Return the cards that all files of a camera share."""
    instrument = f"{plan.instrument} {plan.camera}".strip()
    cards = [Card("INSTRUME", instrument, "instrument and camera"), Card("CAMERA", plan.camera, "camera")]
    if plan.telescope:
        cards.append(Card("TELESCOP", plan.telescope, "telescope"))
    return cards


def _span_cards(exposed: Exposures) -> Iterator[Card]:
    """Yield the dates of a cube as a whole: from its first beginning to its last end."""
    ends = int(exposed.end_ns.max())
    yield Card("DATE-END", format_instant(ends), "end of the last exposure")
    yield Card("TIMESYS", "UTC", "time scale of the dates")
    if (exposed.begin_ns < 0).any():
        first = int(exposed.end_ns.min())
        yield Card("DATE-OBS", format_instant(first), "end of 1st exposure (length unknown)")
        return
    begins = int(exposed.begin_ns.min())
    middle = int(exposed.middle_ns.astype(object).sum()) // len(exposed.middle_ns)
    yield Card("DATE-OBS", format_instant(begins), "beginning of the first exposure")
    yield Card("DATE-BEG", format_instant(begins), "beginning of the first exposure")
    yield Card("DATE-AVG", format_instant(middle), "mean of the exposures' middles")
    yield Card("MJD-AVG", modified_julian_date(middle), "[d] mean of the exposures' middles")
    lengths = np.unique(exposed.end_ns - exposed.begin_ns)
    if len(lengths) == 1:
        yield Card("EXPTIME", int(lengths[0]) / NS_PER_S, "[s] exposure time of each frame")


def _cards_at(facts: Sequence[_Fact], place: int) -> Iterator[Card]:
    for fact in facts:
        value = fact.values[place]
        if value is not None:
            yield Card(fact.keyword, value, fact.comment)


def _telemetry_at(columns: Sequence[tuple[Rule, Column]], place: int) -> Iterator[Card]:
    for rule, column in columns:
        value = column[place]
        if value is not None:
            yield Card(rule.keyword, value, rule.comment)
