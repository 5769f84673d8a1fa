"""A listing begun before it is asked for: the far end works while this one still loads what it needs.

What is begun is taken by the same question, or let go with the connection. Listing itself is the endpoints'.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from observatory.endpoints.contract import Survey, SurveyRequest

FRESH_S = 10.0
"""A listing begun longer ago is not taken for one of now; starting takes a second at most."""

Ask = Callable[[SurveyRequest], Survey]


@dataclass(frozen=True, slots=True)
class _Asked:
    request: SurveyRequest
    began_s: float
    answer: Future[Survey]


class BegunListing:
    """The listings under way that nobody has asked for yet. May be used by several threads."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._asked: dict[bytes, _Asked] = {}

    def begin(self, ask: Ask, request: SurveyRequest) -> None:
        """Ask in a thread of its own; what goes wrong is met again by whoever asks."""
        asked = _Asked(request, time.monotonic(), Future())
        with self._guard:
            before = self._asked.pop(request.root, None)
            self._asked[request.root] = asked
        _let_go(before)
        threading.Thread(target=_answer, args=(asked, ask), name="listing", daemon=True).start()

    def take(self, request: SurveyRequest) -> Survey | None:
        """Return the listing begun that answers this very request, now.

        Any other of the same root is let go: by the time of a later question something may have been written there.

        Raises whatever beginning it raised.
        """
        with self._guard:
            asked = self._asked.pop(request.root, None)
        if asked is None:
            return None
        if asked.request != request or time.monotonic() - asked.began_s > FRESH_S:
            _let_go(asked)
            return None
        return asked.answer.result()

    def let_go(self) -> None:
        """Forget what was begun; may be called twice."""
        with self._guard:
            all_asked, self._asked = self._asked, {}
        for asked in all_asked.values():
            _let_go(asked)


def _answer(asked: _Asked, ask: Ask) -> None:
    try:
        survey = ask(asked.request)
    except BaseException as error:  # noqa: BLE001 - handed over to whoever takes it
        asked.answer.set_exception(error)
    else:
        asked.answer.set_result(survey)


def _let_go(asked: _Asked | None) -> None:
    """Close a listing that nobody took, as soon as it is there."""
    if asked is not None:
        asked.answer.add_done_callback(_close)


def _close(answer: Future[Survey]) -> None:
    if answer.exception() is None:
        answer.result().close()
