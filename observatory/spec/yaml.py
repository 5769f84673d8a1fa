"""One YAML file as plain values, every scalar as text, with the line of every key.

Knows no keys: what may stand in a file is models.py's, what it means load.py's. The tree is built from the events
of PyYAML's safe loader and not by its constructor, because that one reads ``012`` as 10, ``12:30:00`` as 45000 and
``NO`` as false, keeps the last of two equal keys, and follows nesting by recursion.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from observatory.errors import Problem

MOST_BYTES = 1 << 20
"""Larger files are refused: a specification is written by people (1 MiB)."""
DEEPEST = 50
"""Sections within sections within sections: more are refused."""
MOST_VALUES = 50_000
"""Values in one file with every alias counted out, so that a few lines cannot swell without end."""

MOST_WORDS = 160
"""Characters of what PyYAML says of a fault; cut between two words."""

KeyPath = tuple[str | int, ...]
_NOTHING = frozenset({"", "~", "null"})
_NEVER = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Document:
    """What one file holds.

    Attributes
    ----------
    file : str
        As problems name it.
    value : dict, list, str or None
        Mappings are dicts with text keys, scalars text; an empty, ``~`` or ``null`` plain scalar is None.
    lines : mapping of key path to int
        The line, from 1, on which each key or list item begins.
    problems : tuple of Problem
        What is wrong with the file as YAML. Duplicate keys leave the first value standing, so that the rest
        can still be judged; after any other fault `value` is None.
    """

    file: str
    value: Any
    lines: Mapping[KeyPath, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def line(self, path: KeyPath) -> int:
        """Return the line of a key path, else of the nearest section around it that has one."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return 1

    def problem(self, path: KeyPath, reason: str) -> Problem:
        """Return a problem of this file at a key path."""
        return Problem(self.file, self.line(path), dotted(path), reason)

    def at(self, path: KeyPath) -> Any:
        """Return the value at a key path, None where there is none."""
        value = self.value
        for part in path:
            if not has(value, part):
                return None
            value = value[part]
        return value


def has(value: Any, part: str | int) -> bool:
    """Say whether a section has a key, or a list an item of that number."""
    if isinstance(value, dict):
        return part in value
    return isinstance(value, list) and isinstance(part, int) and 0 <= part < len(value)


def dotted(path: KeyPath) -> str:
    """Return a key path as people read it, e.g. ``copies.1.host``; list items count from 0."""
    return ".".join(str(part) if isinstance(part, int) else printable(part) for part in path)


def printable(text: str) -> str:
    """Return a key fit for one line of a terminal: short, and without control characters."""
    safe = text if text.isprintable() else ascii(text)[1:-1]
    return safe if len(safe) <= 60 else safe[:57] + "..."


def read(path: Path, file: str) -> Document:
    """Read one file; whatever is wrong with it is in the document's problems.

    Parameters
    ----------
    path : Path
    file : str
        What problems call it.
    """
    try:
        if not path.is_file():  # a FIFO of that name would hold us for ever
            return _broken(file, 1, "is no regular file" if path.exists() else "does not exist")
        with path.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        return _broken(file, 1, f"could not be read: {error.strerror or error}")
    return parse(data, file)


def parse(data: bytes, file: str) -> Document:
    """Turn the bytes of one file into a document; never raises for what they hold."""
    if len(data) > MOST_BYTES:
        return _broken(file, 1, "is larger than 1 MiB; nobody wrote that as a specification")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return _broken(file, data.count(b"\n", 0, error.start) + 1, "is not UTF-8 text; save it as UTF-8")
    builder = _Builder(file)
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            builder.take(event)
    except _Refused as refused:
        return _broken(file, refused.line, refused.reason)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = mark.line if mark else 0
        nearby = "\n".join(text.splitlines()[max(at - 1, 0) : at + 1])  # what is wrong in one is often met in the next
        return _broken(file, at + 1, _sentence(error, nearby))
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        return _broken(file, line, "holds a character that YAML does not allow")
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # PyYAML: chr() of "\UFFFFFFFF", int() of a version
        return _broken(file, 1, f"is not YAML: {printable(str(error))}")
    return Document(file, builder.value, builder.lines, tuple(builder.problems))


def _broken(file: str, line: int, reason: str) -> Document:
    return Document(file, None, {}, (Problem(file, line, "", reason),))


_SLIPS = (
    (r"character '\\t'", "a tab stands where spaces belong; indent with spaces, not tabs"),
    ("scanning an alias", 'what begins with * must stand in quotes, as in "*.fits"'),
    ("character '([%@`])'", "what begins with {} must stand in quotes"),
    ("expected ',' or '(.)'", "a {} is missing before this, or a comma, or the space after a colon"),
    (
        "mapping values are not allowed|expected ':'",
        "this line, or the one before, lacks the space after its colon, or is not indented as its neighbours are",
    ),
    ("expected <block end>", "this line is not indented as its neighbours are, or a quote before it ends too early"),
)
"""What people do, by the words in which PyYAML meets it."""
_NO_BREAK = "\u00a0"


