"""What became of the files of one ingest: plain data, its state, its counts, and the words for people.

Carrying it out is ingesting.py's.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from catalogue.datasets.grammar import KeyValue
from observatory.names import show, to_json
from observatory.truth import State
from syncer.ingest.model import Bin, Result, Transfer

_DONE = {
    Transfer.HARDLINK: ("hard link", "hard links"),
    Transfer.SYMLINK: ("symbolic link", "symbolic links"),
    Transfer.RELSYMLINK: ("relative symbolic link", "relative symbolic links"),
    Transfer.COPY: ("copy", "copies"),
    Transfer.MOVE: ("moved", "moved"),
    Transfer.DIRECT: ("left where it is", "left where they are"),
    Transfer.INSIDE: ("was inside already", "were inside already"),
}


@dataclass(frozen=True, slots=True)
class IngestRow:
    """One file.

    Attributes
    ----------
    path : bytes
        As it was named.
    result : Result
    reason : str or None
    bin : Bin or None
        Where a failure arose.
    type, run, id, values : optional
        As far as they are known.
    destination : bytes or None
        In the datastore; relative to its root, or absolute.
    transfer : Transfer or None
        What was done.
    note : str or None
        What is to be said of a file that went well.
    """

    path: bytes
    result: Result
    reason: str | None = None
    bin: Bin | None = None
    type: str | None = None
    run: str | None = None
    id: uuid.UUID | None = None
    values: Mapping[str, KeyValue] = field(default_factory=dict)
    destination: bytes | None = None
    transfer: Transfer | None = None
    note: str | None = None

    def document(self) -> dict[str, Any]:
        """Return what JSON says of it."""
        return {
            "path": to_json(self.path),
            "result": self.result.value,
            "reason": self.reason,
            "bin": self.bin.name.lower() if self.bin else None,
            "type": self.type,
            "run": self.run,
            "id": str(self.id) if self.id else None,
            "data_id": dict(self.values),
            "destination": to_json(self.destination) if self.destination is not None else None,
            "transfer": self.transfer.value if self.transfer else None,
            "note": self.note,
        }


@dataclass(slots=True)
class IngestOutcome:
    """All files of one ingest.

    Attributes
    ----------
    instrument : str
    root : bytes
        The datastore.
    is_plan : bool
        Nothing was done: it is what would be.
    rows : list of IngestRow
    unrecognised : list of bytes
        Files in the folders given whose names are of no type.
    troubles : list of (path, reason)
        What could not be looked at.
    seconds : mapping of phase to seconds
    """

    instrument: str
    root: bytes
    is_plan: bool = False
    rows: list[IngestRow] = field(default_factory=list)
    unrecognised: list[bytes] = field(default_factory=list)
    troubles: list[tuple[bytes, str]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def state(self) -> State:
        """OK where the datastore holds every file that was given; nothing at all given is not OK."""
        if self.troubles or any(row.result is Result.UNREADABLE for row in self.rows):
            return State.UNKNOWN
        return State.OK if self.rows and all(row.result.is_good for row in self.rows) else State.DIFFERENT

    @property
    def counts(self) -> dict[str, int]:
        """How many files came to each result; every result is there."""
        found = Counter(row.result for row in self.rows)
        return {result.value: found[result] for result in Result}

    def document(self) -> dict[str, Any]:
        """Return the JSON document."""
        return {
            "state": self.state.value,
            "instrument": self.instrument,
            "datastore": to_json(self.root),
            "is_plan": self.is_plan,
            "counts": self.counts | {"unrecognised": len(self.unrecognised)},
            "seconds": {phase: round(spent, 3) for phase, spent in self.seconds.items()},
            "files": [row.document() for row in self.rows],
            "unrecognised": [to_json(path) for path in self.unrecognised],
            "unreadable": [{"path": to_json(path), "reason": reason} for path, reason in self.troubles],
        }

    def lines(self) -> Iterator[str]:
        """Yield the summary, then each failure with its reason, bin by bin."""
        yield self.summary()
        for held in Bin:
            failed = [row for row in self.rows if row.bin is held]
            if failed:
                yield f"{held.value}: {len(failed)}"
                yield from (f"  {show(row.path)}: {row.result.value}: {row.reason}" for row in failed)
        skipped = [row for row in self.rows if row.result is Result.NOT_TRIED]
        if skipped:
            yield f"not tried after the first failure: {len(skipped)}"
        for path, reason in self.troubles:
            yield f"could not be read: {show(path)}: {reason}"
        for row in self.rows:
            if row.note is not None:
                yield f"note: {show(row.path)}: {row.note}"

    def summary(self) -> str:
        """Return one line with every count; links are told apart, for a link is no copy."""
        counts = self.counts
        new = [row for row in self.rows if row.result is Result.NEW]
        done = Counter(row.transfer for row in new if row.transfer is not None)
        ways = [f"{count} {_DONE[way][count > 1]}" for way, count in sorted(done.items()) if way in _DONE]
        verb = "to be ingested into" if self.is_plan else "ingested into"
        parts = [f"{len(new)} {verb} {show(self.root)}" + (f" ({', '.join(ways)})" if ways else "")]
        words = {
            Result.FOUND: "found in their places",
            Result.IDENTICAL: "there already, identical",
            Result.CHANGED: "there already with other content",
        }
        parts += [f"{counts[result.value]} {said}" for result, said in words.items() if counts[result.value]]
        failed = sum(not row.result.is_good and row.result is not Result.CHANGED for row in self.rows)
        parts += [f"{failed} not ingested"] if failed else []
        parts += [f"{len(self.unrecognised)} of no known type passed over"] if self.unrecognised else []
        if not self.rows:
            parts.append("no file of a known type was given")
        return f"{self.instrument}: {', '.join(parts)}"
