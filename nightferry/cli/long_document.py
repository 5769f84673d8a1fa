"""The JSON document of a call that answers with any number of rows, of which only a few are held at a time.

What the rows are is the commands'.
"""

from __future__ import annotations

import tempfile
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

import typer

from reports.json import dumps

_PART = 1 << 20
"""Characters printed at a time."""


def print_rows_document(head: Mapping[str, Any], name: str, rows: Iterable[dict[str, Any]]) -> None:
    """Print the one JSON document of a ``--json`` call whose last key holds any number of rows; few are held at a time.

    It is written aside first: a document that breaks off in its middle is none.
    """
    around = dumps({**head, name: []})
    end = "]\n}\n"
    with tempfile.TemporaryFile("w+", encoding="ascii") as aside:
        aside.write(around.removesuffix(end))
        between = "\n"
        for row in rows:
            aside.write(between + textwrap.indent(dumps(row).rstrip(), "  "))
            between = ",\n"
        aside.write(end if between == "\n" else f"\n {end}")
        aside.seek(0)
        while part := aside.read(_PART):
            typer.echo(part, nl=False)
    typer.echo()