def _sentence(error: yaml.MarkedYAMLError, lines: str) -> str:
    """Return what is wrong on some lines: in our words what people do by mistake, else in PyYAML's."""
    said = ", ".join(part for part in (error.context, error.problem) if part)
    if _NO_BREAK in lines:
        return "is not YAML here: a no-break space, as pages and documents have it, stands where a plain one belongs"
    for sign, words in _SLIPS:
        if slip := re.search(sign, said):
            return f"is not YAML here: {words.format(*slip.groups())}"
    safe = said if said.isprintable() else ascii(said)[1:-1]
    return f"is not YAML here: {textwrap.shorten(safe, MOST_WORDS, placeholder=' ...')}"


class _Refused(Exception):
    def __init__(self, line: int, reason: str) -> None:
        self.line, self.reason = line, reason


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end has not come yet."""

    value: dict[str, Any] | list[Any]
    path: KeyPath
    anchor: str | None
    key: str | None = None
    is_repeated: bool = False
    values: int = 1


class _Builder:
    """Builds values and lines from events, with a stack of its own instead of recursion."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.value: Any = None
        self.lines: dict[KeyPath, int] = {}
        self.problems: list[Problem] = []
        self._stack: list[_Open] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._documents = 0
        self._values = 0

    def take(self, event: yaml.Event) -> None:
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.DocumentStartEvent):
            self._start_document(line)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event, line)
        elif isinstance(event, yaml.NodeEvent):
            self._node(event, line)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self._close()

    def _start_document(self, line: int) -> None:
        self._documents += 1
        if self._documents > 1:
            raise _Refused(line, "a second document begins here ('---'); one file holds one")

    def _node(self, event: yaml.NodeEvent, line: int) -> None:
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise _Refused(line, f"the tag {printable(str(tag))} is refused: values are plain text here")
        self._count(1, line)
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event, line)
        else:
            self._open({} if isinstance(event, yaml.MappingStartEvent) else [], event.anchor, line)

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        if _NEVER.search(event.value):
            raise _Refused(line, "holds a NUL or half a character (a lone surrogate)")
        if self._awaits_key():
            self._key(event.value, line)
            return
        value = None if event.implicit[0] and event.value in _NOTHING else event.value
        self._place(value, 1, line)
        if event.anchor:
            self._anchors[event.anchor] = (value, 1)

    def _alias(self, event: yaml.AliasEvent, line: int) -> None:
        if self._awaits_key():
            raise _Refused(line, "a key must be plain text, not an alias")
        if event.anchor is None or event.anchor not in self._anchors:
            raise _Refused(
                line, f"the alias *{printable(str(event.anchor))} stands for nothing that is complete before it"
            )
        value, size = self._anchors[event.anchor]
        self._count(size, line)
        self._place(value, size, line)

    def _awaits_key(self) -> bool:
        return bool(self._stack) and isinstance(self._stack[-1].value, dict) and self._stack[-1].key is None

    def _key(self, key: str, line: int) -> None:
        top = self._stack[-1]
        top.key, top.is_repeated = key, isinstance(top.value, dict) and key in top.value
        path = (*top.path, key)
        if top.is_repeated:
            first = self.lines.get(path, line)
            self.problems.append(Problem(self.file, line, dotted(path), f"stands twice; first on line {first}"))
        else:
            self.lines[path] = line

    def _open(self, value: dict[str, Any] | list[Any], anchor: str | None, line: int) -> None:
        if self._awaits_key():
            raise _Refused(line, "a key must be plain text, not a list or section")
        if len(self._stack) >= DEEPEST:
            raise _Refused(line, f"is nested deeper than {DEEPEST} levels")
        self._stack.append(_Open(value, self._next_path(line), anchor))

    def _next_path(self, line: int) -> KeyPath:
        """Return the path of the value that begins now; below a repeated key it leads nowhere."""
        if not self._stack:
            return ()
        top = self._stack[-1]
        if isinstance(top.value, list):
            path = (*top.path, len(top.value))
            self.lines.setdefault(path, line)
            return path
        return (*top.path, f"{top.key} (repeated)" if top.is_repeated else top.key or "")

    def _close(self) -> None:
        done = self._stack.pop()
        if done.anchor:
            self._anchors[done.anchor] = (done.value, done.values)
        self._attach(done.value, done.values)

    def _place(self, value: Any, size: int, line: int) -> None:
        self._next_path(line)
        self._attach(value, size)

    def _attach(self, value: Any, size: int) -> None:
        if not self._stack:
            self.value = value
            return
        top = self._stack[-1]
        top.values += size
        if isinstance(top.value, list):
            top.value.append(value)
            return
        if not top.is_repeated:
            top.value[top.key or ""] = value
        top.key = None

    def _count(self, values: int, line: int) -> None:
        self._values += values
        if self._values > MOST_VALUES:
            raise _Refused(line, f"holds more than {MOST_VALUES} values with its aliases counted out")


def walk(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Yield every key path with its value, outermost first."""
    yield path, value
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from walk(child, (*path, key))
