"""The step `frame-ids`: files named by sequential ids, oldest first, from the ledger or a command that gives them out.

An id is reserved in the ledger before a file bears it; a file is written anew under its id, never renamed over
another. Which numbers were given out before, catalogue/frame_ids.py knows.
"""

from __future__ import annotations

import datetime as dt
import itertools
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal, Protocol, runtime_checkable

from pydantic import Field, field_validator

from catalogue.frame_id_records import Series, Subject
from converters.base import Done, NightFolder, Task
from converters.cards import Header, NotAHeader, read_header
from converters.nightstep import Desk, NamesItsProducts, Survey
from converters.programs import CannotStart, run_program
from converters.rewriting import RunEnded, rewrite
from converters.workspace import sha256_of
from observatory.endpoints.contract import OURS
from observatory.errors import UsageError
from observatory.names import show
from observatory.spec.models import Section

_SERIES = re.compile(r"[A-Z][A-Z0-9]{2}[A-DF-Y]\Z")
"""Three letters or digits for the instrument, one for the kind of data: E is for exposures, Z is SMOKA's."""
_LETTER_PLACE = 3
_DIGITS = 8
RANGES = {"raw": (0, 69_999_999), "simulated": (70_000_000, 89_999_999), "engineering": (90_000_000, 99_999_999)}
"""What the first of the eight digits stands for at Subaru."""
_WRITERS = 2
_REMEDY = "bring the ledger back (the database of site.yaml) from where it is kept, or, if it is lost for good,"


@runtime_checkable
class FrameIdMemory(Protocol):
    """What is asked of the ledger."""

    def reserve_frame_ids(
        self, series: Series, instrument: str, night: dt.date, wanted: Sequence[Subject], at_utc: dt.datetime
    ) -> dict[Subject, int]:
        """Give every file a number."""
        ...

    def known_frame_ids(self, series: str, instrument: str, night: dt.date) -> dict[Subject, int]:
        """Return the numbers that files of a night were given."""
        ...

    def record_frame_ids(
        self,
        series: str,
        instrument: str,
        night: dt.date,
        given: Mapping[Subject, int],
        allocator: str,
        at_utc: dt.datetime,
    ) -> None:
        """Note numbers that somebody else gave out."""
        ...

    def last_frame_id_night(self, series: str, instrument: str) -> dt.date | None:
        """Return the latest night that numbers were given out for."""
        ...


class AllocatorSection(Section):
    """A command that gives frame ids out: so many lines on standard output, one id a line, in their order."""

    command: tuple[str, ...] = Field(
        min_length=1, description="program and arguments, never a shell; {count} and {series} are filled in"
    )
    timeout_s: float = Field(60.0, gt=0, description="seconds that it may take")


