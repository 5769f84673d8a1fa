"""A listing begun early is taken by the same question, once and soon; every other is let go."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import pytest

from observatory.endpoints import begun
from observatory.endpoints.begun import BegunListing
from observatory.endpoints.contract import RootFacts, Selection, Survey, SurveyRequest, Trouble
from observatory.errors import RootNotProven

REQUEST = SurveyRequest(b"/data", (Selection((b"2016/0907",), (b"*.fits",)),))
OTHER = dataclasses.replace(REQUEST, root=b"/else")


class Listed:
    """A listing that knows whether it was closed."""

    facts = RootFacts(0.0, 0.0, "", True, None)

    def __init__(self) -> None:
        self.troubles: list[Trouble] = []
        self.is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        return iter(())

    def close(self) -> None:
        """Remember it."""
        self.is_closed = True


def answering(survey: Survey) -> Callable[[SurveyRequest], Survey]:
    """Return an endpoint's way of listing that always gives this."""
    return lambda request: survey


def test_the_same_question_takes_it_once() -> None:
    """The second time it is asked anew."""
    listing, listed = BegunListing(), Listed()
    listing.begin(answering(listed), REQUEST)
    assert listing.take(REQUEST) is listed
    assert listing.take(REQUEST) is None
    assert not listed.is_closed


def test_another_question_leaves_it_for_its_own() -> None:
    """Two copies on one host are two listings at once; neither is taken for the other."""
    listing, one, two = BegunListing(), Listed(), Listed()
    listing.begin(answering(one), REQUEST)
    listing.begin(answering(two), OTHER)
    assert listing.take(REQUEST) is one
    assert listing.take(OTHER) is two
    assert not one.is_closed


def test_what_was_begun_long_ago_is_not_taken_for_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that waited for a lock lists afresh."""
    listing, listed = BegunListing(), Listed()
    monkeypatch.setattr(begun, "FRESH_S", -1.0)
    listing.begin(answering(listed), REQUEST)
    assert listing.take(REQUEST) is None
    assert eventually(lambda: listed.is_closed)


def test_what_goes_wrong_is_met_by_who_asks() -> None:
    """Neither swallowed nor raised where nobody looks."""

    def fails(request: SurveyRequest) -> Survey:
        raise RootNotProven("alpha", "/data", "is not there")

    listing = BegunListing()
    listing.begin(fails, REQUEST)
    with pytest.raises(RootNotProven, match="is not there"):
        listing.take(REQUEST)


def test_closing_lets_it_go() -> None:
    """Also when it is begun a second time, the first one."""
    listing, first, second = BegunListing(), Listed(), Listed()
    listing.begin(answering(first), REQUEST)
    listing.begin(answering(second), REQUEST)
    listing.let_go()
    listing.let_go()
    assert eventually(lambda: first.is_closed and second.is_closed)
    assert listing.take(REQUEST) is None


def eventually(condition: Callable[[], bool]) -> bool:
    """Say whether something comes to hold within moments."""
    from tests.transfers import wait_until

    return wait_until(condition, 5.0)


def test_another_question_about_the_root_lets_it_go() -> None:
    """The next hop would else see what was there before the first one wrote."""
    listing, listed = BegunListing(), Listed()
    listing.begin(answering(listed), REQUEST)
    assert listing.take(dataclasses.replace(REQUEST, names_only=True)) is None
    assert listing.take(REQUEST) is None
    assert eventually(lambda: listed.is_closed)
