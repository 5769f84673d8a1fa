"""Instruments that share folders: what one of them takes there is not unrecognised to another, nor removed by it.

Whether they may share them is the specification's to say; what cameras of one instrument make of each other's files
is observatory/listing.py's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import replace

from nightferry.clocks import old_before
from nightferry.workplace import Workplace
from observatory.endpoints.contract import Selection
from observatory.listing import HopScope, scope_of
from observatory.spec.chain import Place, places, set_aside_days
from observatory.spec.models import Instrument


def with_neighbours(workplace: Workplace, scope: HopScope) -> HopScope:
    """Return the same questions, in which files of other instruments in the folders asked about count as known.

    They are not listed, as what `exclude` matches; what no instrument of the site takes stays unrecognised.
    """
    selections = tuple(
        selection
        for instrument in workplace.instruments.values()
        if instrument.instrument != scope.hop.instrument.instrument
        for place in places(instrument)
        if (place.host, place.root) == (scope.hop.source.host, scope.hop.source.root)
        for selection in _known_to(workplace, instrument, place, scope.nights, set(scope.source.folders))
    )
    if not selections:
        return scope
    request = scope.source.request
    request = replace(request, selections=(*request.selections, *selections))
    return replace(scope, source=replace(scope.source, request=request))


def old_aside_before(workplace: Workplace, place: Place) -> Callable[[int], dt.datetime | None]:
    """Return a function that says before which instant what was set aside below a root is so many days old, or more.

    More where another instrument keeps files there and wants its own kept for longer: what was set aside does not show
    whose it was.
    """
    sharing = (
        set_aside_days(instrument, one)
        for instrument in workplace.instruments.values()
        for one in places(instrument)
        if (one.host, one.root) == (place.host, place.root)
    )
    longest, ask = max(sharing, default=0), old_before(workplace)
    return lambda days: ask(max(days, longest))


def _known_to(
    workplace: Workplace, instrument: Instrument, place: Place, nights: tuple[dt.date, ...], asked: set[bytes]
) -> Iterator[Selection]:
    at_place = place.declared.cameras
    cameras = {name: one for name, one in instrument.cameras.items() if at_place is None or name in at_place}
    for its in scope_of(instrument, place, cameras, nights, workplace.clock_of(instrument)).request.selections:
        shared = tuple(folder for folder in its.folders if folder in asked)
        if shared:
            yield Selection(shared, (), (*its.files, *its.exclude))
