"""Terms read before any database is asked: alternatives mean what was written, and bounds are no narrower."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as some

from catalogue import where
from catalogue.datasets.terms import MOST_BRANCHES, alternatives, asks_absence, ends, whole_bounds

TOGETHER = (("arm", "spectrograph"), ("night",))
LEAVES = (
    "visit = 1",
    "visit in (2..3)",
    "visit in (1, 3..4, 6..7)",
    "arm = 'r'",
    "spectrograph < 2",
    "night = 20241005",
)
WORTH = {"visit": range(8), "arm": ("b", "r"), "spectrograph": (1, 2), "night": (20241005, 20241006)}


def true(term: where.Expression, row: Mapping[str, object]) -> bool:
    """Say whether a row without absent values satisfies a term."""
    match term:
        case where.All(terms):
            return all(true(one, row) for one in terms)
        case where.Any(terms):
            return any(true(one, row) for one in terms)
        case where.Negation(inner):
            return not true(inner, row)
        case where.Comparison(operator, where.Name(name), where.Constant(value)):
            return {"=": row[name] == value, "<": row[name] < value}[operator]  # type: ignore[operator]
        case where.Membership(where.Name(name), items):
            held = [(one.value, one.value) if isinstance(one, where.Constant) else (one.low.value, one.high.value)
                    for one in items]  # fmt: skip
            return any(low <= row[name] <= high for low, high in held)  # type: ignore[operator]
    raise AssertionError(term)


def expressions() -> some.SearchStrategy[str]:
    """Give expressions of the leaves above."""

    def joined(inner: some.SearchStrategy[str]) -> some.SearchStrategy[str]:
        pair = some.lists(inner, min_size=2, max_size=3)
        return (
            pair.map(lambda words: f"({' or '.join(words)})")
            | pair.map(lambda words: f"({' and '.join(words)})")
            | inner.map(lambda words: f"not {words}")
        )

    return some.recursive(some.sampled_from(LEAVES), joined, max_leaves=7)


@given(expressions())
def test_alternatives_are_true_of_the_same_rows(words: str) -> None:
    """And there are never more than are asked one by one."""
    whole = where.parse(words)
    found = alternatives([whole], TOGETHER)
    assert 1 <= len(found) <= MOST_BRANCHES
    for values in itertools.product(*WORTH.values()):
        row = dict(zip(WORTH, values, strict=True))
        assert any(all(true(term, row) for term in branch) for branch in found) == true(whole, row)


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ("visit = 1 or arm = 'r'", 2),
        ("arm = 'b' or spectrograph = 1", 1),
        ("night = 20241005 or night = 20241006", 1),
        ("not (visit = 1 and arm = 'r')", 2),
        ("not (visit = 1 or arm = 'r')", 1),
        ("visit in (1, 2, 3)", 1),
        ("visit in (1, 2, 5..6, 8..9)", 3),
        ("(visit = 1 or arm = 'r') and (visit = 2 or night = 20241005)", 4),
        (" and ".join(f"(visit = {one} or arm = 'r')" for one in range(5)), 16),
    ],
)
def test_what_an_index_cannot_take_whole_is_taken_apart(words: str, count: int) -> None:
    """OR of columns of one index stays; what would make too many stays too."""
    assert len(alternatives([where.parse(words)], TOGETHER)) == count


@pytest.mark.parametrize(
    ("words", "bounds"),
    [
        ("visit = 7", (7, 7)),
        ("visit > 7", (8, None)),
        ("7 > visit", (None, 6)),
        ("visit <= 7", (None, 7)),
        ("visit between 3 and 5", (3, 5)),
        ("visit != 7", (None, None)),
        ("visit > 7.5", (None, None)),
        ("visit in (3, 5)", (None, None)),
    ],
)
def test_the_bounds_of_whole_numbers_are_exact_or_none(words: str, bounds: tuple[int | None, int | None]) -> None:
    """A term with bounds need not be said again."""
    assert whole_bounds(where.parse(words)) == bounds


def test_ends_and_absence_are_found_within_terms() -> None:
    """Nights are compared as they are written; a night that may be absent is none that can be stepped to."""
    terms = [where.parse(words) for words in ("night > 20241005", "night in (20241001..'2024-10-31')", "not night = 1")]
    assert ends(terms) == ([20241005, 20241001], ["2024-10-31"])
    assert not any(map(asks_absence, terms))
    assert asks_absence(where.parse("night = 20241005 or not (night is null)"))
