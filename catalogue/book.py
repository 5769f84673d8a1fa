"""What the parts of the ledger share: the open database."""

from __future__ import annotations

from catalogue.store import Store


class Book:
    """One subject of the ledger: a set of questions and notes over one open database.

    Every method is one transaction, may be called from any thread, and raises
    `observatory.errors.RecordsUnavailable` where the database cannot answer.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
