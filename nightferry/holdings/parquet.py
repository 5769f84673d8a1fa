"""Tables written as Parquet files, by pyarrow where it is installed; whole or not at all.

Which rows and columns there are is the callers'.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from observatory.errors import UsageError
from observatory.files import write_whole


def write_columns(path: Path, columns: Mapping[str, tuple[str | None, Sequence[Any]]]) -> None:
    """Write named columns of equal length.

    Parameters
    ----------
    columns : mapping of name to (kind, values)
        The kind is a name of pyarrow's: ``string``, ``int64``, ``uint64``, ``float64``, ``date32``, ``bool_``, or
        ``instant`` for microseconds of UTC; None: as the values show. None among the values is no value.

    Raises
    ------
    UsageError
        pyarrow is not installed.
    OSError
    """
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError as error:
        raise UsageError("Parquet needs pyarrow: pip install 'nightferry[parquet]'; or take --csv") from error

    def typed(kind: str | None, values: Sequence[Any]) -> Any:
        if kind is None:
            alike = _alike(values)
            return arrow.array(alike) if any(value is not None for value in alike) else arrow.array(alike, "string")
        made = arrow.timestamp("us", tz="UTC") if kind == "instant" else getattr(arrow, kind)()
        return arrow.array(values, made)

    table = arrow.table({name: typed(kind, values) for name, (kind, values) in columns.items()})
    sink = arrow.BufferOutputStream()
    parquet.write_table(table, sink)
    write_whole(path, sink.getvalue().to_pybytes())
    path.chmod(0o644)


def _alike(values: Sequence[Any]) -> list[Any]:
    """Return values of one kind: as they are where they are of one, else as texts."""
    plain = [_plain(value) for value in values]
    kinds = {type(value) for value in plain if value is not None}
    if len(kinds) <= 1 or kinds == {int, float}:
        return plain
    return [None if value is None else str(value) for value in plain]


def _plain(value: Any) -> Any:
    if isinstance(value, (dict, list, tuple)):
        return json.dumps(value, default=str)
    return value if value is None or isinstance(value, (str, bool, int, float, dt.date)) else str(value)


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows; a column is there for every key of any of them, in the order in which they are met.

    Raises
    ------
    UsageError
        pyarrow is not installed.
    OSError
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    write_columns(path, {name: (None, [row.get(name) for row in rows]) for name in names})
