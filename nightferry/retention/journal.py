"""Ledger and proofs of what is being freed, batch by batch: nothing is touched that is not noted before.

When each is told what, is syncer/freeing.py's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from pathlib import Path

from catalogue.evidence_records import FreedFile
from catalogue.records import Uncarried
from nightferry.retention.proof import proof_of, write_proof
from nightferry.workplace import Workplace
from observatory.endpoints.contract import Facts
from observatory.errors import CouldNotTell
from observatory.nights import night_text
from observatory.spec.models import Instrument
from syncer.prune import CopyState, Freeable


class Journal:
    """Keeps ledger and proofs of one batch; see `syncer.freeing.Journal`."""

    def __init__(
        self,
        workplace: Workplace,
        instrument: Instrument,
        own: CopyState,
        holder: int,
        hops: Sequence[str],
        stamp: str,
        present: dt.date,
    ) -> None:
        self._workplace, self._instrument, self._own = workplace, instrument, own
        self._holder, self._hops, self._stamp, self._present = holder, hops, stamp, present
        self._number = 0
        self._paths: set[bytes] = set()
        self.proofs: list[Path] = []

    def begun(self, batch: Sequence[Freeable]) -> None:
        """Note what will be set aside."""
        files = [
            FreedFile(
                one.candidate.path,
                one.candidate.night,
                one.candidate.name,
                one.candidate.looked.size_bytes or 0,
                one.sha256,
            )
            for one in batch
        ]
        self._paths = {file.path for file in files}
        name, now = self._instrument.instrument, self._workplace.now()
        self._watch(  # before the next, which brings all that was noted to disk
            [Uncarried(one.candidate.path, one.candidate.night, *_facts_of(one.candidate.looked), now) for one in batch]
        )
        self._number = self._workplace.ledger.begin_freeing(self._holder, name, self._hops, files, now)

    def _watch(self, files: Sequence[Uncarried], no_more: Collection[bytes] = ()) -> None:
        """Know by name until the batch ends what is expected no more by count: where we die, others may take it yet."""
        for hop in self._hops:
            self._workplace.ledger.note_uncarried(self._instrument.instrument, hop, files, no_more)

    def proven(self, batch: Sequence[Freeable]) -> None:
        """Write the proof, then note what goes by it."""
        name = self._instrument.instrument
        document = proof_of(name, self._own, self._present, batch, self._workplace.now())
        night = night_text(batch[0].candidate.night)
        folder = self._workplace.state / "proofs" / name
        path = write_proof(folder, f"{night}-{self._own.name}-{self._stamp}.json", document)
        paths = {one.candidate.path for one in batch}
        try:
            self._workplace.ledger.prove_freeing(self._number, paths, str(path))
        except CouldNotTell:
            path.unlink(missing_ok=True)  # nothing goes that the ledger does not know of: it is the proof of nothing
            raise
        self.proofs.append(path)

    def done(self, still_there: Collection[bytes]) -> None:
        """Note the end, and forget that what is gone is there."""
        ledger, now = self._workplace.ledger, self._workplace.now()
        ledger.finish_freeing(self._number, self._instrument.instrument, self._hops, still_there, now)
        ledger.record_gone(self._holder, self._paths - set(still_there))
        self._watch((), self._paths)


def _facts_of(looked: Facts) -> tuple[int, float]:
    return looked.size_bytes or 0, looked.mtime_s
