"""Before a hop is planned: both ends are asked at once, and each must prove that it is what it seems.

A root is proven by its marker or by a night of its layout; everything else may be a disk that is not mounted.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

from observatory.endpoints.contract import Act, HostAccess, RootFacts, Survey
from observatory.errors import RootNotProven
from observatory.listing import HopScope
from syncer.roots import create_last_folder


@dataclass(frozen=True, slots=True)
class End:
    """One end of a hop: the endpoint and how its host is reached."""

    endpoint: Act
    access: HostAccess


@dataclass(frozen=True, slots=True)
class Trust:
    """What is taken for a root without a sign of it.

    Attributes
    ----------
    accept_new_root : callable
        Asked with the destination's declared host and root.
    may_create : bool
        Whether an accepted root that does not exist may be made (not on a dry run).
    source : bool
        The source's identity is kept by us, as nothing can be written there.
    markers : pair of str or None
        Ids that the markers of source and destination must show; None: any.
    """

    accept_new_root: Callable[[str, str], bool]
    may_create: bool
    source: bool = False
    markers: tuple[str | None, str | None] = (None, None)


def survey_both(
    scope: HopScope, source: End, destination: End, trust: Trust, stack: ExitStack
) -> tuple[Survey, Survey]:
    """Begin both listings at once; `stack` closes them.

    Raises
    ------
    CouldNotTell
        The source's reason where both fail.
    """
    with ThreadPoolExecutor(max_workers=2) as pool:
        asked_here = pool.submit(source.endpoint.survey, scope.source.request)
        asked_there = pool.submit(_survey_destination, scope, destination, trust)
    for asked in (asked_here, asked_there):
        if asked.exception() is None:
            stack.callback(asked.result().close)
    return asked_here.result(), asked_there.result()


def _survey_destination(scope: HopScope, destination: End, trust: Trust) -> Survey:
    endpoint, request = destination.endpoint, scope.destination.request
    try:
        return endpoint.survey(request)
    except RootNotProven as error:
        place = scope.hop.destination
        if not trust.may_create or not trust.accept_new_root(place.host, place.root):
            raise RootNotProven(endpoint.name, place.root, _with_remedy(error.why, place.host, place.root)) from error
    create_last_folder(endpoint, request.root)
    return endpoint.survey(request)


def _with_remedy(why: str, host: str, root: str) -> str:
    return f"{why} (`nightferry sync --new-root {host}:{root}` accepts a new one)"


def prove(scope: HopScope, here: RootFacts, there: RootFacts, names: tuple[str, str], trust: Trust) -> None:
    """Refuse to go on with a root that may be an empty mount point.

    Raises
    ------
    RootNotProven
    """
    why = "holds neither its marker (.nightferry/root) nor any night of its layout"
    source, destination = scope.hop.source, scope.hop.destination
    for facts, wanted, name, place in zip((here, there), trust.markers, names, (source, destination), strict=True):
        if wanted is not None and facts.marker != wanted:
            raise RootNotProven(name, place.root, "bears another marker than this drive's: is it another drive?")
    if not here.is_proven and not trust.source:
        raise RootNotProven(names[0], source.root, why)
    if here.marker and here.marker == there.marker:
        raise RootNotProven(names[1], destination.root, "bears the same marker as the source: it is the same folder")
    if not there.is_proven and not trust.accept_new_root(destination.host, destination.root):
        raise RootNotProven(names[1], destination.root, _with_remedy(why, destination.host, destination.root))
