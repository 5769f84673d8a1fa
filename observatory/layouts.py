"""Where a night lies below a root, and which night a path belongs to.

Pure: turns a layout such as ``%Y/%m%d`` or ``{camera}/%Y_%m_%d`` into folder names, into the shell
pattern that proves a root, and back from a path to its night and camera.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
from dataclasses import dataclass

_DIRECTIVES = {
    "%Y": (r"(?P<Y>\d{4})", "[0-9][0-9][0-9][0-9]"),
    "%y": (r"(?P<y>\d{2})", "[0-9][0-9]"),
    "%m": (r"(?P<m>\d{2})", "[0-9][0-9]"),
    "%d": (r"(?P<d>\d{2})", "[0-9][0-9]"),
    "%j": (r"(?P<j>\d{3})", "[0-9][0-9][0-9]"),
    "%b": (r"(?P<b>[A-Z][a-z]{2})", "[A-Z][a-z][a-z]"),
    "%%": ("%", "%"),
}
_TOKEN = re.compile(r"%.|\{camera\}", re.DOTALL)


class LayoutError(ValueError):
    """A layout that names no day, or with a directive that we do not know."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A night's folder below a root, as strftime of the night with ``{camera}``.

    Attributes
    ----------
    text : str
        Relative, without leading or trailing slash.

    Raises
    ------
    LayoutError
        It has no day of the year (``%Y`` or ``%y`` with ``%m`` or ``%b`` and ``%d``, or with ``%j``), an
        unknown directive, is absolute, or has an empty or ``..`` part.
    """

    text: str

    def __post_init__(self) -> None:
        """Refuse what cannot be a layout."""
        if any(part in ("", ".", "..") for part in self.text.split("/")):
            raise LayoutError(f"{self.text!r} must be a relative path without empty, '.' or '..' parts")
        found = re.findall(r"%.", self.text, re.DOTALL)
        unknown = [directive for directive in found if directive not in _DIRECTIVES]
        if unknown or self.text.endswith("%"):
            raise LayoutError(f"{self.text!r}: {', '.join(unknown) or '%'} is none of {' '.join(sorted(_DIRECTIVES))}")
        if not _names_a_day(set(found)):
            raise LayoutError(f"{self.text!r} does not say the day: it needs e.g. %Y, %m and %d")

    def folder(self, night: dt.date, camera: str = "") -> bytes:
        """Return the folder of a night and camera, relative to the root."""
        filled = _TOKEN.sub(lambda token: _fill(token[0], night, camera), self.text)
        return filled.encode()

    def glob(self, camera: str = "*") -> bytes:
        """Return a shell pattern that any night's folder matches."""
        return _TOKEN.sub(
            lambda token: camera if token[0] == "{camera}" else _DIRECTIVES[token[0]][1], self.text
        ).encode()

    def night_of(self, path: bytes) -> tuple[dt.date, str] | None:
        """Return the night and camera (``""`` without one) of a path below the root, or None if it is of no night."""
        match = _expression(self.text).match(path)
        if match is None:
            return None
        facts = {key: value.decode("ascii", "replace") for key, value in match.groupdict().items() if value}
        night = _date(facts)
        return None if night is None else (night, facts.get("camera", ""))


def _names_a_day(directives: set[str]) -> bool:
    has_year = bool(directives & {"%Y", "%y"})
    has_day = "%j" in directives or ("%d" in directives and bool(directives & {"%m", "%b"}))
    return has_year and has_day


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _fill(part: str, night: dt.date, camera: str) -> str:
    if part == "{camera}":
        return camera
    if part == "%b":  # strftime's would follow the locale of whoever runs us
        return _MONTHS[night.month - 1]
    return night.strftime(part)


@functools.lru_cache(maxsize=64)
def _expression(text: str) -> re.Pattern[bytes]:
    parts, last = [], 0
    seen: set[str] = set()
    for token in _TOKEN.finditer(text):
        parts.append(re.escape(text[last : token.start()]))
        pattern = r"(?P<camera>[^/]+)" if token[0] == "{camera}" else _DIRECTIVES[token[0]][0]
        name = re.match(r"\(\?P<(\w+)>", pattern)
        if name and name[1] in seen:
            pattern = f"(?P={name[1]})"
        elif name:
            seen.add(name[1])
        parts.append(pattern)
        last = token.end()
    parts.append(re.escape(text[last:]))
    return re.compile(("".join(parts) + "(?:/|$)").encode())


def _date(facts: dict[str, str]) -> dt.date | None:
    year = int(facts["Y"]) if "Y" in facts else 2000 + int(facts["y"])
    try:
        if "j" in facts:
            night = dt.date(year, 1, 1) + dt.timedelta(days=int(facts["j"]) - 1)
            return night if night.year == year else None
        month = int(facts["m"]) if "m" in facts else _MONTHS.index(facts["b"]) + 1
        return dt.date(year, month, int(facts["d"]))
    except ValueError:
        return None
