"""Where products lie: lookyloo's tree, with names that do no harm and never meet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.export.observations import Observation
from converters.export.semesters import SemesterRule, read_starts
from converters.export.tree import cube_name, frame_names, places, safe_part
from observatory.names import fold_key, is_safe
from observatory.nights import NightClock

RULE = SemesterRule(NightClock.from_spec("Etc/GMT+4", "12:00"), read_starts({"A": "01-01", "B": "07-01"}))
BEGIN = 1764633612_500000000
"""2025-12-02T00:00:12.5."""


def observation(title: str = "", target: str = "", email: str = "", begin_ns: int = BEGIN) -> Observation:
    """Return an observation of ten seconds."""
    return Observation(email, title, target, begin_ns, begin_ns + 10_000_000_000)


@pytest.mark.parametrize(
    ("one", "path"),
    [
        (observation("deep", "betaPic", "a@x.org"), "2025B/a@x.org/2025-12-02_000012_betaPic_deep"),
        (observation("deep", "", "a@x.org"), "2025B/a@x.org/2025-12-02_000012_deep"),
        (observation("", "betaPic", ""), "2025B/_no_email_/2025-12-02_000012_betaPic"),
        (observation(), "2025B/_no_email_/2025-12-02_000012"),
        (observation("a/b  c", "../../etc"), "2025B/_no_email_/2025-12-02_000012__._.._etc_a_b_c"),
    ],
)
def test_an_observation_lies_where_lookyloo_put_it(one: Observation, path: str) -> None:
    """Empty fields are left out; what is unfit for a name becomes an underscore."""
    assert places([one], RULE)[one].path == path


def test_observations_of_one_second_and_one_name_are_told_apart() -> None:
    """Different titles may look alike once they are fit for a folder."""
    first, second = observation("a/b"), observation("a b", begin_ns=BEGIN + 7)
    assert [place.name[-9:] for place in places([first, second], RULE).values()] == ["500000000", "500000007"]


texts = st.text(max_size=120)


@given(st.lists(st.tuples(texts, texts, texts, st.integers(BEGIN, BEGIN + 3 * 10**9)), max_size=6))
def test_no_two_observations_share_a_place_and_every_place_is_safe(raw: list[tuple[str, str, str, int]]) -> None:
    """Whatever people typed: relative, no parts that climb, short enough, distinct where case is folded too."""
    found = {begin: Observation(email, title, target, begin, None) for email, title, target, begin in raw}
    paths = [place.path.encode() for place in places(found.values(), RULE).values()]
    assert all(is_safe(path) is None for path in paths)
    assert all(path.count(b"/") == 2 for path in paths)
    assert len({fold_key(path) for path in paths}) == len(found)


@given(st.text())
def test_a_safe_part_stays_safe(text: str) -> None:
    """Made safe twice, it is the same."""
    assert safe_part(safe_part(text)) == safe_part(text)


def test_frames_bear_their_own_instants_and_those_of_one_instant_are_counted() -> None:
    """A clock that stands still loses no frame."""
    assert frame_names("camsci1", [BEGIN, BEGIN, BEGIN + 1]) == [
        "camsci1_20251202000012500000000.fits",
        "camsci1_20251202000012500000000-2.fits",
        "camsci1_20251202000012500000001.fits",
    ]
    assert cube_name("camwfs_20251202000012500000000.xrif") == "camwfs_20251202000012500000000.fits"
