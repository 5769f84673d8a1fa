"""The report as plain text, in the form the observatory's people have known since 2016.

Which sections there are is said by sections.py, the lines below the last block by summary.py; here they are
set in hyphens, empty lines and columns.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator, Sequence

from reports.model import Report
from reports.sections import Section, sections_of
from reports.summary import summary_lines

RULE = "-" * 80
BETWEEN_BLOCKS = "\n\n\n"
"""The newline that ends a block, and two empty lines."""


def render_text(report: Report) -> str:
    """Return the whole report: blocks, then one summary line per hop; ends in a newline.

    Blocks stand two empty lines apart, nothing before the first. A name that is not UTF-8 or holds a
    control character is written with ``\\xNN``, so that every file is one line.
    """
    written = io.StringIO()
    for part in text_parts(report):
        written.write(part)
    return written.getvalue()


def text_parts(report: Report, most_lines: int | None = None, rest: str = "") -> Iterator[str]:
    """Yield the text in pieces, so that a report of a million lines can be written without being held.

    Where `most_lines` is given, so many files of each section are written and the others counted in a sentence; `rest`
    says where they are.
    """
    separator = ""
    for section in sections_of(report):
        yield separator + "\n".join(heading(section))
        lines = section.file_lines()
        for line in itertools.islice(lines, most_lines):
            yield "\n" + line
        unshown = sum(1 for _ in lines)
        if unshown:
            yield f"\n... and {unshown} more, left out here; {rest}."
        if section.ending is not None:
            yield "\n" + section.ending
        separator = BETWEEN_BLOCKS
    yield separator + "\n".join(summary_lines(report)) + "\n"


def heading(section: Section) -> Sequence[str]:
    """Return a block's first five lines; the fifth is empty."""
    return (section.root, RULE, section.title, RULE, "")
