"""The site opened for work: specification, state folder, ledger and one endpoint per host.

Opens lazily what a command asks for, and closes all of it. What is done with it is the jobs'.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from observatory.endpoints.contract import Act, HostAccess
from observatory.errors import NightferryError
from observatory.nights import NightClock
from observatory.spec.chain import Hop, Place
from observatory.spec.hosts import host_access
from observatory.spec.load import load
from observatory.spec.models import Instrument, Specification

if TYPE_CHECKING:
    from catalogue.catalogue import Catalogue
    from catalogue.ledger import Ledger
    from nightferry.early import HopListings, Listing
    from observatory.listing import HopScope, Scope
    from reports.model import Note


def utc_now() -> dt.datetime:
    """Return this instant."""
    return dt.datetime.now(dt.UTC)


class Workplace:
    """Everything a job needs of the site; a context manager.

    Parameters
    ----------
    specification : Specification
    now : callable
        Gives the present instant, UTC.

    Attributes
    ----------
    notes : list of Note
        What opening the ledger, or seeing a root, showed that people are to be told.
    """

    def __init__(self, specification: Specification, now: Callable[[], dt.datetime] = utc_now) -> None:
        self.specification = specification
        self.now = now
        self.hostname = socket.gethostname()
        self.notes: list[Note] = []
        self._endpoints: dict[str, Act] = {}
        self._guard = threading.Lock()
        self._early: tuple[Hop, HopListings] | None = None
        self._ledger: Ledger | None = None
        self._catalogue: Catalogue | None = None

    @classmethod
    def at(cls, folder: Path, now: Callable[[], dt.datetime] = utc_now) -> Workplace:
        """Read the specification in a folder.

        Raises
        ------
        SpecificationError
        """
        from converters.base import step_models
        from nightferry.sections import section_models

        return cls(load(folder, step_models=step_models(), section_models=section_models()), now)

    @property
    def folder(self) -> Path:
        """Where the specification was read."""
        return Path(self.specification.folder)

    @property
    def state(self) -> Path:
        """The folder for database, spool, locks and reports."""
        return self.folder / Path(self.specification.site.state).expanduser()

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        """The instruments by name."""
        return self.specification.instruments

    @property
    def ledger(self) -> Ledger:
        """The ledger, opened and brought up to date, names included, when first asked for.

        Raises
        ------
        CouldNotTell
            The database cannot be opened.
        """
        if self._ledger is None:
            from catalogue.ledger import Ledger
            from nightferry.renamed import catch_up

            opened = Ledger.open(self.specification.site.database, self.state)
            try:
                self.notes.extend(catch_up(self.instruments, self.access, opened))
            except BaseException:
                opened.close()
                raise
            self._ledger = opened
        return self._ledger

    @contextlib.contextmanager
    def opened_ledger(self) -> Iterator[Ledger]:
        """Open the ledger for a moment: one that is held for months is not the file that lies there by then.

        Raises
        ------
        CouldNotTell
            The database cannot be opened.
        """
        from catalogue.ledger import Ledger

        with Ledger.open(self.specification.site.database, self.state) as ledger:
            yield ledger

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue of what is held, in the same database; opened when first asked for.

        Raises
        ------
        CouldNotTell
            The database cannot be opened.
        """
        with self._guard:  # the tasks of a step may ask for it side by side
            if self._catalogue is None:
                from catalogue.catalogue import Catalogue

                self._catalogue = Catalogue.open(self.specification.site.database, self.state)
            return self._catalogue

    def local_now(self) -> dt.datetime:
        """Return the site's local time, by the rules of its zone."""
        return self.now().astimezone(self.specification.zone)

    def clock_of(self, instrument: Instrument) -> NightClock:
        """Return the instrument's own rule of nights."""
        return NightClock.from_spec(self.specification.site.timezone, instrument.rollover)

    def present_night(self, instrument: Instrument) -> dt.date:
        """Return the night that it is now for an instrument."""
        return self.clock_of(instrument).night_of(self.now())

    def access(self, host: str) -> HostAccess:
        """Return how a declared host is reached."""
        declared = self.specification.site.hosts[host]
        return host_access(host, declared, hostname=self.specification.hostname, base=self.folder)

    def endpoint(self, host: str) -> Act:
        """Return the endpoint of a declared host; one for all who ask."""
        from observatory.endpoints.opening import open_endpoint

        with self._guard:
            if host not in self._endpoints:
                self._endpoints[host] = open_endpoint(self.access(host))
            return self._endpoints[host]

    def require_awake(self, place: Place) -> None:
        """Raise where a copy lies on a disk of this machine that hangs; to be asked before files are read there by us.

        Raises
        ------
        CouldNotTell
        """
        from observatory.endpoints.opening import require_awake

        require_awake(self.endpoint(place.host), os.fsencode(place.root))

    def reach_early(self, hops: Iterable[Hop]) -> None:
        """Begin to connect to the hosts of some hops while other things are made ready; what fails is said later.

        The endpoints are made first, which loads what connecting needs: two threads that load wait for one another.
        """
        hosts = {place.host for hop in hops for place in (hop.source, hop.destination)}
        for endpoint in [self.endpoint(host) for host in hosts]:
            threading.Thread(target=_reach, args=(endpoint,), daemon=True).start()

    def ask_early(self, scope: HopScope) -> None:
        """Begin to list the far ends of the hop that is looked at first; see early.py."""
        self._early = scope.hop, self._listings(scope, is_early=True)

    def listings(self, scope: HopScope) -> HopListings:
        """Return the two ends of a hop to be listed; what was begun early goes to the first who asks about its hop."""
        early, self._early = self._early, None
        if early is not None and early[0] == scope.hop:
            return early[1]
        if early is not None:
            early[1].close()
        return self._listings(scope, is_early=False)

    def _listings(self, scope: HopScope, is_early: bool) -> HopListings:
        from nightferry.early import HopListings

        began_utc = self.now()
        source, destination = (self._listing(end, is_early) for end in (scope.source, scope.destination))
        return HopListings(source, destination, began_utc)

    def _listing(self, end: Scope, is_early: bool) -> Listing:
        """Begin nothing on this machine: its listing would only take the processors from loading, and ends no later."""
        from nightferry.early import Listing

        host = end.place.host
        return Listing(self.endpoint(host), end.request if is_early and not self.access(host).is_local else None)

    def __enter__(self) -> Workplace:
        return self

    def __exit__(self, *reason: object) -> None:
        if self._early is not None:
            self._early[1].close()
        for endpoint in self._endpoints.values():
            endpoint.close()
        for records in (self._ledger, self._catalogue):
            if records is not None:
                records.close()


def _reach(endpoint: Act) -> None:
    with contextlib.suppress(NightferryError, OSError):
        endpoint.reach()
