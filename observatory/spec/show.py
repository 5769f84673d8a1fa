"""The specification for people and editors: what is in force, the reference, and the JSON Schema.

Everything is made from the models, so that no page can say other than the program. Reads and writes no files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from observatory.errors import UsageError
from observatory.spec.fields import keys, section_of, sections
from observatory.spec.models import Section, Site, Specification, StepSection, as_list
from observatory.spec.owned import instrument_model

_HEAD = "--- # "


def effective(specification: Specification) -> str:
    """Return what is in force, all defaults filled in: the text of every file, each headed ``--- # its name``.

    Keys that are absent and have no default stay absent. Secrets are never part of it: the specification itself
    holds only the names of the files in which they lie.
    """
    return "".join(f"{_HEAD}{name}\n{text}" for name, text in effective_files(specification).items())


def effective_files(specification: Specification) -> dict[str, str]:
    """Return the same by file, relative to the configuration folder; written there, `load` reads them back alike."""
    files = {"site.yaml": _text(specification.site)}
    for name, instrument in sorted(specification.instruments.items()):
        files[f"instruments.d/{name}.yaml"] = _text(instrument)
    return files


def effective_document(specification: Specification) -> dict[str, Any]:
    """Return the same as plain data: the site, and the instruments by name."""
    instruments = {name: _plain(one) for name, one in sorted(specification.instruments.items())}
    return {"site": _plain(specification.site), "instruments": instruments}


class _Dumper(yaml.SafeDumper):
    """Writes every value out where it stands, since aliases would have to be followed by eye."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _plain(section: BaseModel) -> dict[str, Any]:
    return section.model_dump(mode="json", by_alias=True, exclude_none=True, serialize_as_any=True)


def _text(section: BaseModel) -> str:
    return yaml.dump(_plain(section), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def json_schema(
    which: str,
    step_models: Mapping[str, type[StepSection]] | None = None,
    section_models: Mapping[str, type[Section]] | None = None,
) -> dict[str, Any]:
    """Return the JSON Schema of a file, so that editors complete and check it.

    Parameters
    ----------
    which : str
        ``site`` or ``instrument``.
    step_models : mapping of step to its section's model, optional
        With it each step's own keys are part of the schema; without, a step may hold any further key.
    section_models : mapping of key to its section's model, optional
        What other packages own at the top of an instrument's file.

    Raises
    ------
    UsageError
        There is no such file.
    """
    models: dict[str, type[BaseModel]] = {"site": Site, "instrument": instrument_model(section_models or {})}
    if which not in models:
        raise UsageError(f"{which!r}: there is a schema of site and one of instrument")
    schema = models[which].model_json_schema(by_alias=True)
    if which == "instrument":
        schema["properties"]["sequence"]["anyOf"].insert(0, {"type": "string"})
        _open_steps(schema, step_models or {})
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _open_steps(schema: dict[str, Any], step_models: Mapping[str, type[StepSection]]) -> None:
    definitions = schema["$defs"]
    if not step_models:
        definitions["StepSection"]["additionalProperties"] = True
        return
    for step, model in sorted(step_models.items()):
        own = model.model_json_schema(by_alias=True, ref_template="#/$defs/{model}")
        definitions.update(own.pop("$defs", {}))
        own["properties"]["step"] = {"const": step, "description": "which converter"}
        definitions[f"step-{step}"] = own
    steps = [{"$ref": f"#/$defs/step-{step}"} for step in sorted(step_models)]
    definitions["Convert"]["properties"]["steps"]["items"] = {"anyOf": steps}


_INTRODUCTION = """\
# Every key of the specification

Made from the models by `observatory.spec.show.reference`; a test keeps it current.

A configuration is a folder: `site.yaml`, and one file per instrument in `instruments.d/`, whose name without `.yaml`
is the instrument's. All values are read as text and then taken for what the key wants: `012`, `12:30:00` and `NO` stay
what was written, only `true` and `false` are booleans, numbers carry no unit (the key names it). A key that stands
twice, a key that is not listed here, a tag, a second document: each is a problem, and `nightferry check-config` lists
all problems of all files at once as `file:line: key.path: reason`.
"""


def reference(section_models: Mapping[str, type[Section]] | None = None) -> str:
    """Return the reference of every key, in Markdown, with those of other packages: docs/specification.md."""
    parts = [_INTRODUCTION]
    instrument = instrument_model(section_models or {})
    for title, model in (("site.yaml", Site), ("instruments.d/NAME.yaml", instrument)):
        for section in sections(model):
            parts.append("\n".join(_section(title if section is model else section.__name__, section, model)))
    return "\n".join(parts)


def _section(title: str, section: type[BaseModel], model: type[BaseModel]) -> Iterator[str]:
    yield f"{'##' if section is model else '###'} {title}\n"
    yield f"{(section.__doc__ or '').split(chr(10))[0]}\n"
    yield "| key | what it holds | default | meaning |"
    yield "|---|---|---|---|"
    for key, declared in keys(section).items():
        cells = (f"`{key}`", _kind(declared), _default(declared), declared.description or "")
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
    yield ""


def _kind(declared: FieldInfo) -> str:
    inner = section_of(declared)
    words = _words(declared.annotation)
    if inner is None:
        return words
    link = f"[{inner.__name__}](#{inner.__name__.lower()})"
    return words.replace("section", link)


def _words(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return ", ".join(f"`{word}`" for word in arguments)
    if origin in (Union, UnionType):
        return " or ".join(_words(kind) for kind in arguments if kind is not type(None))
    if origin is tuple:
        return f"list of {_plural(_words(arguments[0]))}"
    if origin is dict:
        return f"{_words(arguments[1])} by name"
    if origin is Annotated:
        takes_one = any(isinstance(fact, BeforeValidator) and fact.func is as_list for fact in arguments[1:])
        return ("text or " if takes_one else "") + _words(arguments[0])
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "section"
    plain: dict[Any, str] = {str: "text", bool: "`true`, `false`", int: "whole number", float: "number", Any: "values"}
    return plain.get(annotation, "text")


def _plural(words: str) -> str:
    return {"text": "texts", "whole number": "whole numbers", "section": "section"}.get(words, words)


def _default(declared: FieldInfo) -> str:
    if declared.is_required():
        return "**required**"
    value = declared.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, BaseModel):
        return "as there"
    if value is None or value is PydanticUndefined or value in ((), {}, ""):
        return "none"
    if isinstance(value, tuple):
        return f"`[{', '.join(map(repr, value))}]`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
