"""The where-expression: what it means, row for row, and what is refused before any database is asked."""

from __future__ import annotations

import contextlib
import datetime as dt
import operator
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import Connection

from catalogue import where
from catalogue.conditions import Column, condition, hexadecimal, stored
from observatory.errors import UsageError

TABLE = sa.Table(
    "rows",
    sa.MetaData(),
    sa.Column("visit", sa.BigInteger),
    sa.Column("arm", sa.Text),
    sa.Column("dither", sa.Double),
    sa.Column("design", sa.Text),
    sa.Column("night", sa.Date),
)
COLUMNS = {
    "visit": Column(TABLE.c.visit, "integer"),
    "arm": Column(TABLE.c.arm, "text"),
    "dither": Column(TABLE.c.dither, "real"),
    "design": Column(TABLE.c.design, "hexadecimal"),
    "night": Column(TABLE.c.night, "night"),
    "taken": Column(sa.column("taken", sa.DateTime(timezone=True)), "instant"),
}
ROWS: list[dict[str, Any]] = [
    {"visit": visit, "arm": arm, "dither": dither, "design": hexadecimal(visit + 2**63), "night": night}
    for visit in (1, 12, 26)
    for arm in ("b", "r", "it's", None)
    for dither, night in ((0.0, dt.date(2024, 10, 5)), (-1.5, None))
]


@pytest.fixture(scope="module")
def connection() -> Iterator[Connection]:
    """Give a database with the rows in it."""
    engine = sa.create_engine("sqlite://")
    with engine.begin() as opened:
        TABLE.create(opened)
        opened.execute(TABLE.insert(), ROWS)
        yield opened
    engine.dispose()


