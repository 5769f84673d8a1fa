"""A where-expression as a condition of SQLAlchemy, over columns that the caller names.

Every value goes into the statement as a parameter and every name is looked up: what was typed never becomes SQL.
Reading the text is where.py's.
"""

from __future__ import annotations

import datetime as dt
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from catalogue import where
from observatory.errors import UsageError
from observatory.spec.fields import meant

Kind = Literal["text", "integer", "real", "hexadecimal", "night", "instant"]
"""What a column holds. ``hexadecimal``: up to 64 bits without a sign, kept as sixteen digits of text."""
_LARGEST = 2**63 - 1
_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """One column that a where-expression may name.

    Attributes
    ----------
    element : column
    kind : str
    text : column, optional
        Of whole numbers that are kept as text: that text. Equality is asked of it where the database knows how often
        each text comes, and of the number it does not.
    """

    element: sa.ColumnElement[Any]
    kind: Kind
    text: sa.ColumnElement[str] | None = None

    def equals(self, value: Any) -> sa.ColumnElement[bool]:
        """Return the condition that it holds a value, which is in the form in which it is kept."""
        if self.text is not None and isinstance(value, int):
            return self.text == str(value)
        return self.element == value  # type: ignore[no-any-return]


def condition(expression: where.Expression, columns: Mapping[str, Column]) -> sa.ColumnElement[bool]:
    """Return what an expression asks of rows; as in SQL, an absent value satisfies no comparison.

    Raises
    ------
    UsageError
        A name that is no column, or a value that its column cannot hold.
    """
    match expression:
        case where.All(terms):
            return sa.and_(*(condition(term, columns) for term in terms))
        case where.Any(terms):
            return sa.or_(*(condition(term, columns) for term in terms))
        case where.Negation(term):
            return sa.not_(condition(term, columns))
        case where.Absence(operand):
            return _column(operand, columns)[1].element.is_(None)
        case where.Likeness(operand, pattern):
            return _like(*_column(operand, columns), pattern)
        case where.Membership(operand, items):
            return _member(*_column(operand, columns), items)
        case where.Comparison():
            return _compare(expression, columns)


def column_named(name: str, columns: Mapping[str, Column], option: str = "--where") -> Column:
    """Return a column by its name.

    Raises
    ------
    UsageError
        There is none; says which there are.
    """
    if name not in columns:
        raise UsageError(f"{option}: no column {name!r}{meant(name, columns)}")
    return columns[name]


def sorted_by(name: str, columns: Mapping[str, Column]) -> sa.ColumnElement[Any]:
    """Return an order by a column, absent values first; with a hyphen before its name the opposite order.

    Raises
    ------
    UsageError
        There is no such column.
    """
    element = column_named(name.removeprefix("-"), columns, "--order-by").element
    return element.desc().nulls_last() if name.startswith("-") else element.asc().nulls_first()


def stored(name: str, column_kind: Kind, value: where.Value | dt.date) -> Any:
    """Return a value in the form in which its column keeps it.

    Raises
    ------
    UsageError
        The column cannot hold such a value.
    """
    try:
        return _FORMS[column_kind](value)
    except (ValueError, TypeError, OverflowError):
        raise UsageError(f"{name} holds {_WORDS[column_kind]}; {value!r} is none") from None


def _column(operand: where.Operand, columns: Mapping[str, Column]) -> tuple[str, Column]:
    if isinstance(operand, where.Constant):
        raise UsageError(f"--where: {operand.value!r} stands where a column is expected")
    return operand.text, column_named(operand.text, columns)


def _compare(term: where.Comparison, columns: Mapping[str, Column]) -> sa.ColumnElement[bool]:
    if isinstance(term.left, where.Constant):
        term = where.Comparison(where.MIRRORED[term.operator], term.right, term.left)
    name, left = _column(term.left, columns)
    compare = _COMPARE[term.operator]
    if isinstance(term.right, where.Constant):
        value = stored(name, left.kind, term.right.value)
        compared: sa.ColumnElement[bool] = compare(left.element, value)
        return left.equals(value) if term.operator == "=" else compared
    other, right = _column(term.right, columns)
    if left.kind != right.kind and {left.kind, right.kind} != {"integer", "real"}:
        raise UsageError(f"--where: {name} holds {_WORDS[left.kind]} and {other} {_WORDS[right.kind]}")
    both: sa.ColumnElement[bool] = compare(left.element, right.element)
    return both


def _member(name: str, column: Column, items: Sequence[where.Constant | where.Span]) -> sa.ColumnElement[bool]:
    single = [stored(name, column.kind, item.value) for item in items if isinstance(item, where.Constant)]
    spans = [item for item in items if isinstance(item, where.Span)]
    terms: list[sa.ColumnElement[bool]] = [column.element.in_(single)] if len(single) > 1 else []
    terms += [column.equals(value) for value in single] if len(single) == 1 else []
    for span in spans:
        low, high = (stored(name, column.kind, end.value) for end in (span.low, span.high))
        terms.append(column.element.between(low, high))
    return sa.or_(*terms)


def _like(name: str, column: Column, pattern: str) -> sa.ColumnElement[bool]:
    if column.kind != "text":
        raise UsageError(f"--where: LIKE is for text, and {name} holds {_WORDS[column.kind]}")
    pattern = stored(name, "text", pattern)
    if "\\" in pattern:  # which PostgreSQL takes for a sign that the next letter is meant as it is, and SQLite does not
        return column.element.like(pattern.replace("\\", "\\\\"), escape="\\")
    return column.element.like(pattern)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    if "\0" in value:  # which PostgreSQL cannot hold
        raise ValueError(value)
    value.encode()  # bytes of a command line that are no UTF-8 are no text, and nothing equals them
    return value


def _integer(value: Any) -> int | float:
    number = int(value, 0) if isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not math.isfinite(number):
        raise ValueError(value)
    if abs(number) > _LARGEST:
        raise OverflowError(value)
    return number


def _real(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(value)
    return float(value)


def hexadecimal(value: Any) -> str:
    """Return a number of up to 64 bits, or its text with ``0x``, as the sixteen digits that are kept.

    Raises
    ------
    ValueError
        It is no such number.
    """
    number = int(value, 0) if isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 2**64:
        raise ValueError(value)
    return f"{number:016x}"


def _night(value: Any) -> dt.date:
    return value if isinstance(value, dt.date) else dt.date.fromisoformat(str(value))


def _instant(value: Any) -> dt.datetime:
    instant = value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(_text(value))
    return instant.replace(tzinfo=dt.UTC) if instant.tzinfo is None else instant.astimezone(dt.UTC)


_FORMS: Mapping[Kind, Callable[[Any], Any]] = {
    "text": _text,
    "integer": _integer,
    "real": _real,
    "hexadecimal": hexadecimal,
    "night": _night,
    "instant": _instant,
}
_WORDS: Mapping[Kind, str] = {
    "text": "text (in quotes)",
    "integer": "whole numbers of up to 63 bits",
    "real": "numbers",
    "hexadecimal": "numbers of up to 64 bits",
    "night": "nights such as 20241005",
    "instant": "instants such as '2024-10-05T08:00:00'",
}
