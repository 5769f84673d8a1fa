"""Which keys a section has, and which section stands at a key path.

Reads the pydantic models only; used for "did you mean", for the reference and for what may be left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from observatory.spec.yaml import KeyPath, printable


def keys(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the fields of a section by the key that YAML uses, in the order declared."""
    return {declared.alias or name: declared for name, declared in model.model_fields.items()}


def section_at(model: type[BaseModel], path: KeyPath) -> type[BaseModel] | None:
    """Return the model of the section at a key path, None where there is no section."""
    here: Any = model
    for part in path:
        if isinstance(here, _Inside):
            here = here.inner
        elif isinstance(here, type) and str(part) in keys(here):
            here = _narrow(keys(here)[str(part)].annotation)
        else:
            return None
    return here if isinstance(here, type) else None


class _Inside:
    """A list or mapping, one step of a path away from what it holds."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner


def _narrow(annotation: Any) -> Any:
    """Return the section that an annotation holds, wrapped once for each list or mapping around it."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return next((found for found in map(_narrow, arguments) if found is not None), None)
    if origin in (tuple, dict):
        inner = _narrow(arguments[0] if origin is tuple else arguments[1])
        return None if inner is None else _Inside(inner)
    return None


def sections(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Yield a section and every section below it once, in the order in which a reader meets them."""
    seen = [model]
    for section in seen:
        yield section
        for declared in section.model_fields.values():
            inner = section_of(declared)
            if inner is not None and inner not in seen:
                seen.append(inner)


def section_of(declared: FieldInfo) -> type[BaseModel] | None:
    """Return the section that a field holds, through lists and mappings; None where it holds none."""
    inner = _narrow(declared.annotation)
    while isinstance(inner, _Inside):
        inner = inner.inner
    return inner if isinstance(inner, type) else None


def meant(word: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?``, else ``; known here: ...``, else nothing."""
    names = sorted(known)
    by_lower: Mapping[str, str] = {name.lower(): name for name in names}
    close = get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {by_lower[close[0]]!r}?"
    if not names:
        return ""
    return f"; known here: {', '.join(printable(name) for name in names[:30])}{', ...' if len(names) > 30 else ''}"
