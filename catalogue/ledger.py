"""The ledger: what nightferry did and saw, one database for all runs of a site.

It only remembers. No verdict rests on it alone: deleted, it is rebuilt by looking.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

from catalogue.decisions import DecisionBook
from catalogue.evidence import EvidenceBook
from catalogue.exports import ExportBook
from catalogue.frame_ids import FrameIdBook
from catalogue.nights import NightBook
from catalogue.pipeline import PipelineBook
from catalogue.renames import RenameBook
from catalogue.retention import RetentionBook
from catalogue.runs import RunBook
from catalogue.schedule import ScheduleBook
from catalogue.steps import StepBook
from catalogue.store import BUSY_TIMEOUT_S, open_store
from catalogue.uncarried import UncarriedBook


class Ledger(
    RunBook,
    NightBook,
    UncarriedBook,
    DecisionBook,
    ScheduleBook,
    StepBook,
    PipelineBook,
    EvidenceBook,
    RetentionBook,
    ExportBook,
    FrameIdBook,
    RenameBook,
):
    """All books over one open database. May be used by many threads and processes at a time."""

    @classmethod
    def open(cls, url: str, state: Path, busy_timeout_s: float = BUSY_TIMEOUT_S) -> Self:
        """Open the ledger, creating an empty one where there is none and migrating an older one.

        Parameters
        ----------
        url : str
            The site's ``database``; a relative SQLite path is relative to `state`.
        state : Path
            The site's state folder; created if need be.
        busy_timeout_s : float
            How long each read or write waits for other processes.

        Raises
        ------
        observatory.errors.UsageError
            The URL is none that we know.
        observatory.errors.RecordsUnavailable
            The database is locked, damaged, newer than this program, or cannot be reached.
        """
        return cls(open_store(url, state, busy_timeout_s))
