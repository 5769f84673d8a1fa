"""The plan of a night: which frames of which cubes go into which new cubes, and why; decided before a pixel moves.

A file of JSON with paths relative to the night's folder and the hashes of all sources, to be read by people too.
How it is decided is night.py's, carrying it out consolidate.py's. `check` proves the law of conservation: every frame
of every source is in exactly one output, or listed with its reason.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from converters.base import Facts
from converters.cards import Value
from observatory.names import from_json, is_safe, show, to_json

FORMAT = "nightferry plan of a night's cubes"
VERSION = 1
SYNC, SOLO = "sync", "solo"
"""Kinds of outputs: frames that have a partner in the other camera, and frames that have none."""


class PlanFault(Exception):
    """A plan cannot be read, or breaks the law of conservation; the text says how."""


@dataclass(frozen=True, slots=True)
class Run:
    """Some frames of one source: `count` of them from `first` on, every `step`-th."""

    source: int
    first: int
    count: int
    step: int = 1

    @property
    def frames(self) -> range:
        """Their indices in the source's cube."""
        return range(self.first, self.first + self.count * self.step, self.step)


@dataclass(frozen=True, slots=True)
class Source:
    """One cube as it arrived.

    Attributes
    ----------
    path : bytes
    timing : bytes or None
        Its timing file; None where there is none.
    camera : str
    sha256, timing_sha256 : str
        Of both files; empty where a file is absent or could not be read.
    frames : int
    lost : int
        Frames that its counter tells of and that are not in it.
    clock : str or None
        Which of the two clocks its times are of.
    keys : mapping
        The header's values that the decisions rest on.
    reason : str or None
        Why its frames could not be paired.
    """

    path: bytes
    timing: bytes | None
    camera: str
    sha256: str
    timing_sha256: str
    frames: int
    lost: int
    clock: str | None
    keys: Mapping[str, Value]
    reason: str | None


@dataclass(frozen=True, slots=True)
class Match:
    """What was found when some cubes of two cameras were put together; times in microseconds (see pairing.py).

    Attributes
    ----------
    known : str
        How the offset is known (see periods.py); contradicted: nothing was paired.
    period_us : float
        Distance of the other offsets that explain the times as well; 0: there is none.
    """

    first: tuple[int, ...]
    second: tuple[int, ...]
    pairs: int
    offset_us: float
    tolerance_us: float
    residual_us: float
    support: float
    rival: float
    ambiguous: int
    known: str
    period_us: float


@dataclass(frozen=True, slots=True)
class Output:
    """One cube to be made.

    Attributes
    ----------
    path : bytes
        Of the FITS file; its timing file has the same stem.
    camera : str
    kind : str
        ``sync`` or ``solo``.
    state : str
        ``A``, ``B``, ``D`` (dubious), or empty where no FLC is at work.
    runs : tuple of Run
        Its frames in their order.
    start_us, end_us : int or None
        First and last time, Unix time in microseconds; None where there is no usable time.
    sibling : bytes or None
        The other camera's cube of the same moments.
    match : int or None
        Which match its pairs are from.
    reason : str or None
        Why it is solo.
    """

    path: bytes
    camera: str
    kind: str
    state: str
    runs: tuple[Run, ...]
    start_us: int | None
    end_us: int | None
    sibling: bytes | None = None
    match: int | None = None
    reason: str | None = None

    @property
    def frames(self) -> int:
        """How many frames it is to have."""
        return sum(run.count for run in self.runs)

    @property
    def label(self) -> str:
        """How counts call its frames: ``sync cam1 A``."""
        return " ".join(filter(None, (self.kind, self.camera, self.state)))

    @property
    def timing(self) -> bytes:
        """The path of its timing file."""
        return self.path.removesuffix(b".fits") + b".txt"


