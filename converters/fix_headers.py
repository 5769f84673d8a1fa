"""The step `fix-headers`: header values written as a dictionary says, without a change of type or of value.

How a value is written is formats.py's. Files are written anew; what arrived is never touched.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from converters.base import Done, NightFolder, Task
from converters.cards import Header, NotAHeader, read_header
from converters.formats import DictionaryFault, Format, Refusal, apply, read_dictionary
from converters.nightstep import CannotPlan, Desk, NamesItsProducts, Survey
from converters.rewriting import RunEnded, rewrite
from observatory.counting import counted

BUILT_IN = "vampires"
_BUILT_IN_FILE = Path(__file__).parent / "vampires" / "headers.tsv"
_SHOWN = 3


class FixHeadersStep(NamesItsProducts):
    """Writes header values in the formats of a dictionary."""

    changes_headers: ClassVar[bool] = True
    preload: ClassVar[tuple[str, ...]] = ("converters.fix_headers",)

    step: Literal["fix-headers"] = Field(description="which converter")
    inputs: tuple[str, ...] = Field(("vgen2/*.fits",), min_length=1, description="patterns of the files it works on")
    dictionary: str = Field(
        BUILT_IN, description="an absolute path of a table with the columns Keyword and Type; or vampires, our own"
    )
    formats: dict[str, str] = Field({}, description="formats beside the dictionary's, which they replace")

    @field_validator("dictionary")
    @classmethod
    def _is_absolute(cls, text: str) -> str:
        if text != BUILT_IN and not text.startswith("/"):
            raise ValueError(f"a dictionary is {BUILT_IN} or an absolute path, unlike {text!r}")
        return text

    @field_validator("formats")
    @classmethod
    def _are_formats(cls, formats: dict[str, str]) -> dict[str, str]:
        for text in formats.values():
            Format.parse(text)
        return formats

    def plan(self, folder: NightFolder, survey: Survey) -> Sequence[Task]:
        """Return a task per file of which some card is not in its format."""
        formats = self._formats()
        written = {keyword: one.text for keyword, one in sorted(formats.items())}
        arguments = json.dumps(written)
        return [
            Task(folder, folder.below_root(path), (path,), (path,), arguments, consumes=(path,))
            for path in folder.taken(self.inputs)
            if _needs_work(folder, path, formats)
        ]

    def make(self, task: Task, outputs: Sequence[Path], desk: Desk) -> Done:
        """Write one file anew."""
        formats = {keyword: Format.parse(text) for keyword, text in json.loads(task.arguments).items()}
        refusals: list[Refusal] = []
        edit = functools.partial(_edit, formats=formats, refusals=refusals)
        source = task.folder.place_of(task.inputs[0])
        try:
            sha256 = rewrite(source, outputs[0], edit, lambda: desk.leash.is_pulled)
        except (NotAHeader, RunEnded) as error:
            return Done(str(error))
        return Done(warning=_said(refusals), sha256={task.outputs[0]: sha256})

    def _formats(self) -> dict[str, Format]:
        path = _BUILT_IN_FILE if self.dictionary == BUILT_IN else Path(self.dictionary)
        try:
            known = read_dictionary(path)
        except DictionaryFault as error:
            raise CannotPlan(f"dictionary: {error}") from error
        return known | {keyword: Format.parse(text) for keyword, text in self.formats.items()}


def _edit(header: Header, formats: Mapping[str, Format], refusals: list[Refusal]) -> None:
    refusals += apply(header, formats)[1]


def _said(refusals: Sequence[Refusal]) -> str | None:
    if not refusals:
        return None
    shown = "; ".join(str(one) for one in refusals[:_SHOWN])
    more = f"; and {len(refusals) - _SHOWN} more" if len(refusals) > _SHOWN else ""
    return f"{counted(len(refusals), 'card was left as it is', 'cards were left as they are')}: {shown}{more}"


def _needs_work(folder: NightFolder, path: bytes, formats: Mapping[str, Format]) -> bool:
    """Say whether a card of a file is not in its format; of a file without a header the task itself says why."""
    with folder.place_of(path).open("rb") as stream:
        try:
            header = read_header(stream)
        except NotAHeader:
            return True
    return apply(header, formats)[0] > 0
