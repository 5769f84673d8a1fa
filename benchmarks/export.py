"""How long an export of 200 archives and `spans` over a year of telemetry take; writes docs/benchmarks-export.md.

Everything is made by code, of a fixed seed. Beside the export stands the way that a person at home would take: lz4,
numpy's cumsum and astropy's writeto, in as many processes, without telemetry; beside `spans` a loop over lines of JSON.

    python -m benchmarks.export [--archives N] [--records N] [--rounds N] [--no-page]
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.machine import facts
from benchmarks.measure import Cost, run
from converters.stamps import NS_PER_S, day_folder, format_instant, format_stamp
from converters.telemetry.writer import record
from converters.xrif import write
from tests.magaox import configure

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks-export.md"
_BEGIN_NS = 1_735_689_600 * NS_PER_S
_CADENCE_NS = 10 * NS_PER_S
_FRAMES, _SIDE = 64, 120
_CHUNK_NS = 16 * NS_PER_S
_STAGES = ("stagepollin", "fwtelsim", "stagepickoff", "flipacq", "stagek", "stagebs", "fwpupil", "fwfpm", "fwlyot")
_TITLE = "betaPic"

PEER = """
import sys, struct
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
import lz4.block, numpy as np
from astropy.io import fits

def convert(path):
    raw = path.read_bytes()
    size, width, height, depth, frames = struct.unpack_from("<5I", raw, 8)
    packed = struct.unpack_from("<I", raw, 36)[0]
    flat = np.frombuffer(lz4.block.decompress(raw[size:size + packed], width * height * frames * 2), np.uint8)
    one = width * height * 2
    first, rest = flat[:one], flat[one:]
    low, high = rest[:rest.size // 2], rest[rest.size // 2:].copy()
    odd = low >= 128
    zero, full = odd & (high == 0), odd & (high == 255)
    high[zero], high[full] = 255, 0
    words = np.concatenate([first.view("<u2"), low.astype("u2") | high.astype("u2") << 8])
    images = np.cumsum(words.reshape(frames, height, width), axis=0, dtype="u2")
    timing = np.frombuffer(raw[size + packed + 48:], "<u8").reshape(-1, 5)
    for image, row in zip(images, timing):
        hdu = fits.PrimaryHDU(image)
        hdu.header["FRAMENO"], hdu.header["ACQSEC"], hdu.header["ACQNSEC"] = int(row[0]), int(row[1]), int(row[2])
        hdu.writeto(f"{sys.argv[2]}/{path.stem[:8]}{row[1]}{row[2]:09d}.fits", checksum=True, overwrite=True)

if __name__ == "__main__":
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(convert, sorted(Path(sys.argv[1]).rglob("*.xrif"))))
"""
LOOP = """
import json, sys
before, edges = None, 0
for line in open(sys.argv[1], "rb"):
    said = json.loads(line)["msg"]
    now = (said["email"], said["obsName"], said["observing"])
    edges += now != before
    before = now