@dataclass(frozen=True, slots=True)
class Listed:
    """Frames that go into no output."""

    run: Run
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A night's plan; indices into `sources` and `matches` are from 0."""

    night: dt.date
    parameters: Mapping[str, Any]
    sources: tuple[Source, ...]
    matches: tuple[Match, ...] = ()
    outputs: tuple[Output, ...] = ()
    listed: tuple[Listed, ...] = field(default=())

    def check(self) -> None:
        """Prove that every frame is in exactly one output, or listed.

        Raises
        ------
        PlanFault
        """
        uses = [bytearray(source.frames) for source in self.sources]
        for run in self._runs():
            _count_uses(run, uses, self.sources)
        for source, used in zip(self.sources, uses, strict=True):
            wrong = len(used) - used.count(1)
            if wrong:
                raise PlanFault(f"{show(source.path)}: {wrong} of {len(used)} frames are in no output, or in several")
        paths = Counter(output.path for output in self.outputs)
        for path, count in paths.items():
            if count > 1:
                raise PlanFault(f"{show(path)} is to be made {count} times")

    def part(self, number: int) -> Plan:
        """Return the plan of one output alone, with its sources and its match; it conserves nothing else."""
        output = self.outputs[number]
        numbers = sorted({run.source for run in output.runs})
        places = {source: place for place, source in enumerate(numbers)}
        runs = tuple(replace(run, source=places[run.source]) for run in output.runs)
        matches = () if output.match is None else (self.matches[output.match],)
        alone = replace(output, runs=runs, match=0 if matches else None)
        return replace(
            self, sources=tuple(self.sources[one] for one in numbers), matches=matches, outputs=(alone,), listed=()
        )

    def _runs(self) -> Iterator[Run]:
        for output in self.outputs:
            yield from output.runs
        for one in self.listed:
            yield one.run

    def kinds(self) -> dict[str, int]:
        """Return the number of frames of every kind, by its name."""
        counts: Counter[str] = Counter()
        for output in self.outputs:
            counts[output.label] += output.frames
        return dict(sorted(counts.items()))

    def offsets(self) -> list[str]:
        """Return what is to be said of offsets that the times know only up to whole periods."""
        words = {
            "assumed": "pairs rest on an offset known only up to whole periods; the smallest was taken ({:.0f} us)",
            "contradicted": "frames were not paired: nothing tells their offset ({:.0f} us, or whole periods from it)",
        }
        said = []
        for known, text in words.items():
            matches = [match for match in self.matches if match.known == known and (match.pairs or match.period_us)]
            if matches:
                said.append(f"{sum(self._asked(match) for match in matches)} " + text.format(matches[0].offset_us))
        return said

    def _asked(self, match: Match) -> int:
        """Return a match's pairs; of one without, how many frames were put together."""
        numbers = (*match.first, *match.second)
        return match.pairs or sum(self.sources[number].frames for number in numbers)

    def facts(self) -> Facts:
        """Return the plan's counts."""
        return Facts(
            frames_in=sum(source.frames for source in self.sources),
            frames_out=sum(output.frames for output in self.outputs),
            listed=sum(one.run.count for one in self.listed),
            dubious=sum(output.frames for output in self.outputs if output.state == "D"),
            kinds=self.kinds(),
        )


def _count_uses(run: Run, uses: Sequence[bytearray], sources: Sequence[Source]) -> None:
    if not 0 <= run.source < len(sources):
        raise PlanFault(f"there is no source {run.source}")
    used, last = uses[run.source], run.first + (run.count - 1) * run.step
    if run.count < 1 or run.step < 1 or run.first < 0 or last >= len(used):
        words = f"{run.count} frames from {run.first} in steps of {run.step}"
        raise PlanFault(f"{show(sources[run.source].path)} has no {words}: it has {len(used)}")
    for index in run.frames:
        used[index] = min(used[index] + 1, 2)


def encode(plan: Plan) -> bytes:
    """Return a plan as its file's bytes; the same plan gives the same bytes."""
    document = {
        "format": FORMAT,
        "version": VERSION,
        "night": plan.night.isoformat(),
        "parameters": dict(plan.parameters),
        "counts": _counts(plan),
        "sources": [_source_record(source) for source in plan.sources],
        "matches": [_match_record(match) for match in plan.matches],
        "outputs": [_output_record(output) for output in plan.outputs],
        "listed": [{"run": _run_record(one.run), "reason": one.reason} for one in plan.listed],
    }
    head = json.dumps({key: document[key] for key in ("format", "version", "night", "parameters", "counts")}, indent=1)
    lists = (_list_text(name, document[name]) for name in ("sources", "matches", "outputs", "listed"))
    return (head.removesuffix("\n}") + "".join(",\n" + text for text in lists) + "\n}\n").encode()


