"""What a converter is: the section of its step, the tasks it finds in a night's folder, and how it does one.

Which steps there are is asked here too. Running them over nights, skipping what is done already and
remembering is pipeline.py's.
"""

from __future__ import annotations

import datetime as dt
import functools
import importlib
import importlib.metadata
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from observatory.errors import UsageError
from observatory.spec.models import StepSection

ENTRY_POINTS = "nightferry.steps"
"""The group in which other packages name steps of their own: ``name = "package.module:Section"``."""

_BUILT_IN = {"command": "converters.command:CommandStep"}


@dataclass(frozen=True, slots=True)
class NightFolder:
    """One night's folder on one copy, as a step sees it.

    Attributes
    ----------
    night : date
    camera : str or None
        None where several cameras share the folder.
    root : Path
        The copy's root, absolute.
    folder : bytes
        Relative to the root.
    files : tuple of bytes
        The night's regular files below the folder, relative to it, ascending.
    is_shared : bool
        The folder holds files of other nights too; names tell them apart.
    """

    night: dt.date
    camera: str | None
    root: Path
    folder: bytes
    files: tuple[bytes, ...]
    is_shared: bool = False

    @property
    def path(self) -> Path:
        """The folder, absolute."""
        return self.root / os.fsdecode(self.folder)

    @property
    def subject(self) -> bytes:
        """What the ledger knows the whole night by."""
        return self.folder + self.night.strftime("@%Y%m%d").encode() if self.is_shared else self.folder

    def below_root(self, path: bytes) -> bytes:
        """Return a path of this folder relative to the root."""
        return path if self.folder == b"." else self.folder + b"/" + path


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to do: some inputs, and what will be made of them.

    Attributes
    ----------
    folder : NightFolder
    subject : bytes
        What the ledger knows it by: path of the input, or of the folder, relative to the root.
    inputs, outputs : tuple of bytes
        Relative to the night's folder.
    arguments : str
        Whatever else the products depend on: other arguments are another task.
    """

    folder: NightFolder
    subject: bytes
    inputs: tuple[bytes, ...]
    outputs: tuple[bytes, ...]
    arguments: str


@dataclass(frozen=True, slots=True)
class Done:
    """How one task ended. `warning` is set where it succeeded with a word of caution."""

    failure: str | None = None
    warning: str | None = None


class Leash(Protocol):
    """What the pipeline holds of everything that a task starts: it can end it, even after it was killed itself."""

    def started(self, group: int) -> None:
        """Learn of a process group that works for the task."""
        ...

    @property
    def is_pulled(self) -> bool:
        """Whether everything is to end now."""
        ...


@runtime_checkable
class Step(Protocol):
    """What the section of a step can do beside holding its keys."""

    @property
    def label(self) -> str:
        """What ``after``, ``--step`` and the ledger call it."""
        ...

    def tasks(self, folder: NightFolder) -> Iterator[Task]:
        """Yield what there is to do in a night's folder; pure."""
        ...

    def do(self, task: Task, outputs: Sequence[Path], leash: Leash) -> Done:
        """Do one task.

        `outputs` are where the products belong for now, in the order of the task's. A step that `writes_beside`
        its input by itself leaves them in the night's folder under their own names instead. Inputs are
        never altered. A fault of the data or the program is told, not raised.
        """
        ...

    @property
    def writes_beside(self) -> bool:
        """Whether products appear under their own names in the night's folder while they are made."""
        ...


def step_models() -> Mapping[str, type[StepSection]]:
    """Return the section model of every step that can be named: our own, and those of installed packages.

    Raises
    ------
    UsageError
        An installed package names a step that cannot be loaded, is no section, or has the name of another.
    """
    models = {name: _checked(name, functools.partial(_load, where)) for name, where in _BUILT_IN.items()}
    for point in importlib.metadata.entry_points(group=ENTRY_POINTS):
        if point.name in models:
            raise UsageError(f"step {point.name!r} of {point.value} has the name of another step")
        models[point.name] = _checked(point.name, point.load)
    return models


def _load(where: str) -> object:
    module, _, name = where.partition(":")
    return getattr(importlib.import_module(module), name)


def _checked(name: str, load: Callable[[], object]) -> type[StepSection]:
    try:
        model = load()
    except Exception as error:  # whatever another package does when it is imported, it is not our traceback
        raise UsageError(f"step {name!r} cannot be loaded: {type(error).__name__}: {error}") from error
    if not (isinstance(model, type) and issubclass(model, StepSection) and _can_work(model)):
        raise UsageError(f"step {name!r} is no section of a step: {model!r}")
    return model


def _can_work(model: type[StepSection]) -> bool:
    return all(hasattr(model, name) for name in ("tasks", "do", "writes_beside"))
