r"""A listing folder by folder, for hosts where no script can run: the same records and the same troubles.

Works on any tree that can be scanned: a disk through the operating system, a far one over SFTP, one in memory.
Its records are sorted here, so its memory grows with the files of the window, about 200 bytes each.
"""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from observatory import records
from observatory.endpoints.contract import MARKER, NEVER_ENTERED, RootFacts, SurveyRequest, Trouble
from observatory.endpoints.leads import A_LINK, LEADS_NOWHERE, LEADS_OUT
from observatory.endpoints.running import READ_BYTES
from observatory.endpoints.selections import Group, groups_of
from observatory.errors import CouldNotTell, RootNotProven
from observatory.names import Match, matcher, show

Kind = Literal["file", "folder", "link", "other"]

MARKER_BYTES = 256
"""More of a marker is not read: an id is short."""
NIGHT_NAME_DEPTH = 3
"""How far down a name may prove a root without night folders."""


@dataclass(frozen=True, slots=True)
class Node:
    """What one name in a tree is.

    Attributes
    ----------
    name : bytes
        Without the folder.
    kind : str
    size_bytes, mtime_ns : int
    device : int or None
        The file system it lies on; None where that cannot be told.
    """

    name: bytes
    kind: Kind
    size_bytes: int = 0
    mtime_ns: int = 0
    device: int | None = None


class Tree(Protocol):
    """Folders that can be looked into, by absolute paths; faults are OSError, a lost host CouldNotTell."""

    def scan(self, path: bytes) -> Iterable[Node]:
        """Give what lies in one folder, links as links, in any order."""
        ...

    def look(self, path: bytes) -> Node:
        """Give one name, a last link as a link."""
        ...

    def follow(self, path: bytes) -> Node:
        """Give what one name leads to."""
        ...

    def target(self, path: bytes) -> bytes:
        """Give the text of a link."""
        ...

    def real(self, path: bytes) -> bytes:
        """Give the absolute path without links."""
        ...

    def head(self, path: bytes, size: int) -> bytes:
        """Give the first bytes of a file."""
        ...


def join(root: bytes, path: bytes) -> bytes:
    """Return the absolute path of a path below a root."""
    if path in (b"", b"."):
        return root
    return root.rstrip(b"/") + b"/" + path


def reason_of(error: OSError) -> str:
    """Return the bare reason of an error, without numbers and names."""
    return error.strerror or str(error) or type(error).__name__


def check_root(tree: Tree, root: bytes, host: str) -> Node:
    """Return the root's node.

    Raises
    ------
    RootNotProven
        It is absent, no folder, or cannot be listed.
    """
    try:
        node = tree.follow(root)
        if node.kind != "folder":
            raise RootNotProven(host, show(root), "is not a folder")
        next(iter(tree.scan(root)), None)
    except FileNotFoundError as error:
        raise RootNotProven(host, show(root), "does not exist") from error
    except NotADirectoryError as error:
        raise RootNotProven(host, show(root), "is not a folder") from error
    except PermissionError as error:
        raise RootNotProven(host, show(root), "may not be listed by this account") from error
    except OSError as error:
        raise RootNotProven(host, show(root), f"cannot be listed ({reason_of(error)})") from error
    return node


def marker_of(tree: Tree, root: bytes) -> str | None:
    """Return the marker's content, stripped; None where there is none, empty where it may not be read."""
    path = join(root, MARKER)
    try:
        if tree.follow(path).kind != "file":
            return None
    except OSError:
        return None
    try:
        return tree.head(path, MARKER_BYTES).replace(b"\0", b"").decode("utf-8", "replace").strip()
    except OSError:
        return ""


def has_night(tree: Tree, request: SurveyRequest) -> bool:
    """Say whether any night's folder, or a night's name, is found below the root."""
    if any(_matches(tree, request.root, glob.split(b"/")) for glob in request.night_globs):
        return True
    return bool(request.night_name) and _has_name(tree, request.root, _python_expression(request.night_name))


def _matches(tree: Tree, folder: bytes, parts: list[bytes]) -> bool:
    """Say whether a folder of this pattern exists, as a shell would find it: hidden ones only by name."""
    if not parts:
        return True
    first, rest = parts[0], parts[1:]
    if re.search(rb"[*?\[]", first):
        match = matcher((first,))
        is_hidden_meant = first.startswith(b".")
        try:
            names = [node.name for node in tree.scan(folder) if match(node.name) == "taken"]
        except OSError:
            return False
        names = [name for name in names if is_hidden_meant or not name.startswith(b".")]
    else:
        names = [first]
    return any(_is_folder(tree, join(folder, name)) and _matches(tree, join(folder, name), rest) for name in names)


