"""The ledger's pages on the daemon: which job fell due when, whether it ran, and which mail went out last.

When a job is due, and whether a mail is worth sending, others decide from these.
"""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.engine import Row

from catalogue.book import Book
from catalogue.records import JobRecord
from catalogue.store import upsert
from catalogue.tables import jobs
from observatory.truth import State


class ScheduleBook(Book):
    """Jobs as they fell due."""

    def job_due(self, job: str, due_utc: dt.datetime) -> None:
        """Note that a job fell due; one that is never started was missed."""
        with self._store.write() as connection:
            upsert(connection, jobs, [{"job": job, "due_utc": due_utc}])

    def job_started(self, job: str, due_utc: dt.datetime, at_utc: dt.datetime) -> None:
        """Note that the job due at an instant was begun."""
        with self._store.write() as connection:
            upsert(connection, jobs, [{"job": job, "due_utc": due_utc, "started_utc": at_utc}])

    def job_finished(self, job: str, due_utc: dt.datetime, at_utc: dt.datetime, state: State) -> None:
        """Note that the job due at an instant came to its end."""
        with self._store.write() as connection:
            ended = {"finished_utc": at_utc, "state": state.value}
            upsert(connection, jobs, [{"job": job, "due_utc": due_utc, **ended}])

    def last_job(self, job: str, *, is_started: bool = False, is_finished: bool = False) -> JobRecord | None:
        """Return the latest due time of a job; on wish only among those that were started, or finished."""
        asked = sa.select(jobs).where(jobs.c.job == job)
        if is_started:
            asked = asked.where(jobs.c.started_utc.is_not(None))
        if is_finished:
            asked = asked.where(jobs.c.finished_utc.is_not(None))
        with self._store.read() as connection:
            row = connection.execute(asked.order_by(jobs.c.due_utc.desc()).limit(1)).first()
        return None if row is None else _job(row)


def _job(row: Row[tuple[object, ...]]) -> JobRecord:
    state = None if row.state is None else State(row.state)
    return JobRecord(row.job, row.due_utc, row.started_utc, row.finished_utc, state)
