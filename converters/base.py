"""What a converter is: the section of its step, the tasks it finds in a night's folder, and how it does one.

There are two kinds. A `Step` works on one input, or on one night, at a time. A `NightStep` (nightstep.py) sees a
whole night at once and may make many files of many, count what it did, write letters, and ask that a person looks.
Which steps there are is asked here too. Running them over nights, skipping what is done already and
remembering is pipeline.py's.
"""

from __future__ import annotations

import datetime as dt
import functools
import importlib
import importlib.metadata
import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from observatory.errors import UsageError
from observatory.names import matcher
from observatory.spec.models import StepSection

ENTRY_POINTS = "nightferry.steps"
"""The group in which other packages name steps of their own: ``name = "package.module:Section"``."""

_BUILT_IN = {
    "command": "converters.command:CommandStep",
    "syncdeint": "converters.vampires.syncdeint:SyncDeintStep",
    "summary": "converters.vampires.summary:SummaryStep",
    "consolidate": "converters.vampires.consolidate:ConsolidateStep",
    "fix-headers": "converters.fix_headers:FixHeadersStep",
    "frame-ids": "converters.frame_ids:FrameIdsStep",
    "compress": "converters.compress:CompressStep",
    "manifest": "converters.manifest:ManifestStep",
    "xrif2fits": "converters.xrif2fits:Xrif2FitsStep",
}


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

    def place_of(self, path: bytes) -> Path:
        """Return where a file of this folder lies, absolute."""
        return self.path / os.fsdecode(path)

    def taken(self, patterns: Iterable[str]) -> list[bytes]:
        """Return the files that some patterns take (see `observatory.names.matcher`), ascending."""
        match = matcher([os.fsencode(pattern) for pattern in patterns])
        return [path for path in self.files if match(path) == "taken"]

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
    consumes : tuple of bytes
        Those of `inputs` that the outputs stand for: they are removed when the outputs lie in their places,
        and may be named as outputs too (a file written anew under its own name). Only what a step has made can be
        consumed, never what arrived: originals stay. When one file of a night is made anew, what was made of the
        others stands in their place already: a task that consumes takes one file and what belongs to it, no more.
    given : object
        What the planner of the step hands to its worker; no part of what the task is known by.
    again : bool
        What it did without has come (see `Done.awaits`): it is done again, though inputs and arguments are the same.
    """

    folder: NightFolder
    subject: bytes
    inputs: tuple[bytes, ...]
    outputs: tuple[bytes, ...]
    arguments: str
    consumes: tuple[bytes, ...] = ()
    given: object = field(default=None, compare=False)
    again: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What a task counted, in frames; the report adds up a night's tasks.

    Attributes
    ----------
    frames_in, frames_out : int
        Read, and written into products.
    listed : int
        Written into no product but listed, each with its reason; `frames_in` is `frames_out` and `listed`.
    dubious : int
        Those of `frames_out` of which a kind could not be told surely.
    kinds : mapping of str to int
        Frames by kind, as the report names it: ``{"cam1 A": 4980, "cam1 dubious": 20}``.
    """

    frames_in: int = 0
    frames_out: int = 0
    listed: int = 0
    dubious: int = 0
    kinds: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: Facts) -> Facts:
        """Return both together."""
        kinds = Counter(self.kinds) + Counter(other.kinds)
        return Facts(
            self.frames_in + other.frames_in,
            self.frames_out + other.frames_out,
            self.listed + other.listed,
            self.dubious + other.dubious,
            dict(sorted(kinds.items())),
        )


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that travels with a letter."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Letter:
    """Something that is to be mailed: kept with the step's record, and sent once when the run is over."""

    to: tuple[str, ...]
    subject: str
    text: str
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Done:
    """How one task ended.

    Attributes
    ----------
    failure : str or None
        Why it did not succeed: nothing of what it made is kept.
    warning : str or None
        Set where it succeeded with a word of caution.
    facts : Facts or None
        What it counted.
    letters : tuple of Letter
    hold : str or None
        Why a person should look before the night's later steps are taken; they wait for ``convert --approve``.
    made : mapping of bytes to Path
        Products beyond the task's `outputs`, whose names were not known beforehand: where each belongs, relative
        to the night's folder, and where it lies now, below `Desk.scratch`.
    sha256 : mapping of bytes to str
        Hashes taken while products were written, by path relative to the night's folder; others are read for it.
    awaits : str or None
        What it did without and may still come; the step's next plan of the same subject is shown it (`Survey.awaited`).
    """

    failure: str | None = None
    warning: str | None = None
    facts: Facts | None = None
    letters: tuple[Letter, ...] = ()
    hold: str | None = None
    made: Mapping[bytes, Path] = field(default_factory=dict)
    sha256: Mapping[bytes, str] = field(default_factory=dict)
    awaits: str | None = None


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
    installed: dict[str, type[StepSection]] = {}
    for point in importlib.metadata.entry_points(group=ENTRY_POINTS):
        if point.name in _BUILT_IN or point.name in installed:
            raise UsageError(f"step {point.name!r} of {point.value} has the name of another step")
        installed[point.name] = _checked(point.name, point.load)
    return _StepModels(installed)


class _StepModels(Mapping[str, type[StepSection]]):
    """The models by step; our own are each imported when asked for, so that reading a specification stays quick."""

    def __init__(self, installed: Mapping[str, type[StepSection]]) -> None:
        self._installed = installed

    def __getitem__(self, name: str) -> type[StepSection]:
        if name in self._installed:
            return self._installed[name]
        return _checked(name, functools.partial(_load, _BUILT_IN[name]))

    def __contains__(self, name: object) -> bool:
        return name in _BUILT_IN or name in self._installed

    def __iter__(self) -> Iterator[str]:
        return itertools.chain(_BUILT_IN, self._installed)

    def __len__(self) -> int:
        return len(_BUILT_IN) + len(self._installed)


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


_KINDS = (("tasks", "do", "writes_beside"), ("plan", "make", "not_ready", "merged", "needs_memory"))
"""What a step can do, and what a night step can."""


def _can_work(model: type[StepSection]) -> bool:
    return any(all(hasattr(model, name) for name in names) for names in _KINDS)
