"""A document of any number of rows is that which would be printed at once, to the letter."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from nightferry.cli.context import print_document
from nightferry.cli.long_document import print_rows_document

HEAD = {"last_run_utc": None}
ROW = {"instrument": 'a "b"\n\\', "hops": [{"hop": "a:b", "files": 3}], "steps": []}


@pytest.mark.parametrize("rows", [[], [ROW], [ROW, {}, ROW]])
def test_row_by_row_the_same_is_printed(rows: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> None:
    """Indentation, commas and the empty list."""
    print_document({**HEAD, "nights": rows})
    at_once = capsys.readouterr().out
    print_rows_document(HEAD, "nights", iter(rows))
    assert capsys.readouterr().out == at_once
    assert json.loads(at_once)["nights"] == rows


def test_of_rows_that_break_off_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output is one document, also where the database goes away in the middle: then that of the error."""

    def broken() -> Iterator[dict[str, Any]]:
        yield from [ROW] * 10_000
        raise ConnectionError

    with pytest.raises(ConnectionError):
        print_rows_document(HEAD, "nights", broken())
    assert capsys.readouterr().out == ""
