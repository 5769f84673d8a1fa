"""How quickly stream archives are decoded and telemetry is read, beside plain numpy; writes docs/benchmarks-xrif.md.

Archives and telemetry are made by code, of a fixed seed. All ways decode the same bytes and must give the same
pixels.

    python -m benchmarks.xrif [--rounds N] [--no-page]
"""

from __future__ import annotations

import argparse
import datetime as dt
import gc
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lz4.block
import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import facts
from converters.stamps import NS_PER_S, day_folder, format_stamp
from converters.telemetry.writer import record
from converters.xrif import coding, packing
from converters.xrif.archive import read_stream
from converters.xrif.writer import encode
from observatory.formats.xrif import Block, image_header

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks-xrif.md"
SHAPES = ((512, 120, 120), (64, 1024, 1024))
"""Frames, height, width: camwfs as it is written, and a large camera."""
TARGET = 1.5
RECORDS = 3_000_000
_BEGIN_NS = 1_735_689_600 * NS_PER_S
_CADENCE_NS = 10 * NS_PER_S
WHY = """\
numpy sums along the first axis frame by frame through the whole array, larger than any cache; here blocks of 32,768
pixels are unpacked and added to those of the frame before while both are in the core's own cache. Most of the gain
over plain numpy is in the unpacking: bytes are exchanged by arithmetic on bytes, many at a time, without masks of the
whole array. Memory: the pixels and their unpressed form, nothing more. LZ4 itself takes a fifth of the time
of small frames and three fifths of that of large ones; a second core is better given to another archive (`-j`)."""
Decoder = Callable[[Block, bytes], NDArray[np.uint16]]


@dataclass(frozen=True)
class Figure:
    """One line of the table: medians, lowest and highest over the rounds."""

    name: str
    mb_per_s: float
    lowest: float
    highest: float
    ratio: float | None


def camera_frames(frames: int, height: int, width: int) -> NDArray[np.uint16]:
    """Make frames like a camera's: bias, a star that moves a little, photon and read noise."""
    chance = np.random.default_rng(20251202)
    rows, columns = np.mgrid[:height, :width]
    made = np.empty((frames, 1, height, width), np.uint16)
    for frame in range(frames):
        centre = height / 2 + chance.normal(0, 1), width / 2 + chance.normal(0, 1)
        star = 8000 * np.exp(-((rows - centre[0]) ** 2 + (columns - centre[1]) ** 2) / 50)
        made[frame, 0] = 1000 + star + chance.normal(0, 1, (height, width)) * np.sqrt(9 + star)
    return made


def ours(header: Block, payload: bytes) -> NDArray[np.uint16]:
    """Decode as nightferry does."""
    return coding.decode(header, payload)


def plain_numpy(header: Block, payload: bytes) -> NDArray[np.uint16]:
    """Decode as one writes it down first: LZ4, then every rule of the format over the whole array."""
    packed = _decompressed(header, payload)
    pixels = header.width * header.height
    count = pixels * (header.frames - 1)
    low, high = packed[2 * pixels : 2 * pixels + count], packed[2 * pixels + count :].copy()
    exchange = (low >= 128) & ((high == 0) | (high == 255))
    high[exchange] ^= 255
    out = np.empty((header.frames, pixels), np.uint16)
    out[0] = packed[: 2 * pixels].view(np.uint16)
    out[1:] = (low | high.astype(np.uint16) << 8).reshape(-1, pixels)
    return _shaped(header, np.cumsum(out, axis=0, dtype=np.uint16))


def quick_bytes_whole_sum(header: Block, payload: bytes) -> NDArray[np.uint16]:
    """Decode with our unpacking, and numpy's cumsum over the whole array: what the sums alone bring."""
    packed = _decompressed(header, payload)
    pixels = header.width * header.height
    words = packing.unbytepack(packed, 2 * pixels, pixels * header.frames)
    return _shaped(header, np.cumsum(words.reshape(header.frames, pixels), axis=0, dtype=np.uint16))


def only_lz4(header: Block, payload: bytes) -> NDArray[np.uint16]:
    """Decompress and do nothing else: no decoder can be quicker."""
    return _decompressed(header, payload).view(np.uint16)


