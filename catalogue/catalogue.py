"""The catalogue of what a site holds: exposures, datasets and their files, over the same database as the ledger.

Put together from books, one per subject; what each answers is said there.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

from catalogue.datasets.access import DatasetAccess
from catalogue.datasets.collections import CollectionBook
from catalogue.holdings.book import HoldingBook
from catalogue.holdings.queries import ExposureBook
from catalogue.store import BUSY_TIMEOUT_S, open_store


class Catalogue(DatasetAccess, CollectionBook, HoldingBook, ExposureBook):
    """All books of what is held over one open database. May be used by many threads and processes at a time."""

    @classmethod
    def open(
        cls,
        url: str,
        state: Path | None = None,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
        *,
        collections: str | Sequence[str] = (),
    ) -> Self:
        """Open the catalogue of a site, creating an empty one where there is none and migrating an older one.

        Parameters
        ----------
        url : str
            ``sqlite:////absolute/catalogue.db`` or ``postgresql+psycopg://user@host/name``.
        state : Path, optional
            What a relative SQLite path is relative to; default: the working directory.
        busy_timeout_s : float
            How long each read or write waits for other processes.
        collections : str or sequence of str
            The search path of `get`, `path` and `find` where they name none; default: everywhere.

        Raises
        ------
        observatory.errors.UsageError
            The URL is none that we know.
        observatory.errors.RecordsUnavailable
            The database is locked, damaged, newer than this program, or cannot be reached.
        """
        opened = cls(open_store(url, state or Path(), busy_timeout_s))
        opened.collections_searched = (collections,) if isinstance(collections, str) else tuple(collections)
        return opened
