"""What every command shares: the global options, the opened site, and how results are said.

Results go to standard output, everything else to standard error.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from observatory.errors import NightferryError, UsageError

if TYPE_CHECKING:
    from nightferry.selection import Asked
    from nightferry.workplace import Workplace
    from observatory.listing import HopScope
    from observatory.spec.chain import Hop

_RECORD_KEYS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class _Facts(logging.Formatter):
    """One event per line with its facts as fields: text for people, JSON for programs."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self._form = form

    def format(self, record: logging.LogRecord) -> str:
        facts = {key: value for key, value in vars(record).items() if key not in _RECORD_KEYS}
        instant = self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z")
        if self._form == "json":
            said = {"time": instant, "level": record.levelname.lower(), "event": record.getMessage(), **facts}
            return json.dumps(said, default=str)
        words = " ".join(f"{key}={value}" for key, value in facts.items())
        return f"{instant} {record.levelname.lower()} {record.getMessage()} {words}".rstrip()


class NotSaid(Exception):
    """A report could not be printed, and was kept and mailed all the same; `fault` says why."""

    def __init__(self, fault: OSError) -> None:
        self.fault = fault
        super().__init__(str(fault))


@dataclass
class Context:
    """The global options of one call."""

    config: str | None = None
    verbose: bool = False
    quiet: bool = False
    log_format: str = "text"

    def start_logging(self) -> None:
        """Send the log to standard error; what libraries say of faults that they raise as well stays out."""
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(_Facts(self.log_format))
        logger = logging.getLogger("nightferry")
        logger.handlers[:] = [handler]
        logger.propagate = False
        wants_events = self.verbose or (self.log_format == "json" and not self.quiet)
        logger.setLevel(logging.INFO if wants_events else logging.WARNING)
        logging.getLogger("paramiko").setLevel(logging.CRITICAL)
        logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)  # a word to end that comes while it closes

    def open(self) -> Workplace:
        """Find and read the specification.

        Raises
        ------
        UsageError
            There is none, or it holds problems.
        """
        from nightferry.workplace import Workplace

        return Workplace.at(self.folder())

    def folder(self) -> Path:
        """Find the specification's folder; with ``-v`` say which it is and why."""
        folder, how = self.found()
        if self.verbose and self.log_format == "json":  # what reads a log of JSON reads each line as such
            logging.getLogger("nightferry").info("configuration", extra={"folder": how})
        elif self.verbose:
            say(f"configuration: {how}")
        return folder

    def found(self) -> tuple[Path, str]:
        """Return the specification's folder, and in words which it is and why."""
        from observatory.spec.load import find_folder

        folder, how = find_folder(self.config, os.environ, Path.home(), Path.cwd())
        return folder, f"{folder.absolute()} ({how})"


def options_of(context: typer.Context) -> Context:
    """Return the global options of a command's context."""
    options = context.obj
    if not isinstance(options, Context):
        raise UsageError("commands run through `nightferry`")
    return options


def asked(
    instrument: list[str] | None, date: list[str] | None, nights: int | None, hop: list[str] | None = None
) -> Asked:
    """Gather what the command line named."""
    from nightferry.selection import Asked

    return Asked(tuple(instrument or ()), tuple(date or ()), nights, tuple(hop or ()))


def begin_early(
    workplace: Workplace,
    asked: Asked,
    hops: Sequence[Hop],
    as_asked: Callable[[HopScope], HopScope] = lambda scope: scope,
) -> None:
    """Begin to connect to the hosts of a command's hops, list the first, and open the ledger, before all is loaded.

    Where single hops are asked for, other machines do the ones before them: their word is heeded before one looks.

    Parameters
    ----------
    as_asked : callable
        Gives the questions that the command will ask of a hop.

    Raises
    ------
    UsageError
        What is asked for is no night.
    """
    from nightferry.selection import scope_by_calendar

    if hops and not asked.hops:
        workplace.ask_early(as_asked(scope_by_calendar(workplace, asked, hops[0])))
    workplace.reach_early(hops)
    _ = workplace.ledger


def say(sentence: str) -> None:
    """Say something to the person, on standard error."""
    typer.echo(sentence, err=True)


def sentence_of(error: Exception) -> str:
    """Return a fault of the far ends, of this machine, or of our own, as a sentence."""
    if isinstance(error, OSError):
        from observatory.files import os_fault

        return f"{os_fault(error)}; nothing can be said"
    if isinstance(error, NightferryError):
        return str(error)
    said = " ".join(f"{type(error).__name__}: {error}".split())
    return f"nightferry itself is at fault ({said[:300]}); nothing can be said. Standard error has what to send us"


def print_document(document: dict[str, Any]) -> None:
    """Print the one JSON document of a ``--json`` call."""
    from reports.json import dumps

    typer.echo(dumps(document))


def is_terminal() -> bool:
    """Say whether standard output is a terminal, where tables and bars are wanted."""
    return sys.stdout.isatty()


def has_colours() -> bool:
    """Say whether what is written there may be coloured; tables ask for themselves."""
    return is_terminal() and not os.environ.get("NO_COLOR")


def finish(status: int) -> None:
    """Leave with an exit status."""
    raise typer.Exit(status)


def check_wait(wait: float | None, hops: Sequence[str] | None) -> None:
    """Refuse to wait for the hop before none: a whole chain is carried in its order, and nobody is waited for.

    Raises
    ------
    UsageError
    """
    if wait is not None and not hops:
        raise UsageError("--wait goes with --hop: it waits for the hop before that one; nothing was done")


def plain_line(option: str, text: str) -> str:
    """Return what was given in one line, without blanks around it: it stands in lines of reports.

    Raises
    ------
    UsageError
        It is blank, or holds a control character.
    """
    said = text.strip()
    if not said or any(ord(letter) < ord(" ") or letter == "\x7f" for letter in said):
        raise UsageError(f"{option} is one line of text; nothing was noted")
    return said


def taken_back(count: int) -> str:
    """Return what `--revoke` did; where nothing held, that is said in words: it may be another night or name."""
    return f"{count} taken back" if count else "there was nothing to take back"
