"""``export --watch``: observations exported while they are taken, for months, whatever fails in between.

Every round looks afresh; what was done is in the ledger, so a restart goes on where the last one ended. An archive is
exported when the telemetry has gone past its last frame: by what it says, not by a pause. The daemon keeps this at
work as a process of its own (keeping.py).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path

from converters.export.instants import from_datetime
from converters.export.observations import Observation, Wish
from converters.export.plan import Fate, Item
from converters.export.reader import Around
from converters.export.section import ExportSection, WatchModel
from converters.stamps import NS_PER_S
from nightferry.observations.exporting import Export, ExportWishes, export
from nightferry.observations.observing import Asked, Selected, instrument_of, selected, setting_of
from nightferry.workplace import Workplace
from observatory.errors import NightferryError
from observatory.files import os_fault
from observatory.truth import State

log = logging.getLogger("nightferry")

_HOUR_NS = 3600 * NS_PER_S


class Patience:
    """Says which archives of a round must wait, and why.

    Parameters
    ----------
    watch : WatchModel
    settle_s : float
        How young a file may still be in the making, by its modification time.
    now_ns : int
    """

    def __init__(self, watch: WatchModel, settle_s: float, now_ns: int) -> None:
        self._watch, self._settle_ns, self._now_ns = watch, round(settle_s * NS_PER_S), now_ns

    def __call__(self, item: Item) -> Item:
        """Return the item as it is, or as one that waits."""
        why = self._why(item)
        return item if why is None else replace(item, fate=Fate.WAITS, why=why)

    def _why(self, item: Item) -> str | None:
        if item.fate in (Fate.FAILED, Fate.UNKNOWN):
            return "it is still being written" if self._is_young(item) else self._after_failure(item)
        if item.fate is not Fate.MAKE:
            return None
        if item.observation.is_open and item.after:
            return "whether its last frames belong is not told yet"
        return self._after_failure(item) or self._for_telemetry(item)

    def _is_young(self, item: Item) -> bool:
        """Say whether a file may still be in the making; one from far ahead bears a wrong time."""
        try:
            ages = [abs(self._now_ns - source.stat().st_mtime_ns) for source in item.sources]
            return any(age < self._settle_ns for age in ages)
        except OSError:
            return False

    def _after_failure(self, item: Item) -> str | None:
        """Let the pauses between attempts grow: once, twice, four times the round, up to their limit."""
        record = item.record
        if record is None or record.is_done:
            return None
        pause_s = min(self._watch.poll_s * 2 ** min(record.attempts, 20), self._watch.retry_limit_s)
        waited_ns = self._now_ns - from_datetime(record.at_utc)
        if (
            waited_ns >= pause_s * NS_PER_S or waited_ns < 0
        ):  # before: the clock was ahead then, nobody knows how long ago
            return None
        return f"failed {record.attempts} times, the next attempt comes later: {record.reason}"

    def _for_telemetry(self, item: Item) -> str | None:
        header = item.camera.header
        if self._now_ns - item.last_ns > self._watch.telemetry_wait_s * NS_PER_S:
            return None
        around = Around(header.roots, item.last_ns - header.gap_ns, item.last_ns + header.gap_ns)
        if around.reaches(header.devices, item.last_ns - header.gap_ns, item.last_ns):
            return None
        return "the telemetry does not reach its last frame yet"


def watch(
    workplace: Workplace,
    asked: Asked,
    wishes: ExportWishes,
    *,
    is_output_named: bool = True,
    sleep: Callable[[float], None] = time.sleep,
    is_over: Callable[[], bool] = lambda: False,
) -> None:
    """Export what is taken, round after round, until the process is told to end.

    Parameters
    ----------
    workplace : Workplace
    asked : Asked
        Titles, objects and observers narrow what is exported; times do not.
    wishes : ExportWishes
    is_output_named : bool
        False: the output is that of the section.
    sleep, is_over : callable
        Replaced in tests.

    Raises
    ------
    UsageError
        The very first look shows that it cannot be done.
    """
    section = instrument_of(workplace, asked.instrument)[1]
    if not is_output_named:
        wishes = replace(wishes, output=Path(section.watch.output or ".").expanduser())
    log.info("watching", extra={"output": str(wishes.output.absolute())})
    said: frozenset[str] = frozenset()
    finished: set[Observation] = set()
    while not is_over():
        said = _round(workplace, asked, wishes, section, said, finished)
        sleep(section.watch.poll_s)


def _round(
    workplace: Workplace,
    asked: Asked,
    wishes: ExportWishes,
    section: ExportSection,
    said: frozenset[str],
    finished: set[Observation],
) -> frozenset[str]:
    """Do one round and log what is new in it; return what was said, so that it is not said again and again."""
    try:
        done = look(workplace, asked, wishes, section, finished)
    except NightferryError as error:
        reasons = {str(error)}
    except OSError as error:
        reasons = {os_fault(error)}
    else:
        reasons = set(_log(done))
    for reason in sorted(reasons - said):
        log.warning("not exported", extra={"reason": reason})
    return frozenset(reasons)


def look(
    workplace: Workplace, asked: Asked, wishes: ExportWishes, section: ExportSection, finished: set[Observation]
) -> Export:
    """Do one round: find the observations of the last hours and export what is ready of them.

    Those in `finished` are passed over, and those join them of which all has been done and nothing more will come:
    a round costs what is new, not what the night has been.

    Raises
    ------
    NightferryError
        Nothing could be looked at, or done.
    """
    now_ns = from_datetime(workplace.now())
    setting = setting_of(workplace, asked)
    wish = Wish(asked.title, asked.is_partial, asked.target, asked.email)
    wish = replace(wish, begin_ns=now_ns - round(section.watch.back_hours * _HOUR_NS))
    chosen = _recent(selected(setting, wish), finished)
    patience = Patience(section.watch, setting.instrument.settle_s, now_ns)
    done = export(workplace, chosen, wishes, patience=patience, beyond_ns=1)
    finished |= _finished(done, now_ns)
    return done


def _recent(chosen: Selected, finished: Collection[Observation]) -> Selected:
    """Take the newest observation first: what is on the sky now is waited for."""
    left = tuple(one for one in reversed(chosen.observations) if one not in finished)
    return replace(chosen, observations=left)


def _finished(done: Export, now_ns: int) -> set[Observation]:
    """Return the observations that ended an hour ago and of which every archive has been done."""
    unfinished = {
        result.observation
        for result in done.results
        if result.state is not State.OK or {*map(result.fate_of, result.items)} - {Fate.DONE, Fate.TOLD}
    }
    old = {one for one in done.selected.observations if one.end_ns is not None and one.end_ns < now_ns - _HOUR_NS}
    return old - unfinished


def _log(done: Export) -> Sequence[str]:
    for result in done.results:
        made = [one for one in result.made.values() if one.failure is None]
        if made:
            facts = {"folder": result.place.path, "camera": result.camera.name, "archives": len(made)}
            log.info("exported", extra=facts | {"frames": sum(one.frames for one in made)})
    failed = [
        f"{item.archive}: {result.reason_of(item)}"
        for result in done.results
        for item in result.items
        if result.fate_of(item) in (Fate.FAILED, Fate.UNKNOWN)
    ]
    nowhere = {result.camera.name for result in done.results if result.planned.is_kept_nowhere}
    homeless = [f"no root has a folder rawimages/{camera}" for camera in sorted(nowhere)]
    unreadable = [reason for result in done.results for reason in result.planned.unreadable]
    return [*done.troubles, *failed, *homeless, *unreadable]
