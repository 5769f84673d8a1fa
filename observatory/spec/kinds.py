"""The kinds of values that keys of the specification have, and what every section shares.

Which keys there are is models.py's; the small forms of text are forms.py's.
"""

from __future__ import annotations

from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from observatory.spec import forms

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$", max_length=64)]
"""A name of a host, copy, camera or instrument: fit for a folder, a mail subject and a command line."""


def as_list(value: Any) -> Any:
    """Take one text for a list of one."""
    return value if isinstance(value, (list, tuple)) or value is None else [value]


class _OneOrMany(BeforeValidator):
    """Takes one value for a list of one, and says so in the JSON Schema too: editors check by it."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        listed = handler(core)
        return {"anyOf": [listed["items"], listed]}


ONE_OR_MANY = _OneOrMany(as_list)
"""Of a list: one of its values may stand for a list of one."""
OneOrMore = Annotated[tuple[str, ...], Field(min_length=1), ONE_OR_MANY]
"""A text, or a list of texts."""
Line = Annotated[str, AfterValidator(forms.one_line), Field(min_length=1)]
"""A text without control characters."""
Clock = Annotated[str, AfterValidator(forms.clock)]
"""``HH:MM``, or ``utc``."""
TimeOfDay = Annotated[str, AfterValidator(forms.time_of_day)]
"""``HH:MM``."""
Cron = Annotated[str, AfterValidator(forms.cron)]
"""A cron expression of five fields."""
MailAddress = Annotated[str, AfterValidator(forms.mail_address)]
"""A mail address."""
Night = Annotated[
    str, AfterValidator(forms.night), WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "integer"}]})
]
"""A night as ``YYYYMMDD``; ``YYYY-MM-DD`` is taken too."""
Pattern = Annotated[str, AfterValidator(forms.pattern)]
"""A shell pattern."""
Bits = Annotated[str, Field(pattern=r"^0?[0-7]{3,4}$")]
"""Permission bits in octal, such as ``0440``."""


DAY_S = 86_400
"""Nobody waits longer for an answer, and the system's own calls know no number without end."""


class Section(BaseModel):
    """What every section shares: frozen, no key that is not declared, and only true and false as booleans."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _plain_truth(cls, value: Any, info: ValidationInfo) -> Any:
        """Turn text into a boolean where one is wanted; pydantic alone would take yes, on and 1 as well."""
        declared = cls.model_fields.get(info.field_name or "")
        if declared is None or not isinstance(value, str):
            return value
        kinds = _alternatives(declared.annotation)
        words = [word for kind in kinds if get_origin(kind) is Literal for word in get_args(kind)]
        if bool not in kinds or value in words:
            return value
        judged = forms.truth(value)
        if isinstance(judged, str) and str not in kinds:
            raise ValueError(f"{forms.one_of(['true', 'false', *words])} is needed, not {value!r}")
        return judged


Owned = TypeVar("Owned", bound=Section)


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
