"""The step `consolidate`: makes the cubes of a night's plan, each written once; what arrived stays as it is.

What is in the plan, `syncdeint` decided; how one cube is written is cubes.py's.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from converters.base import Done, Facts, NightFolder, Task
from converters.nightstep import CannotPlan, Desk, NamesItsProducts, Survey
from converters.vampires.plan import Output, Plan
from converters.vampires.syncdeint import PLAN, plan_path, read_plan
from observatory.names import show


class ConsolidateStep(NamesItsProducts):
    """Writes the cubes of the plan that `syncdeint` made."""

    knows_inputs: ClassVar[bool] = True
    plans_all: ClassVar[bool] = True
    """A cube that the plan does not have is of an earlier one: its frames are in others now."""
    preload: ClassVar[tuple[str, ...]] = ("converters.vampires.cubes",)

    step: Literal["consolidate"] = Field(description="which converter")
    plan_name: str = Field(PLAN, alias="plan", description="the plan's file; {night} is YYYYMMDD")

    def plan(self, folder: NightFolder, survey: Survey) -> Sequence[Task]:
        """Return a task per cube of the plan; none where there is no plan, or nothing left of what it speaks of."""
        path = plan_path(self.plan_name, folder.night)
        if path not in folder.files:
            return []
        plan = read_plan(folder, path)
        if frozenset(folder.files).isdisjoint(source.path for source in plan.sources):
            return []  # what arrived has been freed: its cubes were made and proven before
        _refuse_strangers(folder, plan, path)
        return [_task(folder, plan, path, number) for number in range(len(plan.outputs))]

    def make(self, task: Task, outputs: Sequence[Path], desk: Desk) -> Done:
        """Write one cube and its timing file."""
        from converters.rewriting import RunEnded
        from converters.vampires.cubes import CannotMake, timing_of, write_cube

        plan = task.given
        assert isinstance(plan, Plan)  # noqa: S101  # `_task` gave it: nights have thousands of cubes, and one plan
        (output,) = plan.outputs
        try:
            sha256 = write_cube(task.folder.path, plan, output, outputs[0], lambda: desk.leash.is_pulled)
        except (CannotMake, RunEnded) as error:
            return Done(str(error))
        if len(outputs) > 1:
            outputs[1].write_bytes(timing_of(task.folder.path, plan, output))
        dubious = output.frames if output.state == "D" else 0
        counted = Facts(output.frames, output.frames, dubious=dubious, kinds={output.label: output.frames})
        return Done(facts=counted, sha256={output.path: sha256})


def _task(folder: NightFolder, plan: Plan, path: bytes, number: int) -> Task:
    output = plan.outputs[number]
    numbers = sorted({run.source for run in output.runs})
    sources = [plan.sources[one] for one in numbers]
    timings = [source.timing for source in sources if source.timing is not None]
    products = (output.path, output.timing) if len(timings) == len(sources) else (output.path,)
    inputs = tuple(sorted([source.path for source in sources] + timings))
    arguments = _arguments(plan, output, path)
    return Task(folder, folder.below_root(output.path), inputs, products, arguments, given=plan.part(number))


def _arguments(plan: Plan, output: Output, path: bytes) -> str:
    """Return what the cube depends on beside its sources: its own lines of the plan, not those of the others."""
    match = None if output.match is None else plan.matches[output.match]
    facts = {
        "plan": os.fsdecode(path),
        "runs": [[show(plan.sources[run.source].path), run.first, run.count, run.step] for run in output.runs],
        "output": [output.kind, output.state, output.start_us, output.end_us, show(output.sibling or b"")],
        "match": None if match is None else [match.offset_us, match.residual_us, match.tolerance_us],
    }
    return json.dumps(facts)


def _refuse_strangers(folder: NightFolder, plan: Plan, path: bytes) -> None:
    """Refuse to mix the cubes of two plans in one folder: the same frames would be there twice."""
    planned = {name for output in plan.outputs for name in (output.path, output.timing)}
    kinds = {
        (above, name.partition(b"_")[0]) for above, _, name in (output.path.rpartition(b"/") for output in plan.outputs)
    }
    for name in folder.files:
        above, _, last = name.rpartition(b"/")
        is_ours = (above, last.partition(b"_")[0]) in kinds and last.endswith((b".fits", b".fits.fz"))
        if is_ours and name.removesuffix(b".fz") not in planned:
            raise CannotPlan(f"{show(name)} is of an earlier plan than {show(path)}: restore the night first")
