"""The page of the battery: a table whose every row has a cell for each column, and no other."""

from __future__ import annotations

import datetime as dt
import re

from tests.faults.battery import Fault, Found, Played, load, stems
from tests.faults.page import PAGE, PEERS, page
from tests.faults.rows import ROWS, where_tests_lie

TODAY = dt.date(2026, 11, 21)
BORDER = re.compile(r"(?<!\\)\|")


def cells(line: str) -> list[str]:
    """Return the cells of a table's line, as a reader of Markdown divides it."""
    return [cell.strip() for cell in BORDER.split(line.strip())[1:-1]]


def tables(text: str) -> list[list[list[str]]]:
    """Return the cells of each table of a page."""
    blocks = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    return [[cells(line) for line in block.splitlines()] for block in blocks]


def test_a_row_puts_each_answer_below_the_name_of_who_gave_it() -> None:
    """The first column holds the fault's name and has no title; a bar in a title divides nothing."""
    fault = Fault("F1", "a bit | flips", lambda stage: None, lambda stage: Found("ok"), "ok")
    told = Played(fault, Found("different", 1, {"missing": 2}), {name: f"{name} says so" for name in PEERS})
    (head, rule, row), _ = tables(page([told], TODAY, "rsync 3.4.1, rclone v1.60.1"))
    assert set(rule) == {"--"} and len(rule) == len(head) == len(row)
    assert head[:3] == ["", "fault", "nightferry"]
    assert row[:3] == ["F1", r"a bit \| flips", "different: 2 missing (exit 1)"]
    assert row[3:] == [f"{name} says so" for name in head[3:]]


def test_the_page_that_lies_in_docs_has_no_row_that_is_too_long_or_too_short() -> None:
    """As it was written by the last run at full size."""
    found = tables(PAGE.read_text("utf-8"))
    assert sum(len(one) - 2 for one in found) >= len(stems()) * 3 // 4, "the page is of another battery"
    for head, *rows in found:
        assert {len(row) for row in rows} == {len(head)}, head


def test_every_row_of_the_fields_tables_has_what_stands_for_it_or_a_reason() -> None:
    """Each case and each test that is named is there; no row is left out, and none is twice."""
    cases = {load(stem).name for stem in stems()}
    for row in ROWS:
        assert bool(row.stands) != bool(row.why), row
        assert cases.union(where_tests_lie()).issuperset(row.stands), row
    lengths = {"D": 15, "S": 9, "B": 12, "V": 16, "X": 14}
    wanted = [f"{letter}{number + 1}" for letter, length in lengths.items() for number in range(length)]
    assert [row.name for row in ROWS] == wanted