class FrameIdsStep(NamesItsProducts):
    """Names files by sequential frame ids, and writes FRAMEID and EXP-ID into their headers."""

    changes_headers: ClassVar[bool] = True
    needs_memory: ClassVar[bool] = True
    keeps_order: ClassVar[bool] = True

    step: Literal["frame-ids"] = Field(description="which converter")
    inputs: tuple[str, ...] = Field(("vgen2/v*.fits",), min_length=1, description="patterns of the files to name")
    companions: tuple[str, ...] = Field(("{stem}.txt",), description="files that are named along with each")
    series: str = Field(description="what ids begin with: VMPA")
    numbers: Literal["raw", "simulated", "engineering"] = Field("raw", description="which range of numbers")
    first: int = Field(1, ge=0, description="the first number, where the ledger has given out none")
    order_by: tuple[str, ...] = Field(("MJD-STR",), description="keywords that files are numbered by; then the name")
    shared_exp_id: bool = Field(
        False, description="true: cubes of the same moments (both cameras, all FLC states) have one EXP-ID"
    )
    names_file: str = Field("vgen2/name_changes.txt", description="old and new names, one pair a line")
    allocator: AllocatorSection | None = Field(None, description="who gives ids out; default: the ledger")

    @field_validator("series")
    @classmethod
    def _is_series(cls, text: str) -> str:
        if not _SERIES.match(text):
            raise ValueError(f"{text!r} is no series such as VMPA (its last letter is neither E nor Z)")
        return text

    @property
    def programs(self) -> tuple[str, ...]:
        """Programs that it cannot do without."""
        return () if self.allocator is None else self.allocator.command[:1]

    def plan(self, folder: NightFolder, survey: Survey) -> Sequence[Task]:
        """Return the one task of a night that has files without ids."""
        files = [path for path in folder.taken(self.inputs) if not self._is_named(path)]
        if not files:
            return []
        there = frozenset(folder.files)
        beside = [one for path in files for one in self._companions(path) if one in there]
        inputs = tuple(sorted([*files, *beside]))
        names_file = _names_file(folder, os.fsencode(self.names_file), files)
        # files that come later are another task: what is known of the first ones stays
        subject = folder.below_root(files[0])
        return [Task(folder, subject, inputs, (names_file,), self._arguments(), consumes=inputs)]

    def make(self, task: Task, outputs: Sequence[Path], desk: Desk) -> Done:
        """Reserve ids, write every file anew under its own, and the list of names."""
        memory = desk.memory
        if not isinstance(memory, FrameIdMemory):
            return Done("the ledger cannot give out frame ids")
        try:
            self._refuse_unknown_ids(task.folder, desk.instrument.instrument, memory)
            frames = self._frames(task)
            numbers = self._numbers(frames, task.folder.night, memory, desk)
            named = self._write(task, frames, numbers, desk)
        except (NotAHeader, RunEnded, _NoIds, UsageError) as error:
            return Done(str(error))
        _write_names(outputs[0], frames, named)
        made = {path: place for one in named.values() for path, place in one.made.items()}
        hashes = {one.path: one.sha256 for one in named.values()}
        return Done(warning=self._late(task.folder.night, memory, desk), made=made, sha256=hashes)

    def _is_named(self, path: bytes) -> bool:
        return self._number_of(path.rpartition(b"/")[2]) is not None

    def _refuse_unknown_ids(self, folder: NightFolder, name: str, memory: FrameIdMemory) -> None:
        """Give out nothing where ids lie that the ledger knows nothing of, as after the ledger was lost.

        Else the same id would stand for two files, and the same frames be there under two ids.
        """
        known = set(memory.known_frame_ids(self.series, name, folder.night).values())
        for path in folder.files:
            number = self._number_of(path.rpartition(b"/")[2])
            if number is not None and number not in known:
                raise _NoIds(
                    f"{show(path)} has an id that the ledger never gave out: {_REMEDY} move it out of the night"
                )
        if self.allocator is not None or memory.last_frame_id_night(self.series, name) is not None:
            return
        low, high = RANGES[self.numbers]
        number, path = max(self._found_below(folder.root, low, high), default=(-1, b""))
        if number >= max(low, self.first):
            words = f"the ledger has given out no {self.series} yet, but {show(path)} is there"
            raise _NoIds(f"{words}: {_REMEDY} say `first: {number + 1}`")

    def _found_below(self, root: Path, low: int, high: int) -> Iterator[tuple[int, bytes]]:
        """Yield the ids of a range that stand in the names of a copy's files, whichever nights they are of."""
        for above, folders, names in os.walk(os.fsencode(root)):
            folders[:] = [one for one in folders if one != OURS]
            for name in names:
                number = self._number_of(name)
                if number is not None and low <= number <= high:
                    yield number, os.path.relpath(os.path.join(above, name), os.fsencode(root))  # noqa: PTH118

    def _number_of(self, name: bytes) -> int | None:
        stem = name.partition(b".")[0].decode("ascii", "replace")
        found = re.fullmatch(re.escape(self.series) + r"([0-9]{8})", stem)
        return None if found is None else int(found[1])

    def _companions(self, path: bytes) -> list[bytes]:
        above, slash, name = path.rpartition(b"/")
        stem = name.rpartition(b".")[0]
        return [above + slash + os.fsencode(one).replace(b"{stem}", stem) for one in self.companions]

    def _arguments(self) -> str:
        return self.model_dump_json(include={"series", "numbers", "order_by", "shared_exp_id", "names_file"})

    def _frames(self, task: Task) -> list[_Frame]:
        """Return the files to name, oldest first."""
        files, there = replace(task.folder, files=task.inputs).taken(self.inputs), frozenset(task.inputs)
        with ThreadPoolExecutor(max_workers=_WRITERS) as pool:
            frames = list(pool.map(lambda path: self._frame(task.folder, path, there), files))
        return sorted(frames, key=lambda frame: (frame.order, frame.path))

    def _frame(self, folder: NightFolder, path: bytes, there: frozenset[bytes]) -> _Frame:
        place = folder.place_of(path)
        with place.open("rb") as stream:
            header = read_header(stream)
        beside = tuple(one for one in self._companions(path) if one in there)
        return _Frame(path, sha256_of(place), tuple(_sortable(header, keyword) for keyword in self.order_by), beside)

    def _numbers(self, frames: Sequence[_Frame], night: dt.date, memory: FrameIdMemory, desk: Desk) -> dict[bytes, int]:
        name, wanted = desk.instrument.instrument, [(frame.path, frame.sha256) for frame in frames]
        if self.allocator is None:
            low, high = RANGES[self.numbers]
            series = Series(self.series, max(low, self.first), high)
            given = memory.reserve_frame_ids(series, name, night, wanted, desk.now_utc)
        else:
            given = memory.known_frame_ids(self.series, name, night)
            absent = [subject for subject in wanted if subject not in given]
            if absent:
                new = dict(zip(absent, self._ask(len(absent), self.allocator, desk), strict=True))
                memory.record_frame_ids(self.series, name, night, new, self.allocator.command[0], desk.now_utc)
                given |= new
        return {subject[0]: given[subject] for subject in wanted}

    def _ask(self, count: int, allocator: AllocatorSection, desk: Desk) -> list[int]:
        """Ask the command for ids; what it says is believed only if it is exactly what was asked for."""
        words = {"{count}": str(count), "{series}": self.series}
        argv = [os.fsencode(words.get(argument, argument)) for argument in allocator.command]
        try:
            ended = run_program(argv, desk.scratch, allocator.timeout_s, desk.leash)
        except CannotStart as error:
            raise _NoIds(f"the allocator cannot be started: {error}") from error
        said = show(ended.output.strip()[-200:])
        if ended.ended_by_us is not None or ended.status:
            why = ended.ended_by_us or f"it ended with status {ended.status}"
            raise _NoIds(f"the allocator gave no ids: {why}{': ' if said else ''}{said}")
        return self._checked(ended.output.decode("ascii", "replace").split(), count)

    def _checked(self, ids: Sequence[str], count: int) -> list[int]:
        expression = re.compile(re.escape(self.series) + r"([0-9]{8})\Z")
        found = [expression.match(one) for one in ids]
        numbers = [int(one[1]) for one in found if one is not None]
        low, high = RANGES[self.numbers]
        if len(numbers) != len(ids) or len(numbers) != count:
            raise _NoIds(f"the allocator gave {len(numbers)} ids of {self.series} in {len(ids)} words, wanted {count}")
        if len(set(numbers)) != count or not all(low <= number <= high for number in numbers):
            raise _NoIds(f"the allocator gave an id twice, or one that is not {self.numbers}")
        return sorted(numbers)

    def _write(
        self, task: Task, frames: Sequence[_Frame], numbers: Mapping[bytes, int], desk: Desk
    ) -> dict[bytes, _Named]:
        ids = {frame.path: f"{self.series}{numbers[frame.path]:0{_DIGITS}d}" for frame in frames}
        exposures = self._exposures(frames, ids)
        siblings = {path.rpartition(b"/")[2]: one for path, one in ids.items()}
        with ThreadPoolExecutor(max_workers=_WRITERS) as pool:
            named = pool.map(
                lambda frame: self._name(task, frame, ids[frame.path], exposures[frame.path], siblings, desk), frames
            )
            return {frame.path: one for frame, one in zip(frames, named, strict=True)}

    def _exposures(self, frames: Sequence[_Frame], ids: Mapping[bytes, str]) -> dict[bytes, str]:
        """Return EXP-IDs: the fourth letter is E, by its place (SCXC00000123 is of SCXE00000123)."""
        first: dict[bytes, str] = {}
        for frame in frames:
            first.setdefault(_exposure(frame.path), ids[frame.path])
        shared = self.shared_exp_id
        chosen = {frame.path: first[_exposure(frame.path)] if shared else ids[frame.path] for frame in frames}
        return {path: one[:_LETTER_PLACE] + "E" + one[_LETTER_PLACE + 1 :] for path, one in chosen.items()}

    def _name(
        self, task: Task, frame: _Frame, frame_id: str, exposure: str, siblings: Mapping[bytes, str], desk: Desk
    ) -> _Named:
        above = b"".join(frame.path.rpartition(b"/")[:2])
        path = above + frame_id.encode() + b".fits"
        place = desk.scratch / f"{frame_id}.fits"

        def edit(header: Header) -> None:
            header.set("FRAMEID", frame_id, "Image sequential number")
            header.set("EXP-ID", exposure, "ID of the exposure this data was taken")
            sibling = siblings.get(str(header.get("U_SIBL")).rpartition("/")[2].encode())
            if sibling is not None:
                header.set("U_SIBL", sibling, "The other camera's cube")

        sha256 = rewrite(task.folder.place_of(frame.path), place, edit, lambda: desk.leash.is_pulled)
        made = {path: place}
        for number, one in enumerate(frame.beside):
            ending = one[len(frame.path.rpartition(b".")[0]) :]
            beside = desk.scratch / f"{frame_id}.companion{number}"
            beside.write_bytes(task.folder.place_of(one).read_bytes())
            made[above + frame_id.encode() + ending] = beside
        return _Named(path, sha256, made)

    def _late(self, night: dt.date, memory: FrameIdMemory, desk: Desk) -> str | None:
        last = memory.last_frame_id_night(self.series, desk.instrument.instrument)
        if last is None or last <= night:
            return None
        return f"{last:%Y%m%d} had its ids before this night: they do not follow the nights"


