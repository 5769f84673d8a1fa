"""The step `summary`: frames per minute and kind of a night's plan, and whether a person should look at it first.

How frames are counted is tally.py's, how counts are shown showing.py's.
"""

from __future__ import annotations

import json
import zoneinfo
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from converters.base import Done, NightFolder, Task
from converters.nightstep import Desk, NamesItsProducts, Survey
from converters.vampires.syncdeint import PLAN, plan_path, read_plan
from observatory.spec import forms


class SummaryStep(NamesItsProducts):
    """Counts the frames of a night's plan; beyond its thresholds the night waits for a person."""

    knows_inputs: ClassVar[bool] = True
    preload: ClassVar[tuple[str, ...]] = (
        "converters.vampires.showing",
        "converters.vampires.tally",
        "converters.vampires.timing",
    )

    step: Literal["summary"] = Field(description="which converter")
    plan_name: str = Field(PLAN, alias="plan", description="the plan's file; {night} is YYYYMMDD")
    file: str = Field("summary_{night}", description="what its three files are called: .txt, .json and .svg")
    zone: str = Field("Pacific/Honolulu", description="time zone of the table and the drawing")
    least_paired: float = Field(
        0.9, ge=0, le=1, description="share of paired frames among those that both cameras exposed together"
    )
    most_dubious: float = Field(0.1, ge=0, le=1, description="share of dubious FLC states among those asked")
    most_listed: float = Field(0.0, ge=0, le=1, description="share of frames that are in no cube")

    @field_validator("zone")
    @classmethod
    def _is_zone(cls, name: str) -> str:
        return forms.zone(name)

    def plan(self, folder: NightFolder, survey: Survey) -> Sequence[Task]:
        """Return the one task of a night that has a plan and the times it speaks of."""
        path = plan_path(self.plan_name, folder.night)
        if path not in folder.files:
            return []
        plan = read_plan(folder, path, is_checked=True)
        timings = {source.timing for source in plan.sources if source.timing is not None and source.clock}
        if not timings <= set(folder.files):
            return []  # what arrived has been freed, and was counted before
        stem = plan_path(self.file, folder.night)
        products = (stem + b".txt", stem + b".json", stem + b".svg")
        return [Task(folder, folder.subject, tuple(sorted({path, *timings})), products, self._arguments())]

    def make(self, task: Task, outputs: Sequence[Path], desk: Desk) -> Done:
        """Count, write the three files, and say whether a person should look."""
        from converters.vampires.showing import as_drawing, as_json, as_text
        from converters.vampires.tally import Thresholds, tally
        from converters.vampires.timing import parse_timing

        folder = task.folder
        plan = read_plan(folder, plan_path(self.plan_name, folder.night), is_checked=True)
        times = {
            number: parse_timing(folder.place_of(source.timing).read_bytes()).times_us
            for number, source in enumerate(plan.sources)
            if source.timing is not None and source.clock
        }
        found = tally(plan, times)
        reasons = found.reasons(Thresholds(self.least_paired, self.most_dubious, self.most_listed))
        zone = zoneinfo.ZoneInfo(self.zone)
        texts = (as_text(found, zone, reasons), as_json(found, reasons), as_drawing(found, zone))
        for place, text in zip(outputs, texts, strict=True):
            place.write_text(text)
        return Done(hold="; ".join(reasons) or None)

    def _arguments(self) -> str:
        return json.dumps([self.plan_name, self.zone, self.least_paired, self.most_dubious, self.most_listed])
