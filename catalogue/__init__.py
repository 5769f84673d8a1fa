"""The database: runs, hops, nights, what was moved and what people decided; SQLite built in, PostgreSQL by URL.

What is held (exposures, datasets) is asked of it too, by `Catalogue.open(url)`, which loads when it is first named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from catalogue.catalogue import Catalogue

__all__ = ["Catalogue"]


def __getattr__(name: str) -> Any:
    if name == "Catalogue":  # SQLAlchemy takes longer to import than most commands to run
        from catalogue.catalogue import Catalogue

        return Catalogue
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