class _NoIds(Exception):
    """No ids were to be had; the text says why."""


_Rank = tuple[int, float, str]
"""What kind of value, and the number or the text."""


@dataclass(frozen=True, slots=True)
class _Frame:
    path: bytes
    sha256: str
    order: tuple[_Rank, ...]
    beside: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class _Named:
    path: bytes
    sha256: str
    made: dict[bytes, Path]


def _exposure(path: bytes) -> bytes:
    """Return what the names of cubes of the same moments have in common: all before ``.cam1.A.fits``."""
    return path.partition(b".cam")[0]


def _sortable(header: Header, keyword: str) -> _Rank:
    """Return a value to sort by; numbers come before texts, and what is absent last."""
    value = header.get(keyword)
    if isinstance(value, int | float):
        return 0, float(value), ""
    return (1, 0.0, value) if isinstance(value, str) else (2, 0.0, "")


def _names_file(folder: NightFolder, wanted: bytes, files: Sequence[bytes]) -> bytes:
    """Return where the list of names goes: one of other files is kept, one of these is from a killed run."""
    names = {path.rpartition(b"/")[2] for path in files}
    stem, point, ending = wanted.rpartition(b".")
    for number in itertools.count(1):
        path = wanted if number == 1 else b"%s-%d%s%s" % (stem or ending, number, point, ending if stem else b"")
        if path not in folder.files:
            return path
        lines = folder.place_of(path).read_bytes().splitlines()
        if {line.partition(b"\t")[0] for line in lines} <= names:
            return path
    raise AssertionError("there are always more numbers")


def _write_names(place: Path, frames: Sequence[_Frame], named: Mapping[bytes, _Named]) -> None:
    """Write the list of names: old name and new name, with a tab between."""
    with place.open("wb") as stream:
        for frame in frames:
            old, new = (path.rpartition(b"/")[2] for path in (frame.path, named[frame.path].path))
            stream.write(old + b"\t" + new + b"\n")
