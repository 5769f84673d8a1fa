"""Plain sentences for what pydantic finds wrong, with hints on units and on what was meant.

Knows the kinds of error of pydantic-core 2; where they lie in a file is load.py's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from observatory.spec import forms
from observatory.spec.fields import keys, meant, section_at
from observatory.spec.yaml import KeyPath, printable

_UNITS = {
    "_bytes_per_s": ("bytes per second", "byte"),
    "_bytes": ("bytes", "byte"),
    "_s": ("seconds", "second"),
    "_nights": ("nights", "day"),
    "_days": ("days", "day"),
    "port": ("", ""),
}
_FACTORS = {
    "second": {"s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hour": 3600, "d": 86400,
               "day": 86400},
    "day": {"d": 1, "day": 1, "night": 1, "w": 7, "week": 7},
    "byte": {"b": 1, "byte": 1, "k": 10**3, "kb": 10**3, "m": 10**6, "mb": 10**6, "g": 10**9, "gb": 10**9,
             "kib": 2**10, "mib": 2**20, "gib": 2**30},
}  # fmt: skip
_NUMBER_KINDS = re.compile(r"int_|float_|finite_number")
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}
_NAME_RULE = "a name of at most 64 letters, digits and '_', '.', '+', '-', beginning with a letter or digit"


def sentence(errors: Sequence[ErrorDetails], path: KeyPath, model: type[BaseModel]) -> str:
    """Return one sentence for all that is wrong with the value at a key path.

    Parameters
    ----------
    errors : sequence of pydantic's error details
        At least one; several where a value fits none of several kinds.
    path : key path
        Relative to `model`.
    model : type of BaseModel
        The section that was validated.
    """
    kinds = {error["type"]: error for error in errors}
    if "value_error" in kinds:
        return _own_words(kinds["value_error"])
    if "missing" in kinds:
        return "is required"
    if "extra_forbidden" in kinds:
        return _unknown_key(path, model)
    value = errors[0].get("input")
    if value is None:
        return "has no value; give it one, or leave the key out"
    numbers = [kind for kind in kinds if _NUMBER_KINDS.match(kind)]
    literals = [word for kind in kinds if kind == "literal_error" for word in _words(kinds[kind])]
    if numbers and isinstance(value, str):
        return _number(numbers[0], value, str(path[-1]) if path else "", literals)
    bounds = [error for kind, error in kinds.items() if kind in _BOUNDS]
    if bounds:
        others = "".join(f", or {word}" for word in literals)
        name, words = _BOUNDS[bounds[0]["type"]]
        return f"must be {words} {bounds[0].get('ctx', {}).get(name)}{others}, not {_shown(value)}"
    if literals:
        return f"{forms.one_of(literals)} is needed, not {_shown(value)}{_only_meant(value, literals)}"
    return _by_kind(errors[0], path)


def _own_words(error: ErrorDetails) -> str:
    return str(error.get("ctx", {}).get("error", error["msg"]))


def _unknown_key(path: KeyPath, model: type[BaseModel]) -> str:
    section = section_at(model, path[:-1])
    return "unknown key" + (meant(str(path[-1]), keys(section)) if section else "")


def _words(error: ErrorDetails) -> list[str]:
    return re.findall(r"'([^']*)'", str(error.get("ctx", {}).get("expected", "")))


def _only_meant(value: object, words: Sequence[str]) -> str:
    hint = meant(value, words) if isinstance(value, str) else ""
    return hint if "did you mean" in hint else ""


def _number(kind: str, value: str, key: str, literals: Sequence[str]) -> str:
    unit, family = next((facts for suffix, facts in _UNITS.items() if key.endswith(suffix)), ("", ""))
    whole = "a whole number" if kind.startswith("int") else "a number"
    wanted = forms.one_of([f"{whole} of {unit}" if unit else whole, *literals])
    without = ", without a unit," if unit else ","
    return f"{wanted} is needed{without} not {_shown(value)}{_in_unit(value, family) or ''}"


def _in_unit(value: str, family: str) -> str | None:
    """Return a hint such as ``: write 300`` where a number came with a unit that we know."""
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,6})?)\s*([A-Za-z]{1,8}?)(?:s|/s|ps)?", value.strip(), re.ASCII)
    factor = _FACTORS.get(family, {}).get(match[2].lower()) if match else None
    if match is None or factor is None:
        return None
    return f": write {float(match[1]) * factor:.10g}"


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "a section"
    return "a list" if isinstance(value, (list, tuple)) else f"'{printable(str(value))}'"


def _by_kind(error: ErrorDetails, path: KeyPath) -> str:
    kind, facts, shown = error["type"], error.get("ctx", {}), _shown(error.get("input"))
    plain = {
        "string_type": f"one text is needed, not {shown}",
        "bool_type": f"true or false is needed, not {shown}",
        "bool_parsing": f"true or false is needed, not {shown}",
        "tuple_type": f"a list is needed, such as [first, second], not {shown}",
        "list_type": f"a list is needed, such as [first, second], not {shown}",
        "model_type": f"a section with keys of its own is needed, not {shown}",
        "dict_type": f"a section with keys of its own is needed, not {shown}",
        "too_short": "must not be empty" if isinstance(error.get("input"), str) else "at least one is needed",
        "string_too_short": "must not be empty",
        "string_too_long": f"is too long: {_NAME_RULE}",
        "recursion_loop": "is nested too deep",
    }
    if kind in plain:
        return plain[kind]
    if kind == "string_pattern_mismatch":
        return f"{shown} is not {_NAME_RULE}" if "A-Za" in str(facts.get("pattern")) else f"{shown}: octal, as 0440"
    if _NUMBER_KINDS.match(kind):
        return f"a number is needed, not {shown}"
    return f"{error['msg'][:1].lower()}{error['msg'][1:]}"
