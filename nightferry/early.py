"""The listings that a command begins before it knows all that it will ask: on most days they are the ones it needs.

Which nights are looked at is certain once the ledger was read, and loading what reads it takes as long as a listing.
So the far ends of the first hop are asked about the nights of the calendar at once. Where more is to be asked, as an
older night is open, say, what was begun is closed, and nothing of it is believed.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass

from observatory.endpoints.contract import Act, Survey, SurveyRequest
from observatory.errors import NightferryError

STALE_S = 10.0
"""A listing begun so long ago is not used: while a slow ledger was opened much may have been written."""


class Listing:
    """One end that is to be listed, or is already.

    Parameters
    ----------
    endpoint : Act
    early : SurveyRequest, optional
        Asked at once.
    """

    def __init__(self, endpoint: Act, early: SurveyRequest | None = None) -> None:
        self._endpoint, self._request = endpoint, early
        self._begun: Future[Survey] | None = None
        self._since_s = time.monotonic()
        if early is not None:
            self._begun = Future()
            threading.Thread(target=self._begin, args=(early, self._begun), name="early", daemon=True).start()

    def _begin(self, request: SurveyRequest, told: Future[Survey]) -> None:
        try:
            survey = self._endpoint.survey(request)
        except BaseException as error:  # noqa: BLE001  # raised again where it is asked for
            told.set_exception(error)
        else:
            told.set_result(survey)

    def survey(self, request: SurveyRequest) -> Survey:
        """List: with the first question the listing that is under way, if it is of just this; see `contract.Look`."""
        is_it = request == self._request and time.monotonic() - self._since_s < STALE_S
        begun, self._begun = (self._begun, None) if is_it else (None, self._begun)
        self.close()
        return self._endpoint.survey(request) if begun is None else begun.result()

    def close(self) -> None:
        """Let go of a listing that nobody asked for, as soon as it has begun."""
        begun, self._begun = self._begun, None
        if begun is not None:
            begun.add_done_callback(_let_go)


def _let_go(begun: Future[Survey]) -> None:
    if begun.exception() is None:
        with contextlib.suppress(NightferryError, OSError):
            begun.result().close()


@dataclass(frozen=True, slots=True)
class HopListings:
    """Both ends of a hop that is to be looked at.

    Attributes
    ----------
    source, destination : Listing
    began_utc : datetime
        What came to either end since may not be seen.
    """

    source: Listing
    destination: Listing
    began_utc: dt.datetime

    def close(self) -> None:
        """Let go of what nobody asked for."""
        self.source.close()
        self.destination.close()
