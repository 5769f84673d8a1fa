"""An instrument's ``catalogue``: how its files become exposures, what headers say of them, when one is complete.

The keys and what does not fit among them. How values are taken from headers is values.py's, the rules of
completeness complete.py's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from observatory.spec.fields import meant
from observatory.spec.models import ONE_OR_MANY, Instrument, Line, Name, OneOrMore, Pattern, Section
from observatory.spec.owned import OwnedSection
from observatory.spec.yaml import KeyPath

ColumnName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
"""A column of the catalogue: fit for a where-expression."""
ColumnType = Literal["text", "integer", "number", "night", "instant", "mjd"]

STANDARD: Mapping[str, tuple[ColumnType, str | None]] = {
    "header_night": ("night", None),
    "date": ("instant", None),
    "exptime": ("number", "s"),
    "skyra": ("number", "deg"),
    "skydec": ("number", "deg"),
    "airmass": ("number", None),
    "object": ("text", None),
    "exptype": ("text", None),
    "program": ("text", None),
    "tile_id": ("integer", None),
    "seeing": ("number", "arcsec"),
    "transparency": ("number", None),
    "skylevel": ("number", None),
    "s2n": ("number", None),
}
"""Columns that every exposure has, with type and unit; values in other units are turned into these."""
RESERVED = frozenset({"id", "instrument", "variant", "night", "number", "name", "expid", "data_written",
                      "data_written_utc", "arrived_utc", "data_location", "waits_for", "catalogued_utc", "facts", "and",
                      "or", "not", "in", "is", "like", "null", "between"})  # fmt: skip
UNITS: Mapping[str, tuple[str, float]] = {
    "s": ("s", 1.0), "ms": ("s", 1e-3), "us": ("s", 1e-6), "min": ("s", 60.0), "h": ("s", 3600.0),
    "deg": ("deg", 1.0), "arcmin": ("deg", 1 / 60), "rad": ("deg", 57.29577951308232), "hourangle": ("deg", 15.0),
    "arcsec": ("arcsec", 1.0),
}  # fmt: skip
"""Units that are turned into one another: the one they are turned into, and the factor."""


def exposure_expression(text: str) -> str:
    """Accept a regular expression over paths below the night's folder that names the exposure."""
    try:
        groups = re.compile(text.encode()).groupindex
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"no regular expression: {error}") from error
    if "exposure" not in groups:
        raise ValueError("needs a group (?P<exposure>...): which exposure does a file belong to?")
    return text


def named_after_exposure(text: str) -> str:
    """Refuse a name with braces around anything but the exposure: it would be waited for for ever."""
    strange = [word for word in re.findall(r"\{([^{}]*)\}", text) if word != "exposure"]
    if strange:
        raise ValueError(f"{{{strange[0]}}} stands for nothing here; the exposure is {{exposure}}")
    return text


OfExposure = Annotated[Line, AfterValidator(named_after_exposure)]


class Source(Section):
    """Where a column's value stands, and as what."""

    keyword: OneOrMore = Field(description="header keyword, or path in a JSON file (`expinfo.seeing`); the first found")
    type: ColumnType | None = Field(
        None, description="as what it is read: `instant` is ISO 8601 in UTC, `mjd` days; default: the column's"
    )
    unit: Line | None = Field(None, description="its unit in the file; default: the column's")
    hdu: OneOrMore | None = Field(None, description="numbers or names of the HDUs asked; default: the section's")
    file: Pattern | None = Field(None, description="a JSON file of the exposure that holds it, instead of headers")
    time: Line | None = Field(None, description="keyword of the time of day, where the first holds the date alone")


class HduCount(Section):
    """A file is whole when it has as many HDUs as one of its keywords says."""

    files: Annotated[tuple[Pattern, ...], ONE_OR_MANY] = Field(description="the files that are counted in")
    extension: Pattern = Field(description="which HDUs are counted, by the pattern of their names")
    keyword: Line = Field(description="keyword that says how many there must be")
    hdu: OneOrMore | None = Field(None, description="the HDUs that may hold the keyword; default: the section's")


class ManifestRule(Section):
    """A list of checksums that comes with an exposure."""

    files: Annotated[tuple[Pattern, ...], ONE_OR_MANY] = Field(description="its names, by pattern")
    required: bool = Field(True, description="false: one that is there must hold, none is no fault")
    hashes: bool = Field(True, description="false: what it lists must be there, nothing is hashed")


class PublishedRule(Section):
    """A link by which the instrument says that an exposure is complete."""

    link: OfExposure = Field("{exposure}", description="its path below the night's folder, with {exposure}")
    copy_: Name = Field(alias="copy", description="the copy on which the instrument makes it")


