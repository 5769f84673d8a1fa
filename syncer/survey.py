"""Before a hop is planned: both ends are asked at once, and a new destination is accepted where a person said so.

What makes a root believable is observatory/ends.py's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from observatory.endpoints.contract import Act, HostAccess, Survey, SurveyRequest
from observatory.ends import ABSENT, Expectations, ask_both, new_root_words, prove_both, with_remedies
from observatory.errors import EndsNotSeen, RootNotProven
from observatory.listing import HopScope
from observatory.sharing import refuse_shared_folders
from syncer.roots import RootToBe, create_last_folder, require_parent


@dataclass(frozen=True, slots=True)
class End:
    """One end of a hop: the endpoint and how its host is reached.

    Attributes
    ----------
    endpoint : Act
    access : HostAccess
    early : callable, optional
        Lists in the place of the endpoint's own `survey`.
    """

    endpoint: Act
    access: HostAccess
    early: Callable[[SurveyRequest], Survey] | None = None

    def survey(self, request: SurveyRequest) -> Survey:
        """List; see `contract.Look.survey`."""
        return (self.early or self.endpoint.survey)(request)


@dataclass(frozen=True, slots=True)
class Trust:
    """What is taken for a root without a sign of it.

    Attributes
    ----------
    accept_new_root : callable
        Asked with the destination's declared host and root.
    may_create : bool
        Whether an accepted root that does not exist may be made (not on a dry run).
    expected : pair of Expectation
        What is known of the two ends beforehand.
    source_to_be : bool
        The source is a new root that the hop before this one makes and fills: where it is absent, a dry run finds
        nothing there.
    """

    accept_new_root: Callable[[str, str], bool]
    may_create: bool
    expected: Expectations
    source_to_be: bool = False


def survey_both(
    scope: HopScope, source: End, destination: End, trust: Trust, stack: ExitStack
) -> tuple[Survey, Survey]:
    """Begin both listings at once and have both roots proven; `stack` closes the listings.

    Raises
    ------
    EndsNotSeen
    """
    place = scope.hop.destination
    try:
        here, there = ask_both(
            lambda: _survey_source(scope, source, trust), lambda: _survey_destination(scope, destination, trust)
        )
        stack.callback(here.close)
        stack.callback(there.close)
        prove_both(
            (here.facts, there.facts),
            (source.endpoint.name, destination.endpoint.name),
            (scope.hop.source.root, place.root),
            trust.expected,
            lambda: trust.accept_new_root(place.host, place.root),
        )
    except EndsNotSeen as error:
        raise with_remedies(error, trust.expected, new_root_words(place.host, place.root)) from error
    refuse_shared_folders(scope, source.endpoint, destination.endpoint)
    return here, there


def _survey_source(scope: HopScope, source: End, trust: Trust) -> Survey:
    endpoint, request = source.endpoint, scope.source.request
    try:
        return source.survey(request)
    except RootNotProven as error:
        if error.why != ABSENT or trust.may_create or not trust.source_to_be:
            raise
    return _to_be(endpoint, request.root)


def _to_be(endpoint: Act, root: bytes) -> RootToBe:
    require_parent(endpoint, root)
    ahead_s = endpoint.clock_ahead_s() if endpoint.capabilities.has_shell else 0.0
    return RootToBe(time.time() + ahead_s, ahead_s)


def _survey_destination(scope: HopScope, destination: End, trust: Trust) -> Survey:
    endpoint, request = destination.endpoint, scope.destination.request
    try:
        return destination.survey(request)
    except RootNotProven as error:
        place = scope.hop.destination
        if error.why != ABSENT or not trust.accept_new_root(place.host, place.root):
            raise  # what is there and cannot be listed is not made new
    if not trust.may_create:
        return _to_be(endpoint, request.root)
    create_last_folder(endpoint, request.root)
    return endpoint.survey(request)
