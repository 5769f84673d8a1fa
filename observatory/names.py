r"""File names as the bytes they are: shown, written to JSON, compared, refused, matched and folded into runs.

A name is any bytes but NUL and ``/``. Pure: nothing here looks at a disk, and what a name means for a night is
layouts.py's and nights.py's.
"""

from __future__ import annotations

import base64
import binascii
import functools
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal

from observatory.endpoints.contract import OURS

LONGEST_PATH_BYTES = 4096
"""PATH_MAX of Linux: no listing of a real file system holds a longer one."""
LONGEST_PART_BYTES = 255
"""NAME_MAX of every file system that we know of."""

Match = Literal["taken", "excluded", "unrecognised"]
"""What a selection makes of a file."""

_SHOWN_BYTE = re.compile(rb"\\x([0-9a-f]{2})")
_HIDDEN = frozenset({"Cc", "Cf", "Zl", "Zp"})


def show(path: bytes) -> str:
    r"""Write a path for people: one line of visible text.

    Bytes that are not UTF-8, and the UTF-8 bytes of characters that steer rather than show (controls,
    bidirectional and zero-width formats, line and paragraph separators), are written ``\xNN``. A backslash is
    left as it is, so the text is for reading: JSON (`to_json`) is what leads back to the bytes.
    """
    text = path.decode("utf-8", "surrogateescape")
    return text if text.isprintable() else "".join(map(_show_character, text))


def _show_character(character: str) -> str:
    if "\udc80" <= character <= "\udcff" or unicodedata.category(character) in _HIDDEN:
        return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))
    return character


def typed(text: str) -> tuple[bytes, ...]:
    r"""Return the names that a person may mean who copied one from a report: as it is, and with ``\xNN`` as bytes."""
    literal = text.encode("utf-8", "surrogateescape")
    read = _SHOWN_BYTE.sub(lambda found: bytes([int(found[1], 16)]), literal)
    return (literal,) if read == literal else (literal, read)


def to_json(path: bytes) -> str | dict[str, str]:
    """Return what stands for a path in JSON: text, or ``{"bytes": base64}``.

    The second form is for names that are not UTF-8 or hold a control character (Unicode category Cc).
    """
    try:
        text = path.decode()
    except UnicodeDecodeError:
        return {"bytes": base64.b64encode(path).decode()}
    if any(unicodedata.category(character) == "Cc" for character in text):
        return {"bytes": base64.b64encode(path).decode()}
    return text


def from_json(value: object) -> bytes:
    """Return the path that `to_json` wrote.

    Raises
    ------
    ValueError
        It is neither of the two forms.
    """
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, Mapping) and set(value) == {"bytes"} and isinstance(value["bytes"], str):
        try:
            return base64.b64decode(value["bytes"], validate=True)
        except binascii.Error as error:
            raise ValueError(f"not base64: {value['bytes'][:40]!r}") from error
    raise ValueError(f"not a file name: {str(value)[:80]}")


def fold_key(path: bytes) -> bytes:
    """Return a key that two paths share if some file system takes them for one.

    Canonical caseless matching of Unicode (D145): names equal but for case or for composed and decomposed
    letters fold alike. Bytes that are not UTF-8 stay as they are.
    """
    if path.isascii():
        return path.lower()
    text = path.decode("utf-8", "surrogateescape")
    folded = unicodedata.normalize("NFD", unicodedata.normalize("NFD", text).casefold())
    return unicodedata.normalize("NFC", folded).encode("utf-8", "surrogateescape")


