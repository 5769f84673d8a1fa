"""What an endpoint must do, in two halves: look and act.

An endpoint is one host. `Look` reads: the verifier is handed that half alone. `Act` adds what
moving files needs. Both are kept by local.py, ssh.py and memory.py, and one suite tests all three.
Roots are absolute paths in bytes; paths are relative to a root, in bytes, without a leading slash.
Every method may raise `observatory.errors.CouldNotTell`; nothing else escapes for a fault of the far end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Literal, NamedTuple, Protocol

MARKER = b".nightferry/root"
"""The file below a root that proves it to be the root; its content, an id, may be empty."""
OURS = b".nightferry"
"""Everything of nightferry's own below a root lies in this folder."""
NEVER_ENTERED = (OURS, b"lost+found")
"""Folders that no listing enters, at whatever depth."""

Symlinks = Literal["follow-inside", "copy", "refuse"]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which files of some folders belong to the listing.

    Attributes
    ----------
    folders : tuple of bytes
        Folders below the root, each listed whole with its subfolders; ``b"."`` is the root itself.
        One that does not exist is no trouble: that night holds nothing there.
    files, exclude : tuple of bytes
        Shell patterns (``*``, ``?``, ``[...]``; a leading dot is nothing special). Without a ``/`` they
        are matched against the whole name, with one against the whole path below the folder, ``*`` then
        crossing slashes. What `exclude` takes is not listed at all; what `files` takes is kind FILE; any
        other regular file is kind UNRECOGNISED.
    """

    folders: tuple[bytes, ...]
    files: tuple[bytes, ...]
    exclude: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class SurveyRequest:
    """One question to a root: are you the root, what is your time, and what do these folders hold?

    Attributes
    ----------
    root : bytes
        Absolute.
    selections : tuple of Selection
        The folders of two selections may be the same; then a file is of kind FILE if either takes it.
    night_globs : tuple of bytes
        Shell patterns of a night's folder below the root, e.g. ``[0-9][0-9][0-9][0-9]/[0-9][0-9][0-9][0-9]``:
        one match proves the root. Empty where the layout has no night folders.
    night_name : bytes
        A POSIX extended expression; a name matching it, up to three levels down, proves the root where
        there are no night folders. Empty where not wanted.
    symlinks : str
        ``follow-inside``: a link whose real path lies below the root is listed as what it points to
        (a folder's files below the link's own path); every other link is kind LINK. ``copy`` and ``refuse``:
        every link is kind LINK.
    one_file_system : bool
        Do not descend into other file systems below the root; a folder that is a mount point is a trouble.
    names_only : bool
        Files are not looked at: each is listed with size and time 0, in a third of the time.
    """

    root: bytes
    selections: tuple[Selection, ...]
    night_globs: tuple[bytes, ...] = ()
    night_name: bytes = b""
    symlinks: Symlinks = "follow-inside"
    one_file_system: bool = True
    names_only: bool = False


@dataclass(frozen=True, slots=True)
class RootFacts:
    """What a root says of itself.

    Attributes
    ----------
    clock_s : float
        The host's own clock when the listing began, Unix seconds.
    clock_ahead_s : float
        Its clock minus ours, corrected by half a round trip; good to about that round trip.
    marker : str or None
        Content of the marker, stripped; None where there is no marker.
    has_night : bool
        At least one night, any night, of the layout was found.
    free_bytes : int or None
        Free for an ordinary user on the root's file system; None where it cannot be told.
    clock_is_known : bool
        False where the far end cannot say its time (an account with SFTP alone): then ours stands there.
    identity : str or None
        The running kernel, device and inode of the root: equal on two ends, it is one folder. None where unknown.
    """

    clock_s: float
    clock_ahead_s: float
    marker: str | None
    has_night: bool
    free_bytes: int | None
    clock_is_known: bool = True
    identity: str | None = None

    @property
    def is_proven(self) -> bool:
        """Say whether the root is known to be the root and not an empty mount point."""
        return self.marker is not None or self.has_night


@dataclass(frozen=True, slots=True)
class Trouble:
    """A part of a root that could not be looked at.

    Attributes
    ----------
    path : bytes
        The folder or file, relative to the root; what lies below it is unknown. ``b""`` poisons all.
    reason : str
    """

    path: bytes
    reason: str


class Survey(Protocol):
    """The answer to a `SurveyRequest`: facts at once, records as a stream.

    Iterate once, to the end, then read `troubles`; or `close` early. Iterating yields non-empty chunks of
    whole NUL-terminated records (records.py); over all chunks they ascend strictly by `records.key_of`.
    A far end that dies, or that ends without saying that it was done, makes a trouble with path ``b""``
    (what came before it is still true); it never looks complete.
    `folders`, to be read after that too, tells each folder that was entered from every other: its inode and the time of
    its last change, which a file server gives to every machine alike. Empty where the far end has no program for it.
    """

    facts: RootFacts
    troubles: list[Trouble]
    folders: dict[bytes, str]

    def __iter__(self) -> Iterator[bytes]: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Facts:
    """What `stat` found of one path; `size_bytes` is None where there is nothing at all of that name.

    `reason` is set, and nothing else says anything, where it could not be looked at. `identity` is device and inode,
    ``device:inode``, and `changed_s` when anything of it was changed last, Unix seconds, which no program can set back;
    both are None where the far end has no program that tells (SFTP alone).
    """

    path: bytes
    size_bytes: int | None = None
    mtime_s: float = 0.0
    mode: int = 0
    is_file: bool = False
    reason: str | None = None
    identity: str | None = None
    changed_s: float | None = None


MTIME_TOLERANCE_S = 2.0
"""FAT keeps even seconds and SFTP whole ones; the planner asks again only beyond this (INTERFACE.md)."""


class Promise(NamedTuple):
    """What a path is held against: a regular file of this size and, within `MTIME_TOLERANCE_S`, of this time."""

    path: bytes
    size_bytes: int
    mtime_s: float

    def is_kept_by(self, facts: Facts) -> bool:
        """Say whether a path shows what was promised."""
        return (
            facts.reason is None
            and facts.is_file
            and facts.size_bytes == self.size_bytes
            and abs(facts.mtime_s - self.mtime_s) <= MTIME_TOLERANCE_S
        )


@dataclass(frozen=True, slots=True)
class Hashed:
    """A SHA-256 of one file's bytes as read from where it lies, or why there is none."""

    path: bytes
    sha256: str | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Inspection:
    """Whether one file is whole by its own format.

    Attributes
    ----------
    path : bytes
    state : str
        ``whole``, ``short`` (its headers promise more bytes than there are: perhaps still growing),
        ``damaged``, ``unreadable``, or ``unjudged`` (no format that we can judge).
    reason : str
        A sentence for every state but ``whole``.
    """

    path: bytes
    state: Literal["whole", "short", "damaged", "unreadable", "unjudged"]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Completed:
    """A program that ran at an endpoint. `status` is negative where a signal ended it (-15: TERM)."""

    status: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What one host can do, found once per connection by one command.

    Attributes
    ----------
    has_shell : bool
        Programs can be run; an account with SFTP alone cannot.
    has_gnu_tools : bool
        GNU find with ``-printf``, and sort, xargs, sed, head and readlink that know NUL: a listing is one command.
    has_python : bool
        ``python3`` of version 3.6 or later: hashing and judging run there.
    hash_program : tuple of str
        What prints SHA-256 of the files it is given where there is no Python; empty: none.
    has_stat : bool
        GNU stat with ``--printf``.
    has_sync_file_system : bool
        ``sync -f`` exists.
    has_time_limit : bool
        ``timeout`` exists: a program is ended over there too when its time is over.
    rsync_version : tuple of int or None
        None: there is no rsync.
    """

    has_shell: bool = False
    has_gnu_tools: bool = False
    has_python: bool = False
    hash_program: tuple[str, ...] = ()
    has_stat: bool = False
    has_sync_file_system: bool = False
    has_time_limit: bool = False
    rsync_version: tuple[int, ...] | None = None


class Look(Protocol):
    """One host, read only."""

    name: str
    """The host's address, else its declared name: what a report calls it."""

    @property
    def capabilities(self) -> Capabilities:
        """What the host can do; asked once per connection."""
        ...

    def reach(self) -> None:
        """Connect now rather than with the first question, where there is a connection to make.

        Raises
        ------
        CouldNotTell
        """
        ...

    def survey(self, request: SurveyRequest) -> Survey:
        """List some folders of a root.

        Raises
        ------
        RootNotProven
            The root does not exist, is no folder, or cannot be listed. A root that lists but shows neither
            marker nor night is *not* an error here: `facts.is_proven` says so, the caller decides.
        """
        ...

    def stat(self, root: bytes, paths: Sequence[bytes]) -> Iterator[Facts]:
        """Look at some paths (not following a last link); one answer each, in the order asked."""
        ...

    def differing(self, root: bytes, promises: Sequence[Promise]) -> Iterator[Facts]:
        """Look at some paths and give, in their order, the facts of those that are not as promised.

        Read it to its end: only then has every path been looked at.
        """
        ...

    def hash(self, root: bytes, paths: Sequence[bytes]) -> Iterator[Hashed]:
        """Hash some files where their bytes lie; one answer each, in the order asked.

        One command per call, never one per file; streamed through here only where the far end has no shell.
        """
        ...

    def inspect(self, root: bytes, paths: Sequence[bytes], sums: bool) -> Iterator[Inspection]:
        """Judge some FITS or xrif files by their own structure; one answer each, in the order asked.

        With `sums` the CHECKSUM and DATASUM cards are computed anew too, where present, which reads
        every byte; without it only headers are read.
        """
        ...

    def open(self, path: bytes) -> BinaryIO:
        """Open an absolute path for reading from its start; the caller closes it.

        Raises
        ------
        FileUnreadable
        """
        ...

    def free_bytes(self, root: bytes) -> int:
        """Return what an ordinary user may still write on the root's file system."""
        ...

    def clock_ahead_s(self) -> float:
        """Return the host's clock minus ours, Unix seconds."""
        ...

    def round_trip_s(self) -> float:
        """Return the seconds of one question and answer on the line, no program involved; 0.0 on this machine.

        Raises
        ------
        CouldNotTell
            The host cannot be reached.
        """
        ...

    def run(
        self,
        argv: Sequence[bytes],
        stdin: Iterable[bytes] = (),
        timeout_s: float = 60.0,
        on_output: Callable[[bytes], None] | None = None,
    ) -> Completed:
        """Run one program with these arguments, no shell in between that could misread them.

        `on_output` sees standard output as it comes; `Completed.stdout` then is empty.

        Raises
        ------
        CommandFailed
            There is no shell at the far end, or the time is over (the program is ended).
        """
        ...

    def close(self) -> None:
        """Let go of the connection: whoever waits for it waits no more. May be called twice, and asked again after."""
        ...