def found(connection: Connection, text: str) -> int:
    """Return how many rows an expression takes."""
    asked = sa.select(sa.func.count()).select_from(TABLE).where(condition(where.parse(text), COLUMNS))
    return int(connection.execute(asked).scalar_one())


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("visit = 12", 8),
        ("VISIT == 12 AND Arm = 'r'", 2),
        ("visit = 12 and arm = 'r' and dither < 0", 1),
        ("12 = visit", 8),
        ("12 < visit", 8),
        ("visit <> 12", 16),
        ("visit in (1, 26)", 16),
        ("visit in (1..12)", 16),
        ("visit not in (1..12, 26)", 0),
        ("visit between 12 and 26", 16),
        ("arm = 'it''s'", 6),
        ('arm = "it\'s"', 6),
        ("arm like 'it%'", 6),
        ("arm is null", 6),
        ("arm is not null", 18),
        ("not arm = 'b'", 12),
        ("dither = -1.5", 12),
        ("dither <= -1", 12),
        ("visit = '12'", 8),
        ("night = 20241005", 12),
        ("night >= '2024-10-05'", 12),
        ("design = 0x8000000000000001", 8),
        ("design > '0x8000000000000001'", 16),
        ("visit = 1 or visit = 12 and arm = 'b'", 10),
        ("(visit = 1 or visit = 12) and arm = 'b'", 4),
        ("visit > dither and dither < visit", 24),
    ],
)
def test_an_expression_takes_the_rows_that_it_means(connection: Connection, text: str, count: int) -> None:
    """AND binds closer than OR; ends are included; what is absent satisfies no comparison."""
    assert found(connection, text) == count


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "at its end"),
        ("visit", "a comparison is expected"),
        ("visit = ", "a name, a number or a text"),
        ("visit = 12 arm = 'r'", "nothing is expected here but AND, OR or the end"),
        ("visit = 'r", "a quote is not closed"),
        ("(visit = 1", "closing bracket"),
        ("visit in ()", "a name, a number"),
        ("visit between 1", "AND is expected"),
        ("visit = 1; drop table rows", "this cannot be read"),
        ("visit = 1 -- all", "nothing is expected here"),
        ("visit = 12abc", "this cannot be read"),
        ("visti = 12", "did you mean 'visit'?"),
        ("1 = 1", "stands where a column is expected"),
        ("arm = 1", "arm holds text"),
        ("visit = 'r'", "visit holds whole numbers"),
        ("visit = 99999999999999999999", "visit holds whole numbers"),
        ("night = 20241399", "night holds nights"),
        ("design = -1", "design holds numbers of up to 64 bits"),
        ("visit like '1%'", "LIKE is for text"),
        ("arm = visit", "arm holds text"),
        ("arm like 3", "LIKE needs a text"),
        ("(" * 60 + "visit = 1" + ")" * 60, "nest deeper"),
        ("visit = 1 or " * 3000 + "visit = 1", "longer than"),
        ("visit = 1 or " * 600 + "visit = 1", "more than 500 comparisons"),
        ("arm = '\udcff'", "arm holds text"),
        ("arm like '\udcff%'", "arm holds text"),
        ("arm = 'a\0b'", "arm holds text"),
        ("taken > '9999-12-31T23:59:59-10:00'", "taken holds instants"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(text: str, said: str) -> None:
    """One sentence, and nothing was asked of any database."""
    with pytest.raises(UsageError) as caught:
        condition(where.parse(text), COLUMNS)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_was_typed_never_becomes_part_of_the_statement() -> None:
    """Values are parameters, whatever quotes they hold."""
    asked = condition(where.parse("arm = 'x'' OR 1=1 --' and visit in (1, 2..3)"), COLUMNS)
    text = str(asked.compile())
    assert "OR 1" not in text
    assert "'" not in text


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing but our own error escapes, whatever is typed."""
    with contextlib.suppress(where.WhereError):
        where.names_in(where.parse(text))


_NUMBERS = st.integers(min_value=0, max_value=30)
_ATOMS = st.one_of(
    st.tuples(st.just("visit"), st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), _NUMBERS),
    st.tuples(st.just("dither"), st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), st.sampled_from([-1.5, 0.0])),
)
_TREES = st.recursive(
    _ATOMS, lambda inner: st.one_of(st.tuples(st.sampled_from(["and", "or"]), inner, inner), st.tuples(inner))
)
_MEANING = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _written(tree: Any) -> str:
    if len(tree) == 1:
        return f"not ({_written(tree[0])})"
    if tree[0] in ("and", "or"):
        return f"({_written(tree[1])}) {tree[0]} ({_written(tree[2])})"
    return " ".join(map(str, tree))


def _holds(tree: Any, row: Mapping[str, Any]) -> bool:
    if len(tree) == 1:
        return not _holds(tree[0], row)
    if tree[0] == "and":
        return _holds(tree[1], row) and _holds(tree[2], row)
    if tree[0] == "or":
        return _holds(tree[1], row) or _holds(tree[2], row)
    return bool(_MEANING[tree[1]](row[tree[0]], tree[2]))


@given(_TREES)
def test_the_database_takes_the_rows_that_python_would(tree: Any) -> None:
    """Brackets, NOT, AND and OR mean in SQL what they mean in the text."""
    try:
        asked = condition(where.parse(_written(tree)), COLUMNS)
    except where.WhereError as error:
        assert "nest" in str(error)
        return
    engine = sa.create_engine("sqlite://")
    with engine.begin() as opened:
        TABLE.create(opened)
        opened.execute(TABLE.insert(), ROWS)
        count = opened.execute(sa.select(sa.func.count()).select_from(TABLE).where(asked)).scalar_one()
    engine.dispose()
    assert count == sum(_holds(tree, row) for row in ROWS)


def test_numbers_of_sixty_four_bits_sort_as_numbers_do() -> None:
    """The sixteen digits that are kept compare like the numbers, beyond what a database's integers hold."""
    numbers = [0, 1, 2**63 - 1, 2**63, 2**64 - 1]
    kept = [stored("design", "hexadecimal", number) for number in numbers]
    assert kept == sorted(kept)
    with pytest.raises(UsageError):
        stored("design", "hexadecimal", 2**64)