def form_key(path: bytes) -> bytes:
    """Return a key that two paths share if a file system takes them for one that keeps case and folds Unicode form."""
    if path.isascii():
        return path
    return unicodedata.normalize("NFC", path.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def folders_above(path: bytes) -> Iterator[bytes]:
    """Yield the folders in which a relative path lies, the nearest first; the root itself is none of them."""
    folder = path.rpartition(b"/")[0]
    while folder:
        yield folder
        folder = folder.rpartition(b"/")[0]


def is_safe(path: bytes) -> str | None:
    """Return why a relative path out of a listing is refused, or None if it is safe to join to a root.

    Mind the sense: None is good. A file system that folds case would take ``.NightFerry`` for our own
    folder, so that is refused too.
    """
    if not path:
        return "the path is empty"
    if path.startswith(b"/"):
        return "the path is absolute"
    if b"\0" in path:
        return "the path holds a NUL"
    if len(path) > LONGEST_PATH_BYTES:
        return f"the path is longer than {LONGEST_PATH_BYTES} bytes"
    return _refuse_parts(path.split(b"/"))


class SafePaths:
    """The same question about many paths; each folder is judged once. Call it like `is_safe`."""

    def __init__(self) -> None:
        self._folders: dict[bytes, bool] = {}

    def __call__(self, path: bytes) -> str | None:
        """Return why a path is refused, or None if it is safe; see `is_safe`."""
        folder, slash, name = path.rpartition(b"/")
        is_plain = slash and 0 < len(name) <= LONGEST_PART_BYTES and name not in (b".", b"..") and b"\0" not in name
        if not is_plain or len(path) > LONGEST_PATH_BYTES:
            return is_safe(path)
        if folder not in self._folders:
            self._folders[folder] = is_safe(folder) is None
        return None if self._folders[folder] else is_safe(path)


def _refuse_parts(parts: list[bytes]) -> str | None:
    for part in parts:
        if part in (b"", b".", b".."):
            return f"the path has a part {part.decode()!r}"
        if len(part) > LONGEST_PART_BYTES:
            return f"a part of the path is longer than {LONGEST_PART_BYTES} bytes"
    if fold_key(parts[0]) == OURS:
        return f"the path lies in our own folder {OURS.decode()}"
    return None


def matcher(files: Iterable[bytes], exclude: Iterable[bytes] = ()) -> Callable[[bytes], Match]:
    """Return a function that says what a selection makes of a path below its folder.

    Parameters
    ----------
    files, exclude : iterables of bytes
        Shell patterns as GNU find reads them for ``-name`` and ``-path`` in the C locale: ``*`` (slashes
        too), ``?`` (one byte), ``[a-z]``, ``[!a]``, ``[[:digit:]]``, ``\\`` before a character that stands for
        itself; a leading dot is nothing special, and a ``[`` that nothing closes stands for itself. Without a
        ``/`` a pattern is matched against the whole name, with one against the whole path. What `exclude`
        takes, `files` cannot take back.
    """
    takes, excludes = _any_of(tuple(files)), _any_of(tuple(exclude))

    def match(path: bytes) -> Match:
        if excludes(path):
            return "excluded"
        return "taken" if takes(path) else "unrecognised"

    return match


@functools.lru_cache(maxsize=256)
def _any_of(patterns: tuple[bytes, ...]) -> Callable[[bytes], bool]:
    by_name = _union(pattern for pattern in patterns if b"/" not in pattern)
    by_path = _union(pattern for pattern in patterns if b"/" in pattern)

    def takes(path: bytes) -> bool:
        name = path.rpartition(b"/")[2]
        return bool((by_name and by_name.fullmatch(name)) or (by_path and by_path.fullmatch(path)))

    return takes


def _union(patterns: Iterable[bytes]) -> re.Pattern[bytes] | None:
    expressions = [_translate(pattern) for pattern in patterns]
    return re.compile(b"|".join(expressions), re.DOTALL) if expressions else None


_PIECE = re.compile(
    rb"(?P<star>\*+)|(?P<any>\?)"
    rb"|\[(?P<not>[!^]?+)(?P<set>\]?+(?:\[:[a-z]+:\]|\\.|[^]\\])*)\]"
    rb"|\\(?P<escaped>.)|(?P<plain>.)",
    re.DOTALL,
)
_MEMBER = re.compile(rb"\[:(?P<kind>[a-z]+):\]|\\?(?P<low>.)(?:-(?!$)\\?(?P<high>.))?", re.DOTALL)
_KINDS = {
    b"alnum": rb"0-9A-Za-z",
    b"alpha": rb"A-Za-z",
    b"blank": rb" \t",
    b"cntrl": rb"\x00-\x1f\x7f",
    b"digit": rb"0-9",
    b"graph": rb"!-~",
    b"lower": rb"a-z",
    b"print": rb" -~",
    b"punct": rb"!-/:-@\[-`{-~",
    b"space": rb" \t\n\v\f\r",
    b"upper": rb"A-Z",
    b"xdigit": rb"0-9A-Fa-f",
}
_NOTHING = rb"(?!)"
_RANGE_TO_A_CLASS = re.compile(rb".-\[[:.=]", re.DOTALL)


def has_range_to_a_class(pattern: bytes) -> bool:
    """Say whether a bracket holds a range up to a class, ``[a-[:alpha:]]``.

    POSIX leaves open what that takes, and GNU find reads it in two ways, by what the name holds.
    """
    return any(piece["set"] and _RANGE_TO_A_CLASS.search(piece["set"]) for piece in _PIECE.finditer(pattern))


def _translate(pattern: bytes) -> bytes:
    """Return the regular expression of a shell pattern; each star is atomic, so no name takes long."""
    runs: list[list[bytes]] = [[]]
    for piece in _PIECE.finditer(pattern):
        if piece["star"]:
            runs.append([])
        else:
            runs[-1].append(_translate_piece(piece))
    if pattern.endswith(b"\\") and (len(pattern) - len(pattern.rstrip(b"\\"))) % 2:
        return _NOTHING  # a lone backslash at the end escapes nothing: find matches no name with it
    first, *rest = (b"".join(run) for run in runs)
    if not rest:
        return first
    middle = b"".join(b"(?>.*?" + run + b")" for run in rest[:-1])
    return first + middle + b".*" + rest[-1]


def _translate_piece(piece: re.Match[bytes]) -> bytes:
    if piece["any"]:
        return b"."
    if piece["set"] is not None:
        return _translate_set(piece["set"], bool(piece["not"]))
    return re.escape(piece["escaped"] or piece["plain"])


def _translate_set(members: bytes, is_negated: bool) -> bytes:
    translated = b"".join(_translate_member(member) for member in _MEMBER.finditer(members))
    if not translated:
        return b"." if is_negated else _NOTHING
    return b"[" + (b"^" if is_negated else b"") + translated + b"]"


def _translate_member(member: re.Match[bytes]) -> bytes:
    if member["kind"]:
        return _KINDS.get(member["kind"], b"")
    low, high = member["low"], member["high"] or member["low"]
    return b"" if high < low else re.escape(low) + b"-" + re.escape(high)


_DIGITS = re.compile(rb"[0-9]+")
_SUFFIXES = re.compile(rb"(?:\.[A-Za-z][A-Za-z0-9]*)+$")
_LONGEST_NUMBER = 18
"""Digits; a longer number is a stamp, and no stamp has a next one."""
_PLACES = 3
"""How many numbers of a name, from its end, may be the one that runs."""


def folded_runs(paths: Iterable[bytes]) -> list[str]:
    """Write paths for people with runs of consecutive frame numbers folded into one line each.

    ``SHA_20160907.[0122-0163].fits, 42 files`` stands for two or more files of one folder whose names
    differ in one number, written with equally many digits, without a hole. The last number before the
    suffixes is tried first, then the two before it. Whatever does not run is shown as it is. Sorted by
    the first path of each line; a path given twice counts once.
    """
    singles = sorted(set(paths))
    lines: list[tuple[bytes, str]] = []
    for place in range(1, _PLACES + 1):
        runs, singles = _fold_at(place, singles)
        lines += runs
    lines += [(path, show(path)) for path in singles]
    return [line for _, line in sorted(lines)]


def _fold_at(place: int, paths: Iterable[bytes]) -> tuple[list[tuple[bytes, str]], list[bytes]]:
    groups: dict[tuple[bytes, int, bytes], list[int]] = defaultdict(list)
    singles = []
    for path in paths:
        split = _split_number(path, place)
        if split is None:
            singles.append(path)
        else:
            before, digits, after = split
            groups[before, len(digits), after].append(int(digits))
    lines = []
    for (before, width, after), numbers in groups.items():
        for low, high in _runs(numbers):
            path = b"%s%0*d%s" % (before, width, low, after)
            if low == high:
                singles.append(path)
            else:
                run = f"{show(before)}[{low:0{width}d}-{high:0{width}d}]{show(after)}"
                lines.append((path, f"{run}, {high - low + 1} files"))
    return lines, singles


def _split_number(path: bytes, place: int) -> tuple[bytes, bytes, bytes] | None:
    start = path.rfind(b"/") + 1
    suffixes = _SUFFIXES.search(path, start)
    numbers = list(_DIGITS.finditer(path, start, suffixes.start() if suffixes else len(path)))
    if len(numbers) < place or len(numbers[-place][0]) > _LONGEST_NUMBER:
        return None
    number = numbers[-place]
    return path[: number.start()], number[0], path[number.end() :]


def _runs(numbers: Iterable[int]) -> Iterable[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs
