"""The steps of a VAMPIRES night, each beside the tool alone on the same files: measures for pipeline.py.

Cubes are made by code: two cameras on one trigger with the FLC, as tests/cubes.py makes small ones.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.figures import NIGHT, Figure, Wishes, instrument, scope
from catalogue.ledger import Ledger
from converters.base import step_models
from converters.cards import padding
from converters.outcome import ConvertOutcome, RowResult
from converters.pipeline import ConvertOptions, convert
from observatory.spec.models import StepSection
from tests.cubes import cube_header, put, timing_text

SIZE = 536
"""Rows and columns of the standard crop; 57 MB are a hundred frames."""
FRAMES = 100
_LEAST_MB = 3000
"""A real cube is a gigabyte or more; with small ones the start of a process for each is what is measured."""
_HASHED_MB = 512
_PERIOD_US, _JITTER_US = 2000.0, 500.0
_LARGE = "import sys; from benchmarks.vampires_steps import consolidate_here; consolidate_here(sys.argv[1])"


@dataclass(frozen=True)
class Memory(Figure):
    """Peak memory instead of speed: in place of a line of speeds."""

    peak_mb: float = 0.0
    core_s: float = 0.0
    copy_core_s: float = 0.0
    hash_core_s: float = 0.0

    @property
    def most(self) -> float:
        """How many times as quick as one cp this machine can be at most, where all that is copied is hashed."""
        return self.copy_core_s / (self.copy_core_s + self.hash_core_s) * (os.cpu_count() or 1)

    def line(self) -> str:
        """Return a line of the table."""
        words = (
            f"{self.peak_mb:.0f} MB of memory at most; of one core, writing takes {self.core_s:.2f} s a GB,"
            f" SHA-256 alone {self.hash_core_s:.2f} s, cp alone {self.copy_core_s:.2f} s: all of this machine's cores"
            f" cannot copy and hash at more than {self.most:.2f} of one cp"
        )
        return f"| {self.name} | {self.megabytes / self.ours_s[0]:.0f} | | | {words} |"


def night_of(root: Path) -> Path:
    """Return the night's folder below a root."""
    return root / f"{NIGHT:%Y%m%d}"


def expose(night: Path, megabytes: float, frames: int = FRAMES) -> float:
    """Make cubes of both cameras that are about so many MB together; return how many they are."""
    frame_bytes = 2 * SIZE * SIZE
    cubes = max(1, round(megabytes * 1e6 / (2 * frames * frame_bytes)))
    random = np.random.default_rng(1)
    pool = [_pixels(random) for _ in range(8)]
    for camera in (1, 2):
        steps = np.full(cubes * frames, _PERIOD_US)
        steps[0::2] += 2 * _JITTER_US
        times = 1.76242440e15 + np.cumsum(steps) + random.normal(0, 7.2, len(steps)) + 600 * (camera - 1)
        for number in range(cubes):
            part = slice(number * frames, (number + 1) * frames)
            stem = night / f"vcam{camera}" / f"vcam{camera}_{number:04d}"
            header = cube_header((frames, SIZE, SIZE), camera, True, _JITTER_US, {})
            _write(stem.with_suffix(".fits"), header.to_bytes(), pool, frames)
            put(stem.with_suffix(".txt"), timing_text(times[part], np.arange(part.start, part.stop)))
    return sum(path.stat().st_size for path in night.rglob("*.fits")) / 1e6


def _pixels(random: np.random.Generator) -> bytes:
    """Return one frame of photons and read noise, as FITS keeps unsigned numbers."""
    frame = random.poisson(60, (SIZE, SIZE)) + random.normal(200, 5, (SIZE, SIZE))
    return bytes((frame.astype(np.int32) - 32768).astype(">i2").tobytes())


def _write(path: Path, head: bytes, pool: Sequence[bytes], frames: int) -> None:
    put(path, b"")
    with path.open("wb") as stream:
        stream.write(head)
        for number in range(frames):
            stream.write(pool[number % len(pool)])
        stream.write(bytes(padding(frames * len(pool[0]))))
    os.utime(path, (1e9, 1e9))


def steps_named(*names: str) -> list[StepSection]:
    """Return some steps with nothing but their defaults."""
    return [step_models()[name].model_validate({"step": name}) for name in names]


def _packing() -> StepSection:
    """Return fpack as a step of one's own on the night's cubes."""
    keys = {"run": ["fpack", "-r", "{input}"], "inputs": ["vgen2/*.fits"], "outputs": ["{input}.fz"]}
    return step_models()["command"].model_validate({"step": "command"} | keys)


def _take(ledger: Ledger, root: Path, steps: Sequence[StepSection], only: str) -> float:
    began = time.monotonic()
    outcome = convert(instrument(), scope(root), steps, ledger, _options(only))
    seconds = time.monotonic() - began
    _must_be_done(outcome)
    return seconds


def _options(only: str) -> ConvertOptions:
    return ConvertOptions(steps=frozenset({only}), workers=os.cpu_count() or 1)


def _must_be_done(outcome: ConvertOutcome) -> None:
    failed = [row.reason for row in outcome.rows if row.result is not RowResult.DONE]
    if failed or outcome.unknown_reason is not None or not outcome.rows:
        raise SystemExit(f"the steps failed: {failed or outcome.unknown_reason}")


def _sync(folder: Path) -> None:
    subprocess.run(["sync", "-f", str(folder)], check=True)


def night_steps(wishes: Wishes) -> list[Figure]:
    """Each step in its turn, beside a plain copy of what it reads, or fpack on what it packs."""
    root, hand = wishes.folder / "vampires", wishes.folder / "plain"
    night = night_of(root)
    megabytes = expose(night, max(wishes.megabytes, _LEAST_MB))
    time.sleep(2.1)  # hashes of files that changed a moment ago are not kept, and no night is that young
    pipeline = steps_named("syncdeint", "consolidate", "fix-headers", "compress")
    names = ("syncdeint", "consolidate", "command", "fix-headers", "compress")
    seconds: dict[str, list[float]] = {name: [] for name in names}
    alone: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for number in range(wishes.rounds):
        shutil.rmtree(night / "vgen2", ignore_errors=True)
        with Ledger.open("sqlite:///bench.db", wishes.folder / f"vampires-state-{number}") as ledger:
            for name in names:
                source = night / ("vgen2" if (night / "vgen2").is_dir() else ".")
                alone[name].append(_alone(name, source, hand))
                shutil.rmtree(hand)
                _sync(wishes.folder)
                steps = [*pipeline[:2], _packing()] if name == "command" else pipeline
                seconds[name].append(_take(ledger, root, steps, name))
                if name == "command":
                    _remove_packed(night)
    return [
        Figure(words, megabytes, seconds[name], [pair[which] for pair in alone[name]], target)
        for name, which, words, target in _LINES
    ]


def _remove_packed(night: Path) -> None:
    """Leave the night as the next step of the pipeline finds it."""
    for path in (night / "vgen2").glob("*.fz"):
        path.unlink()


_WRITTEN, _ON_DISK = 0, 1
_LINES: tuple[tuple[str, int, str, float | None], ...] = (
    ("syncdeint", _WRITTEN, "`syncdeint`: a plan of all frames, beside sha256sum of the cubes", None),
    ("consolidate", _ON_DISK, "`consolidate`: cubes by FLC state, beside cp of the cubes and sync", 0.5),
    ("consolidate", _WRITTEN, "`consolidate`, beside cp of the cubes, nothing of it on disk yet", 0.5),
    ("command", _ON_DISK, "`command`: fpack -r on the night's cubes, beside fpack by hand on all cores", 0.9),
    ("fix-headers", _ON_DISK, "`fix-headers`, beside cp of the cubes and sync", None),
    ("compress", _ON_DISK, "`compress` with its proof, beside fpack, then funpack and cmp, on all cores", 0.9),
)


