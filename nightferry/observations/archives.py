"""Archives named one by one made into FITS files in one folder: what `xrif2fits` does.

Which frames and cards, and how files are made, is converters/export's; observations are exporting.py's.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from converters.export.crew import Crew
from converters.export.jobs import Form, Job, Made
from converters.export.publish import NotOurs
from converters.export.section import ExportSection
from converters.export.staging import fingerprint, our_folder, staging
from converters.export.whole import camera_of, header_plan, whole_job
from converters.xrif import TimingFacts, read_header, read_timing, timing_facts
from converters.xrif.coding import plan
from converters.xrif.faults import Damaged, Unknown
from nightferry.locks import instrument_lock
from nightferry.observations.room import refuse_without_room
from nightferry.workplace import Workplace
from observatory.errors import CouldNotTell, NightferryError, UsageError
from observatory.files import to_disk
from observatory.spec.models import Instrument
from observatory.truth import State, worst

_HEADER_BYTES = 2 * 2880
"""About what header and padding add to each frame."""


class NameTaken(NightferryError):
    """A product would replace that of an archive before it."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} was made of another archive just now; nothing of this one was published."
            " Name another output for it with -D."
        )


@dataclass(frozen=True, slots=True)
class ArchiveWishes:
    """Which archives, and how.

    Attributes
    ----------
    files : tuple of Path
    output : Path
    roots : tuple of Path
        Where telemetry is looked for; none: headers hold what the archive itself tells.
    form : Form
    jobs : int
        Archives at a time.
    overwrite : bool
        Other files of the products' names are replaced.
    dry_run : bool
    """

    files: tuple[Path, ...]
    output: Path
    roots: tuple[Path, ...] = ()
    form: Form = "frames"
    jobs: int = 1
    overwrite: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class ArchiveRow:
    """What became of one archive, or with a dry run would.

    Attributes
    ----------
    file : Path
    state : State
        Different: damaged, or a product's place is taken. Unknown: not to be read.
    facts : TimingFacts or None
        None where even its timing could not be read.
    products : tuple of str
        Names in the output.
    absent : tuple of str
        Keywords that some frame lacks.
    reason : str or None
        Why it failed, or a word of caution.
    """

    file: Path
    state: State
    facts: TimingFacts | None = None
    products: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    reason: str | None = None


def instrument_of(workplace: Workplace, name: str | None, *, is_needed: bool) -> Instrument | None:
    """Return the instrument whose header map counts: the one named, or the only one that has a map.

    Raises
    ------
    UsageError
        No such instrument; or several have a map, none was named, and telemetry is wanted.
    """
    if name is not None:
        if name not in workplace.instruments:
            raise UsageError(f"--instrument {name}: no such instrument (there is: {', '.join(workplace.instruments)})")
        return workplace.instruments[name]
    able = [one for one in workplace.instruments.values() if one.section(ExportSection) is not None]
    if len(able) > 1 and is_needed:
        names = ", ".join(one.instrument for one in able)
        raise UsageError(f"which instrument's headers? Name one with --instrument: {names}")
    return able[0] if len(able) == 1 else None


