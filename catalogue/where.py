"""The where-expression: text such as ``visit = 12 and arm = 'r'`` turned into a tree, or refused with its place.

Knows words, numbers and brackets, and no columns and no SQL: what a name stands for is conditions.py's. Nothing of
the text ever becomes part of a statement.

Grammar, in falling order of what binds last::

    or          and (OR and)*
    and         not (AND not)*
    not         NOT not | ( or ) | comparison
    comparison  operand ( = | == | != | <> | < | <= | > | >= ) operand
              | operand [NOT] IN ( item, item, ... )        an item is a value or A..B, both ends included
              | operand [NOT] BETWEEN value AND value
              | operand [NOT] LIKE text                     % any text, _ one character
              | operand IS [NOT] NULL
    operand     name | number | 'text' | "text"             a quote within a text is written twice
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from observatory.errors import UsageError

LONGEST_TEXT = 20_000
"""Characters; a list of two thousand visits fits."""
MOST_COMPARISONS = 500
"""In one expression, of which SQLite takes a thousand; a list after IN, of thousands of values, is one."""
DEEPEST_NESTING = 50
"""Brackets and NOTs within one another."""

Operator = Literal["=", "!=", "<", "<=", ">", ">="]
MIRRORED: Mapping[Operator, Operator] = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
"""What stands between two operands when they change places."""
Value = int | float | str


@dataclass(frozen=True, slots=True)
class Name:
    """A column, by the name that the person wrote, in small letters."""

    text: str


@dataclass(frozen=True, slots=True)
class Constant:
    """A number or a text."""

    value: Value


@dataclass(frozen=True, slots=True)
class Span:
    """All values from `low` to `high`, both included."""

    low: Constant
    high: Constant


Operand = Name | Constant


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two operands and how they are to stand to one another."""

    operator: Operator
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Membership:
    """An operand is one of some values, or lies in one of some spans."""

    operand: Operand
    items: tuple[Constant | Span, ...]


@dataclass(frozen=True, slots=True)
class Likeness:
    """A text is like a pattern of ``%`` and ``_``."""

    operand: Operand
    pattern: str


@dataclass(frozen=True, slots=True)
class Absence:
    """There is no value."""

    operand: Operand


@dataclass(frozen=True, slots=True)
class Negation:
    """The opposite."""

    term: Expression


@dataclass(frozen=True, slots=True)
class All:
    """Every term holds."""

    terms: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """At least one term holds."""

    terms: tuple[Expression, ...]


Expression = Comparison | Membership | Likeness | Absence | Negation | All | Any


class WhereError(UsageError):
    """A where-expression that cannot be read; says where in it."""

    def __init__(self, text: str, position: int, why: str) -> None:
        self.position = position
        near = text[position : position + 20]
        place = f"at {near!r} (character {position + 1})" if near else "at its end"
        super().__init__(f"--where: {why} {place}")


@dataclass(frozen=True, slots=True)
class _Token:
    kind: Literal["name", "word", "number", "text", "sign", "end"]
    text: str
    position: int


_WORDS = frozenset({"and", "or", "not", "in", "between", "like", "is", "null"})
_TOKEN = re.compile(
    r"""\s+
    |(?P<number>[0-9]+\.(?!\.)[0-9]*(?:[eE][+-]?[0-9]+)?|0[xX][0-9a-fA-F]+|[0-9]+(?:[eE][+-]?[0-9]+)?)(?![A-Za-z_])
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)
    |'(?P<single>(?:[^']|'')*)'|"(?P<double>(?:[^"]|"")*)"
    |(?P<sign><=|>=|!=|<>|==|\.\.|[=<>(),+-])""",
    re.VERBOSE,
)
_OPERATORS: dict[str, Operator] = {
    "=": "=", "==": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">=",
}  # fmt: skip


def parse(text: str) -> Expression:
    """Return the tree of a where-expression.

    Raises
    ------
    WhereError
        With the place at which it cannot be read.
    """
    if len(text) > LONGEST_TEXT:
        raise WhereError(text, LONGEST_TEXT, f"it is longer than {LONGEST_TEXT} characters")
    return _Parser(text, list(_tokens(text))).whole()


def names_in(expression: Expression) -> frozenset[str]:
    """Return every name that an expression mentions."""
    match expression:
        case All(terms) | Any(terms):
            return frozenset().union(*map(names_in, terms))
        case Negation(term):
            return names_in(term)
        case Comparison(_, left, right):
            operands: tuple[Operand, ...] = (left, right)
        case Membership(operand, _) | Likeness(operand, _) | Absence(operand):
            operands = (operand,)
    return frozenset(operand.text for operand in operands if isinstance(operand, Name))


