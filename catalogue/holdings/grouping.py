"""Which exposure a file belongs to, and what an exposure's files together say of it. Pure."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from catalogue.holdings.records import HeldFile, exposure_id
from catalogue.holdings.section import CatalogueSection
from catalogue.holdings.values import Value
from observatory.formats.whole import format_of
from observatory.names import show

_ACROSS_A_ROLLOVER = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Belonging:
    """The exposure of a file.

    Attributes
    ----------
    name : str
        Without leading zeros where it is a number; with its camera before it where that tells it from others.
    written : str
        As the file's name writes it.
    """

    id: uuid.UUID
    name: str
    written: str

    @property
    def number(self) -> int | None:
        """The number that its file's name is, or begins with; None where there is none."""
        digits = re.match(r"[0-9]{1,18}", self.written, re.ASCII)
        return int(digits[0]) if digits else None


@dataclass(frozen=True)
class Grouping:
    """How an instrument's files become exposures.

    Attributes
    ----------
    instrument, variant : str
    section : CatalogueSection
    cameras : tuple of str
        In the order declared.
    tells_cameras : bool
        Files of two cameras may be called alike: each has a folder of its own in the night, on one copy at least.
    """

    instrument: str
    variant: str
    section: CatalogueSection
    cameras: tuple[str, ...]
    tells_cameras: bool = False
    _expressions: tuple[re.Pattern[bytes], ...] = field(init=False, repr=False)
    _ranks: Mapping[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Make the expressions ready; each has to fit a whole path."""
        expressions = tuple(re.compile(text.encode()) for text in self.section.exposure)
        object.__setattr__(self, "_expressions", expressions)
        telling = self.section.headers or ()
        ordered = [*telling, *(name for name in self.cameras if name not in telling)]
        object.__setattr__(self, "_ranks", {name: rank for rank, name in enumerate(ordered)})

    def exposure_of(self, night: dt.date, camera: str, below: bytes) -> Belonging | None:
        """Return the exposure of a camera's file, by its path below the night's folder; None where it is of none.

        Without expressions each file whose format is known is an exposure of its own.
        """
        for expression in self._expressions:
            if found := expression.fullmatch(below):
                return self._belonging(night, show(found["exposure"]))
        if self._expressions or format_of(below) is None:
            return None
        name = f"{camera}/{show(below)}" if self.tells_cameras else show(below)
        return Belonging(exposure_id(self.instrument, self.variant, night, name), name, show(below))

    def _belonging(self, night: dt.date, written: str) -> Belonging:
        name = str(int(written)) if re.fullmatch(r"[0-9]{1,18}", written, re.ASCII) else written
        told_by = night if self.section.numbers == "night" else None
        return Belonging(exposure_id(self.instrument, self.variant, told_by, name), name, written)

    def columns_of(self, files: Iterable[HeldFile]) -> dict[str, Value]:
        """Return what the files of an exposure say of it: of each column, what the most telling file says."""
        found: dict[str, Value] = {}
        for file in self.in_order(files):
            for name, value in file.columns.items():
                found.setdefault(name, value)
        return found

    def doubt_of(self, name: str, files: Sequence[HeldFile]) -> str | None:
        """Return what is to be said where files of several nights can hardly be one exposure; else None.

        An exposure may lie across a rollover, but not in nights further apart, nor twice by the same name.
        """
        nights = sorted({file.night for file in files})
        is_twice = len({(file.camera, file.path) for file in files}) < len(files)
        if len(nights) < 2 or not (is_twice or nights[-1] - nights[0] > _ACROSS_A_ROLLOVER):
            return None
        words = f"exposure {name} lies in the nights {nights[0]:%Y%m%d} and {nights[-1]:%Y%m%d}"
        return f"{words}: where numbers begin anew each night say `numbers: night`"

    def in_order(self, files: Iterable[HeldFile]) -> Sequence[HeldFile]:
        """Return files with the most telling first."""
        return sorted(files, key=lambda file: (self._ranks.get(file.camera, len(self._ranks)), file.night, file.path))
