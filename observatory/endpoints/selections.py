r"""Selections as tests of GNU find, so that each folder is walked once whatever it is asked for.

Pure. What the patterns mean is defined by observatory/names.py; here the same meaning is put in find's words.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from observatory.endpoints.contract import Selection
from observatory.names import Match, matcher

_ODD_START = (b"-", b"(", b")", b",", b"!")
"""What find would take for a part of its expression."""


def normal_folder(folder: bytes) -> bytes:
    """Return a folder below the root without needless slashes and dots; ``.`` is the root.

    Raises
    ------
    ValueError
        It is absolute, or climbs out of the root.
    """
    parts = [part for part in folder.split(b"/") if part not in (b"", b".")]
    if folder.startswith(b"/") or b".." in parts:
        raise ValueError(f"not a folder below the root: {folder[:200]!r}")
    return b"/".join(parts) or b"."


@dataclass(frozen=True, slots=True)
class Group:
    """Folders that are asked for the same by the same selections.

    Attributes
    ----------
    folders : tuple of bytes
        Normal, ascending.
    selections : tuple of Selection
        Their own folders do not count here.
    is_dotted : bool
        The folders are given to find with ``./`` before them, which is taken off what it prints.
    """

    folders: tuple[bytes, ...]
    selections: tuple[Selection, ...]
    is_dotted: bool

    def start_points(self) -> tuple[bytes, ...]:
        """Return what find is given."""
        if not self.is_dotted:
            return self.folders
        return tuple(b"." if folder == b"." else b"./" + folder for folder in self.folders)

    def tests(self) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
        """Return find's tests, each in parentheses: what is taken, and what is taken or excluded by any."""
        depth = self.start_points()[0].count(b"/") + 1
        taken: list[tuple[bytes, ...]] = []
        excluded: list[tuple[bytes, ...]] = []
        for selection in self.selections:
            files = _any_of([_test(pattern, depth) for pattern in selection.files])
            if selection.exclude:
                but = _any_of([_test(pattern, depth) for pattern in selection.exclude])
                files = _in_parentheses((*files, b"!", *but))
                excluded.append(but)
            taken.append(files)
        return _any_of(taken), _any_of(excluded)

    def matcher(self) -> Callable[[bytes], Match]:
        """Return a function that says what the selections make of a path below its folder.

        Taken by any is taken; else excluded by any is excluded.
        """
        matchers = [matcher(selection.files, selection.exclude) for selection in self.selections]

        def match(path: bytes) -> Match:
            found = {one(path) for one in matchers}
            if "taken" in found:
                return "taken"
            return "excluded" if "excluded" in found else "unrecognised"

        return matchers[0] if len(matchers) == 1 else match


def groups_of(selections: Sequence[Selection]) -> tuple[Group, ...]:
    """Return the folders of some selections in as few groups as find can walk in one go each."""
    by_folder: dict[bytes, set[int]] = defaultdict(set)
    for index, selection in enumerate(selections):
        for folder in selection.folders:
            by_folder[normal_folder(folder)].add(index)
    grouped: dict[tuple[tuple[int, ...], bool, int], list[bytes]] = defaultdict(list)
    for folder in sorted(by_folder):
        asked = tuple(sorted(by_folder[folder]))
        dotted = folder == b"." or folder.startswith(_ODD_START)
        by_path = any(_asks_for_paths(selections[index]) for index in asked)
        depth = (0 if folder == b"." else folder.count(b"/") + 1) if by_path else -1
        grouped[asked, dotted, depth].append(folder)
    return tuple(
        Group(_outermost(folders, depth < 0), tuple(selections[index] for index in asked), dotted)
        for (asked, dotted, depth), folders in grouped.items()
    )


def _asks_for_paths(selection: Selection) -> bool:
    return any(b"/" in pattern for pattern in (*selection.files, *selection.exclude))


def _outermost(folders: list[bytes], by_name: bool) -> tuple[bytes, ...]:
    """Leave out folders that lie in another of the list, where only names matter: they are walked anyway."""
    if not by_name:
        return tuple(folders)
    known = set(folders)
    return tuple(folder for folder in folders if not any(parent in known for parent in _parents(folder)))


def _parents(folder: bytes) -> list[bytes]:
    if folder == b".":
        return []
    parts = folder.split(b"/")
    return [b".", *(b"/".join(parts[:count]) for count in range(1, len(parts)))]


def _in_parentheses(words: Sequence[bytes]) -> tuple[bytes, ...]:
    return (b"(", *words, b")")


def _any_of(tests: Sequence[Sequence[bytes]]) -> tuple[bytes, ...]:
    """Join tests by `or`; none at all are never true."""
    if not tests:
        return (b"-false",)
    words = list(tests[0])
    for test in tests[1:]:
        words += [b"-o", *test]
    return _in_parentheses(words)


def _test(pattern: bytes, depth: int) -> tuple[bytes, ...]:
    if b"/" not in pattern:
        return (b"-name", pattern)
    expression = b"([^/]+/){%d}%b" % (depth, path_expression(pattern))
    return (b"-regextype", b"posix-extended", b"-regex", expression)


_PIECE = re.compile(
    rb"(?P<star>\*+)|(?P<any>\?)"
    rb"|\[(?P<not>[!^]?+)(?P<set>\]?+(?:\[:[a-z]+:\]|\\.|[^]\\])*)\]"
    rb"|\\(?P<escaped>.)|(?P<plain>.)",
    re.DOTALL,
)
_MEMBER = re.compile(rb"(?P<kind>\[:[a-z]+:\])|\\?(?P<low>.)(?:-(?!$)\\?(?P<high>.))?", re.DOTALL)
_NOTHING = b"[^\x01-\xff]"
_SPECIAL = frozenset(b".[]\\()*+?{}|^$")


def path_expression(pattern: bytes) -> bytes:
    """Return a shell pattern for a whole path as a POSIX extended expression.

    ``find -path`` would match from the start folder on, and so cannot say "below the folder".
    """
    if (len(pattern) - len(pattern.rstrip(b"\\"))) % 2:
        return _NOTHING  # a lone backslash at the end escapes nothing: find matches no name with it
    return b"".join(_translate(piece) for piece in _PIECE.finditer(pattern))


def _translate(piece: re.Match[bytes]) -> bytes:
    if piece["star"]:
        return b".*"
    if piece["any"]:
        return b"."
    if piece["set"] is not None:
        return _bracket(piece["set"], bool(piece["not"]))
    byte = piece["escaped"] or piece["plain"]
    return b"\\" + byte if byte[0] in _SPECIAL else byte


def _bracket(members: bytes, is_negated: bool) -> bytes:
    """Write a set so that no member can be taken for syntax: ``]`` stands first, ``[``, ``^`` and ``-`` last."""
    kinds = b""
    taken: set[int] = set()
    for member in _MEMBER.finditer(members):
        if member["kind"]:
            kinds += member["kind"]
        else:
            taken.update(range(member["low"][0], (member["high"] or member["low"])[0] + 1))
    plain = bytes(sorted(taken - set(b"]^-[\0")))
    body = b"]" * (0x5D in taken) + plain + kinds
    body += b"[" * (0x5B in taken) + b"^" * (0x5E in taken) + b"-" * (0x2D in taken)
    if not body:
        return b"." if is_negated else _NOTHING
    if is_negated:
        return b"[^" + body + b"]"
    return {b"^": b"\\^", b"^-": b"[-^]"}.get(body, b"[" + body + b"]")
