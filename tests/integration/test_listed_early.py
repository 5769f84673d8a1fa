"""A command lists the hop that it looks at first while it is still being loaded; what that listing is used for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import nightferry.early
from nightferry.early import Listing
from nightferry.selection import Asked, hops_asked, scope_by_calendar
from nightferry.workplace import Workplace
from observatory.endpoints.contract import Survey, SurveyRequest
from observatory.endpoints.ssh import SshEndpoint
from observatory.errors import RootNotProven
from observatory.nights import night_text
from tests.hosts import Host
from tests.observatory import Observatory
from tests.transfers import wait_until
from tests.worlds import host, scope_of

ROOT = b"/data/sha"


@pytest.fixture
def site(tmp_path: Path, three_hosts: tuple[Host, Host, Host], capsys: pytest.CaptureFixture[str]) -> Observatory:
    """A dome over ssh, and its archive on this machine, both marked."""
    made = Observatory(tmp_path, three_hosts[:1], capsys)
    made.add_local("archive")
    made.declare(copies=[made.copy(three_hosts[0]), made.copy("archive")])
    for one in (three_hosts[0], "archive"):
        made.mark(one)
    return made


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> list[SurveyRequest]:
    """What hosts over ssh were asked to list, in order; they go on to list it."""
    asked: list[SurveyRequest] = []
    original = SshEndpoint.survey

    def survey(self: SshEndpoint, request: SurveyRequest) -> Survey:
        asked.append(request)
        return original(self, request)

    monkeypatch.setattr(SshEndpoint, "survey", survey)
    return asked


@pytest.mark.parametrize("command", ["sync", "verify"])
def test_on_a_usual_day_a_far_end_is_listed_once(site: Observatory, listed: list[SurveyRequest], command: str) -> None:
    """What was begun early is what is looked at."""
    site.expose([site.hosts[0], "archive"], [1])
    assert site.call(command).status == 0
    assert len(listed) == 1


@pytest.mark.parametrize("command", ["sync", "verify"])
def test_an_older_night_that_is_open_is_looked_at_all_the_same(
    site: Observatory, listed: list[SurveyRequest], command: str
) -> None:
    """The calendar does not hold it, the ledger does: it is listed anew."""
    site.expose([site.hosts[0], "archive"], [1])
    [old] = site.expose([site.hosts[0]], [2], back=20)
    assert site.call("verify", "-d", night_text(site.night(20))).status == 1
    listed.clear()
    answer = site.call(command, "--json")
    assert len(listed) == 2
    assert listed[-1].selections[0].folders[0] == Path(old).parent.as_posix().encode()
    hop = answer.document["hops"][0]
    assert hop["missing"] == [old] if command == "verify" else hop["transferred"] == 1


def test_only_names_are_asked_early_where_only_names_are_asked(site: Observatory, listed: list[SurveyRequest]) -> None:
    """At level existence nothing else is, and the listing fits."""
    site.expose([site.hosts[0], "archive"], [1])
    assert site.call("verify", "--level", "existence").status == 0
    assert [request.names_only for request in listed] == [True]


def test_a_word_that_is_no_night_lists_nothing(site: Observatory, listed: list[SurveyRequest]) -> None:
    """An exit status of 2 says that nothing was done."""
    assert site.call("verify", "-d", "yesterdy").status == 2
    assert site.call("verify", "--level", "sise").status == 2
    assert listed == []


def test_where_single_hops_are_asked_for_the_word_of_the_one_before_comes_first(
    site: Observatory, listed: list[SurveyRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another machine brings until it says so must not be missed by a listing begun before."""
    asked_before = []
    monkeypatch.setattr("nightferry.cli.sync_work.heed_earlier_hops", lambda *given: asked_before.append(list(listed)))
    site.expose([site.hosts[0]], [1])
    assert site.call("sync", "--hop", f"{site.hosts[0].name}:archive").status == 0
    assert asked_before == [[]]


def test_a_source_that_shows_no_night_is_told_as_ever(site: Observatory) -> None:
    """What hinders a listing begun early is raised where it is used."""
    root = site.root(site.hosts[0])
    root.rename(root.with_name("unmounted"))
    answer = site.call("verify", "--json")
    assert answer.status == 3
    assert "does not exist" in answer.document["hops"][0]["reason"]


class Watched:
    """An endpoint that tells which of its listings were closed."""

    def __init__(self, endpoint: Any) -> None:
        self._endpoint = endpoint
        self.closed: list[bool] = []

    def survey(self, request: SurveyRequest) -> Survey:
        """List, and note whether it is closed."""
        survey, place = self._endpoint.survey(request), len(self.closed)
        self.closed.append(False)
        close = survey.close

        def noted() -> None:
            self.closed[place] = True
            close()

        survey.close = noted
        return survey  # type: ignore[no-any-return]

    def close(self) -> None:
        """Let go of the host."""
        self._endpoint.close()


@pytest.fixture
def watched() -> Iterator[Any]:
    """A host in memory with one frame."""
    yield Watched(host("sha", ROOT, {b"2026/1119/SHA_20261119.0001.fits": b"a"}))


def request_of(*nights: dt.date) -> SurveyRequest:
    """Return what is asked of the source for some nights."""
    return scope_of(nights).source.request


TODAY, BEFORE = dt.date(2026, 11, 19), dt.date(2026, 11, 18)


def test_what_was_begun_is_given_once(watched: Watched) -> None:
    """Who asks a second time, as after a new root was made, wants it as it is now."""
    listing = Listing(watched, request_of(TODAY))  # type: ignore[arg-type]
    first, second = listing.survey(request_of(TODAY)), listing.survey(request_of(TODAY))
    assert first is not second
    assert watched.closed == [False, False]


def test_what_was_begun_of_other_nights_is_closed(watched: Watched) -> None:
    """Its far end is not left to list on for nobody."""
    listing = Listing(watched, request_of(TODAY))  # type: ignore[arg-type]
    listing.survey(request_of(BEFORE, TODAY))
    assert sorted(watched.closed) == [False, True]


def test_what_was_begun_long_ago_is_listed_anew(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a ledger was opened for a minute, much may have come."""
    monkeypatch.setattr(nightferry.early, "STALE_S", 0.0)
    listing = Listing(watched, request_of(TODAY))  # type: ignore[arg-type]
    listing.survey(request_of(TODAY))
    assert sorted(watched.closed) == [False, True]


def test_why_it_could_not_be_begun_is_told_and_the_next_question_asks_again() -> None:
    """A destination that does not exist may be made in between."""
    made = host("sha", b"/elsewhere", {})
    listing = Listing(made, request_of(TODAY))
    with pytest.raises(RootNotProven):
        listing.survey(request_of(TODAY))
    made.put(ROOT + b"/.nightferry/root", b"")
    assert listing.survey(request_of(TODAY)).facts.marker is not None


def test_what_nobody_asked_for_is_closed_in_the_end(site: Observatory) -> None:
    """A job that ends before it looks leaves nothing running."""
    site.expose([site.hosts[0], "archive"], [1])
    with Workplace.at(site.config) as workplace:
        [hop] = hops_asked(workplace, Asked())
        dome = site.hosts[0].name
        watched = Watched(workplace.endpoint(dome))
        workplace._endpoints[dome] = watched  # type: ignore[assignment]
        workplace.ask_early(scope_by_calendar(workplace, Asked(), hop))
        assert wait_until(lambda: watched.closed == [False])
    assert watched.closed == [True]
