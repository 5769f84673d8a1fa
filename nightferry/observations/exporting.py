"""Observations exported: what was selected, the specification and the ledger, put together.

Which observations there are is observing.py's; planning and making are converters/export's; how it is said to people
is cli/observation_words.py's, and keeping at it watching.py's.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from converters.export.crew import Crew
from converters.export.history import lookyloo_history
from converters.export.jobs import External, Form, Job, Made
from converters.export.journal import Journal
from converters.export.observations import Observation
from converters.export.plan import Camera, Fate, Item, Memory, Planned, plan
from converters.export.publish import ledger_name, publish, record_of
from converters.export.staging import our_folder, staging, sweep_staging
from converters.export.tree import Place
from converters.export.whole import header_plan
from converters.stamps import NS_PER_S
from nightferry.locks import instrument_lock
from nightferry.observations.observing import Selected, Setting
from nightferry.observations.room import refuse_without_room
from nightferry.workplace import Workplace
from observatory.errors import UsageError
from observatory.truth import State, worst

_CAMERA = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")


@dataclass(frozen=True, slots=True)
class ExportWishes:
    """How they are to be exported."""

    cameras: tuple[str, ...] = ()
    form: Form | None = None
    output: Path = Path()
    jobs: int = 1
    omit_telemetry: bool = False
    ignore_history: bool = False
    ignore_data_integrity: bool = False
    program: str | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class CameraResult:
    """One camera of one observation: what was planned, and what became of it."""

    observation: Observation
    place: Place
    camera: Camera
    planned: Planned
    items: tuple[Item, ...]
    made: dict[str, Made] = field(default_factory=dict)

    @property
    def state(self) -> State:
        """Ok, different where an archive failed, unknown where something could not be read."""
        fates = {self.fate_of(item) for item in self.items}
        if self.planned.unreadable or self.planned.is_kept_nowhere or Fate.UNKNOWN in fates:
            return State.UNKNOWN
        return State.DIFFERENT if Fate.FAILED in fates else State.OK

    def fate_of(self, item: Item) -> Fate:
        """Return what became of an archive; where nothing was done what was planned."""
        made = self.made.get(item.archive)
        if made is None:
            return item.fate
        if made.failure is None:
            return Fate.DONE
        return Fate.UNKNOWN if made.is_unknown else Fate.FAILED

    def reason_of(self, item: Item) -> str:
        """Return why an archive has its fate."""
        made = self.made.get(item.archive)
        return item.why if made is None else made.failure or made.warning or ""


@dataclass(frozen=True, slots=True)
class Export:
    """What an export did, or with a dry run would do."""

    selected: Selected
    output: Path
    results: tuple[CameraResult, ...]
    is_dry_run: bool
    troubles: tuple[str, ...]
    is_nothing_found: bool

    @property
    def state(self) -> State:
        """The worst of all; that nothing is called as somebody named it is a difference."""
        states = [result.state for result in self.results]
        if self.troubles:
            states.append(State.UNKNOWN)
        if self.is_nothing_found:
            states.append(State.DIFFERENT)
        return worst([State.OK, *states])


Patience = Callable[[Item], Item]
"""Looks at an item that is to be made and says so if it must wait."""
Ready = Callable[[int, int], None]
"""Hears how many archives are ready, and of how many."""


def export(
    workplace: Workplace,
    chosen: Selected,
    wishes: ExportWishes,
    ready: Ready = lambda done, total: None,
    patience: Patience = lambda item: item,
    beyond_ns: int | None = None,
) -> Export:
    """Export the observations selected.

    Parameters
    ----------
    workplace : Workplace
    chosen : Selected
    wishes : ExportWishes
    ready : callable
    patience : callable
    beyond_ns : int, optional
        How far beyond the last word on an observation that goes on frames are taken; default: the gap.

    Raises
    ------
    UsageError
        No camera was named, and none is automatic.
    LockHeld
        Another export works into the same output.
    NightferryError
        There is not room enough.
    """
    cameras = _cameras(chosen.setting, wishes)
    output = wishes.output.absolute()
    if wishes.dry_run:
        return _finished(chosen, output, _plan(workplace, chosen, cameras, output, wishes, patience, beyond_ns), wishes)
    output.mkdir(parents=True, exist_ok=True)
    with instrument_lock(our_folder(output), "export"):
        results = _plan(workplace, chosen, cameras, output, wishes, patience, beyond_ns)
        refuse_without_room(
            output,
            sum(item.size_bytes for item in _to_make(results)),
            "nothing was exported. Make room, ask for less, or name another output with -D.",
        )
        _make(workplace, chosen.setting, output, results, wishes, ready)
    return _finished(chosen, output, results, wishes)


def _finished(chosen: Selected, output: Path, results: Sequence[CameraResult], wishes: ExportWishes) -> Export:
    troubles = () if wishes.ignore_data_integrity else chosen.troubles
    is_nothing_found = chosen.wish.names_something and not chosen.observations
    return Export(chosen, output, tuple(results), wishes.dry_run, troubles, is_nothing_found)


def _cameras(setting: Setting, wishes: ExportWishes) -> list[Camera]:
    names = wishes.cameras or setting.section.automatic
    if not names:
        raise UsageError(
            f"{setting.instrument.instrument}: no camera: name some with -c, or `automatic` in its `export`"
        )
    for name in names:
        if not _CAMERA.fullmatch(name):
            raise UsageError(f"-c {name!r}: a camera is named like its folder below rawimages, such as camsci1")
    external = External(wishes.program) if wishes.program else None
    roots = () if wishes.omit_telemetry else setting.roots
    forms: dict[str, Form] = dict.fromkeys(setting.section.cubes, "cube")
    return [
        Camera(header_plan(setting.instrument, name, roots), wishes.form or forms.get(name, "frames"), external)
        for name in dict.fromkeys(names)
    ]


def end_of(one: Observation, reach_ns: int | None, beyond_ns: int) -> int | None:
    """Return where an observation's frames end: its end, or so far beyond the last word on one that goes on."""
    if one.end_ns is not None or reach_ns is None:
        return one.end_ns
    return reach_ns + beyond_ns