def _is_folder(tree: Tree, path: bytes) -> bool:
    try:
        return tree.follow(path).kind == "folder"
    except OSError:
        return False


_CLASSES = {b"[:digit:]": b"0-9", b"[:alpha:]": b"A-Za-z", b"[:alnum:]": b"0-9A-Za-z", b"[:upper:]": b"A-Z"}


def _python_expression(expression: bytes) -> re.Pattern[bytes]:
    for name, members in _CLASSES.items():
        expression = expression.replace(name, members)
    return re.compile(expression, re.DOTALL)


def _has_name(tree: Tree, folder: bytes, expression: re.Pattern[bytes], depth: int = 1) -> bool:
    try:
        nodes = list(tree.scan(folder))
    except OSError:
        return False
    if any(node.kind == "file" and expression.search(node.name) for node in nodes):
        return True
    return depth < NIGHT_NAME_DEPTH and any(
        _has_name(tree, join(folder, node.name), expression, depth + 1)
        for node in nodes
        if node.kind == "folder" and node.name not in NEVER_ENTERED
    )


class WalkSurvey:
    """A listing made folder by folder; see `contract.Survey`.

    Raises
    ------
    RootNotProven
        The root is absent, no folder, or cannot be listed.
    """

    def __init__(
        self,
        tree: Tree,
        request: SurveyRequest,
        host: str,
        clock_s: float,
        clock_ahead_s: float,
        free_bytes: int | None,
        clock_is_known: bool = True,
    ) -> None:
        self._device = check_root(tree, request.root, host).device
        self._tree, self._request = tree, request
        self._real_root = b""
        self._is_closed = False
        self._ways: set[bytes] = set()
        self.troubles: list[Trouble] = []
        self.folders: dict[bytes, str] = {}
        self.facts = RootFacts(
            clock_s=clock_s,
            clock_ahead_s=clock_ahead_s,
            marker=marker_of(tree, request.root),
            has_night=has_night(tree, request),
            free_bytes=free_bytes,
            clock_is_known=clock_is_known,
        )

    def close(self) -> None:
        """Stop."""
        self._is_closed = True

    def __iter__(self) -> Iterator[bytes]:
        """Yield chunks of whole records, ascending; what goes wrong becomes a trouble."""
        found: set[bytes] = set()
        try:
            self._real_root = self._tree.real(self._request.root)
            for record in self._records():
                found.add(record)
        except (CouldNotTell, OSError) as error:
            self._trouble(b"", error)
        yield from chunks(sorted(found))

    def _records(self) -> Iterator[bytes]:
        for group in groups_of(self._request.selections):
            match = group.matcher()
            for folder in group.folders:
                yield from _Walk(self, group, folder, match).start()

    def _trouble(self, path: bytes, error: Exception) -> None:
        self._note(path, reason_of(error) if isinstance(error, OSError) else str(error))

    def _note(self, path: bytes, reason: str) -> None:
        self.troubles.append(Trouble(path, reason))


def chunks(ordered: Iterable[bytes], size_bytes: int = READ_BYTES) -> Iterator[bytes]:
    """Join records, each closed by its NUL, into chunks of about one size; equal keys count once."""
    pile: list[bytes] = []
    total, last = 0, b""
    for record in ordered:
        key = records.key_of(record)
        if key == last:
            continue
        last = key
        pile.append(record)
        total += len(record)
        if total >= size_bytes:
            yield b"\0".join(pile) + b"\0"
            pile, total = [], 0
    if pile:
        yield b"\0".join(pile) + b"\0"