def _tokens(text: str) -> Iterator[_Token]:
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            unclosed = text[position] in "'\""
            raise WhereError(text, position, "a quote is not closed" if unclosed else "this cannot be read")
        token = _token(found, position)
        if token is not None:
            yield token
        position = found.end()
    yield _Token("end", "", len(text))


def _token(found: re.Match[str], position: int) -> _Token | None:
    if found["number"] is not None:
        return _Token("number", found["number"], position)
    if found["name"] is not None:
        low = found["name"].lower()
        return _Token("word" if low in _WORDS else "name", low, position)
    if found["single"] is not None:
        return _Token("text", found["single"].replace("''", "'"), position)
    if found["double"] is not None:
        return _Token("text", found["double"].replace('""', '"'), position)
    return None if found["sign"] is None else _Token("sign", found["sign"], position)


class _Parser:
    """One pass over the tokens, from left to right."""

    def __init__(self, text: str, tokens: Sequence[_Token]) -> None:
        self._text, self._tokens, self._next, self._depth = text, tokens, 0, 0
        self._comparisons = 0

    def whole(self) -> Expression:
        expression = self._any()
        if self._here.kind != "end":
            raise self._fault("nothing is expected here but AND, OR or the end")
        return expression

    @property
    def _here(self) -> _Token:
        return self._tokens[self._next]

    def _fault(self, why: str) -> WhereError:
        return WhereError(self._text, self._here.position, why)

    def _take(self, *texts: str) -> str | None:
        """Step over a word or sign, if it is one of these."""
        here = self._here
        if here.kind in ("word", "sign") and here.text in texts:
            self._next += 1
            return here.text
        return None

    def _need(self, text: str, why: str) -> None:
        if self._take(text) is None:
            raise self._fault(why)

    def _any(self) -> Expression:
        terms = [self._all()]
        while self._take("or"):
            terms.append(self._all())
        return terms[0] if len(terms) == 1 else Any(tuple(terms))

    def _all(self) -> Expression:
        terms = [self._one()]
        while self._take("and"):
            terms.append(self._one())
        return terms[0] if len(terms) == 1 else All(tuple(terms))

    def _one(self) -> Expression:
        self._depth += 1
        if self._depth > DEEPEST_NESTING:
            raise self._fault(f"brackets nest deeper than {DEEPEST_NESTING}")
        try:
            if self._take("not"):
                return Negation(self._one())
            if self._take("("):
                inner = self._any()
                self._need(")", "a closing bracket is missing")
                return inner
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> Expression:
        self._comparisons += 1
        if self._comparisons > MOST_COMPARISONS:
            raise self._fault(f"these are more than {MOST_COMPARISONS} comparisons (a list after IN counts as one)")
        left = self._operand()
        operator = self._take(*_OPERATORS)
        if operator is not None:
            return Comparison(_OPERATORS[operator], left, self._operand())
        if self._take("is"):
            negated = self._take("not") is not None
            self._need("null", "NULL is expected after IS")
            return _perhaps(negated, Absence(left))
        negated = self._take("not") is not None
        if self._take("in"):
            return _perhaps(negated, Membership(left, self._items()))
        if self._take("between"):
            low = self._constant()
            self._need("and", "AND is expected between the ends of BETWEEN")
            return _perhaps(negated, Membership(left, (Span(low, self._constant()),)))
        if self._take("like"):
            return _perhaps(negated, Likeness(left, self._pattern()))
        raise self._fault("a comparison is expected: =, !=, <, <=, >, >=, IN, BETWEEN, LIKE or IS")

    def _items(self) -> tuple[Constant | Span, ...]:
        self._need("(", "a list in brackets is expected after IN")
        items = [self._item()]
        while self._take(","):
            items.append(self._item())
        self._need(")", "a comma or a closing bracket is expected")
        return tuple(items)

    def _item(self) -> Constant | Span:
        low = self._constant()
        return Span(low, self._constant()) if self._take("..") else low

    def _pattern(self) -> str:
        value = self._constant().value
        if not isinstance(value, str):
            raise self._fault("LIKE needs a text in quotes")
        return value

    def _operand(self) -> Operand:
        if self._here.kind == "name":
            self._next += 1
            return Name(self._tokens[self._next - 1].text)
        return self._constant()

    def _constant(self) -> Constant:
        sign = self._take("-", "+")
        here = self._here
        if here.kind == "number":
            self._next += 1
            number = _number(here.text)
            return Constant(-number if sign == "-" else number)
        if here.kind == "text" and sign is None:
            self._next += 1
            return Constant(here.text)
        raise self._fault("a name, a number or a text in quotes is expected")


def _perhaps(negated: bool, expression: Expression) -> Expression:
    return Negation(expression) if negated else expression


def _number(text: str) -> int | float:
    if text[:2] in ("0x", "0X"):
        return int(text, 16)
    return int(text) if text.isdecimal() else float(text)
