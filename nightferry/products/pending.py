"""Which nights of a copy have not been through their steps, of any age, and what of them waits for a person.

From the folders that are there and from the ledger alone: no file is read. Taking the steps is converting.py's.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Collection, Iterator
from pathlib import Path

from converters.nightstep import AnyStep
from converters.order import hold_reason
from converters.pipeline import copy_name
from converters.remembered import NightMemory
from nightferry.workplace import Workplace
from observatory.accounts import account
from observatory.errors import RootNotProven
from observatory.layouts import Layout
from observatory.listing import Scope, camera_layout, scope_of
from observatory.spec.chain import Place, hops, places
from observatory.spec.models import Instrument, StepSection

_DAY = dt.timedelta(days=1)


def steps_of(instrument: Instrument, place: Place) -> list[StepSection]:
    """Return the steps that work on a copy, in their order."""
    last = instrument.copies[-1].label
    steps = instrument.convert.steps if instrument.convert else ()
    return [step for step in steps if (step.copy_ or last) == place.name]


def pending_nights(workplace: Workplace, instrument: Instrument, place: Place, present: dt.date) -> tuple[dt.date, ...]:
    """Return the nights before the present one that lie on a copy here and have not been through all steps, ascending.

    Raises
    ------
    RootNotProven
        The root cannot be listed.
    """
    wanted = {step.label for step in steps_of(instrument, place)}
    done = workplace.ledger.nights_processed(instrument.instrument, copy_name(instrument, place))
    return tuple(
        night
        for night in sorted(set(_nights_there(workplace, instrument, place)))
        if night < present and not (night in done and done[night][0] >= wanted)
    )


def unfinished_nights(
    workplace: Workplace, instrument: Instrument, place: Place, before: dt.date, seen: Collection[dt.date] = ()
) -> tuple[dt.date, ...]:
    """Return the nights before a date that are not through all steps, ascending, less those accepted as they are.

    A night that is held or failed does not go out of sight by growing old, and one that came to the copy when it was
    old is no less a night: those that were begun, those that hops brought, those that hops still have to do with.

    Parameters
    ----------
    seen : collection of date
        The nights that the copy's hops look at.
    """
    name, copy = instrument.instrument, copy_name(instrument, place)
    wanted = {step.label for step in steps_of(instrument, place)}
    done = workplace.ledger.nights_processed(name, copy)
    through = {night: since for night, (labels, since) in done.items() if labels >= wanted}
    feeders = [hop.key for hop in hops(instrument) if hop.destination == place]
    brought = workplace.ledger.nights_brought(name, copy, feeders, before)
    open_ = {*workplace.ledger.nights_begun(name, copy), *brought, *seen} - through.keys()
    changed = {night for night, at in brought.items() if _is_news(at, through.get(night), before)}
    words = workplace.ledger.acceptances(name, workplace.present_night(instrument))
    accepted = {one.night for one in words if one.is_whole_night}
    return tuple(sorted(night for night in {*open_, *changed} - accepted if night < before))


def _is_news(brought_utc: dt.datetime, through_utc: dt.datetime | None, before: dt.date) -> bool:
    """Say whether files came to a night after it was through; for as long as the window is, and no longer."""
    return through_utc is not None and brought_utc > through_utc and brought_utc.date() >= before


def _nights_there(workplace: Workplace, instrument: Instrument, place: Place) -> Iterator[dt.date]:
    scope = scope_of(instrument, place, instrument.cameras, (), workplace.clock_of(instrument))
    try:
        for name, camera in instrument.cameras.items():
            text = camera_layout(place, name, camera)
            if text == ".":
                yield from _by_name(scope, Path(place.root))
            elif camera.nights != "none":
                yield from _by_folder(Layout(text), Path(place.root), is_blurred=scope.by_name is not None)
    except OSError as error:
        raise RootNotProven(place.host, place.root, f"cannot be listed ({error.strerror})") from error


def _by_folder(layout: Layout, root: Path, is_blurred: bool) -> Iterator[dt.date]:
    """Yield the nights of folders; where names tell the night too, a folder may hold parts of its neighbours."""
    os.scandir(root).close()  # what cannot be listed is no empty root
    for folder in root.glob(os.fsdecode(layout.glob())):
        found = layout.night_of(os.fsencode(folder.relative_to(root)))
        if found is not None:
            yield from (found[0] + step for step in ((-_DAY, _DAY * 0, _DAY) if is_blurred else (_DAY * 0,)))


def _by_name(scope: Scope, root: Path) -> Iterator[dt.date]:
    if scope.by_name is None:
        return
    for entry in os.scandir(os.fsencode(root)):
        night = scope.by_name(entry.name)
        if night is not None:
            yield night


def approve(
    workplace: Workplace, instrument: Instrument, nights: Collection[dt.date], labels: Collection[str]
) -> Iterator[str]:
    """Let go what is held of some nights, by whoever runs this; yield a sentence for each.

    Parameters
    ----------
    labels : collection of str
        Of these steps alone; empty: of whichever holds a night first.
    """
    for place in places(instrument):
        for night in sorted(nights):
            copy = copy_name(instrument, place)
            known = NightMemory(workplace.ledger, instrument.instrument, copy, night, Path(place.root))
            for step in steps_of(instrument, place):
                reason = hold_reason(known, step) if isinstance(step, AnyStep) else None
                if reason is None:
                    continue
                if not labels or step.label in labels:
                    digest, by = known.hold_digest(step.label), account()
                    workplace.ledger.approve(
                        instrument.instrument, copy, step.label, night, digest, by, workplace.now()
                    )
                    yield f"{night:%Y%m%d} {step.label}: approved by {by} ({reason})"
                break  # what comes after it has not been made yet
