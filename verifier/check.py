"""Verify one hop: list both ends afresh, have both roots proven, and compare.

Reads only; knows nothing of our own records. Nights, accepted losses and the words for a host that is
away come in as arguments; what the comparison shows is judged by looked.py, reports say the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from observatory.asking import asking
from observatory.compare import merge
from observatory.endpoints.contract import Look, Survey, SurveyRequest
from observatory.ends import (
    ask_both,
    excuse,
    is_source_alone,
    new_root_words,
    prove_both,
    with_remedies,
)
from observatory.errors import CouldNotTell
from observatory.listing import HopScope
from observatory.records import RecordError
from observatory.sharing import refuse_listed_twice, refuse_shared_folders
from verifier.looked import Looked
from verifier.opened import Ends
from verifier.options import CheckOptions
from verifier.roll import RollCall
from verifier.tally import Tally
from verifier.verdict import HopVerdict

Listings = Future[tuple[Survey, Survey]]
"""Both listings of a hop, on their way."""
Ask = Callable[[SurveyRequest], Survey]
"""Lists one end, as `Look.survey` does."""


@contextmanager
def listings_of(
    scope: HopScope, source: Look, destination: Look, asks: tuple[Ask, Ask] | None = None
) -> Iterator[Listings]:
    """Begin both listings; they go on while the caller makes ready what `check` needs besides.

    Parameters
    ----------
    asks : pair of callable, optional
        List the two ends in the place of their own `survey`.
    """
    here, there = asks or (source.survey, destination.survey)
    with ExitStack() as begun, asking((source, destination), 1, "listings") as pool:
        listings = pool.submit(ask_both, lambda: here(scope.source.request), lambda: there(scope.destination.request))
        begun.callback(_close_both, listings)
        yield listings


def _close_both(listings: Listings) -> None:
    if not listings.cancelled() and listings.exception() is None:
        for survey in listings.result():
            survey.close()


def check(
    scope: HopScope, source: Look, destination: Look, options: CheckOptions, listings: Listings | None = None
) -> HopVerdict:
    """Verify one hop and return its verdict; never raises for what a far end does.

    Parameters
    ----------
    listings : future, optional
        From `listings_of`, where they were begun early.
    """
    if listings is None:
        with listings_of(scope, source, destination) as begun:
            return check(scope, source, destination, options, begun)
    blank = _blank(scope, source, destination, options)
    try:
        return _looked(Ends(scope, source, destination, *listings.result()), options).verdict(blank)
    except (CouldNotTell, RecordError) as error:
        blank = replace(blank, source_alone=is_source_alone(error))
        excused = excuse(options.expected, error)
        if excused:
            return replace(blank, away_reason=excused)
        return replace(blank, unknown_reason=str(with_remedies(error, options.expected, _if_new(scope))))


def _if_new(scope: HopScope) -> str:
    """Return how a new destination is begun; one that others fill is not by us."""
    place = scope.hop.destination
    return new_root_words(place.host, place.root) if place.declared.fill is None else ""


def _blank(scope: HopScope, source: Look, destination: Look, options: CheckOptions) -> HopVerdict:
    return HopVerdict(
        instrument=scope.hop.instrument.instrument,
        hop=scope.hop.key,
        source=source.name,
        destination=destination.name,
        source_root=scope.hop.source.root.rstrip("/") + "/",
        destination_root=scope.hop.destination.root.rstrip("/") + "/",
        level=options.level,
        nights=scope.nights,
        gaps_fail=scope.hop.instrument.sequence is None or scope.hop.instrument.sequence.gaps == "fail",
    )


def _looked(ends: Ends, options: CheckOptions) -> Looked:
    """Have both roots proven and their listings compared.

    Raises
    ------
    CouldNotTell
    RecordError
    """
    scope, here, there = ends.scope, ends.here, ends.there
    roots = (scope.hop.source.root, scope.hop.destination.root)
    prove_both((here.facts, there.facts), (ends.source.name, ends.destination.name), roots, options.expected)
    refuse_shared_folders(scope, ends.source, ends.destination)
    tally = Tally(
        scope,
        scope.hop.instrument.settle_s,
        here.facts.clock_s,
        by_size=options.level != "existence",
        keep_same=_keeps_names(options) or scope.hop.instrument.sequence is not None,
        overdue=options.overdue,
        not_due=options.not_due,
        by_time=options.is_joined,
        watched=() if scope.source.request.names_only else options.kept,
    )
    names_there = scope.in_source_names(scope.destination.asked_about(there))
    roll = RollCall(tally, options.uncarried)
    merge(scope.source.asked_about(here), names_there, roll if options.uncarried else tally)
    refuse_listed_twice(scope, here, there, ends.destination)
    options.on_listed(here, there)
    options.on_called(roll.called())
    return Looked(ends, options, tally)


def _keeps_names(options: CheckOptions) -> bool:
    return options.level in ("checksum", "structure") or bool(options.kept)