def _alone(name: str, source: Path, hand: Path) -> tuple[float, float]:
    """Do what a step does by the plain tool; return the seconds until it ended, and until all of it was on disk.

    What was made lies in `hand`.
    """
    hand.mkdir()
    files = [str(path) for path in sorted(source.rglob("*.fits"))]
    if name in ("compress", "command"):
        for number, path in enumerate(files):
            shutil.copy(path, hand / f"{number}.fits")
    _sync(hand)
    began = time.monotonic()
    if name == "syncdeint":
        subprocess.run(["sha256sum", *files], stdout=subprocess.DEVNULL, check=True)
    elif name == "compress":
        _pack_by_hand(hand, 'fpack -r "$1" && funpack -C -S "$1.fz" | cmp - "$1" && rm "$1"')
    elif name == "command":
        _pack_by_hand(hand, 'fpack -r "$1"')
    else:
        subprocess.run(["cp", "-t", str(hand), *files], check=True)
    ended = time.monotonic()
    _sync(hand)
    return ended - began, time.monotonic() - began


def _pack_by_hand(hand: Path, script: str) -> None:
    names = b"\0".join(os.fsencode(path.name) for path in sorted(hand.glob("*.fits")))
    words = ["xargs", "-0", "-n", "1", "-P", str(os.cpu_count() or 1), "sh", "-c", script, "sh"]
    subprocess.run(words, input=names, cwd=hand, check=True)


def large_pair(wishes: Wishes) -> list[Figure]:
    """Consolidate two large cubes in a process of its own, and ask what memory it took at most."""
    root = wishes.folder / "large"
    night = night_of(root)
    frames = int(wishes.large_gigabytes * 1e9 / (2 * SIZE * SIZE))
    megabytes = expose(night, 1.0, frames)
    began = time.monotonic()
    ended = subprocess.run([sys.executable, "-c", _LARGE, str(root)], check=True, stdout=subprocess.PIPE, text=True)
    seconds = time.monotonic() - began
    name = f"`syncdeint` and `consolidate` of a pair of {wishes.large_gigabytes:g} GB cubes, one process"
    peak_mb, core_s = (float(word) for word in ended.stdout.split())
    copy_s = _core_s_of_copy(night / "vcam1", wishes.folder / "copied")
    return [
        Memory(
            name,
            megabytes,
            [seconds],
            [seconds],
            None,
            peak_mb=peak_mb,
            core_s=core_s / (megabytes / 1e3),
            copy_core_s=copy_s / (megabytes / 2e3),
            hash_core_s=_core_s_of_hash() / (_HASHED_MB / 1e3),
        )
    ]


def _core_s_of_hash() -> float:
    """Return how long SHA-256 of so many MB, which lie in memory, keeps a core busy, in seconds."""
    piece = bytes(1_000_000)
    digest = hashlib.sha256()
    began_s = time.process_time()
    for _ in range(_HASHED_MB):
        digest.update(piece)
    return time.process_time() - began_s


def _core_s_of_copy(source: Path, place: Path) -> float:
    """Return how long cp of a folder keeps a core busy, in seconds."""
    before = os.times()
    subprocess.run(["cp", "-r", str(source), str(place)], check=True)
    after = os.times()
    return after.children_user - before.children_user + after.children_system - before.children_system


def consolidate_here(root: str) -> None:
    """Plan a night and write its cubes in this process; print its peak memory in MB, and seconds of a core."""
    import resource

    from converters.vampires.cubes import write_cube
    from converters.vampires.night import make_plan
    from converters.vampires.reading import Found, read_cubes
    from converters.vampires.rules import Flc, Rules

    folder = night_of(Path(root))
    rules = Rules(flc=Flc({"U_FLCEN": ("T",)}), longest_us=10**12)
    found = [
        Found(camera, os.fsencode(path.relative_to(folder)), os.fsencode(path.relative_to(folder).with_suffix(".txt")))
        for camera, stream in (("cam1", "vcam1"), ("cam2", "vcam2"))
        for path in sorted((folder / stream).glob("*.fits"))
    ]
    plan = make_plan(NIGHT, ("cam1", "cam2"), read_cubes(folder, NIGHT, found, rules), rules, {})
    (folder / "vgen2").mkdir()
    began_s = time.process_time()
    for output in plan.outputs:
        write_cube(folder, plan, output, folder / os.fsdecode(output.path), lambda: False)
    core_s = time.process_time() - began_s
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000, core_s)
