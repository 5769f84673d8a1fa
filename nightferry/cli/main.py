"""The entry point: the boundary where errors become sentences and exit statuses.

Leaves the command line itself to application.py; nothing heavy is imported before a command needs it.
"""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from types import FrameType
from typing import Any

import typer

from nightferry.cli.application import application, to_the_front
from nightferry.cli.context import sentence_of
from observatory.errors import NightferryError

UsageFault: type[Exception] = typer.BadParameter.__mro__[1]
"""Typer's own class of usage errors; some versions bring click along, some depend on it."""
_STOPPED, _CLOSED_PIPE = 130, 141
"""128 and the number of the signal, SIGINT and SIGPIPE: what a shell would show."""
_RARELY = (20_000, 20, 100)
"""Looking for circles among objects after every 700 costs a fifteenth of the start and finds none."""
_AGAIN_S = 0.1
"""By then a finalizer has ended."""


def _empty(words: Sequence[str]) -> str | None:
    """Return which word of the command line is empty: nothing is called so, and taken for no word it widens the rest.

    ``datasets remove raw --collection "$DONE"`` with nothing in it would be about every collection.
    """
    for before, word in zip(("nightferry", *words), words, strict=False):
        if not word.strip():
            return f"after {before}"
        if word.startswith("--") and word.endswith("=") and word.count("=") == 1:
            return word
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; never shows a traceback for a fault that is not ours."""
    words = to_the_front(sys.argv[1:] if arguments is None else arguments)
    if (empty := _empty(words)) is not None:
        return _failed(words, f"{empty}: an empty word says nothing; was a variable not set? Nothing was done", 2)
    try:
        status = application(words)(args=words, prog_name="nightferry", standalone_mode=False)
    except typer.Exit as leaving:
        status = leaving.exit_code
    except UsageFault as error:
        return _usage(words, error)
    except NightferryError as error:
        return _failed(words, str(error), error.exit_status)
    except (typer.Abort, KeyboardInterrupt):
        status = _STOPPED
    except SystemExit as leaving:  # typer's answer to a pipe that was closed (`| head`), and its end of a completion
        return _CLOSED_PIPE if leaving.code else 0
    except OSError as error:
        return _failed(words, sentence_of(error), 3)
    if status == _STOPPED:  # typer turns the interrupt into this number and says nothing
        return _failed(words, "stopped before its end; the next run goes on from here", _STOPPED)
    return status if isinstance(status, int) else 0


def _usage(words: Sequence[str], error: Any) -> int:
    """Say what is wrong with the command line. Asked for nothing at all, show the help; that is exit 2 too."""
    if type(error).__name__ == "NoArgsIsHelpError":
        typer.echo(error.format_message(), err=True)
        return 2
    if "--json" not in words and error.ctx is not None:
        typer.echo(error.ctx.get_usage(), err=True)
    return _failed(words, error.format_message(), 2)


def _failed(words: Sequence[str], sentence: str, status: int) -> int:
    logging.getLogger("nightferry").debug("failed", extra={"status": status})
    for is_err, said in ((False, json.dumps({"error": sentence})), (True, f"nightferry: {sentence}")):
        if is_err or "--json" in words:
            with contextlib.suppress(OSError):  # a full disk or a closed pipe: the status tells it all the same
                typer.echo(said, err=is_err)
    return status


def run() -> None:
    """Be the console script; told to end, it ends as if interrupted, so that locks and temporary files go."""
    _open_what_is_closed()
    signal.signal(signal.SIGTERM, _interrupt)
    sys.unraisablehook = _dropped
    gc.set_threshold(*_RARELY)
    try:
        status = main()
    except Exception as error:  # noqa: BLE001 - the program's boundary: a fault of ours is no difference (1)
        traceback.print_exc()
        status = _failed(sys.argv[1:], sentence_of(error), 3)
    _give_up_what_is_full()
    gc.freeze()  # what lives now ends with the process: looking through it for circles first takes 70 ms
    sys.exit(status)


def _open_what_is_closed() -> None:
    """Where a starter of jobs closed one of the three, the next file opened would take its number, and what is said."""
    for name, number, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8"))


def _give_up_what_is_full() -> None:
    """What could not be written has been said; Python would try once more at its end, and change the exit status."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _dropped(fault: sys.UnraisableHookArgs) -> None:
    """Send the word to end once more where it came while a finalizer ran: there Python drops every exception."""
    if not isinstance(fault.exc_value, KeyboardInterrupt):
        sys.__unraisablehook__(fault)
        return
    again = threading.Timer(_AGAIN_S, os.kill, (os.getpid(), signal.SIGTERM))
    again.daemon = True
    again.start()
