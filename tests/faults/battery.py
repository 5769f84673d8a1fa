"""The battery's frame: what a fault is, how it is played, and what every fault must leave true.

One file below cases/ is one fault. Leaves to stage.py where it is played and to page.py how it is shown.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tests.faults.peers import STANDARD, Peers, nobody
from tests.faults.stage import Stage
from tests.observatory import Answer, tree

CASES = Path(__file__).with_name("cases")
VERIFY_LISTS = (
    "missing",
    "extra",
    "size_differs",
    "checksum_differs",
    "damaged",
    "unreadable",
    "in_progress",
    "unrecognised",
    "not_comparable",
)
SYNC_COUNTS = ("transferred", "failed", "in_progress", "kept", "replaced")


@dataclass(frozen=True)
class Found:
    """A verdict.

    Attributes
    ----------
    state : str
        As the interface has it; for what is no hop, a word of the case's own.
    status : int
        The exit status.
    counts : mapping of str to int
        Without those that are nought.
    reason : str
    """

    state: str
    status: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""

    @property
    def words(self) -> str:
        """The verdict as the page shows it: ``different: 1 missing``."""
        said = ", ".join(f"{count} {key.replace('_', ' ')}" for key, count in self.counts.items())
        return f"{self.state}: {said}" if said else self.state


Ask = Callable[[Stage], Found]
Make = Callable[[Stage], None]
After = Callable[[Stage, Found], None]


def nothing_more(stage: Stage, found: Found) -> None:
    """Ask for nothing beyond what holds of every fault."""


@dataclass(frozen=True)
class Fault:
    """One named fault.

    Attributes
    ----------
    name : str
        ``F1``, ``D3``, ``S5`` as in the field's tables; other letters are ours (see docs/faults.md).
    title : str
        What goes wrong, in a sentence.
    make : callable
        Makes it, on a stage where all was well before.
    ask : callable
        Puts the question whose answer is judged.
    right : str
        The right verdict, counts included.
    says : tuple of str
        What the reason must name.
    after : callable
        What must still be true.
    where : str
        ``here``: two hosts of this machine; ``far``: over SSH; ``bare``: the case sets up by itself.
    peers : callable
        What rsync, rclone and an existence check say of it.
    source_changes : bool
        The fault itself changes the source while we work.
    has_trees : bool
        False where the trees are too large to be hashed before and after.
    """

    name: str
    title: str
    make: Make
    ask: Ask
    right: str
    says: tuple[str, ...] = ()
    after: After = nothing_more
    where: Literal["here", "far", "bare"] = "here"
    peers: Peers = nobody
    source_changes: bool = False
    has_trees: bool = True
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Played:
    """A fault that was played: what was found, and what the peers said, where they were asked."""

    fault: Fault
    found: Found
    peers: Mapping[str, str]


def load(stem: str) -> Fault:
    """Return one case's fault."""
    fault = importlib.import_module(f"tests.faults.cases.{stem}").FAULT
    assert isinstance(fault, Fault)
    return fault


def stems() -> list[str]:
    """Return the names of all cases, sorted."""
    return sorted(path.stem for path in CASES.glob("*.py"))


def play(fault: Fault, stage: Stage, asks_peers: bool = False) -> Played:
    """Make a fault, ask, judge the answer, and assert what every fault must leave true.

    Whatever happens: the source keeps every byte, a final name on the destination holds its old bytes or the
    source's, and no answer is a traceback.
    """
    with stage.closing:
        if fault.where != "bare":
            (stage.set_up_far if fault.where == "far" else stage.set_up)(**fault.settings)
        fault.make(stage)
        has_trees = fault.has_trees and bool(stage.frames)
        before = (tree(stage.source), tree(stage.destination)) if has_trees else ({}, {})
        peers = fault.peers(stage) if asks_peers else {}
        found = fault.ask(stage)
        assert found.words == fault.right, f"{found.words} (exit {found.status}): {found.reason}"
        for word in fault.says:
            assert word in found.reason, found.reason
        if has_trees:
            _nothing_half(stage, fault, *before)
        fault.after(stage, found)
    return Played(fault, found, peers)


def _nothing_half(stage: Stage, fault: Fault, source: Mapping[str, str], destination: Mapping[str, str]) -> None:
    now = tree(stage.source)
    assert fault.source_changes or now == source, "the source was changed"
    for name, digest in tree(stage.destination).items():
        assert digest in (destination.get(name), source.get(name), now.get(name)), f"{name} is half there"


# ---- questions


def verify(*words: str) -> Ask:
    """Return the question of a verify."""
    return lambda stage: verdict_of(stage.call("verify", "--json", *words))


def sync(*words: str) -> Ask:
    """Return the question of a sync."""
    return lambda stage: outcome_of(stage.call("sync", "--json", *words))


def command(*words: str) -> Ask:
    """Return the question of any other command: its exit status, and what it said."""

    def ask(stage: Stage) -> Found:
        answer = stage.call(*words)
        return Found(f"exit {answer.status}", answer.status, reason=answer.err or answer.out)

    return ask


def verdict_of(answer: Answer) -> Found:
    """Return what a verify said of its hops together."""
    if "error" in answer.document:
        return Found("error", answer.status, reason=answer.document["error"])
    hops = answer.document["hops"]
    counts = {key: sum(_size(hop[key]) for hop in hops) for key in VERIFY_LISTS}
    counts["frame numbers absent"] = sum(len(gap["numbers"]) for hop in hops for gap in hop["sequence_gaps"])
    return _found(answer, hops, counts)


def outcome_of(answer: Answer) -> Found:
    """Return what a sync said of its hops together."""
    if "error" in answer.document:
        return Found("error", answer.status, reason=answer.document["error"])
    hops = answer.document["hops"]
    return _found(answer, hops, {key: sum(_size(hop[key]) for hop in hops) for key in SYNC_COUNTS})


def _size(value: int | list[Any]) -> int:
    return value if isinstance(value, int) else len(value)


def _found(answer: Answer, hops: Sequence[Mapping[str, Any]], counts: Mapping[str, int]) -> Found:
    details = [f"{one['path']}: {one['reason']}" for hop in hops for one in hop.get("failed", ())]
    details += [f"{path}: kept" for hop in hops for path in hop.get("kept", ())]
    reason = "; ".join([*(hop["reason"] for hop in hops if hop["reason"]), *details])
    shown = {key: count for key, count in counts.items() if count}
    return Found(answer.document["state"], answer.status, shown, reason)


__all__ = ["STANDARD", "After", "Ask", "Fault", "Found", "Played", "Stage", "command", "load", "play", "stems"]
