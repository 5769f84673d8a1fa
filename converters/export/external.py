"""Another program in place of our decoder, called as lookyloo calls xrif2fits, and its files trimmed like our own.

What it leaves is moved on under its own names; frames outside the observation stay behind. Where it fails with
telemetry it is asked once more for the pixels alone, and the record says that these headers are bare.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from converters.export.frames import Instants, acquired_ns, choose
from converters.export.jobs import STILL_SPEAKING, External, Job, Made, Staged
from converters.export.reader import telemetry_state
from converters.export.staging import empty, fingerprint
from converters.programs import CannotStart, Ended, run_program
from converters.stamps import parse_name
from converters.xrif import read_timing
from observatory.counting import counted
from observatory.files import to_disk
from observatory.formats.whole import judge
from observatory.names import show

_CLEAN, _WITHOUT_SOME_TELEMETRY = 0, 1
_NOTHING_LEFT = "it left no FITS file of these frames"


@dataclass(slots=True)
class _NoLeash:
    """The program ends with its time limit; the pool that we work in ends us with it."""

    is_pulled: bool = False

    def started(self, group: int) -> None:
        """Nothing is held."""


def make_externally(job: Job, source: Path) -> Made:
    """Make one archive with the external program.

    Raises
    ------
    NightferryError
        The archive's timing cannot be read.
    OSError
    """
    size, mtime_ns, sha256 = fingerprint(source)
    timing = read_timing(source)
    choice = choose(timing, job.begin_ns, job.end_ns)
    begun = Made(job.archive, source, size, mtime_ns, sha256)
    made = replace(begun, before=choice.before, after=choice.after, lost=choice.lost)
    if not choice.taken.size:
        return made
    failure, has_header = _run(job, source)
    if failure is not None:
        return replace(begun, failure=failure)
    left = list(_belonging(job))
    why = _why_damaged(left) or _why_too_few(job, len(left), len(choice.taken))
    if why is not None:
        return replace(begun, failure=f"{_program(job)}: {why}")
    return replace(
        made,
        products=tuple(_staged(path) for path in left),
        frames=len(choice.taken),
        telemetry=_state(job, acquired_ns(timing)[choice.taken]),
        has_header=has_header,
        warning=None if has_header else "made without telemetry: with it the program failed",
    )


def _why_damaged(left: Iterable[Path]) -> str | None:
    """Return what is wrong with the first file that is not whole."""
    judged = ((path, *judge(os.fsencode(path), sums=True)) for path in left)
    return next((f"{path.name}: {reason}" for path, state, reason in judged if state != "whole"), None)


def _state(job: Job, taken_ns: Instants) -> str:
    """Return what telemetry there was; of what it lacked the program does not tell."""
    state = telemetry_state(job.header, int(taken_ns.min()), int(taken_ns.max()))
    return STILL_SPEAKING + state if job.header.with_telemetry else state


def _run(job: Job, source: Path) -> tuple[str | None, bool]:
    """Run it, with telemetry and if need be without; return why it failed, and whether headers are whole."""
    failure = _attempt(job, source, _telemetry(job))
    if failure is None or not _telemetry(job):
        return failure, True
    empty(job.staging)
    return _attempt(job, source, ["-N"]), False


def _telemetry(job: Job) -> list[str]:
    if not job.header.with_telemetry or job.form == "cube":
        return []
    kinds = (("-t", "telem"), ("-l", "logs"))
    return [word for flag, kind in kinds for word in (flag, ",".join(str(root / kind) for root in job.header.roots))]


def _attempt(job: Job, source: Path, words: Sequence[str]) -> str | None:
    external = _external(job)
    form = ["--cubeMode"] if job.form == "cube" else []
    argv = [external.program, "-O", "-d", str(source.parent), "-f", source.name, "-D", str(job.staging), *form, *words]
    try:
        ended = run_program([os.fsencode(word) for word in argv], job.staging, external.timeout_s, _NoLeash())
    except CannotStart as error:
        return f"the program cannot be started: {error}"
    return _judge(ended)


def _judge(ended: Ended) -> str | None:
    if ended.ended_by_us is not None:
        return f"{ended.ended_by_us} and was ended"
    if ended.status in (_CLEAN, _WITHOUT_SOME_TELEMETRY):
        return None
    said = show(b" / ".join(ended.output[-300:].strip().splitlines()[-2:]))
    return f"exit status {ended.status}{': ' + said if said else ''}"


def _why_too_few(job: Job, files: int, frames: int) -> str | None:
    """Return what to say of files that cannot be all; a program that ended well may have stopped half-way."""
    wanted = frames if job.form == "frames" else 1
    if files >= wanted:
        return None
    return f"it left {counted(files, 'FITS file')} of {counted(frames, 'frame')}" if files else _NOTHING_LEFT


def _belonging(job: Job) -> Iterator[Path]:
    """Yield the FITS files that it left, but those of frames outside the observation."""
    for path in sorted(job.staging.glob("*.fits")):
        name = parse_name(os.fsencode(path.name))
        is_frame = job.form == "frames" and name is not None
        if not is_frame or name is None or _is_within(job, name.stamp_ns):
            yield path


def _is_within(job: Job, at_ns: int) -> bool:
    return job.begin_ns <= at_ns and (job.end_ns is None or at_ns < job.end_ns)


def _staged(path: Path) -> Staged:
    to_disk(path)
    size, _, sha256 = fingerprint(path)
    return Staged(path.name, size, sha256)


def _external(job: Job) -> External:
    assert job.external is not None  # noqa: S101  # make() asks first
    return job.external


def _program(job: Job) -> str:
    return Path(_external(job).program).name
