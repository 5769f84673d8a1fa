"""Runs the targets for as many executions as asked, and writes what came of it to docs/fuzzing.md.

With atheris (libFuzzer, guided by coverage) where it can be had for this Python, else with mutations of the seeds by
chance. A crash or an execution of more than ten seconds ends a target, and the bytes that did it are kept.

    python -m tests.fuzz.run [--runs N] [--target NAME] [--seconds S]
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib.util
import platform
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.targets import TARGETS

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "docs" / "fuzzing.md"
HANG_S = 10
RUNS_OF_A_PROCESS = 100_000
LARGEST_BYTES = 4096
_DONE = re.compile(r"Done (\d+) runs in (\d+) second")
_COVERED = re.compile(r"cov: (\d+)")


@dataclass(frozen=True)
class Result:
    """How one target went; `trouble` holds the last words of a run that broke a promise."""

    target: str
    executions: int
    seconds: float
    covered: int | None
    trouble: str | None


def run_guided(target: str, runs: int, kept: Path) -> Result:
    """Fuzz one target by atheris, in processes of their own: it ends the process it runs in.

    Each goes on from the inputs that the one before it found; atheris itself needs some kilobytes more with every
    execution, and the limit on memory is there for the parsers.
    """
    whole = Result(target, 0, 0.0, None, None)
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(TARGETS[target].seeds()):
            (Path(folder) / f"seed{number}").write_bytes(seed)
        while whole.executions < runs and whole.trouble is None:
            whole = _one_more(whole, min(RUNS_OF_A_PROCESS, runs - whole.executions), folder, kept)
    return whole


def _one_more(before: Result, runs: int, folder: str, kept: Path) -> Result:
    options = [f"-runs={runs}", f"-max_len={LARGEST_BYTES}", f"-timeout={HANG_S}", "-rss_limit_mb=2048"]
    command = [sys.executable, "-m", "tests.fuzz.inside", before.target, *options, f"-artifact_prefix={kept}/", folder]
    ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    done, covered = _DONE.search(ended.stderr), _COVERED.findall(ended.stderr)
    return Result(
        before.target,
        before.executions + (int(done[1]) if done else 0),
        before.seconds + (float(done[2]) if done else 0.0),
        int(covered[-1]) if covered else before.covered,
        None if ended.returncode == 0 and done is not None else ended.stderr[-2000:],
    )


def run_by_chance(target: str, runs: int, kept: Path) -> Result:
    """Fuzz one target with mutations of its seeds, without guidance."""
    chance = random.Random(f"{target} {runs}")  # noqa: S311 (the same executions each time)
    seeds, check = TARGETS[target].seeds(), TARGETS[target].check
    begun = time.monotonic()
    for number in range(runs):
        content = mutated(chance.choice(seeds), seeds, chance)
        try:
            signal.alarm(HANG_S)
            check(content)
        except BaseException as error:  # noqa: BLE001 (the bytes are kept, whatever it was)
            (kept / f"crash-{target}-{number}").write_bytes(content)
            return Result(target, number, time.monotonic() - begun, None, f"{type(error).__name__}: {error}")
        finally:
            signal.alarm(0)
    return Result(target, runs, time.monotonic() - begun, None, None)


def mutated(content: bytes, seeds: Sequence[bytes], chance: random.Random) -> bytes:
    """Change some bytes by chance: bits, borders of integers, pieces cut out, doubled, or taken from another seed."""
    raw = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 4, 8))):
        place, size = chance.randrange(len(raw) + 1), chance.choice((1, 2, 4, 8, 40))
        kind = chance.randrange(5)
        if kind == 0 and place < len(raw):
            raw[place] ^= 1 << chance.randrange(8)
        elif kind == 1:
            raw[place : place + size] = chance.choice((b"\0", b"\xff", b"\x7f", b"\x80", b"\x01")) * size
        elif kind == 2:
            del raw[place : place + size]
        elif kind == 3:
            raw[place:place] = raw[place : place + size]
        else:
            other = chance.choice(seeds)
            start = chance.randrange(len(other) + 1)
            raw[place : place + size] = other[start : start + size]
    return bytes(raw[:LARGEST_BYTES])


def page(results: Sequence[Result], is_guided: bool) -> str:
    """Return what is written to docs/fuzzing.md."""
    how = (
        "by atheris, guided by coverage of the parsers" if is_guided else "by mutations of the seeds, without guidance"
    )
    total = sum(result.executions for result in results)
    lines = [
        "# The parsers under fuzzing",
        "",
        "Written by `make fuzz`. What must hold for any bytes is in `tests/fuzz/targets.py`: an answer or a refusal",
        f"with a reason, nothing read outside, no more memory than stated, an end within {HANG_S} s.",
        "",
        f"* {dt.datetime.now(dt.UTC):%Y-%m-%d} UTC, Python {platform.python_version()}, {platform.machine()}, {how}",
        f"* {total:,} executions in all, {sum(result.trouble is not None for result in results)} crashes or hangs",
        "",
        "| target | what it is | executions | seconds | edges covered | crashes or hangs |",
        "|---|---|---:|---:|---:|---|",
    ]
    for result in results:
        what = (TARGETS[result.target].check.__doc__ or "").partition(":")[0].strip().rstrip(".")
        covered = "" if result.covered is None else f"{result.covered}"
        said = "none" if result.trouble is None else "**yes**"
        lines.append(
            f"| `{result.target}` | {what} | {result.executions:,} | {result.seconds:.0f} | {covered} | {said} |"
        )
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Run all targets, or the one named; 0 if every promise held."""
    parser = argparse.ArgumentParser(prog="fuzz")
    parser.add_argument("--runs", type=int, default=400_000, help="executions of each target")
    parser.add_argument("--target", choices=sorted(TARGETS), action="append", help="only this one (repeat)")
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()), help="where bytes that crash go")
    parser.add_argument("--no-page", action="store_true", help="leave docs/fuzzing.md as it is")
    asked = parser.parse_args(arguments)
    is_guided = importlib.util.find_spec("atheris") is not None
    run = run_guided if is_guided else run_by_chance
    results = []
    for target in asked.target or TARGETS:
        results.append(run(target, asked.runs, asked.keep))
        print(f"{target}: {results[-1].executions:,} executions in {results[-1].seconds:.0f} s", flush=True)  # noqa: T201
        if results[-1].trouble:
            print(results[-1].trouble, file=sys.stderr)  # noqa: T201
    if not asked.no_page:
        PAGE.write_text(page(results, is_guided))
    return int(any(result.trouble for result in results))


def _raise_hang(number: int, frame: object) -> None:
    raise TimeoutError(f"longer than {HANG_S} s")


if __name__ == "__main__":
    signal.signal(signal.SIGALRM, _raise_hang)
    sys.exit(main(sys.argv[1:]))
