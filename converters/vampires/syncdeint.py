"""The step `syncdeint`: a night's plan of which frames of two cameras belong together, and in which FLC state.

No pixel is moved: the plan can be reviewed (``hold: review``) before `consolidate` carries it out. How it is decided
is night.py's.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from converters.base import Done, NightFolder, Task
from converters.nightstep import CannotPlan, Desk, NamesItsProducts, Survey
from converters.vampires.plan import Plan, PlanFault, decode, encode
from converters.vampires.rules import Flc, Rules
from observatory.names import show
from observatory.spec.models import Section

PLAN = "syncdeint_{night}.json"


class FlcSection(Section):
    """When the FLC is at work, and how it shows in the frames' times."""

    when: dict[str, tuple[str, ...]] = Field(
        {
            "DETECTOR": ("VCAM1 - OrcaQ", "VCAM2 - OrcaQ"),
            "EXTTRIG": ("T",),
            "U_FLCEN": ("T",),
            "U_FLCST": ("IN",),
            "U_FLC": ("", "NA"),
        },
        description="keywords, each with the values of which it must have one",
    )
    jitter_key: str = Field("U_TRIGJT", description="keyword of J, in microseconds: A to B takes 2 J longer")
    jitter_us: float = Field(500.0, gt=0, description="J where the header does not say it")
    noise_us: float = Field(7.2, ge=0, description="standard deviation of one time, fast mode")
    slow_noise_us: float = Field(172.8, ge=0, description="and in the slow mode")