print(edges)
"""


@dataclass(frozen=True)
class Row:
    """One line of a table."""

    name: str
    costs: tuple[Cost, ...]

    @property
    def wall_s(self) -> float:
        """The median."""
        return statistics.median(cost.wall_s for cost in self.costs)

    def text(self, base: Row) -> str:
        """Return the line; `base` is the row that it is compared with, round by round."""
        walls = [cost.wall_s for cost in self.costs]
        memory = max(cost.near_peak_bytes for cost in self.costs) / 1e6
        ratios = [cost.wall_s / other.wall_s for cost, other in zip(self.costs, base.costs, strict=True)]
        ratio = "" if base is self else f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        return f"| {self.name} | {self.wall_s:.2f} ({min(walls):.2f} to {max(walls):.2f}) | {memory:.0f} | {ratio} |"


HEADING = "| what | seconds (lowest to highest) | memory MB | times as long as the first line |\n|---|---|---|---|"


def make_night(root: Path, archives: int) -> None:
    """Make one observation of so many archives, with the telemetry of a dozen devices."""
    chance = np.random.default_rng(7)
    begin, end = _BEGIN_NS, _BEGIN_NS + archives * _CHUNK_NS + 60 * NS_PER_S
    base = 1000 + 200 * chance.standard_normal((_SIDE, _SIDE))
    for number in range(archives):
        start = begin + 20 * NS_PER_S + number * _CHUNK_NS
        times = start + np.arange(_FRAMES) * (_CHUNK_NS // _FRAMES)
        images = (base + 20 * chance.standard_normal((_FRAMES, 1, _SIDE, _SIDE))).astype(np.uint16)
        rows = [
            (number * _FRAMES + i, *divmod(int(t), NS_PER_S), *divmod(int(t) + 9, NS_PER_S))
            for i, t in enumerate(times)
        ]
        _put(root / "rawimages" / "camsci1", "camsci1", start, "xrif", None)
        path = root / "rawimages" / "camsci1" / day_folder(start) / f"camsci1_{format_stamp(start)}.xrif"
        write(path, images, np.array(rows, np.uint64))
    for device, said in _telemetry(begin, end):
        _put(root / "telem" / device, device, begin - 30 * NS_PER_S, "bintel", said)


def _telemetry(begin: int, end: int) -> Iterator[tuple[str, bytes]]:
    times = range(begin - 30 * NS_PER_S, end + 60 * NS_PER_S, _CADENCE_NS)
    yield "observers", b"".join(_observer(t, begin < t < end) for t in times)
    camera = {"exptime": 0.1, "fps": 10.0, "emGain": 5.0, "roi": {"w": 120, "h": 120, "xbin": 1, "ybin": 1}}
    yield (
        "camsci1",
        b"".join(record(t, "telem_stdcam", camera | {"tempCtrl": {"temp": -40 + t % 7 / 100}}) for t in times),
    )
    second = range(times.start, times.stop, NS_PER_S)
    yield "tcsi", b"".join(_telescope(t) for t in second)
    for device in _STAGES:
        said = {"preset": 3.0, "presetName": f"{device}-open"}
        yield device, b"".join(record(t, "telem_stage", said) for t in times)


def _observer(at_ns: int, on: bool, title: str = _TITLE) -> bytes:
    said = {"email": "observer@example.org", "obsName": title, "observing": on, "tgt_name": "beta Pic"}
    return record(at_ns, "telem_observer", said)


def _telescope(at_ns: int) -> bytes:
    elapsed = (at_ns - _BEGIN_NS) / NS_PER_S
    position = {"ra": 86.8, "dec": -51.0, "el": 60 + elapsed / 1e3, "am": 1.1 + elapsed / 1e5, "ha": elapsed / 240}
    turned = {"pa": elapsed / 100 % 360, "az": 10.0, "zd": 30.0, "tracking": 1}
    return record(at_ns, "telem_telpos", position) + record(at_ns, "telem_teldata", turned)


def _put(folder: Path, device: str, at_ns: int, ending: str, content: bytes | None) -> None:
    (folder / day_folder(at_ns)).mkdir(parents=True, exist_ok=True)
    if content is not None:
        (folder / day_folder(at_ns) / f"{device}_{format_stamp(at_ns)}.{ending}").write_bytes(content)


def make_year(root: Path, lines: Path, records: int) -> int:
    """Make the observers' telemetry of a year, a file a day, and the same as lines of JSON; return the edges."""
    edges, before = 0, None
    with lines.open("w") as printed:
        for first in range(0, records, 8640):
            parts = []
            for number in range(first, min(first + 8640, records)):
                at_ns = _BEGIN_NS + number * _CADENCE_NS
                on, title = number % 320 > 160, f"target {number // 320}"
                edges += before != (on, title)
                before = (on, title)
                parts.append(_observer(at_ns, on, title))
                said = {"email": "observer@example.org", "obsName": title, "observing": on}
                line = {"ts": format_instant(at_ns), "prio": "TELM", "ec": "telem_observer", "msg": said}
                printed.write(json.dumps(line) + "\n")
            _put(root / "telem" / "observers", "observers", _BEGIN_NS + first * _CADENCE_NS, "bintel", b"".join(parts))
    (root / "rawimages").mkdir()
    return edges


class Bench:
    """Runs commands, and a process that stands for the far end that there is not."""

    def __init__(self, folder: Path, rounds: int) -> None:
        self.folder, self.rounds = folder, rounds
        self.config = configure(folder)
        self._idle = subprocess.Popen(["sleep", "infinity"])
        self._program = Path(sys.executable).with_name("nightferry")

    def close(self) -> None:
        """End it."""
        self._idle.kill()
        self._idle.wait()

    def ours(self, *words: str) -> list[str]:
        """Return the words of a command of nightferry."""
        return [str(self._program), "--config", str(self.config), *words]

    def python(self, name: str, program: str, *words: str) -> list[str]:
        """Return the words of a program in Python."""
        script = self.folder / f"{name}_peer.py"
        script.write_text(program)
        return [sys.executable, str(script), *words]

    def by_turns(self, commands: Mapping[str, Sequence[str]]) -> list[Row]:
        """Measure commands by turns; the output folder and the ledger are new every time."""
        costs: dict[str, list[Cost]] = {name: [] for name in commands}
        for _ in range(self.rounds):
            for name, argv in commands.items():
                for left in (self.folder / "out", self.config / "var"):
                    shutil.rmtree(left, ignore_errors=True)
                (self.folder / "out").mkdir()
                costs[name].append(run(argv, self._idle.pid, dict(os.environ)))
                print(
                    f"{name}: {costs[name][-1].wall_s:.2f} s, processor {costs[name][-1].near_cpu_s:.1f} s", flush=True
                )
        return [Row(name, tuple(found)) for name, found in costs.items()]


