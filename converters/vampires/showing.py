"""Shows a night's counts: as a text for people, as JSON, and as a drawing (SVG, by own hand: no library is needed).

What is counted, tally.py says.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
from collections.abc import Iterator, Sequence
from typing import Any
from xml.sax.saxutils import escape

from converters.vampires.tally import Minute, Tally, labels_of

_WIDTH, _HEIGHT = 1000, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 90, 50
_COLOURS = {
    "sync": ("#1b6ca8", "#2a9d8f", "#5fa8d3", "#8fd3c7", "#0b3c5d", "#14746f"),
    "solo": ("#e9a23b", "#c97b1c", "#f2c57c", "#a65e0e", "#ffd9a0", "#7f4a0b"),
    "dubious": ("#c1121f", "#e5646c"),
}


def as_text(found: Tally, zone: dt.tzinfo, reasons: Sequence[str]) -> str:
    """Return a table, a row per minute in a local time, and below it what the whole comes to."""
    labels = labels_of(found)
    head = [zone_name(found, zone), "object", "exposure s", *labels]
    rows = [
        [f"{minute.astimezone(zone):%Y-%m-%d %H:%M}", *_cells(one, labels)] for minute, one in found.minutes.items()
    ]
    if found.untimed:
        rows.append(["no time", *_cells(found.untimed, labels)])
    table = _aligned([head, *rows])
    lines = [f"Night {found.night:%Y%m%d}", "", *table, "", *_whole(found), *(f"LOOK: {one}" for one in reasons)]
    return "\n".join(lines) + "\n"


def zone_name(found: Tally, zone: dt.tzinfo) -> str:
    """Return how local times are called: HST."""
    return zone.tzname(dt.datetime.combine(found.night, dt.time(12))) or str(zone)


def _cells(one: Minute, labels: Sequence[str]) -> list[str]:
    counts = [str(one.kinds[label]) if one.kinds[label] else "." for label in labels]
    return [",".join(sorted(one.objects)), ",".join(sorted(one.exposure_times)), *counts]


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        texts = [cell.ljust(width) for cell, width in zip(row[:2], widths[:2], strict=True)]
        numbers = [cell.rjust(width) for cell, width in zip(row[2:], widths[2:], strict=True)]
        yield "  ".join([*texts, *numbers]).rstrip()


def _whole(found: Tally) -> Iterator[str]:
    yield f"{found.frames} frames, {found.listed} of them in no cube"
    if found.triggered:
        share = _share(found.paired, found.triggered)
        yield f"{found.paired} of the {found.triggered} frames of both cameras are paired ({share})"
    if found.told:
        yield f"{found.dubious} of {found.told} FLC states are dubious ({_share(found.dubious, found.told)})"
    yield from found.offsets


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.2%}"


def as_json(found: Tally, reasons: Sequence[str]) -> str:
    """Return everything as one document."""
    document: dict[str, Any] = {
        "night": f"{found.night:%Y%m%d}",
        "frames": found.frames,
        "triggered": found.triggered,
        "paired": found.paired,
        "told": found.told,
        "dubious": found.dubious,
        "listed": found.listed,
        "offsets": list(found.offsets),
        "look": list(reasons),
        "minutes": [_record(one, f"{minute:%Y-%m-%dT%H:%MZ}") for minute, one in found.minutes.items()],
        "untimed": None if found.untimed is None else _record(found.untimed, None),
    }
    return json.dumps(document, indent=1) + "\n"


def _record(one: Minute, minute: str | None) -> dict[str, Any]:
    return {
        "minute_utc": minute,
        "objects": sorted(one.objects),
        "exposure_times": sorted(one.exposure_times),
        "kinds": dict(sorted(one.kinds.items())),
    }


def as_drawing(found: Tally, zone: dt.tzinfo) -> str:
    """Return an SVG picture: frames per minute over local time, a bar a minute, stacked by kind."""
    labels = labels_of(found)
    colours = dict(zip(labels, _colours(labels), strict=True))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        f'<text x="{_LEFT}" y="22" font-size="16">{found.night:%Y%m%d}: frames per minute and kind</text>',
        *_legend(labels, colours),
        *(_bars(found, zone, labels, colours) if found.minutes else ()),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _colours(labels: Sequence[str]) -> Iterator[str]:
    used = dict.fromkeys(_COLOURS, 0)
    for label in labels:
        family = "dubious" if label.endswith(" D") else label.partition(" ")[0]
        family = family if family in _COLOURS else "solo"
        yield _COLOURS[family][used[family] % len(_COLOURS[family])]
        used[family] += 1


def _legend(labels: Sequence[str], colours: dict[str, str]) -> Iterator[str]:
    for number, label in enumerate(labels):
        x, y = _LEFT + number % 7 * 130, 38 + number // 7 * 18
        yield f'<rect x="{x}" y="{y}" width="12" height="12" fill="{colours[label]}"/>'
        yield f'<text x="{x + 17}" y="{y + 10}">{escape(label)}</text>'


def _bars(found: Tally, zone: dt.tzinfo, labels: Sequence[str], colours: dict[str, str]) -> Iterator[str]:
    minutes = list(found.minutes)
    span = int((minutes[-1] - minutes[0]).total_seconds() // 60) + 1
    most = max(one.kinds.total() for one in found.minutes.values())
    wide, high = (_WIDTH - _LEFT - _RIGHT) / span, (_HEIGHT - _TOP - _BOTTOM) / most
    floor = _HEIGHT - _BOTTOM
    for value in _marks(most):
        y = floor - value * high
        yield f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dddddd"/>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value}</text>'
    for minute, one in found.minutes.items():
        x, y = _LEFT + (minute - minutes[0]).total_seconds() / 60 * wide, float(floor)
        for label in labels:
            tall = one.kinds[label] * high
            y -= tall
            if tall:
                size = f'width="{max(wide * 0.9, 1):.1f}" height="{tall:.1f}"'
                yield f'<rect x="{x:.1f}" y="{y:.1f}" {size} fill="{colours[label]}"/>'
    yield from _hours(minutes[0], span, wide, zone, zone_name(found, zone))


def _marks(most: int) -> list[int]:
    """Return round values for the axis: about five of them."""
    steps = (first * 10**power for power in itertools.count() for first in (1, 2, 5))
    step = next(step for step in steps if most / step <= 6)
    return list(range(0, most + 1, step))


def _hours(first: dt.datetime, span: int, wide: float, zone: dt.tzinfo, name: str) -> Iterator[str]:
    every = next((step for step in (1, 2, 5, 10, 20, 30, 60, 120) if span / step <= 10), 240)
    floor = _HEIGHT - _BOTTOM
    for minute in range(span):
        local = (first + dt.timedelta(minutes=minute)).astimezone(zone)
        if (local.hour * 60 + local.minute) % every == 0:
            x = _LEFT + minute * wide
            yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{floor}" y2="{floor + 5}" stroke="#333333"/>'
            yield f'<text x="{x:.1f}" y="{floor + 19}" text-anchor="middle">{local:%H:%M}</text>'
    yield f'<text x="{(_LEFT + _WIDTH - _RIGHT) / 2}" y="{_HEIGHT - 10}" text-anchor="middle">{escape(name)}</text>'