class _Walk:
    """The walk of one folder of one group."""

    def __init__(self, survey: WalkSurvey, group: Group, folder: bytes, match: Callable[[bytes], Match]) -> None:
        self._survey, self._tree, self._request = survey, survey._tree, survey._request
        self._folder, self._match, self._group = folder, match, group

    def start(self) -> Iterator[bytes]:
        """Yield the records of the folder itself, which may be absent."""
        name = self._folder.rpartition(b"/")[2]
        if name in NEVER_ENTERED:
            return
        try:
            node = self._tree.look(join(self._request.root, self._folder))
        except FileNotFoundError:
            self._note_broken_way()
            return
        except OSError as error:
            self._survey._trouble(self._folder, error)
            return
        yield from self._take(self._folder, node, ())

    def _note_broken_way(self) -> None:
        """A folder that is not there is of a night without data, unless a link on the way to it leads nowhere."""
        parts = self._folder.split(b"/")
        for depth in range(len(parts) - 1, 0, -1):
            way = b"/".join(parts[:depth])
            if way in self._survey._ways:
                return
            self._survey._ways.add(way)
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                if self._tree.look(join(self._request.root, way)).kind == "link" and not self._leads_on(way):
                    self._survey._note(way, LEADS_NOWHERE)

    def _why_not_followed(self, way: bytes) -> str:
        if self._request.symlinks != "follow-inside":
            return A_LINK
        return LEADS_OUT if self._leads_on(way) else LEADS_NOWHERE

    def _leads_on(self, way: bytes) -> bool:
        try:
            self._tree.follow(join(self._request.root, way))
        except FileNotFoundError:
            return False
        return True

    def _take(self, path: bytes, node: Node, chain: tuple[bytes, ...], mark: bytes = b"") -> Iterator[bytes]:
        """Yield what a name leads to; `mark` says that a link was followed on the way."""
        if node.kind == "file":
            yield from self._file(path, node, mark)
        elif node.kind == "folder":
            yield from self._enter(path, node, chain, mark)
        elif node.kind == "link":
            yield from self._link(path, chain)
        else:
            yield records.encode_other(path)

    def _file(self, path: bytes, node: Node, mark: bytes) -> Iterator[bytes]:
        below = path if self._folder == b"." else path[len(self._folder) + 1 :]
        found = self._match(below or path)
        if found != "excluded":
            kind = records.FILE if found == "taken" else records.UNRECOGNISED
            if self._request.names_only:
                yield records.encode_name(path, kind)
            else:
                yield records.encode_file(path, node.size_bytes, node.mtime_ns, kind, mark)

    def _enter(self, path: bytes, node: Node, chain: tuple[bytes, ...], mark: bytes) -> Iterator[bytes]:
        if self._request.one_file_system and node.device != self._survey._device:
            reason = "lies on another file system (one_file_system), which was not entered"
            self._survey.troubles.append(Trouble(path, reason))
            return
        try:
            nodes = list(self._tree.scan(join(self._request.root, path)))
        except FileNotFoundError:
            return
        except OSError as error:
            self._survey._trouble(b"" if path == b"." else path, error)
            return
        for inner in nodes:
            if inner.name not in NEVER_ENTERED:
                below = inner.name if path == b"." else path + b"/" + inner.name
                yield from self._take(below, inner, chain, mark)

    def _link(self, path: bytes, chain: tuple[bytes, ...]) -> Iterator[bytes]:
        try:
            if self._request.symlinks == "follow-inside":
                followed = self._followed(path, chain)
                if followed is not None:
                    yield from self._take(path, *followed, records.BY_LINK)
                    return
            target = self._tree.target(join(self._request.root, path))
            if path == self._folder:
                self._survey._note(path, self._why_not_followed(path))
        except FileNotFoundError:
            return
        except OSError as error:
            self._survey._trouble(path, error)
            return
        yield records.encode_link(path, target)

    def _followed(self, path: bytes, chain: tuple[bytes, ...]) -> tuple[Node, tuple[bytes, ...]] | None:
        """Return what a link leads to and the way so far; None if it leads out, nowhere, or round in a circle."""
        absolute = join(self._request.root, path)
        try:
            real, node = self._tree.real(absolute), self._tree.follow(absolute)
        except OSError:
            return None
        if not is_inside(self._survey._real_root, real) or node.kind not in ("file", "folder"):
            return None
        if node.kind == "file":
            return node, chain
        here = (*chain, self._tree.real(absolute.rpartition(b"/")[0] or b"/"))
        if any((folder + b"/").startswith(real + b"/") for folder in here):
            return None
        return node, here


def is_inside(root: bytes, path: bytes) -> bool:
    """Say whether a real path lies below a real root, and not in what is never entered."""
    start = root.rstrip(b"/") + b"/"
    if not path.startswith(start) or path == start:
        return False
    return not set(itertools.chain(path[len(start) :].split(b"/"))) & set(NEVER_ENTERED)
