"""What the parts of the ledger and of the catalogue share: the open database."""

from __future__ import annotations

from catalogue.store import Store
from observatory.closing import Closing


class Book(Closing):
    """One subject of the ledger: a set of questions and notes over one open database.

    Every method is one transaction, may be called from any thread, and raises
    `observatory.errors.RecordsUnavailable` where the database cannot answer.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def database(self) -> str:
        """The database's URL, without its password."""
        return self._store.name

    def close(self) -> None:
        """Let go of the database; may be called twice."""
        self._store.close()