def _decompressed(header: Block, payload: bytes) -> NDArray[np.uint8]:
    size = 2 * header.width * header.height * header.frames
    return np.frombuffer(lz4.block.decompress(payload, uncompressed_size=size), np.uint8)


def _shaped(header: Block, rows: NDArray[np.uint16]) -> NDArray[np.uint16]:
    return rows.reshape(header.frames, 1, header.height, header.width)


DECODERS: dict[str, Decoder] = {
    "nightferry": ours,
    "`lz4`, numpy, whole-array `cumsum`": plain_numpy,
    "our unpacking, whole-array `cumsum`": quick_bytes_whole_sum,
    "`lz4` alone (bound)": only_lz4,
}


def decoding(shape: tuple[int, int, int], rounds: int) -> tuple[list[Figure], float]:
    """Measure every decoder by turns; return the figures and how much the archive was pressed together."""
    frames = camera_frames(*shape)
    content = encode(frames)
    header = image_header(io.BytesIO(content), len(content))
    payload = content[header.header_size :]
    seconds: dict[str, list[float]] = {name: [] for name in DECODERS}
    for round_number in range(rounds + 1):
        for name, decoder in DECODERS.items():
            gc.collect()
            begun = time.process_time()
            pixels = decoder(header, payload)
            taken = time.process_time() - begun
            if round_number:
                seconds[name].append(taken)
            elif decoder is not only_lz4 and not np.array_equal(pixels, frames):
                raise SystemExit(f"{name} decodes other pixels")
            del pixels
    return [_figure(name, taken, seconds["nightferry"], frames.nbytes) for name, taken in seconds.items()], (
        frames.nbytes / len(payload)
    )


def _figure(name: str, taken: Sequence[float], ours_s: Sequence[float], size: int) -> Figure:
    rates = [size / one / 1e6 for one in taken]
    ratios = [other / one for other, one in zip(taken, ours_s, strict=True)]
    ratio = None if name == "nightferry" else statistics.median(ratios)
    return Figure(name, statistics.median(rates), min(rates), max(rates), ratio)


def write_year(root: Path, records: int) -> int:
    """Write a year of the observers' telemetry, one file a day as the instrument does; return its bytes."""
    written, day = 0, 8640
    for begin in range(0, records, day):
        stamp_ns = _BEGIN_NS + begin * _CADENCE_NS
        folder = root / "telem" / "observers" / day_folder(stamp_ns)
        folder.mkdir(parents=True, exist_ok=True)
        content = b"".join(_observer(number) for number in range(begin, min(begin + day, records)))
        (folder / f"observers_{format_stamp(stamp_ns)}.bintel").write_bytes(content)
        written += len(content)
    return written


def _observer(number: int) -> bytes:
    """Return one record: some observations each night, each for some twenty minutes."""
    observation = number // 240
    said = {
        "email": f"observer{observation // 36 % 7}@example.org",
        "obsName": f"target {observation}",
        "observing": number % 240 > 120 and number % 8640 < 4320,
        "tgt_name": f"HD {observation % 97}",
    }
    return record(_BEGIN_NS + number * _CADENCE_NS, "telem_observer", said)


_READ = """
import re, sys, time
from pathlib import Path
from converters.telemetry import read_series
begun = time.process_time()
series = read_series([Path(sys.argv[1])], "observers", "telem_observer")
taken = time.process_time() - begun
peak = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]
print(len(series), len(series.edges()), taken, peak)
"""


def telemetry(records: int) -> str:
    """Read a year of telemetry in a process of its own, and say what it cost."""
    with tempfile.TemporaryDirectory() as folder:
        size = write_year(Path(folder), records)
        runs = []
        for _ in range(3):
            done = subprocess.run([sys.executable, "-c", _READ, folder], capture_output=True, text=True, check=True)
            runs.append([float(word) for word in done.stdout.split()])
    found, edges = int(runs[0][0]), int(runs[0][1])
    if found != records:
        raise SystemExit(f"{found} records were read of {records}")
    seconds = statistics.median(run[2] for run in runs)
    return (
        f"{records:,} records of `observers` in {-(-records // 8640)} files ({size / 1e6:.0f} MB):"
        f" **{seconds:.1f} s**, {records / seconds / 1e6:.1f} million records a second, {edges:,} edges,"
        f" {runs[0][3] / 1024:.0f} MB of memory at most."
    )


