"""The key ``export`` of an instrument: where its data roots are, what its semesters are, what stands in its headers.

A pydantic model, judged when the specification is read; headers.py makes the header map of it, semesters.py
the rule of semesters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from converters.export.semesters import SemesterRule, read_starts
from observatory.nights import NightClock
from observatory.spec import forms
from observatory.spec.models import Clock, Line, Name, Section

KEY = "export"
"""The key under which an instrument has this section."""

_KEYWORD = re.compile(r"[A-Z0-9][A-Z0-9_-]*( [A-Z0-9][A-Z0-9_-]*)*")
_OURS = frozenset(
    {"SIMPLE", "XTENSION", "BITPIX", "NAXIS", "BZERO", "BSCALE", "EXTEND", "END", "PCOUNT", "GCOUNT", "TFIELDS",
     "CHECKSUM", "DATASUM", "HISTORY", "COMMENT", "DATE-OBS", "DATE-BEG", "DATE-AVG", "DATE-END", "TIMESYS", "MJD-AVG",
     "EXPTIME", "INSTRUME", "CAMERA", "TELESCOP", "FRAMENO", "ACQSEC", "ACQNSEC", "WRTSEC", "WRTNSEC"}
)  # fmt: skip
"""Keywords that the export writes itself. HIERARCH cards of these names are other cards."""
_OF_FITS = re.compile(r"NAXIS[0-9]{1,3}|BLANK|CONTINUE|HIERARCH|GROUPS|BLOCKED|EXTNAME|EXTVER|EXTLEVEL|INHERIT|ZIMAGE")
"""Keywords by which readers understand a file: with a value out of telemetry it would be none."""


def _keyword(text: str) -> str:
    if not _KEYWORD.fullmatch(text) or len(text) > 40:
        raise ValueError(f"{text!r} is no keyword: capital letters, digits, - and _, words apart by one blank")
    return text


Keyword = Annotated[str, AfterValidator(_keyword)]


class CardModel(Section):
    """How one field of a kind of record becomes a card."""

    keyword: Keyword = Field(description="of 8 characters without a blank, else it is written as a HIERARCH card")
    per_device: bool = Field(False, description="true: HIERARCH, with the device's name before the keyword")
    when: Literal["state", "interpolated", "angle"] = Field(
        "state",
        description="state: what held when the exposure began, absent if it changed within it; interpolated: at its"
        " middle, between the records around it; angle: likewise, the short way round, degrees",
    )
    comment: Line | None = Field(None, description="the card's comment")

    @model_validator(mode="after")
    def _not_ours(self) -> CardModel:
        if not self.per_device and self.keyword in _OURS:
            raise ValueError(f"{self.keyword} is written by the export itself")
        if not self.per_device and _OF_FITS.fullmatch(self.keyword):
            raise ValueError(f"{self.keyword} tells how a FITS file is to be read: name another keyword")
        return self


def _short_form(value: object) -> object:
    """Take a keyword alone for a card with it."""
    return {"keyword": value} if isinstance(value, str) else value


class _ShortForm(BeforeValidator):
    """Takes a text for a section, and says so in the JSON Schema too."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [{"type": "string"}, handler(core)]}


Card = Annotated[CardModel, _ShortForm(_short_form)]

Device = Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9_.+-]*|\{camera\})$", max_length=64)]
"""The name of a device, or what stands for the camera's own."""


class HeaderModel(Section):
    """A list of cards, with other lists included."""

    include: tuple[Name, ...] = Field((), description="lists whose cards come before these")
    devices: dict[Device, dict[str, tuple[str, ...]]] = Field(
        default_factory=dict,
        description="device, kind of record, fields; {camera} stands for the camera's own device",
    )


