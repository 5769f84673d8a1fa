"""Small night steps for tests: frames are lines of text, cubes are files of lines; the way is that of a real pipeline.

``gather`` makes a cube of each camera's raw files, ``stamp`` writes each cube anew under its own name, ``number``
renames them, ``pack`` compresses them, ``list`` writes a manifest and a letter. Every step but the first consumes
what the one before it made.
"""

from __future__ import annotations

import json
import os
import signal
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from converters.base import Attachment, Done, Facts, Letter, NightFolder, Task
from converters.nightstep import CannotPlan, Desk, NightStepSection, Survey


def _named(folder: NightFolder, ending: bytes, below: bytes = b"made/") -> list[bytes]:
    return [path for path in folder.files if path.startswith(below) and path.endswith(ending)]


def _per_cube(folder: NightFolder, ending: bytes, new: bytes, arguments: str = "") -> Iterator[Task]:
    for path in _named(folder, ending):
        made = path[: -len(ending)] + new
        yield Task(folder, folder.below_root(path), (path,), (made,), arguments, consumes=(path,))


class Gather(NightStepSection):
    """One cube a camera: the lines of its raw files, without those that say ``bad``, which are listed."""

    step: Literal["gather"] = "gather"
    suffix: str = Field("", description="added to every line")
    most_bad: int = Field(1000, description="more of them hold the night")
    refuse: str = Field("", description="a plan that cannot be made, and why")

    def not_ready(self, folder: NightFolder) -> str | None:
        """Wait for the word ``open`` to go."""
        return "the night is still open" if b"open" in folder.files else None

    def plan(self, folder: NightFolder, survey: Survey) -> Sequence[Task]:
        """One task a camera."""
        if self.refuse:
            raise CannotPlan(self.refuse)
        cameras = sorted({path.split(b"/")[0] for path in folder.files if path.endswith(b".raw")})
        tasks = []
        for camera in cameras:
            inputs = tuple(path for path in folder.files if path.startswith(camera + b"/") and path.endswith(b".raw"))
            made = b"made/" + camera + b".cube"
            tasks.append(Task(folder, folder.below_root(made), inputs, (made,), self.suffix))
        return tasks

    def make(self, task: Task, outputs: Sequence[Path], desk: Desk) -> Done:
        """Gather the lines."""
        lines = [
            line for path in task.inputs for line in (task.folder.path / os.fsdecode(path)).read_text().splitlines()
        ]
        good = [line + self.suffix for line in lines if line != "bad"]
        outputs[0].write_text("\n".join(good) + "\n")
        bad = len(lines) - len(good)
        kind = outputs[0].stem
        hold = f"{bad} bad frames" if bad > self.most_bad else None
        return Done(facts=Facts(len(lines), len(good), bad, good.count("dubious"), {kind: len(good)}), hold=hold)


class Stamp(NightStepSection):
    """Writes every cube anew under its own name, with a first line."""

    changes_headers: ClassVar[bool] = True
    step: Literal["stamp"] = "stamp"

    def plan(self, folder: NightFolder, survey: Survey) -> Sequence[Task]:
        """One task a cube that has no number yet."""
        return [task for task in _per_cube(folder, b".cube", b".cube") if not task.inputs[0].startswith(b"made/N")]

    def make(self, task: Task, outputs: Sequence[Path], desk: Desk) -> Done:
        """Write the first line unless it is there."""
        text = (task.folder.path / os.fsdecode(task.inputs[0])).read_text()
        outputs[0].write_text(text if text.startswith("stamped\n") else "stamped\n" + text)
        return Done()


class Number(NightStepSection):
    """Renames the cubes, under names that only making them tells."""

    keeps_order: ClassVar[bool] = True
    needs_memory: ClassVar[bool] = True
    step: Literal["number"] = "number"

    def plan(self, folder: NightFolder, survey: Survey) -> Sequence[Task]:
        """One task for each cube that has no number yet."""
        cubes = [path for path in _named(folder, b".cube") if not path.startswith(b"made/N")]
        return [Task(folder, folder.below_root(path), (path,), (), "", consumes=(path,)) for path in cubes]

    def make(self, task: Task, outputs: Sequence[Path], desk: Desk) -> Done:
        """Number it as its camera is."""
        (path,) = task.inputs
        place = desk.scratch / "numbered"
        place.write_bytes((task.folder.path / os.fsdecode(path)).read_bytes())
        return Done(made={b"made/N000%s.cube" % path.removesuffix(b".cube")[-1:]: place})


class Pack(NightStepSection):
    """Compresses every numbered cube."""

    seals: ClassVar[bool] = True
    step: Literal["pack"] = "pack"
    sleep_s: float = 0.0
    dies_once: str = Field("", description="a file whose absence makes the process die after writing half")

    def plan(self, folder: NightFolder, survey: Survey) -> Sequence[Task]:
        """One task a cube."""
        return list(_per_cube(folder, b".cube", b".cube.z"))

    def make(self, task: Task, outputs: Sequence[Path], desk: Desk) -> Done:
        """Compress one."""
        packed = zlib.compress((task.folder.path / os.fsdecode(task.inputs[0])).read_bytes())
        if self.dies_once and _is_first(Path(self.dies_once)):
            outputs[0].write_bytes(packed[: len(packed) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(self.sleep_s)
        outputs[0].write_bytes(packed)
        return Done()


def _is_first(mark: Path) -> bool:
    """Say whether nobody was here before; of two at a time one is."""
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


class List(NightStepSection):
    """A manifest of the packed cubes, and a letter with it."""

    seals: ClassVar[bool] = True
    step: Literal["list"] = "list"
    to: tuple[str, ...] = ("archive@example.org",)

    def plan(self, folder: NightFolder, survey: Survey) -> Sequence[Task]:
        """One task a night."""
        packed = tuple(_named(folder, b".z"))
        name = b"made/manifest-%s.json" % folder.night.strftime("%Y%m%d").encode()
        return [Task(folder, folder.subject, packed, (name,), "")] if packed else []

    def make(self, task: Task, outputs: Sequence[Path], desk: Desk) -> Done:
        """List them."""
        sizes = {os.fsdecode(path): (task.folder.path / os.fsdecode(path)).stat().st_size for path in task.inputs}
        content = json.dumps(sizes, sort_keys=True).encode()
        outputs[0].write_bytes(content)
        night = task.folder.night.strftime("%Y%m%d")
        return Done(letters=(Letter(self.to, f"manifest {night}", f"{night}\n", (Attachment(night, content),)),))

    def merged(self, letters: Sequence[Letter]) -> Sequence[Letter]:
        """Make one letter of all nights."""
        text = "".join(letter.text for letter in letters)
        files = tuple(one for letter in letters for one in letter.attachments)
        return [Letter(self.to, "manifests", text, files)]