def bench_export(bench: Bench, archives: int) -> str:
    """Measure the export of one observation; return its part of the page."""
    root, out = bench.folder / "night", str(bench.folder / "out")
    make_night(root, archives)
    words = ["export", "-X", str(root), "--utc-start", "2024-12-31", "-c", "camsci1", "-D", out, "-j", "2"]
    count = archives * _FRAMES
    rows = bench.by_turns(
        {
            f"`export -j 2`, a file for each of {count:,} frames": bench.ours(*words),
            "`export -j 2 -O`, without telemetry": bench.ours(*words, "-O"),
            "astropy, two processes, no telemetry, no fsync, no ledger": bench.python("export", PEER, str(root), out),
            f"`export -j 2 -C`, {archives} cubes with their tables": bench.ours(*words, "-C"),
        }
    )
    made = len(list(Path(out).rglob("*.fits")))
    if made != archives:
        raise SystemExit(f"{made} cubes were made of {archives}")
    raw = count * _SIDE * _SIDE * 2 / 1e6
    rate = f"{archives / rows[0].wall_s:.0f} archives, {count / rows[0].wall_s:.0f} frames a second"
    return (
        f"## {archives} archives of {_FRAMES} frames of {_SIDE} x {_SIDE}, {raw:.0f} MB of pixels\n\n"
        + "\n".join([HEADING, *(row.text(rows[0]) for row in rows)])
        + f"\n\nThat is {rate}: each frame with some 40 cards of {len(_STAGES) + 3} devices, hashed, brought to disk"
        " and remembered.\n"
    )


def bench_spans(bench: Bench, records: int) -> str:
    """Measure `spans` over a year; return its part of the page."""
    root, lines = bench.folder / "year", bench.folder / "year.ndjson"
    edges = make_year(root, lines, records)
    size = sum(path.stat().st_size for path in root.rglob("*.bintel")) / 1e6
    files = len(list(root.rglob("*.bintel")))
    ours, loop = bench.by_turns(
        {
            "`spans`": bench.ours("spans", "-X", str(root), "--utc-start", "2024-12-31"),
            "a loop over the same as lines of JSON, edges only": bench.python("spans", LOOP, str(lines)),
        }
    )
    found = ours.costs[0].output.count(b"\n")
    if int(loop.costs[0].output) != edges or abs(found - edges / 2) > 1:
        raise SystemExit(f"{found} observations, {int(loop.costs[0].output)} edges; made were {edges}")
    return (
        f"## `spans`: {records:,} records of `observers` in {files} files ({size:.0f} MB), {found:,} observations\n\n"
        + "\n".join([HEADING, ours.text(ours), loop.text(ours)])
        + f"\n\n{records / ours.wall_s / 1e6:.1f} million records a second from the start of the command to its exit;"
        f" the processor worked {statistics.median(cost.near_cpu_s for cost in ours.costs):.1f} s of it,"
        f" {statistics.median(cost.near_cpu_s for cost in loop.costs):.1f} s for the loop.\n"
    )


def main() -> None:
    """Measure and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--archives", type=int, default=200)
    parser.add_argument("--records", type=int, default=3_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-page", action="store_true")
    asked = parser.parse_args()
    memory = Path("/dev/shm")  # noqa: S108  # no contender waits for a disk
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        load, folder = os.getloadavg()[0], Path(name)
        bench = Bench(folder, asked.rounds)
        try:
            parts = [bench_export(bench, asked.archives), bench_spans(bench, asked.records)]
        finally:
            bench.close()
        page = [
            "# Observations: how quickly they are found and exported\n",
            f"Measured {dt.datetime.now(dt.UTC):%Y-%m-%d} by `make bench-export`, {asked.rounds} rounds by turns, in"
            " memory (`/dev/shm`).\n",
            *(
                f"* {fact}"
                for fact in (*facts(folder)[::2], f"load average before the first run: {load:.1f}, of two cores")
            ),
            "",
            *parts,
            WHY,
        ]
    if not asked.no_page:
        PAGE.write_text("\n".join(page))


WHY = """\
## What makes the difference

Pixels are shifted and turned to FITS's order once for a whole archive; cards that did not change since the last frame
are not formatted again; both sums of a file cost one pass each. A telemetry file is looked through once in a process,
and only the records around the frames are decoded. What the export does beyond the peer: it reads and hashes every
archive, chooses frames, asks the telemetry, hashes every product, brings each to disk and remembers it.
`spans` compares bodies and decodes only those that differ from the one before.

What falls short: with files in memory an fsync costs nothing; on a disk each archive waits for its own files, so that
single frames are bound by the disk. Cubes wait for one file an archive.
"""


if __name__ == "__main__":
    main()