class Act(Look, Protocol):
    """One host, to write on."""

    @property
    def has_shell(self) -> bool:
        """Whether `run` can work; an SFTP-only account has none."""
        ...

    def create(self, path: bytes, mode: int = 0o600) -> BinaryIO:
        """Create a new file at an absolute path for writing; FileExistsError where one is."""
        ...

    def make_folders(self, root: bytes, paths: Sequence[bytes], mode: int | None = None) -> None:
        """Create folders below a root with their parents; an existing one is no error. The root must exist."""
        ...

    def set_attributes(self, path: bytes, mtime_ns: int | None, mode: int | None) -> None:
        """Set modification time and permission bits of an absolute path."""
        ...

    def rename(self, old: bytes, new: bytes) -> None:
        """Rename atomically on one file system, replacing `new`."""
        ...

    def link(self, target: bytes, path: bytes) -> None:
        """Make a symbolic link at an absolute path; FileExistsError where something is."""
        ...

    def remove(self, path: bytes) -> None:
        """Remove one file or empty folder at an absolute path; nothing there is no error."""
        ...

    def list_folder(self, path: bytes) -> list[bytes]:
        """Return the names in one folder at an absolute path, sorted; an absent folder has none."""
        ...

    def sync(self, root: bytes) -> None:
        """Bring what was written below the root to disk (``sync -f``, or file by file)."""
        ...

    def sync_file(self, stream: BinaryIO) -> None:
        """Bring one file opened by `create` to disk, as far as the far end can."""
        ...


@dataclass(frozen=True, slots=True)
class HostAccess:
    """How one declared host is reached; plain data, made from site.yaml.

    Attributes
    ----------
    name : str
        Key below ``hosts``.
    address : str
        What a report shows and ssh is given; may be an alias of ``~/.ssh/config``.
    is_local : bool
        The host is the machine we run on.
    user, port, identity, proxy_jump : optional
        None: as ``~/.ssh/config`` says.
    known_hosts : str or None
        None: as ``~/.ssh/config`` says (OpenSSH's own default there).
    connect_timeout_s : float
    rsync_path : str or None
        What is called at the far end, e.g. ``sudo -n rsync``.
    """

    name: str
    address: str
    is_local: bool = False
    user: str | None = None
    port: int | None = None
    identity: str | None = None
    known_hosts: str | None = None
    proxy_jump: str | None = None
    connect_timeout_s: float = 15.0
    rsync_path: str | None = None