def timing_of(rounds: int) -> str:
    """Say what a whole file costs beside its decoding: checks, and the timing block."""
    frames = camera_frames(*SHAPES[0])
    content = encode(frames) + encode(np.ones((len(frames), 1, 1, 5), np.uint64), "timing", -1, -1, -1)
    taken = []
    for _ in range(rounds):
        begun = time.process_time()
        read_stream(io.BytesIO(content), len(content))
        taken.append(time.process_time() - begun)
    milliseconds = statistics.median(taken) * 1e3
    return f"A whole archive of 512 frames of 120 x 120, checked, with its timing: {milliseconds:.1f} ms."


def table(shape: tuple[int, int, int], figures: Sequence[Figure], pressed: float) -> list[str]:
    """Return one section of the page."""
    frames, height, width = shape
    lines = [
        f"## {frames} frames of {height} x {width}, 16 bits, previous + bytepack + LZ4",
        "",
        f"{frames * height * width * 2 / 1e6:.0f} MB of pixels, LZ4 pressed them {pressed:.2f} times.",
        "",
        "| decoder | MB of pixels a second (lowest to highest) | nightferry is so many times as quick | target |",
        "|---|---|---|---|",
    ]
    for one in figures:
        ratio = "" if one.ratio is None else f"{one.ratio:.2f}"
        judged = one.ratio is not None and "cumsum" in one.name
        target = "" if not judged else f"≥ {TARGET}: {'reached' if (one.ratio or 0) >= TARGET else '**falls short**'}"
        lines.append(
            f"| {one.name} | {one.mb_per_s:.0f} ({one.lowest:.0f} to {one.highest:.0f}) | {ratio} | {target} |"
        )
    return [*lines, ""]


def page(sections: Sequence[Sequence[str]], rounds: int, read: Sequence[str]) -> str:
    """Return the page."""
    with tempfile.TemporaryDirectory() as folder:
        machine = facts(Path(folder))[0]
    measured = f"Measured {dt.datetime.now(dt.UTC):%Y-%m-%d} by `make bench-xrif`, {rounds} rounds by turns after one"
    head = [
        "# Stream archives and telemetry: how quickly they are read",
        "",
        f"{measured} that warms up, one process, one thread, the archive in memory. All decoders gave the same pixels."
        " Times are those of the processor, which other work on the machine changes least.",
        "",
        f"* {machine}; numpy {np.__version__}, lz4 {_lz4_version()}",
        f"* load average before the first run: {os.getloadavg()[0]:.1f}",
        "",
    ]
    body = [line for section in sections for line in section]
    also = "Export of archives and `spans` over the same year are in [a page of their own](benchmarks-export.md)."
    parts = [*head, *body, "## What makes the difference", "", WHY, "", "## Telemetry", "", *read, "", also, ""]
    return "\n".join(parts)


def _lz4_version() -> str:
    import lz4

    version: Any = lz4.__version__
    return str(version)


def main(arguments: Sequence[str]) -> int:
    """Measure, print, and write the page; 1 where a target is missed."""
    parser = argparse.ArgumentParser(prog="bench-xrif")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--records", type=int, default=RECORDS)
    parser.add_argument("--no-page", action="store_true")
    asked = parser.parse_args(arguments)
    measured = [(shape, *decoding(shape, asked.rounds)) for shape in SHAPES]
    made = page(
        [table(*one) for one in measured], asked.rounds, [timing_of(asked.rounds), "", telemetry(asked.records)]
    )
    print(made)
    if not asked.no_page:
        PAGE.write_text(made)
    judged = [one.ratio for _, figures, _ in measured for one in figures if one.ratio and "cumsum" in one.name]
    return int(any(ratio < TARGET for ratio in judged))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
