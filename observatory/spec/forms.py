"""Small forms of text that a specification is made of: clocks, nights, cron lines, URLs, addresses, patterns.

Each function takes a text and returns it, tidied where there is something to tidy, or raises ValueError with the
reason as a sentence. Pure; knows no keys and no files: models.py says where each form stands.
"""

from __future__ import annotations

import datetime as dt
import posixpath
import re
import string
import urllib.parse
import zoneinfo
from collections.abc import Sequence
from pathlib import PurePosixPath

from observatory.layouts import Layout
from observatory.names import has_range_to_a_class

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d", re.ASCII)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
"""Of the months, in a leap year."""
_SECRET = re.compile(r"(?!passfile$)(ssl)?pas", re.ASCII | re.IGNORECASE)
"""What a setting of a database's URL is called that holds a password, also where it is misspelt."""
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_CRON_FIELDS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 7, _WEEKDAYS),
)


def truth(value: object) -> object:
    """Turn the texts ``true`` and ``false`` into booleans; everything else stays as it is."""
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


def one_of(words: Sequence[str]) -> str:
    """Return words as a choice: ``none, starttls or tls``."""
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def one_line(text: str) -> str:
    """Refuse control characters: a line end in an address or host name could start a header or a command."""
    if _CONTROL.search(text):
        raise ValueError("must be one line without control characters")
    return text


def root(text: str) -> str:
    """Return an absolute root in its plain form, without a trailing slash."""
    one_line(text)
    if not text.startswith("/"):
        raise ValueError(f"a root is an absolute path: it begins with '/', unlike {text!r}")
    if ".." in PurePosixPath(text).parts:
        raise ValueError(f"a root must not contain '..': {text!r}")
    return "/" + posixpath.normpath(text).lstrip("/")


def clock(text: str) -> str:
    """Accept a time of day as ``HH:MM``, or ``utc``."""
    if text != "utc" and not _TIME.fullmatch(text):
        raise ValueError(f"a time of day as HH:MM, or utc, not {text!r}")
    return text


def time_of_day(text: str) -> str:
    """Accept a time of day as ``HH:MM``."""
    if not _TIME.fullmatch(text):
        raise ValueError(f"a time of day as HH:MM, not {text!r}")
    return text


def night(text: str) -> str:
    """Return a night written ``YYYYMMDD`` or ``YYYY-MM-DD`` as ``YYYYMMDD``."""
    if re.fullmatch(r"\d{8}|\d{4}-\d\d-\d\d", text, re.ASCII):
        try:
            dt.date.fromisoformat(text)
        except ValueError:
            pass
        else:
            return text.replace("-", "")
    raise ValueError(f"a night as YYYYMMDD or YYYY-MM-DD, not {text!r}")


def layout(text: str) -> str:
    """Accept a night's folder below a root; `observatory.layouts.LayoutError` (a ValueError) says why not."""
    one_line(text)
    return Layout(text).text


def folder(text: str) -> str:
    """Accept a folder below a root: relative, without empty, ``.`` or ``..`` parts."""
    if any(part in ("", ".", "..") for part in one_line(text).split("/")):
        raise ValueError(f"{text!r} must be a relative path without empty, '.' or '..' parts")
    return text


def zone(name: str) -> str:
    """Accept the name of an IANA time zone."""
    try:
        zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no IANA time zone, such as Africa/Johannesburg") from error
    return name


def pattern(text: str) -> str:
    """Accept a shell pattern of names or of paths below a night's directory."""
    if not text:
        raise ValueError("an empty pattern takes nothing")
    if text.startswith("/") or ".." in text.split("/"):
        raise ValueError(f"a pattern stands below the night's directory: no leading '/' and no '..' in {text!r}")
    if has_range_to_a_class(text.encode()):
        raise ValueError(f"a range ends in a character, not in a class, unlike that in {text!r}; a '-' stands first")
    return text


def companion(text: str) -> str:
    """Accept a pattern of companions; ``{stem}`` stands for the name of the file without its ending."""
    if "{stem}" not in pattern(text):
        raise ValueError(f"a companion's pattern needs {{stem}}, such as {{stem}}.txt, unlike {text!r}")
    return text


def sequence(text: str) -> str:
    """Accept a pattern of frame numbers: ``{number}`` once, and perhaps ``{night}`` and ``{camera}``."""
    try:
        names = [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]
    except ValueError as error:
        raise ValueError(f"the braces of {text!r} do not match: {error}") from error
    unknown = sorted(set(names) - {"night", "number", "camera"})
    if unknown:
        raise ValueError(f"{{{unknown[0]}}} is none of {{night}}, {{number}} and {{camera}}")
    if names.count("number") != 1:
        raise ValueError("the pattern needs {number}, once")
    return text