class SemesterModel(Section):
    """When semesters begin: one definition for searching and for folders."""

    zone: Annotated[str, AfterValidator(forms.zone)] | None = Field(
        None, description="time zone of its nights; default: the site's"
    )
    rollover: Clock = Field("12:00", description="local time at which a night begins")
    starts: dict[str, str] = Field(
        default_factory=lambda: {"A": "01-01", "B": "07-01"}, description="letter and first night, as MM-DD"
    )

    @model_validator(mode="after")
    def _can_be_counted(self) -> SemesterModel:
        read_starts(self.starts)
        return self


class WatchModel(Section):
    """How ``export --watch`` waits."""

    by_daemon: bool = Field(False, description="true: the daemon keeps `export --watch` at work")
    output: Line | None = Field(None, description="where its products go; default: the working directory")
    poll_s: float = Field(30.0, gt=0, description="seconds between two looks")
    back_hours: float = Field(36.0, gt=0, description="how far back it looks for observations")
    telemetry_wait_s: float = Field(
        120.0,
        ge=0,
        description="seconds after an archive's last frame until it is exported with what telemetry there is",
    )
    retry_limit_s: float = Field(3600.0, gt=0, description="longest pause before a failed archive is tried again")

    @model_validator(mode="after")
    def _knows_where(self) -> WatchModel:
        if self.by_daemon and self.output is None:
            raise ValueError("by_daemon needs output: where else would the daemon's products go?")
        return self


class ExportSection(Section):
    """What spans, export and bundle need to know of an instrument."""

    data_roots: tuple[Annotated[str, AfterValidator(forms.root)], ...] = Field(
        (), description="folders that hold rawimages, telem and logs; merged into one. -X names others"
    )
    observers: Name = Field("observers", description="the device whose telemetry tells who observes what")
    automatic: tuple[Name, ...] = Field((), description="cameras that are exported where none is named")
    cubes: tuple[Name, ...] = Field(
        (), description="cameras whose archives become one cube each; the others' one file a frame"
    )
    telescope: Line | None = Field(None, description="TELESCOP")
    semesters: SemesterModel = Field(SemesterModel(), description="when semesters begin")
    gap_s: float = Field(
        25.0, gt=0, description="seconds; telemetry further away from an exposure says nothing about it"
    )
    records: dict[str, dict[str, Card]] = Field(
        default_factory=dict, description="kind of record, field, card: a keyword, or a section"
    )
    lists: dict[Name, HeaderModel] = Field(default_factory=dict, description="lists of cards to be included")
    headers: dict[Name, HeaderModel] = Field(
        default_factory=dict, description="the cards of each camera; `default` for those that are not named"
    )
    watch: WatchModel = Field(WatchModel(), description="how export --watch waits")

    @model_validator(mode="after")
    def _lists_are_sound(self) -> ExportSection:
        for name in self.lists:
            self._follow(name, ())
        for where, header in [*self.lists.items(), *self.headers.items()]:
            for name in header.include:
                self._known(where, name)
            for reason in self._unknown_fields(where, header):
                raise ValueError(reason)
        return self

    def _known(self, where: str, name: str) -> HeaderModel:
        if name not in self.lists:
            raise ValueError(f"{where}: there is no list {name!r} to include")
        return self.lists[name]

    def _follow(self, name: str, path: tuple[str, ...]) -> None:
        if name in path:
            raise ValueError(f"lists include one another: {' -> '.join([*path, name])}")
        for other in self.lists[name].include:
            self._known(name, other)
            self._follow(other, (*path, name))

    def _unknown_fields(self, where: str, header: HeaderModel) -> Iterator[str]:
        for device, kinds in header.devices.items():
            for kind, fields in kinds.items():
                for field in fields:
                    if field not in self.records.get(kind, {}):
                        yield f"{where}: {device} {kind} {field} has no card in `records`"

    def semester_rule(self, site_zone: str) -> SemesterRule:
        """Return the rule of semesters; `site_zone` where the section names no zone of its own."""
        clock = NightClock.from_spec(self.semesters.zone or site_zone, self.semesters.rollover)
        return SemesterRule(clock, read_starts(self.semesters.starts))
