"""The step `compress`: FITS files packed, each proven by unpacking and comparing before the unpacked one is removed.

How a file is packed and proven is packing.py's.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from converters.base import Done, NightFolder, Task
from converters.nightstep import Desk, NamesItsProducts, Survey
from converters.packing import NotPacked, Packing, has_fpack, is_real, pack


class CompressStep(NamesItsProducts):
    """Packs FITS files and removes the unpacked ones, when it is proven that nothing is lost."""

    seals: ClassVar[bool] = True
    preload: ClassVar[tuple[str, ...]] = ("converters.compress",)

    step: Literal["compress"] = Field(description="which converter")
    inputs: tuple[str, ...] = Field(("vgen2/*.fits",), min_length=1, description="patterns of the files to pack")
    program: Literal["auto", "fpack", "astropy"] = Field(
        "auto", description="auto: fpack where it is installed, else astropy"
    )
    floats: Literal["lossless", "refuse", "lossy"] = Field(
        "lossless", description="what becomes of images of floating-point numbers; integers are always lossless"
    )
    quantize: float = Field(16.0, gt=0, description="floats: lossy: steps in one standard deviation of the noise")

    @property
    def programs(self) -> tuple[str, ...]:
        """Programs that it cannot do without."""
        return ("fpack", "funpack") if self.program == "fpack" else ()

    def plan(self, folder: NightFolder, survey: Survey) -> Sequence[Task]:
        """Return a task per file that is not packed."""
        return [
            Task(folder, folder.below_root(path), (path,), (path + b".fz",), self._arguments(), consumes=(path,))
            for path in folder.taken(self.inputs)
            if not path.endswith(b".fz")
        ]

    def make(self, task: Task, outputs: Sequence[Path], desk: Desk) -> Done:
        """Pack one file."""
        source = task.folder.place_of(task.inputs[0])
        quantize = self.quantize if self.floats == "lossy" else None
        packing = Packing(self._program(), quantize, self.timeout_s)
        try:
            if self.floats == "refuse" and is_real(source):
                return Done("its image is of floating-point numbers, and `floats: refuse` says not to pack those")
            pack(source, outputs[0], packing, desk.leash)
        except NotPacked as error:
            return Done(str(error))
        return Done()

    def _program(self) -> str:
        if self.program == "auto":
            return "fpack" if has_fpack() else "astropy"
        return self.program

    def _arguments(self) -> str:
        return json.dumps([self.program, self.floats, self.quantize if self.floats == "lossy" else None])
