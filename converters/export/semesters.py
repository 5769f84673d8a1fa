"""One definition of a semester: for what is searched and for the folders that it is put in.

Pure. When semesters begin is said by the instrument's YAML (section.py), and nowhere else.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from observatory.errors import UsageError
from observatory.nights import NightClock

_NAME = re.compile(r"(\d{4})([A-Z])", re.ASCII)
_LEAP_YEAR = 2024


@dataclass(frozen=True, slots=True, order=True)
class Start:
    """The first night of a semester in every year."""

    month: int
    day: int
    letter: str


@dataclass(frozen=True, slots=True)
class SemesterRule:
    """How nights are counted into semesters.

    Attributes
    ----------
    clock : NightClock
        What night an instant belongs to.
    starts : tuple of Start
        Ascending; at least one.
    """

    clock: NightClock
    starts: tuple[Start, ...]

    def of(self, instant_utc: dt.datetime) -> str:
        """Return the semester of an instant, such as ``2025B``: that of its night.

        A semester bears the year in which it began.
        """
        night = self.clock.night_of(instant_utc)
        begun = [start for start in self.starts if (start.month, start.day) <= (night.month, night.day)]
        if begun:
            return f"{night.year:04d}{begun[-1].letter}"
        return f"{night.year - 1:04d}{self.starts[-1].letter}"

    def bounds(self, name: str) -> tuple[dt.datetime, dt.datetime]:
        """Return the first instant of a semester and that of the next, in UTC.

        Raises
        ------
        UsageError
            There is no such semester.
        """
        match = _NAME.fullmatch(name.strip().upper())
        letters = [start.letter for start in self.starts]
        if match is None or match[2] not in letters or not 1900 <= int(match[1]) <= 2999:
            told = ", ".join(f"2025{letter}" for letter in letters)
            raise UsageError(f"{name!r} is no semester: they are called {told}")
        year, place = int(match[1]), letters.index(match[2])
        is_last = place + 1 == len(self.starts)
        after = self.starts[0] if is_last else self.starts[place + 1]
        return self._first(year, self.starts[place]), self._first(year + is_last, after)

    def _first(self, year: int, start: Start) -> dt.datetime:
        return self.clock.bounds(dt.date(year, start.month, start.day))[0]


def read_starts(written: dict[str, str]) -> tuple[Start, ...]:
    """Read ``{A: "01-01", B: "07-01"}``: letter and first night as MM-DD.

    Raises
    ------
    ValueError
        A letter or a day that is none, none at all, or two on one day.
    """
    starts = tuple(sorted(_read_start(letter, day) for letter, day in written.items()))
    if not starts:
        raise ValueError('at least one semester is needed, such as A: "01-01"')
    if len({(start.month, start.day) for start in starts}) < len(starts):
        raise ValueError("two semesters begin on one day")
    return starts


def _read_start(letter: str, day: str) -> Start:
    if not re.fullmatch("[A-Z]", letter):
        raise ValueError(f"{letter!r}: a semester is called by one capital letter")
    match = re.fullmatch(r"(\d\d)-(\d\d)", day, re.ASCII)
    if match is None or (match[1], match[2]) == ("02", "29"):
        raise ValueError(f"{day!r}: the first night as MM-DD, such as 07-01, in every year")
    try:
        first = dt.date(_LEAP_YEAR, int(match[1]), int(match[2]))
    except ValueError as error:
        raise ValueError(f"{day!r} is no day of the year") from error
    return Start(first.month, first.day, letter)
