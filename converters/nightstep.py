"""What a night step is: it sees a whole night's folder at once, and may make many files of many.

Its section derives from `NightStepSection`, which has every method but two: `plan` says what there is to do, `make`
does one task of it. Traits stand on the class: `changes_headers`, `seals` (see `StepSection`), `needs_memory`,
`preload`, `keeps_order`. Every
command imports every section, so that a step's module loads what is heavy (numpy, astropy) within its functions.
When it is taken, skipped, published, remembered and undone is pipeline.py's and work.py's.

How a night goes::

    not_ready(folder)      before the night's first step: why the night must still wait, or None
    plan(folder, survey)   reads, writes nothing; every task names its inputs, outputs and what it consumes
    make(task, outputs, desk)   once per task whose content is new, in a process of its own (or on a Dask worker)
    merged(letters)        once per run, over the letters of all its nights, before they are mailed

After a night step that failed, waits or is held nothing later is taken in that night, and a night step is taken only
where everything before it is complete.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol, runtime_checkable

from pydantic import model_validator

from converters.base import Done, Leash, Letter, NightFolder, Step, Task
from observatory.spec.models import Instrument, StepSection


class CannotPlan(Exception):
    """A night step cannot say what there is to do, e.g. because a plan file is damaged; the text is the reason."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What a night step may know when it plans.

    Attributes
    ----------
    instrument : Instrument
    copy : str
        What the ledger calls the copy.
    memory : object
        The ledger. A step that needs more of it than its own records asks whether it can do that
        (``isinstance(survey.memory, FrameIdMemory)``), and does without where it cannot.
    is_dry_run : bool
        Nothing may be written nor reserved.
    now_utc : datetime
    awaited : callable
        Tells by a task's subject what it did without when the step last did it; None: nothing, or it is not done.
    """

    instrument: Instrument
    copy: str
    memory: object
    is_dry_run: bool
    now_utc: dt.datetime
    awaited: Callable[[bytes], str | None] = field(default=lambda subject: None)


@dataclass(frozen=True, slots=True)
class Desk:
    """Where one task of a night step works. Without `memory` it travels to other processes.

    Attributes
    ----------
    instrument : Instrument
    copy : str
    scratch : Path
        An empty folder of the task's own, on the file system of the root; gone when the task has ended.
    leash : Leash
        Is told of programs that are started (`converters.programs.run_program` does), and says when to end.
    now_utc : datetime
    memory : object or None
        The ledger, for a step that `needs_memory`.
    hashes : mapping of bytes to str
        SHA-256 of the task's inputs as they were just before; for tests it may be without.
    """

    instrument: Instrument
    copy: str
    scratch: Path
    leash: Leash
    now_utc: dt.datetime
    memory: object | None = None
    hashes: Mapping[bytes, str] = field(default_factory=dict)


@runtime_checkable
class NightStep(Protocol):
    """What the section of a night step can do beside holding its keys."""

    @property
    def label(self) -> str:
        """What ``after``, ``--step`` and the ledger call it."""
        ...

    @property
    def needs_memory(self) -> bool:
        """Whether `make` is handed the ledger; it then runs in the process that holds it, one task at a time."""
        ...

    @property
    def preload(self) -> tuple[str, ...]:
        """Modules that `make` needs and that take long to load: loaded once for the processes of all tasks."""
        ...

    @property
    def keeps_order(self) -> bool:
        """Whether a night waits at this step for every older one of the run: numbers are to follow the nights."""
        ...

    def not_ready(self, folder: NightFolder) -> str | None:
        """Return why a night cannot be begun yet; asked of every step before the first one is taken.

        That its files are older than the settle time and have their companions is known already.
        """
        ...

    def plan(self, folder: NightFolder, survey: Survey) -> Sequence[Task]:
        """Return what there is to do in a night's folder, as it lies there now.

        Files may be read, nothing may be written; asked twice of the same folder it returns the same. Tasks of one
        step do not depend on one another, and no two write the same file. None at all means that there is nothing
        left to do.

        Raises
        ------
        CannotPlan
            The step fails in this night.
        OSError
            A file could not be read: nothing can be said of this night.
        """
        ...

    def make(self, task: Task, outputs: Sequence[Path], desk: Desk) -> Done:
        """Do one task.

        `outputs` are where the products are to be written, in the order of the task's, each in an empty folder
        of ours; they are checked (there, a regular file, not empty), hashed, brought to disk and renamed by the
        pipeline. Inputs are never altered, consumed ones neither. A fault of the data is told, not raised.
        Killed and begun anew it makes the same.
        """
        ...

    def merged(self, letters: Sequence[Letter]) -> Sequence[Letter]:
        """Return the letters to be mailed of those that this step wrote over the nights of one run, oldest first."""
        ...


AnyStep = Step | NightStep
"""A step of either kind."""


class NightStepSection(StepSection):
    """The section of a night step, to derive from: everything but `plan` and `make`."""

    needs_memory: ClassVar[bool] = False
    preload: ClassVar[tuple[str, ...]] = ()
    keeps_order: ClassVar[bool] = False

    def not_ready(self, folder: NightFolder) -> str | None:
        """Say nothing against beginning."""
        return None

    def plan(self, folder: NightFolder, survey: Survey) -> Sequence[Task]:
        """Return what there is to do; each step has its own answer."""
        raise NotImplementedError

    def make(self, task: Task, outputs: Sequence[Path], desk: Desk) -> Done:
        """Do one task; each step has its own way."""
        raise NotImplementedError

    def merged(self, letters: Sequence[Letter]) -> Sequence[Letter]:
        """Leave the letters as they are."""
        return letters


class NamesItsProducts(NightStepSection):
    """A night step that names its products itself; `knows_inputs`: its inputs too. The general keys are refused."""

    knows_inputs: ClassVar[bool] = False

    @model_validator(mode="after")
    def _refuse_general_keys(self) -> NamesItsProducts:
        known = ("outputs", "inputs") if self.knows_inputs else ("outputs",)
        for key in known:
            if getattr(self, key) != type(self).model_fields[key].default:  # `check-config --show` prints that
                raise ValueError(f"{key}: this step knows them itself; see its own keys")
        return self