class SyncDeintStep(NamesItsProducts):
    """Pairs the frames of two cameras by their acquisition times and tells the FLC states apart: a plan."""

    knows_inputs: ClassVar[bool] = True
    preload: ClassVar[tuple[str, ...]] = ("converters.vampires.night", "converters.vampires.reading")

    step: Literal["syncdeint"] = Field(description="which converter")
    cameras: dict[str, str] = Field(
        {"cam1": "vcam1/*.fits", "cam2": "vcam2/*.fits"},
        min_length=1,
        max_length=2,
        description="the pair: what new cubes call each camera, and a pattern of its cubes below the night's folder",
    )
    timing: str = Field("{stem}.txt", description="the timing file of a cube")
    plan_name: str = Field(PLAN, alias="plan", description="the plan's file; {night} is YYYYMMDD")
    folder: str = Field("vgen2", description="folder of the cubes that are to be made")
    sync_name: str = Field("vsync", description="what cubes of paired frames are called")
    tolerance_us: float | Literal["auto"] = Field(
        "auto", description="how far two frames of a pair may lie apart; auto: of the rows that are read out"
    )
    offset_limit_us: float | None = Field(
        None, gt=0, description="largest static offset between the cameras; default: one period, 10 ms at most"
    )
    offset_us: float | None = Field(
        None,
        description="the offset, second camera - first, roughly: needed where the times know it up to periods only",
    )
    rows_key: str = Field("PRD-RNG2", description="keyword of the rows that are read out")
    mode_key: str = Field("U_DETMOD", description="keyword of the detector's mode; slow is slower")
    trigger_key: str = Field("EXTTRIG", description="keyword that says whether an external trigger exposed")
    break_keys: tuple[str, ...] = Field(
        ("EXPTIME", "RET-ANG1", "FILTER01", "FILTER02"), description="a new cube begins where one of these changes"
    )
    longest_s: float = Field(10.0, gt=0, description="how long a new cube may last")
    gap_s: float = Field(3.0, gt=0, description="a new cube begins after such a gap")
    flc: FlcSection | None = Field(FlcSection(), description="how FLC states are told apart; none: they are not")

    def plan(self, folder: NightFolder, survey: Survey) -> Sequence[Task]:
        """Return the one task of a night that has cubes."""
        taken = self._taken(folder)
        inputs = tuple(sorted({name for _, path, timing in taken for name in (path, timing) if name is not None}))
        product = plan_path(self.plan_name, folder.night)
        _refuse_partial(folder, product, set(inputs))
        if not taken:
            return []
        return [Task(folder, folder.subject, inputs, (product,), self._arguments())]

    def make(self, task: Task, outputs: Sequence[Path], desk: Desk) -> Done:
        """Read the night's cubes, decide, and write the plan."""
        from converters.vampires.night import make_plan
        from converters.vampires.reading import Found, misnamed, read_cubes

        folder = task.folder
        found = [Found(*one) for one in self._taken(folder)]
        cubes = read_cubes(folder.path, folder.night, found, self.rules(), desk.hashes)
        plan = make_plan(folder.night, tuple(self.cameras), cubes, self.rules(), json.loads(self._arguments()))
        outputs[0].write_bytes(encode(plan))
        reasons = [f"{show(cube.source.path)}: {cube.source.reason}" for cube in cubes if cube.source.reason]
        said = [f"{len(reasons)} of {len(cubes)} cubes could not be paired, first {reasons[0]}"] if reasons else []
        names = misnamed(cubes)
        said += [names] if names else []
        alone = self._without_cube(folder)
        said += [f"{len(alone)} timing files without a cube, first {show(alone[0])}"] if alone else []
        return Done(warning="; ".join([*said, *plan.offsets()]) or None, facts=plan.facts())

    def rules(self) -> Rules:
        """Return the section as the rules of a plan."""
        flc = None if self.flc is None else Flc(**self.flc.model_dump())
        return Rules(
            tolerance_us=None if self.tolerance_us == "auto" else float(self.tolerance_us),
            offset_limit_us=self.offset_limit_us,
            offset_us=self.offset_us,
            rows_key=self.rows_key,
            mode_key=self.mode_key,
            trigger_key=self.trigger_key,
            break_keys=self.break_keys,
            longest_us=round(self.longest_s * 1e6),
            gap_us=round(self.gap_s * 1e6),
            folder=os.fsencode(self.folder),
            sync_name=os.fsencode(self.sync_name),
            flc=flc,
        )

    def _taken(self, folder: NightFolder) -> list[tuple[str, bytes, bytes | None]]:
        """Return the night's cubes: camera, path, and timing file where there is one; by camera and path."""
        files = set(folder.files)
        return [
            (camera, path, timing if (timing := self._timing_of(path)) in files else None)
            for camera, pattern in self.cameras.items()
            for path in folder.taken((pattern,))
        ]

    def _without_cube(self, folder: NightFolder) -> list[bytes]:
        """Return the timing files whose cubes are not there: their frames were exposed, and have been lost since."""
        known = {timing for _, _, timing in self._taken(folder)}
        patterns = [os.fsdecode(self._timing_of(os.fsencode(pattern))) for pattern in self.cameras.values()]
        return [path for path in folder.taken(patterns) if path not in known]

    def _timing_of(self, path: bytes) -> bytes:
        above, slash, name = path.rpartition(b"/")
        stem = name.rpartition(b".")[0]
        return above + slash + os.fsencode(self.timing).replace(b"{stem}", stem)

    def _arguments(self) -> str:
        return self.model_dump_json(exclude={"step", "name", "inputs", "outputs", "copy_", "timeout_s", "hold"})


def plan_path(name: str, night: dt.date) -> bytes:
    """Return where a night's plan lies, relative to the night's folder."""
    return os.fsencode(name).replace(b"{night}", night.strftime("%Y%m%d").encode())


def _refuse_partial(folder: NightFolder, product: bytes, inputs: set[bytes]) -> None:
    """Refuse to plan anew from what is left of a night: frames would vanish from its products unseen."""
    if product not in folder.files:
        return
    known = read_plan(folder, product)
    sources = {path for one in known.sources for path in (one.path, one.timing) if path is not None}
    gone = sorted(sources - inputs)
    if gone and gone != sorted(sources):
        reason = f"{len(gone)} of the {len(sources)} files that {show(product)} was made of are gone, first"
        raise CannotPlan(f"{reason} {show(gone[0])}: bring them back, or remove the plan")


def read_plan(folder: NightFolder, path: bytes, is_checked: bool = False) -> Plan:
    """Read a night's plan; one that `is_checked` conserves all frames, as was seen before.

    Raises
    ------
    CannotPlan
        It is damaged.
    OSError
    """
    try:
        return decode(folder.place_of(path).read_bytes(), is_checked)
    except PlanFault as error:
        raise CannotPlan(f"{show(path)}: {error}. Remove it: `syncdeint` makes it anew") from error
