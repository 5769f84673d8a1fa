"""How each contender is called for each kind of row, the project among them, and how to see that it did its work.

A verify has one missing file to find, a copy is counted afterwards. Leaves the table to rows.py, running and timing
to measure.py.
"""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import trees
from benchmarks.ground import Stage
from benchmarks.measure import CommandFailed, Cost

PROJECT = "nightferry"
GCM = "aes128-gcm@openssh.com"
PEER_LIMIT_S = 60.0
"""Seconds after which a peer is stopped; the row then says "longer than"."""
PROJECT_LIMIT_S = 600.0
SFTP_WALK = Path(__file__).with_name("sftp_walk.py")


@dataclass(frozen=True, slots=True)
class Contender:
    """One command, and how to see that it did what was asked.

    Attributes
    ----------
    expected_status : int
    check : callable
        Whether the work was done, by what the command said and what lies at the destination.
    environment : mapping
        What it finds beside the usual.
    limit_s : float
        Seconds after which it is stopped.
    """

    name: str
    argv: Sequence[str]
    expected_status: int
    check: Callable[[Cost], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    limit_s: float = PEER_LIMIT_S

    @property
    def lacks(self) -> str | None:
        """The program that is not on this machine; None where it can run."""
        return None if shutil.which(self.argv[0]) else self.argv[0]


Contenders = Callable[[Stage], list[Contender]]


def assert_done(contender: Contender, cost: Cost) -> None:
    """Refuse the figures of a command that did not do its work; of one that was cut off nothing is asked.

    Raises
    ------
    CommandFailed
    """
    if not cost.is_cut and not contender.check(cost):
        said = (cost.output[:1000] + cost.errors[-3000:]).decode("utf-8", "replace")
        raise CommandFailed(f"{contender.name} ended as expected but did not do what was asked; it said: {said}")


# Words of commands


def _far(stage: Stage) -> str:
    return f"far:{stage.ground.source}/"


def _ssh(stage: Stage, cipher: str = "") -> list[str]:
    return [*stage.far.ssh, *(["-c", cipher] if cipher else [])]


def project(stage: Stage, *words: str) -> list[str]:
    """Return the words of one of the project's commands over a stage's nights."""
    command = Path(sys.executable).with_name(PROJECT)
    nights = f"{trees.night(stage.window - 1):%Y%m%d}..{trees.night(0):%Y%m%d}"
    only = ["-d", nights] if stage.is_part else []
    return [str(command), "--config", str(stage.ground.configuration), *words, "-i", "bench", *only, "--json"]


def _rsync(stage: Stage, *options: str, cipher: str = "") -> list[str]:
    shell = shlex.join(_ssh(stage, cipher))
    return ["rsync", *options, "-e", shell, _far(stage), f"{stage.ground.destination}/"]


def _rclone(stage: Stage, *words: str) -> list[str]:
    return ["rclone", *words, stage.far.rclone_remote(stage.ground.source), str(stage.ground.destination)]


# Is anything missing?


def hop_of(cost: Cost) -> dict[str, Any]:
    """Return what the project says of the one hop; nothing where it said nothing of use."""
    try:
        (hop,) = json.loads(cost.output)["hops"]
    except (ValueError, KeyError):
        return {}
    return dict(hop)


def _verify(stage: Stage, *words: str) -> Contender:
    lacking = str(stage.ground.lacking(stage.window))

    def check(cost: Cost) -> bool:
        hop = {"missing": None, "compared": None, **hop_of(cost)}
        return (hop["missing"], hop["compared"]) == ([lacking], stage.files)

    return Contender(PROJECT, project(stage, "verify", *words), 1, check, limit_s=PROJECT_LIMIT_S)


def _finder(stage: Stage, name: str, argv: Sequence[str], status: int = 0) -> Contender:
    lacking = str(stage.ground.lacking(stage.window)).encode()
    return Contender(name, argv, status, lambda cost: lacking in cost.output and cost.output.count(b"BENCH_") == 1)


def _pipe(stage: Stage, shown: str) -> list[str]:
    """Return the pipe that a person lays by hand, both ends at once, its listing compressed on the line."""
    listing = "find {root} -type f -printf '" + shown + "' | LC_ALL=C sort -z"
    near = listing.format(root=shlex.quote(str(stage.ground.destination)))
    far = listing.format(root=shlex.quote(str(stage.ground.source))) + " | zstd -q -1"
    asked = shlex.join([*_ssh(stage), "far", far])
    here = shlex.quote(str(stage.ground.aside))
    script = f"{asked} | zstd -q -d >{here}/a & {near} >{here}/b; wait $! && LC_ALL=C comm -z -23 {here}/a {here}/b"
    return ["bash", "-o", "pipefail", "-c", script]


def _sftp_walk(stage: Stage) -> Contender:
    reached = [stage.far.line.far_address, str(stage.far.port), stage.far.user, str(stage.far.keys)]
    roots = [str(stage.ground.source), str(stage.ground.destination)]
    return _finder(stage, "SFTP walk (paramiko)", [sys.executable, str(SFTP_WALK), *reached, *roots])


def _rclone_check(stage: Stage, *options: str) -> Contender:
    words = ("check", "--one-way", *options, "--missing-on-dst", "-")
    return _finder(stage, " ".join(("rclone check --one-way", *options)), _rclone(stage, *words), 1)


def existence(stage: Stage) -> list[Contender]:
    """Return who can say which names are missing."""
    names = _finder(stage, "find names, sort, zstd, comm", _pipe(stage, r"%P\0"))
    return [*_listing(stage, "existence", names), _sftp_walk(stage)]


def size(stage: Stage) -> list[Contender]:
    """Return who can say what is missing or of another size."""
    return _listing(stage, "size", _finder(stage, "find sizes, sort, zstd, comm", _pipe(stage, r"%P/%s\0")))


def _listing(stage: Stage, level: str, by_hand: Contender) -> list[Contender]:
    return [
        _verify(stage, "--level", level),
        _finder(stage, "rsync -an", _rsync(stage, "-an", "-i")),
        _finder(stage, "rsync -an --no-inc-recursive", _rsync(stage, "-an", "-i", "--no-inc-recursive")),
        by_hand,
        _rclone_check(stage, "--size-only"),
    ]


def window(stage: Stage) -> list[Contender]:
    """Return who can look at some nights of many."""
    names = _list_of(stage, "window", stage.folders)
    options = ("-an", "-i", "-r", f"--files-from={names}")
    return [
        _verify(stage, "--level", "size"),
        _finder(stage, "rsync -an --files-from", _rsync(stage, *options)),
    ]


def checksum(stage: Stage) -> list[Contender]:
    """Return who can compare every byte without carrying it."""
    return [
        _verify(stage, "--level", "checksum"),
        _finder(stage, "rsync -anc", _rsync(stage, "-anc", "-i")),
        _finder(stage, "rsync -anc --checksum-choice=md5", _rsync(stage, "-anc", "-i", "--checksum-choice=md5")),
        _finder(stage, "sha256sum on both ends", _sha256sum(stage)),
        _rclone_check(stage),
    ]


def _sha256sum(stage: Stage) -> list[str]:
    summing = "cd {root} && find . -name 'BENCH_*' -print0 | sort -z | xargs -0 sha256sum"
    near = summing.format(root=shlex.quote(str(stage.ground.destination)))
    far = shlex.join([*_ssh(stage), "far", summing.format(root=shlex.quote(str(stage.ground.source)))])
    here = shlex.quote(str(stage.ground.aside))
    script = f"{far} >{here}/a & {near} >{here}/b; wait $! && LC_ALL=C comm -23 <(sort {here}/a) <(sort {here}/b)"
    return ["bash", "-o", "pipefail", "-c", script]


# Carrying


def _list_of(stage: Stage, name: str, lines: Sequence[str]) -> Path:
    path = stage.ground.aside / name
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def _sync(stage: Stage, moved: int) -> Contender:
    def check(cost: Cost) -> bool:
        return hop_of(cost).get("transferred") == moved and stage.ground.held() == stage.ground.tree.files

    return Contender(PROJECT, project(stage, "sync"), 0, check, limit_s=PROJECT_LIMIT_S)


def _copier(stage: Stage, name: str, argv: Sequence[str], **environment: str) -> Contender:
    return Contender(name, argv, 0, lambda _: stage.ground.held() == stage.ground.tree.files, environment)


def _by_hand(stage: Stage, sessions: int) -> Contender:
    """Return several rsyncs at once, each given its share of the nights; the lists are made beforehand."""
    commands = []
    for number in range(sessions):
        mine = stage.folders[number::sessions]
        if mine:
            names = _list_of(stage, f"share-{number}-of-{sessions}", mine)
            commands.append(shlex.join(_rsync(stage, "-aW", "-r", f"--files-from={names}", cipher=GCM)))
    script = " & ".join(commands) + ' & for job in $(jobs -p); do wait "$job" || exit 1; done'
    return _copier(stage, f"{sessions} rsyncs by hand, AES-128-GCM", ["bash", "-c", script])


def _tar(stage: Stage) -> Contender:
    far = shlex.join([*_ssh(stage, GCM), "far", f"tar -C {shlex.quote(str(stage.ground.source))} -cf - ."])
    script = f"{far} | tar -C {shlex.quote(str(stage.ground.destination))} -xf -"
    return _copier(stage, "tar over ssh, AES-128-GCM", ["bash", "-o", "pipefail", "-c", script])


def _rclone_copy(stage: Stage) -> Contender:
    """Return rclone without its one command per file that hashes at the far end: it would take minutes."""
    return _copier(stage, "rclone copy", _rclone(stage, "copy", "--sftp-disable-hashcheck"))


def _fpsync(stage: Stage) -> Contender:
    """Return fpsync; it cannot pull: it looks from the destination, which holds the same, at the source."""
    scratch = str(stage.ground.aside / "fpsync")
    jobs = str(8 if stage.far.line.round_trip_ms else 2)
    words = ["fpsync", "-n", jobs, "-t", scratch, "-d", scratch, "-O", "-x|.nightferry"]
    argv = [*words, f"{stage.ground.destination}/", _far(stage)]
    return _copier(stage, f"fpsync -n {jobs}", argv, RSYNC_RSH=shlex.join(_ssh(stage)))


def idle(stage: Stage) -> list[Contender]:
    """Return who can find out that there is nothing to do."""
    return [
        _sync(stage, 0),
        _copier(stage, "rsync -a", _rsync(stage, "-a")),
        _fpsync(stage),
        _rclone_copy(stage),
    ]


def night(stage: Stage) -> list[Contender]:
    """Return who can bring one new night."""
    return [
        _sync(stage, stage.ground.tree.files_of(0)),
        _copier(stage, "rsync -a", _rsync(stage, "-a")),
    ]


def fresh(*sessions: int, also: Sequence[str] = ()) -> Contenders:
    """Return who can bring everything: several rsyncs by hand, and of `also` ``tar`` and ``rclone``."""

    def contenders(stage: Stage) -> list[Contender]:
        return [
            _sync(stage, stage.ground.tree.files),
            _copier(stage, "rsync -a", _rsync(stage, "-a")),
            _copier(stage, "rsync -aW, AES-128-GCM", _rsync(stage, "-aW", cipher=GCM)),
            *(_by_hand(stage, number) for number in sessions),
            *([_tar(stage)] if "tar" in also else []),
            *([_rclone_copy(stage)] if "rclone" in also else []),
        ]

    return contenders