def _list_text(name: str, records: Any) -> str:
    """Write one record a line: thousands of cubes stay readable, and their plans can be compared line by line."""
    lines = ",\n".join("  " + json.dumps(record) for record in records)
    return f' "{name}": [\n{lines}\n ]' if records else f' "{name}": []'


def _counts(plan: Plan) -> dict[str, Any]:
    facts = plan.facts()
    return {
        "frames_in": facts.frames_in,
        "frames_out": facts.frames_out,
        "listed": facts.listed,
        "dubious": facts.dubious,
        "lost_before": sum(source.lost for source in plan.sources),
        "kinds": dict(facts.kinds),
    }


def _source_record(source: Source) -> dict[str, Any]:
    return {
        "path": to_json(source.path),
        "timing": None if source.timing is None else to_json(source.timing),
        "camera": source.camera,
        "sha256": source.sha256,
        "timing_sha256": source.timing_sha256,
        "frames": source.frames,
        "lost": source.lost,
        "clock": source.clock,
        "keys": dict(source.keys),
        "reason": source.reason,
    }


def _match_record(match: Match) -> dict[str, Any]:
    return {name: getattr(match, name) for name in Match.__slots__}


def _run_record(run: Run) -> list[int]:
    return [run.source, run.first, run.count, run.step]


def _output_record(output: Output) -> dict[str, Any]:
    return {
        "path": to_json(output.path),
        "camera": output.camera,
        "kind": output.kind,
        "state": output.state,
        "frames": output.frames,
        "start_us": output.start_us,
        "end_us": output.end_us,
        "sibling": None if output.sibling is None else to_json(output.sibling),
        "match": output.match,
        "reason": output.reason,
        "runs": [_run_record(run) for run in output.runs],
    }


def decode(raw: bytes, is_checked: bool = False) -> Plan:
    """Read a plan; one that `is_checked` was read before, and is only read.

    Raises
    ------
    PlanFault
        It is none, of another version, damaged, or not conserving.
    """
    try:
        document = json.loads(raw)
        if document["format"] != FORMAT or document["version"] != VERSION:
            raise PlanFault(f"it is no plan of version {VERSION}")
        plan = Plan(
            night=dt.date.fromisoformat(document["night"]),
            parameters=document["parameters"],
            sources=tuple(_source(record) for record in document["sources"]),
            matches=tuple(_match(record) for record in document["matches"]),
            outputs=tuple(_output(record) for record in document["outputs"]),
            listed=tuple(Listed(Run(*one["run"]), one["reason"]) for one in document["listed"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise PlanFault(f"it cannot be read: {type(error).__name__}: {error}") from error
    if not is_checked:
        plan.check()
    return plan


def _path(value: object) -> bytes:
    path = from_json(value)
    if (fault := is_safe(path)) is not None:
        raise ValueError(f"{show(path)}: {fault}")
    return path


def _optional_path(value: object) -> bytes | None:
    return None if value is None else _path(value)


def _source(record: Mapping[str, Any]) -> Source:
    paths = {"path": _path(record["path"]), "timing": _optional_path(record["timing"])}
    return Source(**{name: record[name] for name in Source.__slots__} | paths)


def _match(record: Mapping[str, Any]) -> Match:
    values = {name: record[name] for name in Match.__slots__}
    return Match(**values | {"first": tuple(values["first"]), "second": tuple(values["second"])})


def _output(record: Mapping[str, Any]) -> Output:
    values = {name: record[name] for name in Output.__slots__}
    runs = tuple(Run(*run) for run in record["runs"])
    paths = {"path": _path(record["path"]), "sibling": _optional_path(record["sibling"])}
    return Output(**values | paths | {"runs": runs})
