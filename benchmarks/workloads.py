"""What is measured: the trees, the project's command, its peers' commands, and what must be reached.

Every contender must show that it did the work: a verify has one missing file to find, a copy is counted afterwards.
Leaves running and timing to measure.py, order and words to bench.py.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from benchmarks import trees
from benchmarks.far_end import FarEnd
from benchmarks.measure import CommandFailed, Cost
from benchmarks.trees import Tree

PROJECT = "nightferry"
SMALL = Tree(nights=60, files=100_000, size_bytes=5_760, newest_back=1)
NEW_NIGHT = Tree(nights=1, files=2_000, size_bytes=5_760)
MANY = Tree(nights=1_000, files=1_000_000, size_bytes=0)
LARGE = Tree(nights=30, files=1_500, size_bytes=2 << 20)
SOME_LARGE = Tree(nights=30, files=150, size_bytes=2 << 20)


SMALL_FILES_BOUND = (
    "What bounds it: not the bytes, which by the pipe are there in 1.1 s where rsync takes 1.6 (measured alone on a"
    " quiet machine, 2026-11-21), but what is done for each name around them, in Python and mostly on one of the two"
    " cores: 0.6 s of start and listing, 0.4 s of planning, 0.4 s in which every file is looked at afresh on both"
    " sides, and 0.4 s of records. rsync given the same exact names takes 3.4 s. `tar` over ssh takes 1.2 s and proves"
    " nothing."
)
LARGE_FILES_BOUND = (
    "What bounds it: on top of the bytes come 0.6 s before the first (start, listing both ends, asking what the hosts"
    " can do) and 0.3 s after the last (looking at both sides afresh, `sync -f`, records). Two sessions at once took"
    " longer, as both cores are busy with one."
)


CHECKSUM_BOUND = (
    "What bounds it: SHA-256 is asked for here, by the processor's own instructions at about 1.9 GB/s a core, on both"
    " ends at once; rsync 3.5 compares by xxHash, which is several times as quick and no proof against anyone."
)


@dataclass(frozen=True, slots=True)
class Stage:
    """Where one tree is measured.

    Attributes
    ----------
    source, destination : Path
        The roots: the source is asked for over SSH, the destination is local.
    aside, configuration : Path
        A folder for what must be out of sight, and the one for ``--config``.
    tree, new_night : Tree
        As scaled.
    """

    far: FarEnd
    source: Path
    destination: Path
    aside: Path
    configuration: Path
    tree: Tree
    new_night: Tree


@dataclass(frozen=True, slots=True)
class Contender:
    """One command, and how to see that it did what was asked."""

    name: str
    argv: Sequence[str]
    expected_status: int
    check: Callable[[Cost], bool]


@dataclass(frozen=True, slots=True)
class Workload:
    """One thing to do, by everybody.

    Attributes
    ----------
    state : str
        What the destination looks like before each run: ``lacks-one``, ``equal``, ``lacks-night``, ``empty``.
    targets : mapping
        Highest ratio project / peer that is good enough; ``rsync`` stands for the fastest command that begins so.
    peak_limit_bytes : int or None
        Highest memory of the project that is good enough.
    round_trip_ms : int
        Between the two ends; 0: loopback.
    most_rounds : int
        Where peers take minutes.
    bound : str
        What bounds the project where it falls short, as measured; said beneath the table.
    """

    name: str
    title: str
    tree: Tree
    state: Literal["lacks-one", "equal", "lacks-night", "empty"]
    contenders: Callable[[Stage], list[Contender]]
    targets: Mapping[str, float] = field(default_factory=dict)
    peak_limit_bytes: int | None = None
    round_trip_ms: int = 0
    most_rounds: int = 100
    bound: str = ""


def _far(stage: Stage) -> str:
    return f"far:{stage.source}/"


def _project(stage: Stage, *words: str) -> list[str]:
    command = Path(sys.executable).parent / PROJECT
    return [str(command), "--config", str(stage.configuration), *words, "-i", "bench", "--json"]


def _rsync(stage: Stage, *options: str, cipher: str = "") -> list[str]:
    shell = shlex.join([*stage.far.ssh, *(["-c", cipher] if cipher else [])])
    return ["rsync", *options, "-e", shell, _far(stage), f"{stage.destination}/"]


def _lacking(stage: Stage) -> Path:
    """Return the one file, relative to the root, that a verify has to find missing."""
    back = stage.tree.newest_back + stage.tree.nights // 2
    return Path(trees.night_folder(back), trees.file_name(back, 1))


def _hop(cost: Cost) -> dict[str, Any]:
    """Return what the project says of the one hop; nothing where it said nothing of use."""
    try:
        (hop,) = json.loads(cost.output)["hops"]
    except (ValueError, KeyError):
        return {}
    return dict(hop)


def _found_by_project(stage: Stage) -> Callable[[Cost], bool]:
    def check(cost: Cost) -> bool:
        hop = {"missing": None, "compared": None, **_hop(cost)}
        return (hop["missing"], hop["compared"]) == ([str(_lacking(stage))], stage.tree.files)

    return check


def _find_sort_comm(stage: Stage, shown: str = r"%P/%s\0") -> list[str]:
    listing = "find {root} -type f -printf '" + shown + "' | LC_ALL=C sort -z"
    near = listing.format(root=shlex.quote(str(stage.destination)))
    far = shlex.join([*stage.far.ssh, "far", listing.format(root=shlex.quote(str(stage.source)))])
    here = stage.aside
    script = f"{far} >{here}/a & {near} >{here}/b; wait $! && LC_ALL=C comm -z -23 {here}/a {here}/b"
    return ["bash", "-o", "pipefail", "-c", script]


def verify_contenders(stage: Stage) -> list[Contender]:
    """Return who can say what is on A and not on B."""
    missing = str(_lacking(stage)).encode()

    def found(cost: Cost) -> bool:
        return missing in cost.output and cost.output.count(b"BENCH_") == 1

    rclone = ["rclone", "check", "--one-way", "--size-only", "--missing-on-dst", "-"]
    return [
        Contender(PROJECT, _project(stage, "verify"), 1, _found_by_project(stage)),
        Contender("rsync -an", _rsync(stage, "-an", "-i"), 0, found),
        Contender("find, sort, comm", _find_sort_comm(stage), 0, found),
        Contender(
            "rclone check --one-way --size-only",
            [*rclone, stage.far.rclone_remote(stage.source), str(stage.destination)],
            1,
            found,
        ),
    ]


def far_verify_contenders(stage: Stage) -> list[Contender]:
    """Return the same without those whose answer over a distance takes minutes."""
    return [one for one in verify_contenders(stage) if not one.name.startswith("rclone")]


def _found_among(stage: Stage) -> Callable[[Cost], bool]:
    missing = str(_lacking(stage)).encode()
    return lambda cost: missing in cost.output and cost.output.count(b"BENCH_") == 1


def existence_contenders(stage: Stage) -> list[Contender]:
    """Return who can say which names are missing."""
    return [
        Contender(PROJECT, _project(stage, "verify", "--level", "existence"), 1, _found_by_project(stage)),
        Contender("rsync -an", _rsync(stage, "-an", "-i"), 0, _found_among(stage)),
        Contender("find names, sort, comm", _find_sort_comm(stage, r"%P\0"), 0, _found_among(stage)),
    ]


def far_existence_contenders(stage: Stage) -> list[Contender]:
    """Return the same, rsync as it is quickest over a distance."""
    project, _, pipe = existence_contenders(stage)
    quick = _rsync(stage, "-an", "-i", "--no-inc-recursive")
    return [project, Contender("rsync -an --no-inc-recursive", quick, 0, _found_among(stage)), pipe]


def checksum_contenders(stage: Stage) -> list[Contender]:
    """Return who can compare every byte without carrying it."""
    return [
        Contender(PROJECT, _project(stage, "verify", "--level", "checksum"), 1, _found_by_project(stage)),
        Contender("rsync -anc", _rsync(stage, "-anc", "-i"), 0, _found_among(stage)),
    ]


def _count(root: Path) -> int:
    return sum(len(names) for folder, _, names in os.walk(root) if "/.nightferry" not in folder)


def _copied(stage: Stage, moved: int) -> tuple[Callable[[Cost], bool], Callable[[Cost], bool]]:
    everything = _count(stage.source)

    def by_peer(_: Cost) -> bool:
        return _count(stage.destination) == everything

    def by_project(cost: Cost) -> bool:
        return _hop(cost).get("transferred") == moved and by_peer(cost)

    return by_peer, by_project


def _copy_contenders(stage: Stage, moved: int) -> list[Contender]:
    by_peer, by_project = _copied(stage, moved)
    return [
        Contender(PROJECT, _project(stage, "sync"), 0, by_project),
        Contender("rsync -a", _rsync(stage, "-a"), 0, by_peer),
        Contender("rsync -aW, AES-128-GCM", _rsync(stage, "-aW", cipher="aes128-gcm@openssh.com"), 0, by_peer),
    ]


def idle_contenders(stage: Stage) -> list[Contender]:
    """Return who can find out that there is nothing to do."""
    return _copy_contenders(stage, 0)[:2]


def night_contenders(stage: Stage) -> list[Contender]:
    """Return who can bring one new night."""
    return _copy_contenders(stage, stage.new_night.files)[:2]


def fresh_contenders(stage: Stage) -> list[Contender]:
    """Return who can bring everything."""
    return _copy_contenders(stage, stage.tree.files)


WORKLOADS = (
    Workload(
        "verify-100k",
        "Verify 100,000 files in 60 nights",
        SMALL,
        "lacks-one",
        verify_contenders,
        targets={"rsync": 1.4},
        peak_limit_bytes=150_000_000,
    ),
    Workload(
        "idle",
        "Sync 100,000 files in 60 nights with nothing to do",
        SMALL,
        "equal",
        idle_contenders,
        targets={"rsync": 1.4},
    ),
    Workload(
        "fresh-small",
        "Fresh copy of 100,000 files of 6 kB",
        SMALL,
        "empty",
        fresh_contenders,
        targets={"rsync": 1.4},
        bound=SMALL_FILES_BOUND,
    ),
    Workload(
        "new-night",
        "Sync one new night of 2,000 files beside 60 nights of 100,000",
        SMALL,
        "lacks-night",
        night_contenders,
    ),
    Workload(
        "verify-1m",
        "Verify 1,000,000 files in 1,000 nights",
        MANY,
        "lacks-one",
        verify_contenders,
        targets={"rsync": 1.0},
        peak_limit_bytes=150_000_000,
    ),
    Workload(
        "existence-1m",
        "Is anything missing of 1,000,000 files in 1,000 nights",
        MANY,
        "lacks-one",
        existence_contenders,
        targets={"rsync": 1 / 3, "find": 1.4},
        peak_limit_bytes=100_000_000,
    ),
    Workload(
        "checksum-large",
        "Compare the SHA-256 of 1,500 files of 2 MiB",
        LARGE,
        "lacks-one",
        checksum_contenders,
        targets={"rsync": 1 / 2},
        bound=CHECKSUM_BOUND,
    ),
    Workload(
        "fresh-large",
        "Fresh copy of 1,500 files of 2 MiB",
        LARGE,
        "empty",
        fresh_contenders,
        targets={"rsync": 1.1},
        bound=LARGE_FILES_BOUND,
    ),
    Workload(
        "far-verify-100k",
        "Verify 100,000 files in 60 nights, 100 ms away",
        SMALL,
        "lacks-one",
        far_verify_contenders,
        targets={"rsync": 1 / 4.5},
        round_trip_ms=100,
        most_rounds=3,
    ),
    Workload(
        "far-idle",
        "Sync 100,000 files in 60 nights with nothing to do, 100 ms away",
        SMALL,
        "equal",
        idle_contenders,
        targets={"rsync": 1 / 4.5},
        round_trip_ms=100,
        most_rounds=3,
    ),
    Workload(
        "far-new-night",
        "Sync one new night of 2,000 files beside 60 nights of 100,000, 100 ms away",
        SMALL,
        "lacks-night",
        night_contenders,
        targets={"rsync": 1 / 3.5},
        round_trip_ms=100,
        most_rounds=3,
    ),
    Workload(
        "far-fresh-small",
        "Fresh copy of 100,000 files of 6 kB, 100 ms away",
        SMALL,
        "empty",
        fresh_contenders,
        targets={"rsync": 1 / 5},
        round_trip_ms=100,
        most_rounds=2,
    ),
    Workload(
        "far-verify-1m",
        "Is anything missing of 1,000,000 files in 1,000 nights, 100 ms away",
        MANY,
        "lacks-one",
        far_existence_contenders,
        targets={"rsync": 1 / 2.5},
        peak_limit_bytes=100_000_000,
        round_trip_ms=100,
        most_rounds=2,
    ),
    Workload(
        "far-fresh-large",
        "Fresh copy of 150 files of 2 MiB, 100 ms away",
        SOME_LARGE,
        "empty",
        fresh_contenders,
        targets={"rsync": 1 / 7},
        round_trip_ms=100,
        most_rounds=2,
    ),
)


def prepare(stage: Stage, workload: Workload) -> None:
    """Bring both roots into the state from which a workload is measured."""
    if workload.state == "lacks-night":
        trees.make(stage.source, stage.new_night)
    if workload.state != "empty":
        trees.make(stage.destination, stage.tree)
    if workload.state == "lacks-one":
        (stage.destination / _lacking(stage)).unlink()


def reset(stage: Stage, workload: Workload) -> None:
    """Undo what a contender has done; not measured."""
    if workload.state == "lacks-night":
        shutil.rmtree(stage.destination / trees.night_folder(0), ignore_errors=True)
    if workload.state == "empty":
        shutil.rmtree(stage.destination, ignore_errors=True)
        (stage.destination / ".nightferry").mkdir(parents=True)
        (stage.destination / ".nightferry" / "root").touch()
    if workload.state in ("lacks-night", "empty"):
        os.sync()  # one contender must not wait for another's bytes to reach the disk


def assert_done(contender: Contender, cost: Cost) -> None:
    """Refuse the figures of a command that did not do its work.

    Raises
    ------
    CommandFailed
    """
    if not contender.check(cost):
        said = (cost.output[:1000] + cost.errors[-3000:]).decode("utf-8", "replace")
        raise CommandFailed(f"{contender.name} ended as expected but did not do what was asked; it said: {said}")
