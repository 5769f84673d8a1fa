"""Tables written as Parquet files, by pyarrow where it is installed; whole or not at all.

Which rows and columns there are is the callers'.
"""

from __future__ import annotations

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
            values = [json.dumps(value) if isinstance(value, (dict, list)) else value for value in values]
            return arrow.array(values) if any(value is not None for value in values) else arrow.array(values, "string")
        made = arrow.timestamp("us", tz="UTC") if kind == "instant" else getattr(arrow, kind)()
        return arrow.array(values, made)

    table = arrow.table({name: typed(kind, values) for name, (kind, values) in columns.items()})
    sink = arrow.BufferOutputStream()
    parquet.write_table(table, sink)
    write_whole(path, sink.getvalue().to_pybytes())
    path.chmod(0o644)


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
