"""The ledger's pages on observations exported: what was made of which archive, with hashes, and what failed how often.

In place of lookyloo's ``.lookyloo_succeeded``. When a record still holds converters/export knows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from catalogue.book import Book
from catalogue.export_records import ExportProduct, ExportRecord
from catalogue.export_tables import export_products, exports
from catalogue.store import insert, insert_one

_KEY = ("instrument", "output", "folder", "form", "archive")
_PLAIN = tuple(column.name for column in exports.columns if column.name != "id")


class ExportBook(Book):
    """Archives exported; of each in its folder the last record counts."""

    def record_export(self, record: ExportRecord) -> None:
        """Note what became of an archive, in place of what was noted of it before."""
        with self._store.write() as connection:
            _forget(connection, record)
            number = insert_one(connection, exports, {name: getattr(record, name) for name in _PLAIN})
            insert(connection, export_products, list(_rows(number, record.products)))

    def export_records(self, instrument: str, output: str, folder: bytes) -> tuple[ExportRecord, ...]:
        """Return what was last noted of every archive in one folder, by archive and form."""
        is_here = sa.and_(exports.c.instrument == instrument, exports.c.output == output, exports.c.folder == folder)
        with self._store.read() as connection:
            rows = connection.execute(
                sa.select(exports).where(is_here).order_by(exports.c.archive, exports.c.form)
            ).all()
            made = connection.execute(
                sa.select(export_products)
                .join(exports, exports.c.id == export_products.c.export_id)
                .where(is_here)
                .order_by(export_products.c.path)
            ).all()
        products: dict[int, list[ExportProduct]] = defaultdict(list)
        for one in made:
            products[one.export_id].append(ExportProduct(one.path, one.size_bytes, one.sha256))
        return tuple(
            ExportRecord(**{name: getattr(row, name) for name in _PLAIN}, products=tuple(products[row.id]))
            for row in rows
        )


def _forget(connection: Connection, record: ExportRecord) -> None:
    is_it = sa.and_(*(exports.c[name] == getattr(record, name) for name in _KEY))
    connection.execute(exports.delete().where(is_it))


def _rows(number: int, products: Iterable[ExportProduct]) -> Iterable[dict[str, object]]:
    for one in products:
        yield {"export_id": number, "path": one.path, "size_bytes": one.size_bytes, "sha256": one.sha256}
