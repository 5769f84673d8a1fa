"""The commands one begins with: ``init``, ``demo``, ``doctor``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def init(folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write.")] = Path()) -> None:
    """Write a commented site.yaml and a first instrument."""
    from observatory.spec.starter import write_starter

    for path in write_starter(folder):
        typer.echo(str(path))
    typer.echo("Edit both, then: nightferry --config DIR check-config, and doctor")


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(init)
