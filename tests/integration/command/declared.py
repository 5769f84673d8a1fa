"""An instrument, its nights and the command steps that its tests declare; what became of their files."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from converters.command import CommandStep
from converters.outcome import ConvertOutcome, RowResult
from observatory.listing import Scope, scope_of
from observatory.nights import NightClock
from observatory.spec.chain import Place
from observatory.spec.models import Instrument

NIGHT = dt.date(2016, 9, 7)
NEXT = dt.date(2016, 9, 8)
FPACK = {"run": ["fpack", "-r", "{input}"], "inputs": ["*.fits"], "outputs": ["{input}.fz"]}


def instrument(**keys: Any) -> Instrument:
    """Declare an instrument with one copy, here."""
    return Instrument.model_validate(
        {
            "instrument": "sha",
            "layout": "%Y/%m%d",
            "cameras": {"sha": {"files": ["*.fits"]}},
            "copies": [{"host": "here", "root": "/data"}],
            "settle_s": 0,
        }
        | keys
    )


def scope(root: Path, nights: tuple[dt.date, ...] = (NIGHT, NEXT), **keys: Any) -> Scope:
    """Ask for some nights of a root."""
    declared = instrument(**keys)
    place = Place("here", "here", str(root), declared.layout, declared.copies[0])
    return scope_of(declared, place, declared.cameras, nights, NightClock.from_spec("UTC", "12:00"))


def step(**keys: Any) -> CommandStep:
    """Declare a command step."""
    return CommandStep.model_validate({"step": "command"} | keys)


def program(text: str, *arguments: str) -> list[str]:
    """Return the arguments that run a few lines of Python."""
    return [sys.executable, "-c", text.replace("{", "{{").replace("}", "}}"), *arguments]


Carry = Callable[..., ConvertOutcome]


def results(outcome: ConvertOutcome) -> list[RowResult]:
    """Return what became of each row."""
    return [row.result for row in outcome.rows]


HANGS_ONCE_ON_B = """
printf half > "$1.half"
if [ "$1" = b.fits ] && ! [ -e "$2" ]; then
    echo $$ > "$2.new"; mv "$2.new" "$2"; trap '' TERM; while :; do sleep 1; done
fi
printf whole > "$1.half"
"""


def half_step(note: Path) -> CommandStep:
    """Declare a step that writes beside its input, and hangs on b.fits until it has left a note."""
    run = ["sh", "-c", HANGS_ONCE_ON_B, "sh", "{input}", str(note)]
    return step(name="half", run=run, inputs=["*.fits"], outputs=["{input}.half"])
