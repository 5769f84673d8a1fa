"""What the shell offers after a TAB: instruments of the configuration, and the words for nights.

Nothing is said and nothing fails here: whoever presses TAB has not asked anything yet.
"""

from __future__ import annotations

import typer

from nightferry.cli.context import Context
from observatory.errors import UsageError

NIGHTS = ("today", "yesterday")


def instruments(context: typer.Context, incomplete: str) -> list[str]:
    """Return the instruments that are declared and begin so: each stands in a file of its name."""
    from observatory.spec.load import INSTRUMENTS

    try:
        folder, _ = Context(config=context.find_root().params.get("config")).found()
        names = sorted(path.stem for path in (folder / INSTRUMENTS).glob("*.yaml"))
    except (UsageError, OSError, RuntimeError):  # no configuration, one that cannot be read, no home
        return []
    return [name for name in names if name.startswith(incomplete)]


def nights(incomplete: str) -> list[str]:
    """Return the words for nights that begin so."""
    return [word for word in NIGHTS if word.startswith(incomplete)]