def make_archives(
    instrument: Instrument | None, wishes: ArchiveWishes, ready: Callable[[int, int], None] = lambda done, total: None
) -> list[ArchiveRow]:
    """Make FITS files of some archives; one that cannot be made stops none of the others.

    Repeating is safe: the same archive gives the same bytes, and a file that is there with these is left alone.

    Parameters
    ----------
    instrument : Instrument or None
        Whose header map counts.
    wishes : ArchiveWishes
    ready : callable
        Hears how many archives are ready, and of how many.

    Raises
    ------
    LockHeld
        Another export works into the same output.
    NightferryError
        There is not room enough.
    OSError
        The output cannot be written to.
    """
    files = tuple(dict.fromkeys(wishes.files))
    if wishes.dry_run:
        return [_looked_at(file) for file in files]
    output = wishes.output.absolute()
    output.mkdir(parents=True, exist_ok=True)
    refuse_without_room(
        output,
        sum(map(_needed_bytes, files)),
        "nothing was made. Make room, name fewer archives, or another output with -D.",
    )
    rows: dict[Path, ArchiveRow] = {}
    mine: dict[str, str] = {}
    with (
        instrument_lock(our_folder(output), "export"),
        staging(output) as folder,
        Crew(max(1, min(wishes.jobs, len(files)))) as crew,
    ):
        for done, (job, made) in enumerate(crew.make_all(_jobs(instrument, wishes, files, folder)), 1):
            rows[job.sources[0]] = _row(job, _published(output, job, made, mine, overwrite=wishes.overwrite))
            shutil.rmtree(job.staging, ignore_errors=True)
            ready(done, len(files))
    return [rows[file] for file in files]


def state_of(rows: Sequence[ArchiveRow]) -> State:
    """Return the worst of all."""
    return worst(row.state for row in rows)


def _jobs(instrument: Instrument | None, wishes: ArchiveWishes, files: Sequence[Path], folder: Path) -> Iterator[Job]:
    for number, file in enumerate(files):
        own = folder / str(number)
        own.mkdir()
        yield whole_job(file, header_plan(instrument, camera_of(file), wishes.roots), wishes.form, own)


def _needed_bytes(file: Path) -> int:
    """Return about what an archive's products take; 0 where it cannot be read, which is told later."""
    try:
        header = read_header(file)
        return plan(header).raw_bytes + header.frames * _HEADER_BYTES
    except (NightferryError, Damaged, Unknown):
        return 0


def _published(output: Path, job: Job, made: Made, mine: dict[str, str], *, overwrite: bool) -> Made | NightferryError:
    """Bring an archive's products to the output, each whole; none where one of them has no place there.

    `mine` is what this call has published, hashes by names: that is never replaced.
    """
    if made.failure is not None:
        return made
    try:
        for one in made.products:
            if mine.get(one.name, one.sha256) != one.sha256:
                raise NameTaken(output / one.name)
        wanted = [one for one in made.products if not _is_there(output / one.name, one.sha256, overwrite=overwrite)]
    except NightferryError as error:
        return error
    for one in wanted:
        (job.staging / one.name).replace(output / one.name)
    to_disk(output)
    mine.update((one.name, one.sha256) for one in made.products)
    return made


def _is_there(path: Path, sha256: str, *, overwrite: bool) -> bool:
    """Say whether a product lies in its place already.

    Raises
    ------
    NotOurs
        Something else does, and it must stay.
    FileUnreadable
    """
    if not os.path.lexists(path):
        return False
    if path.is_symlink() or not path.is_file():
        raise NotOurs(path)
    if fingerprint(path)[2] == sha256:
        return True
    if not overwrite:
        raise NotOurs(path)
    return False


def _row(job: Job, made: Made | NightferryError) -> ArchiveRow:
    file = job.sources[0]
    if isinstance(made, NightferryError):
        state = State.UNKNOWN if isinstance(made, CouldNotTell) else State.DIFFERENT
        return ArchiveRow(file, state, reason=str(made))
    if made.failure is not None:
        return ArchiveRow(file, State.UNKNOWN if made.is_unknown else State.DIFFERENT, reason=made.failure)
    names = tuple(one.name for one in made.products)
    return ArchiveRow(file, State.OK, _looked_at(file).facts, names, made.absent, made.warning)


def _looked_at(file: Path) -> ArchiveRow:
    """Return what an archive's timing tells."""
    try:
        return ArchiveRow(file, State.OK, timing_facts(read_timing(file)))
    except CouldNotTell as error:
        return ArchiveRow(file, State.UNKNOWN, reason=str(error))
    except NightferryError as error:
        return ArchiveRow(file, State.DIFFERENT, reason=str(error))
