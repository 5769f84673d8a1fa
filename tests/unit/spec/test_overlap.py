"""Whether two sets of patterns have a path in common, decided exactly."""

from __future__ import annotations

import fnmatch
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from observatory.spec.overlap import Territory, shared_path


def shared(one: str, other: str, exclude: tuple[str, ...] = ()) -> str | None:
    """Return a path that two patterns below one folder share, without the folder."""
    found = shared_path(Territory("/r", (one,), exclude), Territory("/r", (other,)))
    return None if found is None else found.removeprefix("/r/")


@pytest.mark.parametrize(
    ("one", "other", "example"),
    [
        ("SHA_*.fits", "SHD_*.fits", None),
        ("SHA_*.fits", "SHA_*.fits.fz", None),
        ("SHA_*.fits", "SH[A-C]_*.fits", "SHA_.fits"),
        ("SHA_*.fits", "SH[!A]_*.fits", None),
        ("*.fits", "SHA_*", "SHA_.fits"),
        ("a?c", "ab*", "abc"),
        ("a*b", "*a", None),
        ("*a*", "*b*", "ab"),
        ("raw/*.fits", "raw_*.fits", "raw/raw_.fits"),
        ("raw/*.fits", "red/*.fits", None),
        ("raw/*", "*.fits", "raw/.fits"),
        ("*/x", "x", "0/x"),
        ("[", "[", "["),
        ("*", "*", "0"),
    ],
)
def test_patterns_of_people_are_told_apart(one: str, other: str, example: str | None) -> None:
    """The shortest path that both take, or none."""
    found = shared(one, other)
    assert (found is None) == (example is None)
    if found is not None and example is not None:
        assert len(found) == len(example)


def test_what_is_excluded_is_not_shared() -> None:
    """A camera that excludes the other's names may share its folder."""
    assert shared("*.fits", "CAL_*.fits", exclude=("CAL_*",)) is None
    assert shared("*.fits", "CAL*.fits", exclude=("CAL_*",)) is not None


def test_a_folder_below_the_other_is_seen() -> None:
    """One root within another, met by a pattern that crosses slashes."""
    assert shared_path(Territory("/r", ("*.fits",)), Territory("/r/[0-9]/x", ("*.fits",))) is not None
    assert shared_path(Territory("/r/y", ("*.fits",)), Territory("/r/[0-9]/x", ("*.fits",))) is None


GLOBS = st.text(st.sampled_from("ab*?"), min_size=1, max_size=5) | st.sampled_from(["[ab]", "[!a]*", "a[!b]", "*[b]"])
WORDS = ["".join(letters) for size in range(1, 6) for letters in itertools.product("abc", repeat=size)]


@settings(deadline=None)
@given(one=GLOBS, other=GLOBS, exclude=st.lists(GLOBS, max_size=2))
def test_the_answer_is_that_of_trying_every_short_name(one: str, other: str, exclude: list[str]) -> None:
    """Names of up to five of three letters decide patterns of up to five signs."""

    def takes(name: str) -> bool:
        return (
            fnmatch.fnmatchcase(name, one)
            and fnmatch.fnmatchcase(name, other)
            and not any(fnmatch.fnmatchcase(name, pattern) for pattern in exclude)
        )

    found = shared(one, other, tuple(exclude))
    if any(takes(word) for word in WORDS):
        assert found is not None
    if found is not None:
        assert takes(found.rpartition("/")[2])


def test_entangled_patterns_are_taken_to_overlap_and_soon() -> None:
    """What cannot be decided in bounded work is refused, and says so."""
    one = Territory("/r", ("*.fits",), ("*",))
    other = Territory("/r", ("*a*b*c*d*e*f*g*h",), ("*b???????????", "*c???????"))
    found = shared_path(one, other)
    assert found is not None
    assert "could not be shown to differ" in found


def test_example_paths_are_ones_that_a_night_could_have() -> None:
    """Digits for a night's digits."""
    folder = "/r/[0-9][0-9]/[A-Z][*]"
    assert shared_path(Territory(folder, ("a*",)), Territory(folder, ("*b",))) == "/r/00/A*/ab"
