"""What a question's terms say of one column, and what of alternatives: read from the expression, before any database.

What they mean to the database is conditions.py's; which way a question goes choosing.py decides.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from catalogue import where

MOST_BRANCHES = 16
"""More alternatives than these are not asked one by one."""
Terms = tuple[where.Expression, ...]
_FROM, _UNTIL = ("=", ">", ">="), ("=", "<", "<=")


def compared(term: where.Expression) -> list[tuple[str, where.Value]]:
    """Return what a term over one column compares it with, as operators and values; none: it says more than that."""
    match term:
        case where.Comparison(operator, where.Name(), where.Constant(value)):
            return [(operator, value)]
        case where.Comparison(operator, where.Constant(value), where.Name()):
            return [(where.MIRRORED[operator], value)]
        case where.Membership(where.Name(), (where.Span(low, high),)):
            return [(">=", low.value), ("<=", high.value)]
        case where.Membership(where.Name(), (where.Constant(value),)):
            return [("=", value)]
    return []


def whole_bounds(term: where.Expression) -> tuple[int | None, int | None]:
    """Return the lowest and highest whole number of which a term is true; both None: it says more than that."""
    lows: list[int] = []
    highs: list[int] = []
    for operator, value in compared(term):
        if not isinstance(value, int):
            return None, None
        lows += [value + (operator == ">")] if operator in _FROM else []
        highs += [value - (operator == "<")] if operator in _UNTIL else []
    return (lows[0] if lows else None), (highs[0] if highs else None)


def ends(terms: Iterable[where.Expression]) -> tuple[list[where.Value], list[where.Value]]:
    """Return every value below which and every value above which no term over one column is true."""
    known = [one for term in terms for one in compared(term)]
    return [value for sign, value in known if sign in _FROM], [value for sign, value in known if sign in _UNTIL]


def asks_absence(term: where.Expression) -> bool:
    """Say whether a term may be true of what has no value: nothing that compares is."""
    match term:
        case where.All(terms) | where.Any(terms):
            return any(map(asks_absence, terms))
        case where.Negation(inner):
            return asks_absence(inner)
    return isinstance(term, where.Absence)


def alternatives(
    terms: Sequence[where.Expression], together: Sequence[Collection[str]], lists_apart: bool = False
) -> list[Terms]:
    """Return what is asked as alternatives, in each of which no OR is left that an index cannot take.

    Parameters
    ----------
    terms : sequence of Expression
        All of which must hold.
    together : sequence of collections of str
        Names of columns of which one index answers any expression: an OR of these alone stays whole.
    lists_apart : bool
        Whether each single value of a list is an alternative, and not all of them together.

    Returns
    -------
    list of tuples of Expression
        One where nothing is to be taken apart, and no more than `MOST_BRANCHES`.
    """
    found: list[Terms] = [()]
    for term in terms:
        options = _options(term, together, lists_apart)
        if len(found) * len(options) > MOST_BRANCHES:
            options = [(term,)]
        found = [(*before, *option) for before in found for option in options]
    return found


def _options(term: where.Expression, together: Sequence[Collection[str]], lists_apart: bool) -> list[Terms]:
    """Return one term's alternatives."""
    term = _inward(term)
    names = where.names_in(term)
    if any(names <= set(some) for some in together):
        return [(term,)]
    match term:
        case where.All(terms):
            return alternatives(terms, together, lists_apart)
        case where.Any(terms):
            return [option for one in terms for option in _options(one, together, lists_apart)]
        case where.Membership(operand, items) if len(items) > 1:
            return [(where.Membership(operand, some),) for some in _apart(items, lists_apart)]
    return [(term,)]


def _apart(
    items: Sequence[where.Constant | where.Span], is_each: bool
) -> Iterator[tuple[where.Constant | where.Span, ...]]:
    """Yield all single values of a list together, or each, and each span alone."""
    if is_each:
        yield from ((item,) for item in items)
        return
    single = tuple(item for item in items if isinstance(item, where.Constant))
    if single:
        yield single
    yield from ((item,) for item in items if isinstance(item, where.Span))


def _inward(term: where.Expression) -> where.Expression:
    """Return a term with its negations before what compares; as in SQL, where something is unknown it stays so."""
    if not isinstance(term, where.Negation):
        return term
    match term.term:
        case where.Negation(inner):
            return _inward(inner)
        case where.All(terms):
            return where.Any(tuple(_inward(where.Negation(one)) for one in terms))
        case where.Any(terms):
            return where.All(tuple(_inward(where.Negation(one)) for one in terms))
    return term