def _plan(
    workplace: Workplace,
    chosen: Selected,
    cameras: Sequence[Camera],
    output: Path,
    wishes: ExportWishes,
    patience: Patience,
    beyond_ns: int | None,
) -> list[CameraResult]:
    setting = chosen.setting
    if beyond_ns is None:
        beyond_ns = round(setting.section.gap_s * NS_PER_S)
    name = setting.instrument.instrument
    memory = Memory(
        output,
        lambda folder: workplace.ledger.export_records(name, ledger_name(output), folder.encode()),
        lambda semester, camera: lookyloo_history(output, semester, camera),
        wishes.ignore_history,
    )
    results = []
    for one in chosen.observations:
        end_ns = end_of(one, chosen.found.reach_ns, beyond_ns)
        for camera in cameras:
            place = chosen.places[one]
            planned = plan(setting.roots, one, place, camera, memory, end_ns)
            items = tuple(patience(item) if item.fate is not Fate.DONE else item for item in planned.items)
            results.append(CameraResult(one, place, camera, planned, items))
    return results


def _to_make(results: Sequence[CameraResult]) -> list[Item]:
    return [item for result in results for item in result.items if item.fate is Fate.MAKE]


def _make(
    workplace: Workplace,
    setting: Setting,
    output: Path,
    results: Sequence[CameraResult],
    wishes: ExportWishes,
    ready: Ready,
) -> None:
    """Make what is to be made, publish and record each archive as it becomes ready."""
    items = _to_make(results)
    if not items:
        sweep_staging(output)
        return
    by_item = {id(item): result for result in results for item in result.items}
    jobs = min(wishes.jobs, len(items))
    journal = Journal(output)
    with staging(output) as folder, Crew(jobs) as crew:
        waiting: dict[Path, Item] = {}
        for done, (job, made) in enumerate(crew.make_all(_jobs(items, folder, waiting)), 1):
            item = waiting.pop(job.staging)
            published = publish(output, item, made, job.staging, journal) if made.failure is None else made
            record = record_of(setting.instrument.instrument, output, item, published, workplace.now())
            workplace.ledger.record_export(record)
            if record.is_done:
                journal.forget(item)
            shutil.rmtree(job.staging, ignore_errors=True)
            by_item[id(item)].made[item.archive] = published
            ready(done, len(items))


def _jobs(items: Sequence[Item], folder: Path, waiting: dict[Path, Item]) -> Iterator[Job]:
    for number, item in enumerate(items):
        own = folder / str(number)
        own.mkdir()
        waiting[own] = item
        camera = item.camera
        yield Job(
            archive=item.archive,
            sources=item.sources,
            begin_ns=item.begin_ns,
            end_ns=item.end_ns,
            form=camera.form,
            header=camera.header,
            staging=own,
            external=camera.external,
            namesakes_ns=item.namesakes_ns,
        )
