"""How many nights a prune asks a far host about at once."""

from __future__ import annotations

import datetime as dt

from nightferry.retention.pruning import FILES_AT_ONCE, FILES_OF_ANY_NIGHT, NIGHTS_AT_ONCE, in_questions

NIGHTS = [dt.date(2016, 9, 7) + dt.timedelta(days=number) for number in range(3650)]


def parts(*counts: int) -> list[int]:
    """Return how many nights each question holds, of nights with so many files."""
    return [len(part) for part in in_questions(dict(zip(NIGHTS, counts, strict=False)))]


def test_ten_years_of_small_nights_are_a_few_questions() -> None:
    """Also of nights that were freed long ago. None is left out, none asked about twice."""
    asked = list(in_questions(dict.fromkeys(NIGHTS, 3)))
    assert len(asked) == -(-len(NIGHTS) // NIGHTS_AT_ONCE) == 10
    assert [night for part in asked for night in part] == NIGHTS
    assert parts(*[0] * 3650) == [NIGHTS_AT_ONCE] * 9 + [50]


def test_what_one_question_lists_does_not_grow_with_the_nights() -> None:
    """A night of very many files is asked about by itself; of one that nobody counted twenty at once are enough."""
    assert parts(FILES_AT_ONCE * 5, 1, 1, FILES_AT_ONCE, 1) == [1, 2, 1, 1]
    assert parts(FILES_AT_ONCE - 1, 1, 1) == [2, 1]
    assert parts(*[FILES_OF_ANY_NIGHT] * 45) == [20, 20, 5]


def test_of_no_night_nothing_is_asked() -> None:
    """Everything may have to stay."""
    assert parts() == []