class Complete(Section):
    """When all data of an exposure are on disk; all that is declared must hold."""

    needs: tuple[OfExposure, ...] = Field((), description="patterns, with {exposure}, of which each must be there")
    trigger: OfExposure | None = Field(None, description="a file, with {exposure}, that is written last")
    manifest: ManifestRule | None = Field(None, description="a list of checksums that must agree")
    hdus: Annotated[tuple[HduCount, ...], ONE_OR_MANY] = Field((), description="HDUs against a keyword")
    published: PublishedRule | None = Field(None, description="a link that stands when it is complete")
    stable_s: float | None = Field(None, ge=0, description="seconds without change; default: the instrument's settle_s")


Sources = Annotated[tuple[Source, ...], ONE_OR_MANY]


class CatalogueSection(OwnedSection):
    """What the catalogue takes from this instrument's files."""

    exposure: Annotated[
        tuple[Annotated[str, AfterValidator(exposure_expression)], ...], ONE_OR_MANY
    ] = Field(
        (), description="regular expressions over paths below the night's folder, with a group `exposure`; default: "
        "each file is one"
    )  # fmt: skip
    numbers: Literal["instrument", "night"] = Field(
        "instrument", description="night: exposure numbers begin anew each night"
    )
    headers: tuple[Name, ...] | None = Field(
        None, description="cameras whose headers are read, the most telling first; default: all"
    )
    hdu: OneOrMore = Field(
        ("0", "1"), description="numbers or names of the HDUs whose headers are read, in this order; compressed often 1"
    )
    columns: dict[ColumnName, Sources] = Field(
        default_factory=dict, description="where each column's value stands; the first source that holds one"
    )
    classes: dict[Name, Annotated[tuple[Pattern, ...], ONE_OR_MANY]] = Field(
        default_factory=dict, description="patterns of an exposure's files by class, for `fetch`"
    )
    complete: Complete = Field(Complete(), description="when all data of an exposure are on disk")

    @model_validator(mode="after")
    def _types_fit(self) -> CatalogueSection:
        for name, sources in self.columns.items():
            if name in RESERVED:
                raise ValueError(f"the column {name!r} means something else already: choose another name")
            for source in sources:
                if problem := _misfit(name, source):
                    raise ValueError(f"column {name}: {problem}")
        return self

    def faults(self, instrument: Instrument) -> Iterable[tuple[KeyPath, str]]:
        """Cameras and copies that the instrument does not have."""
        for index, camera in enumerate(self.headers or ()):
            if camera not in instrument.cameras:
                yield ("headers", index), f"there is no camera {camera!r}{meant(camera, instrument.cameras)}"
        yield from self._published(instrument)

    def _published(self, instrument: Instrument) -> Iterator[tuple[KeyPath, str]]:
        labels = [copy.label for copy in instrument.copies]
        rule = self.complete.published
        if rule is not None and rule.copy_ not in labels:
            yield ("complete", "published", "copy"), f"there is no copy {rule.copy_!r}{meant(rule.copy_, labels)}"


def _misfit(name: str, source: Source) -> str | None:
    """Say why a source cannot fill a column that every exposure has."""
    wanted, unit = STANDARD.get(name, (None, None))
    taken = {"night": ("night", "instant", "mjd"), "instant": ("instant", "mjd")}.get(wanted or "", (wanted,))
    if wanted is not None and source.type is not None and source.type not in taken:
        return f"is {wanted} in every catalogue; type {source.type} does not fit"
    if unit is not None and source.unit is not None and UNITS.get(source.unit, ("", 0.0))[0] not in _alike(unit):
        return f"is kept in {unit}; {source.unit!r} is no unit that can be turned into it"
    return None


def _alike(unit: str) -> tuple[str, ...]:
    return ("deg", "arcsec") if unit in ("deg", "arcsec") else (unit,)


def column_type(name: str, sources: Iterable[Source]) -> ColumnType:
    """Return what a column holds: ``mjd`` and ``instant`` are both instants."""
    first: ColumnType = next((source.type for source in sources if source.type), "text")
    declared = STANDARD.get(name, (first, None))[0]
    return "instant" if declared == "mjd" else declared


def _one(*keywords: str, type: ColumnType | None = None) -> Source:
    return Source(keyword=keywords, type=type)


GENERIC: Mapping[str, tuple[Source, ...]] = {
    "header_night": (_one("DATE-OBS", type="instant"), _one("MJD-OBS", "MJD-STR", "MJD", type="mjd")),
    "date": (_one("DATE-OBS", type="instant"), _one("MJD-OBS", "MJD-STR", "MJD", type="mjd")),
    "exptime": (_one("EXPTIME", "EXPOSURE"),),
    "airmass": (_one("AIRMASS"),),
    "object": (_one("OBJECT"),),
    "exptype": (_one("OBSTYPE", "IMAGETYP", "DATA-TYP"),),
}
"""Where columns stand in most headers (FITS standard 4.0 table 22 for DATE-OBS and MJD-OBS); what is declared wins."""


def sources_of(section: CatalogueSection) -> dict[str, tuple[Source, ...]]:
    """Return the sources of every column, those that need not be declared among them; an empty list wants none."""
    return {name: sources for name, sources in {**GENERIC, **section.columns}.items() if sources}
