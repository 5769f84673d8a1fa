"""The step `xrif2fits`: stream archives of a night made into FITS files, decoded here, with cards out of telemetry.

How frames become files is converters/export's, as for an export; the external program of the same name is run by
the step `command`. Nothing is said here of observations: frames of no observation are made too.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from converters.base import Done, Facts, NightFolder, Task
from converters.export.section import ExportSection
from converters.nightstep import Desk, NightStepSection, Survey
from observatory.spec import forms
from observatory.spec.models import Instrument

_SUFFIX = b".xrif"
TELEMETRY = "telem"
"""The folder below a data root."""
_OF_HEADERS = {"telescope", "gap_s", "records", "lists", "headers"}
"""Keys of `export` that tell what stands in a header."""


class Xrif2FitsStep(NightStepSection):
    """Makes FITS files of stream archives: one for each frame in a folder of the archive's name, or one cube."""

    preload: ClassVar[tuple[str, ...]] = ("converters.export.convert", "astropy.io.fits")

    step: Literal["xrif2fits"] = Field(description="which converter")
    inputs: tuple[str, ...] = Field(("*.xrif",), min_length=1, description="patterns of the archives")
    form: Literal["frames", "cube"] = Field(
        "frames", description="frames: one file each, in a folder of the archive's name; cube: one file beside it"
    )
    telemetry: bool = Field(True, description="false: headers hold only what the archive itself tells")
    data_roots: tuple[Annotated[str, AfterValidator(forms.root)], ...] = Field(
        (), description="folders that hold telem; default: the copy's root and the `data_roots` of `export`"
    )

    def plan(self, folder: NightFolder, survey: Survey) -> Sequence[Task]:
        """Return a task per archive. What the files of its frames are called only the archive tells."""
        archives = [path for path in folder.taken(self.inputs) if path.endswith(_SUFFIX)]
        arguments, completed = self._arguments(survey.instrument), self._completed(folder, archives, survey)
        return [
            Task(folder, folder.below_root(one), (one,), self._outputs(one), arguments, again=one in completed)
            for one in archives
        ]

    def make(self, task: Task, outputs: Sequence[Path], desk: Desk) -> Done:
        """Make the files of one archive."""
        from converters.export.awaited import awaited_by
        from converters.export.convert import make
        from converters.export.whole import camera_of, header_plan, whole_job

        source = task.folder.place_of(task.inputs[0])
        roots = self._roots(task.folder.root, desk.instrument) if self.telemetry else ()
        header = header_plan(desk.instrument, camera_of(source), roots)
        made = make(whole_job(source, header, self.form, desk.scratch))
        if made.failure is not None:
            return Done(made.failure)
        places = {one.name: self._place(task.inputs[0], os.fsencode(one.name)) for one in made.products}
        for name, path in places.items():
            if path in task.outputs:
                (desk.scratch / name).replace(outputs[task.outputs.index(path)])
        return Done(
            warning=made.warning,
            facts=Facts(frames_in=made.frames, frames_out=made.frames, kinds={header.camera: made.frames}),
            made={path: desk.scratch / name for name, path in places.items() if path not in task.outputs},
            sha256={places[one.name]: one.sha256 for one in made.products},
            awaits=awaited_by(made, source) if self.telemetry else None,
        )

    def _completed(self, folder: NightFolder, archives: Sequence[bytes], survey: Survey) -> frozenset[bytes]:
        """Return the archives that were made without telemetry that has come since."""
        told = ((path, survey.awaited(folder.below_root(path))) for path in archives)
        awaited = {folder.place_of(path): awaits for path, awaits in told if awaits is not None}
        if not (awaited and self.telemetry):
            return frozenset()
        from converters.export.awaited import with_more_telemetry  # not loaded for a night that lacks nothing

        come = with_more_telemetry(awaited, survey.instrument, self._roots(folder.root, survey.instrument))
        return frozenset(path for path in archives if folder.place_of(path) in come)

    def _outputs(self, archive: bytes) -> tuple[bytes, ...]:
        """Return the products whose names are known beforehand."""
        name = archive.rpartition(b"/")[2].removesuffix(_SUFFIX) + b".fits"
        return (self._place(archive, name),) if self.form == "cube" else ()

    def _place(self, archive: bytes, name: bytes) -> bytes:
        """Return where a product belongs, relative to the night's folder."""
        folder, slash, _ = archive.rpartition(b"/")
        return folder + slash + name if self.form == "cube" else archive.removesuffix(_SUFFIX) + b"/" + name

    def _roots(self, root: Path, instrument: Instrument) -> tuple[Path, ...]:
        """Return the roots that hold telemetry here and now; cards that miss it are told as a word of caution."""
        section = instrument.section(ExportSection)
        named = self.data_roots or (str(root), *(section.data_roots if section else ()))
        roots = (Path(one) for one in dict.fromkeys(named))
        return tuple(one for one in roots if (one / TELEMETRY).is_dir())

    def _arguments(self, instrument: Instrument) -> str:
        """Return what the products depend on beside the archive: another header map is another product."""
        section = instrument.section(ExportSection)
        facts = section.model_dump(mode="json", include=_OF_HEADERS) if section and self.telemetry else {}
        return json.dumps([self.form, self.telemetry, self.data_roots, instrument.title, facts], sort_keys=True)
