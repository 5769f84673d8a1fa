"""The table of the main job: every row that `make bench` measures, its contenders, and what it must reach.

The targets are the project's own, given before anything was measured: ratios of medians in one run. Leaves the
words of commands to peers.py, and what bounds us to bounds.py.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks import peers
from benchmarks.bounds import BOUNDS
from benchmarks.ground import State
from benchmarks.peers import Contenders
from benchmarks.trees import Tree

SMALL = Tree(nights=60, files=100_000, size_bytes=5_760)
LARGE = Tree(nights=30, files=1_500, size_bytes=2 << 20)
HUGE = Tree(nights=4, files=4, size_bytes=1 << 30)
MANY = Tree(nights=1_000, files=1_000_000, size_bytes=0)
LETTERS = {"a": SMALL, "b": LARGE, "c": HUGE, "d": MANY}
"""The trees, by the letters that names of rows use."""

LIMIT_OF_A_LISTING = 100_000_000
"""Bytes of memory within which names have to be compared, however many they are."""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing to do, by everybody.

    Attributes
    ----------
    name : str
        ``what-tree-milliseconds``.
    title : str
    letter : str
        The tree.
    round_trip_ms : int
        Between the two ends; 0: loopback.
    state : str
        What the destination lacks before each run.
    contenders : callable
        Who does it, on a stage.
    targets : mapping
        Highest ratio of medians, project / peer, that is good enough, by the peer's name.
    peak_limit_bytes : int or None
        Highest memory of the project that is good enough.
    window : int or None
        Nights asked for, the newest; None: all.
    bound : str
        What bounds the project where it falls short, as measured; said beneath the row.
    peer_limit_s : float
        After so long a peer is stopped: longer where less would not show whether the target is reached.
    """

    name: str
    title: str
    letter: str
    round_trip_ms: int
    state: State
    contenders: Contenders
    targets: Mapping[str, float] = field(default_factory=dict)
    peak_limit_bytes: int | None = None
    window: int | None = None
    bound: str = ""
    peer_limit_s: float = peers.PEER_LIMIT_S

    @property
    def tree(self) -> Tree:
        """The tree, unscaled."""
        return LETTERS[self.letter]


def _row(
    name: str,
    title: str,
    state: State,
    contenders: Contenders,
    targets: Mapping[str, float],
    *,
    peak_limit_bytes: int | None = None,
    window: int | None = None,
    peer_limit_s: float = peers.PEER_LIMIT_S,
) -> Row:
    _, letter, milliseconds = name.rsplit("-", 2)
    away = int(milliseconds)
    title += f", {away} ms away" if away else ""
    return Row(
        name,
        title,
        letter,
        away,
        state,
        contenders,
        targets,
        peak_limit_bytes,
        window,
        BOUNDS.get(name, ""),
        peer_limit_s,
    )


def _existence(away: int, targets: Mapping[str, float]) -> Row:
    return _row(
        f"existence-d-{away}",
        "Is anything missing of 1,000,000 files in 1,000 nights",
        "lacks-one",
        peers.existence,
        targets,
        peak_limit_bytes=LIMIT_OF_A_LISTING,
        peer_limit_s=90.0 if away else peers.PEER_LIMIT_S,
    )


def _size(away: int, targets: Mapping[str, float]) -> Row:
    title = "Is anything missing or of another size, of 100,000 files in 60 nights"
    return _row(f"size-a-{away}", title, "lacks-one", peers.size, targets)


def _idle(away: int, targets: Mapping[str, float]) -> Row:
    return _row(f"idle-a-{away}", "Nothing to do, 100,000 files in 60 nights", "equal", peers.idle, targets)


def _night(away: int, targets: Mapping[str, float]) -> Row:
    title = "One new night of 1,667 files beside 59 others"
    return _row(f"night-a-{away}", title, "lacks-night", peers.night, targets)


def _fresh_small(away: int, targets: Mapping[str, float], *sessions: int, also: Sequence[str] = ()) -> Row:
    title = "Fresh copy of 100,000 files of 5,760 bytes"
    return _row(f"fresh-a-{away}", title, "empty", peers.fresh(*sessions, also=also), targets)


def _fresh_large(away: int, targets: Mapping[str, float], *sessions: int) -> Row:
    title = "Fresh copy of 1,500 files of 2 MiB"
    return _row(f"fresh-b-{away}", title, "empty", peers.fresh(*sessions), targets)


def by_hand(sessions: int) -> str:
    """Return how several rsyncs by hand are called."""
    return f"{sessions} rsyncs by hand, AES-128-GCM"


_RSYNC, _RSYNC_GCM, _RCLONE = "rsync -a", "rsync -aW, AES-128-GCM", "rclone check --one-way --size-only"

ROWS = (
    _size(0, {"rsync -an": 1.0}),
    _idle(0, {}),
    _night(0, {}),
    _fresh_small(0, {_RSYNC: 1.0, _RSYNC_GCM: 1.0}, 2, also=("tar", "rclone")),
    _size(20, {}),
    _idle(20, {}),
    _night(20, {}),
    _fresh_small(20, {}, 4, also=("tar",)),
    _size(100, {"rsync -an": 1 / 4.5}),
    _idle(100, {_RSYNC: 1 / 4.5}),
    _night(100, {_RSYNC: 1 / 3.5}),
    _fresh_small(100, {_RSYNC: 1 / 5, by_hand(8): 1.0}, 8, also=("tar", "rclone")),
    _row(
        "checksum-b-0",
        "SHA-256 of 3 GiB on both ends",
        "lacks-one",
        peers.checksum,
        {
            "rsync -anc": 1 / 2,
            "rsync -anc --checksum-choice=md5": 1 / 2,
            "sha256sum on both ends": 1 / 2,
            "rclone check --one-way": 1 / 2,
        },
    ),
    _fresh_large(0, {_RSYNC: 1 / 2.5, by_hand(2): 1.0}, 2, 4, 8),
    _fresh_large(20, {_RSYNC: 1 / 2, by_hand(4): 1.0}, 2, 4, 8),
    _fresh_large(100, {_RSYNC: 1 / 7, by_hand(8): 1.0}, 2, 4, 8),
    _row(
        "fresh-c-100",
        "Fresh copy of four files of 1 GiB",
        "empty",
        peers.fresh(4),
        {_RSYNC: 1 / 5},
    ),
    _existence(0, {"rsync -an": 1 / 3, _RCLONE: 1 / 8, "find names, sort, zstd, comm": 1.4}),
    _existence(20, {}),
    _existence(100, {"rsync -an": 1 / 18, "rsync -an --no-inc-recursive": 1 / 2.5}),
    _row(
        "window-d-100",
        "30 nights of 1,000, 30,000 files of 1,000,000",
        "lacks-one",
        peers.window,
        {"rsync -an --files-from": 1 / 3},
        window=30,
    ),
)


def chosen(names: Sequence[str], rows: Sequence[Row] = ROWS) -> list[Row]:
    """Return the rows that were asked for, in the order of the table; all where none was named.

    A name may be a shell pattern, or the beginning of names, such as ``fresh`` or ``size-a``.

    Raises
    ------
    ValueError
        A name fits no row.
    """
    for name in names:
        if not any(_fits(row, name) for row in rows):
            known = ", ".join(row.name for row in rows)
            raise ValueError(f"no row is called {name}; there are: {known}")
    return [row for row in rows if not names or any(_fits(row, name) for name in names)]


def _fits(row: Row, name: str) -> bool:
    return row.name == name or row.name.startswith(f"{name}-") or fnmatch.fnmatchcase(row.name, name)