def night_expression(text: str) -> str:
    """Accept a regular expression that finds the night in a name: with a group ``night`` or ``utc``."""
    try:
        compiled = re.compile(text.encode())  # names are bytes
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"no regular expression: {error}") from error
    if not {"night", "utc"} & set(compiled.groupindex):
        raise ValueError("needs a group (?P<night>...) or (?P<utc>...): which part of the name is the night?")
    return text


def mail_address(text: str) -> str:
    """Accept what looks like a mail address; whether anybody reads there only a mail can tell."""
    if not re.fullmatch(r"[^\s@<>,;:\"\\\x00-\x1f\x7f]+@[^\s@<>,;:\"\\\x00-\x1f\x7f]+", text):
        raise ValueError(f"a mail address such as data-managers@saao.ac.za, not {text!r}")
    return text


def database(url: str) -> str:
    """Accept ``sqlite:///FILE`` or ``postgresql+psycopg://user@host/name``, without a password."""
    if re.fullmatch(r"sqlite:///\S.*", one_line(url)):
        return url
    parts = _url(url)
    if parts.scheme not in ("postgresql", "postgresql+psycopg"):
        raise ValueError("a database is sqlite:///FILE or postgresql+psycopg://user@host/name")
    settings = urllib.parse.parse_qs(parts.query, keep_blank_values=True)
    if parts.password is not None or any(_SECRET.match(key) for key in settings):
        raise ValueError("a password does not belong here: use ~/.pgpass or PGPASSFILE")
    if len(parts.path) < 2:
        raise ValueError("the URL names no database: postgresql+psycopg://user@host/name")
    return url


def web_address(url: str) -> str:
    """Accept an http or https URL without a password."""
    parts = _url(one_line(url))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("an address such as https://monitor.example.org/ping/nightferry")
    if parts.password is not None:
        raise ValueError("a password does not belong here")
    return url


def _url(url: str) -> urllib.parse.SplitResult:
    try:
        parts = urllib.parse.urlsplit(url)
        parts.port  # noqa: B018  # one that is no number is refused as it is asked for
    except ValueError as error:
        raise ValueError(f"no URL: {error}") from error
    return parts


def workers(value: object) -> object:
    """Turn a number of local processes into an int; a Dask scheduler stays text (``tcp://host:port``)."""
    if isinstance(value, str) and re.fullmatch(r"\d{1,4}", value, re.ASCII):
        value = int(value)
    is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 1
    if is_count or (isinstance(value, str) and re.fullmatch(r"tcp://[^\s/:]+:\d{1,5}", value, re.ASCII)):
        return value
    raise ValueError(f"a number of local processes from 1, or tcp://scheduler:8786, not {value!r}")


def cron(text: str) -> str:
    """Accept a cron expression: minute, hour, day of the month, month, day of the week."""
    fields = text.split()
    if len(fields) != len(_CRON_FIELDS):
        raise ValueError(f'a cron expression has five fields, such as "0 8 * * *"; {text!r} has {len(fields)}')
    for field, (what, low, high, names) in zip(fields, _CRON_FIELDS, strict=True):
        if not all(_is_cron_part(part, low, high, names) for part in field.split(",")):
            words = f" or {names[0]} to {names[-1]}" if names else ""
            raise ValueError(f"{field!r} is no {what}: {low} to {high}{words}, '*', ranges, lists and steps")
    _, _, days, months, weekdays = fields
    first_day = min(_cron_numbers(days, 1, 31, ()))
    if weekdays == "*" and all(first_day > _DAYS[month - 1] for month in _cron_numbers(months, 1, 12, _MONTHS)):
        raise ValueError(f"{text!r} never falls due: there is no day {first_day} in such a month")
    return text


def _cron_numbers(field: str, low: int, high: int, names: tuple[str, ...]) -> set[int]:
    """Return the numbers that a field stands for, once it is known to be one."""
    found: set[int] = set()
    for part in field.split(","):
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        begin = low if span == "*" else _cron_number(first, low, names) or low
        end = high if span == "*" or (slash and not dash) else _cron_number(last, low, names) if dash else begin
        found.update(range(begin, (end or high) + 1, int(step or 1)))
    return found


def _is_cron_part(part: str, low: int, high: int, names: tuple[str, ...]) -> bool:
    span, slash, step = part.partition("/")
    if slash and not (re.fullmatch(r"\d{1,3}", step, re.ASCII) and 1 <= int(step) <= high):
        return False
    if span == "*":
        return True
    first, dash, last = span.partition("-")
    begin = _cron_number(first, low, names)
    end = _cron_number(last, low, names) if dash else begin
    return begin is not None and end is not None and low <= begin <= end <= high


def _cron_number(text: str, low: int, names: tuple[str, ...]) -> int | None:
    if text.lower() in names:
        return names.index(text.lower()) + low
    return int(text) if re.fullmatch(r"\d{1,2}", text, re.ASCII) else None
