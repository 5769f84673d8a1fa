"""Datasets as tables: in the form that Butler's users know, as CSV, JSON and Parquet, and as Butler takes them.

What is asked is the commands', finding it the catalogue's.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from catalogue.datasets.grammar import DatasetType, KeyValue
from catalogue.datasets.query import Answer
from catalogue.datasets.records import Dataset
from nightferry.holdings.parquet import write_columns
from observatory.errors import UsageError
from observatory.names import show, to_json
from observatory.nights import night_text

_PLAIN_PATH = re.compile(rb"[A-Za-z0-9/._+@-]+")
NO_VALUE = "--"
"""As astropy's tables, and so Butler's, show what is absent."""


def columns_of(answer: Answer, *, uri: bool) -> list[str]:
    """Return the headings: type, run, id, the keys in the order of the instrument's file, and where wanted the URI."""
    return ["type", "run", "id", *(key.name for key in answer.type.keys), *(["uri"] if uri else [])]


def cells_of(dataset: Dataset, *, uri: bool) -> list[str]:
    """Return the texts of one row."""
    cells = [dataset.type, dataset.run, str(dataset.id)]
    cells += [_text(value) for value in dataset.values.values()]
    return [*cells, dataset.uri] if uri else cells


def _text(value: KeyValue) -> str:
    return NO_VALUE if value is None else str(value)


def table_lines(answer: Answer, *, uri: bool = False) -> Iterator[str]:
    """Yield the table: headings centred, hyphens as wide as each column, values at the right; empty lines around."""
    if not answer.datasets:
        return
    rows = [columns_of(answer, uri=uri), *(cells_of(one, uri=uri) for one in answer.datasets)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    yield ""
    yield " ".join(cell.center(width) for cell, width in zip(rows[0], widths, strict=True)).rstrip()
    yield " ".join("-" * width for width in widths)
    for row in rows[1:]:
        yield " ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
    yield ""


def csv_text(answer: Answer, *, uri: bool = False) -> str:
    """Return comma-separated values with a line of headings; an absent value is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns_of(answer, uri=uri))
    for one in answer.datasets:
        writer.writerow(["" if cell == NO_VALUE else cell for cell in cells_of(one, uri=uri)])
    return out.getvalue()


def document(answer: Answer, *, uri: bool = False) -> dict[str, Any]:
    """Return the JSON document."""
    return {
        "type": answer.type.name,
        "instrument": answer.type.instrument,
        "is_cut_off": answer.is_cut_off,
        "datasets": [_described(one, uri=uri) for one in answer.datasets],
    }


def _described(one: Dataset, *, uri: bool) -> dict[str, Any]:
    told: dict[str, Any] = {
        "type": one.type,
        "run": one.run,
        "id": str(one.id),
        "data_id": dict(one.values),
        "night": night_text(one.night) if one.night else None,
        "path": to_json(one.path),
        "transfer": one.transfer,
        "origin": to_json(one.origin),
        "size_bytes": one.size_bytes,
        "sha256": one.sha256,
        "ingested_utc": one.at_utc.isoformat(),
    }
    return told | ({"uri": one.uri} if uri else {})


_ARROW_KINDS: Mapping[str, str] = {"text": "string", "integer": "int64", "real": "float64", "hexadecimal": "uint64"}


def write_parquet(answer: Answer, path: Path) -> None:
    """Write the datasets as a Parquet file, with typed columns: the keys, and what is known of each file.

    Raises
    ------
    UsageError
        pyarrow is not installed.
    OSError
    """
    held = answer.datasets
    columns: dict[str, tuple[str | None, list[Any]]] = {
        "type": ("string", [one.type for one in held]),
        "run": ("string", [one.run for one in held]),
        "id": ("string", [str(one.id) for one in held]),
    }
    for key in answer.type.keys:
        columns[key.name] = _ARROW_KINDS[key.kind], [one.values[key.name] for one in held]
    columns |= {
        "night": ("date32", [one.night for one in held]),
        "uri": ("string", [one.uri for one in held]),
        "size_bytes": ("int64", [one.size_bytes for one in held]),
        "sha256": ("string", [one.sha256 for one in held]),
        "ingested_utc": ("instant", [one.at_utc for one in held]),
    }
    write_columns(path, columns)


def butler_table(answer: Answer) -> str:
    """Return a table for ``butler ingest-files REPO TYPE RUN TABLE``: the file, then its data id, as CSV.

    A key that none of the datasets has is no column: their type in Butler's repository will not know it either.

    Raises
    ------
    UsageError
        Datasets of several runs: Butler takes one run at a time. Or a key that only some have: Butler wants all.
        Or a path that is not UTF-8.
    """
    held = answer.datasets
    runs = sorted({one.run for one in held})
    if len(runs) > 1:
        raise UsageError(f"butler ingest-files takes one run at a time; these are of {', '.join(runs)}: --collection")
    keys = [key for key in answer.type.identifying if any(one.values[key] is not None for one in held)]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["file", *(keys if held else answer.type.identifying)])
    for one in held:
        absent = [key for key in keys if one.values[key] is None]
        if absent:
            raise UsageError(
                f"{show(bytes(one.file))} has no {absent[0]}, and Butler wants every key: choose by --where"
            )
        writer.writerow([_for_butler(one), *(one.values[key] for key in keys)])
    return out.getvalue()


def _for_butler(one: Dataset) -> str:
    """Return a path as Butler reads it: plain, or as a URI where it holds what Butler takes for more than a name."""
    path = bytes(one.file)
    try:
        path.decode()
    except UnicodeDecodeError:
        raise UsageError(f"{show(path)}: Butler reads no path that is not UTF-8") from None
    return str(one.file) if _PLAIN_PATH.fullmatch(path) else one.uri


def type_lines(types: Sequence[tuple[DatasetType, str | None]]) -> Iterator[str]:
    """Yield one line per type: its name, the instrument, and the keys of its data id."""
    for one, _ in types:
        yield f"{one.name}  {one.instrument}  {', '.join(one.identifying)}"
