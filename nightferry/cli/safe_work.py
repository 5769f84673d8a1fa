"""Hashing the nights on every copy, and noting what other logs claim, from the command line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from nightferry.cli.context import say
from nightferry.reporting.archive_log import import_log
from nightferry.retention.safe_nights import SafeRead, read_nights
from nightferry.selection import Asked
from nightferry.workplace import Workplace
from observatory.truth import State, exit_status, worst


def import_claims(workplace: Workplace, asked: Asked, path: Path) -> int:
    """Note what a log claims, say how much, and return the exit status."""
    found = import_log(workplace, asked, path)
    for fault in found.faults:
        say(fault)
    say(f"{found.nights} nights noted from {path.name}; `safe` is not taken from it: hash them with --safe")
    return 1 if found.faults else 0


def read_all(workplace: Workplace, asked: Asked, is_quiet: bool) -> int:
    """Hash the nights asked for on every copy, say what is not safe, and return the exit status."""
    with _progress(is_quiet) as progress:
        found = list(read_nights(workplace, asked, progress))
    for read in found:
        for sentence in read.sentences:
            say(sentence)
    names = sorted({read.instrument for read in found})
    unheld = [name for name in names if not any(one.files or one.sentences for one in found if one.instrument == name)]
    for name in unheld:
        say(f"{name}: not one file was hashed: no copy holds any of the nights asked for")
    is_unknown = unheld and asked.dates  # a window may hold no night at all, and these were named
    return exit_status(worst([State.UNKNOWN if is_unknown else State.OK, *(read.state for read in found)]))


@contextmanager
def _progress(is_quiet: bool) -> Iterator[Callable[[str, int], None]]:
    if is_quiet or not sys.stderr.isatty():
        yield lambda what, files: None
        return
    from nightferry.cli.bars import named_counts

    with named_counts("files read") as listener:
        yield listener


__all__ = ["SafeRead", "import_claims", "read_all"]
