"""How a bundle is said: a line or row for each kind of fate, the failures one by one, JSON for programs."""

from __future__ import annotations

import os
from collections import Counter

import typer

from converters.export.bundle import MANIFEST, Carried
from nightferry.cli.context import print_document
from nightferry.observations.bundling import Bundle
from observatory.names import show, to_json
from observatory.truth import State


def say_bundle(done: Bundle, *, json: bool, quiet: bool) -> None:
    """Say what became of a bundle."""
    if json:
        print_document(_json(done))
    elif not (quiet and done.state is State.OK):
        _lines(done)
    for problem in done.problems:
        typer.echo(f"UNKNOWN: {_shown(problem)}", err=True)


def _lines(done: Bundle) -> None:
    if not done.selected.observations:
        typer.echo("no observation was found", err=True)
    for fate, count in sorted(Counter(parcel.fate for parcel in done.parcels).items()):
        size = sum(parcel.size_bytes for parcel in done.parcels if parcel.fate is fate)
        typer.echo(f"{fate.value}\t{count} files\t{size / 1e6:.1f} MB")
    for parcel in done.parcels:
        if parcel.fate is Carried.FAILED:
            typer.echo(f"{show(os.fsencode(parcel.relative))}: failed: {_shown(parcel.reason)}", err=True)
    for one in done.left_out:
        typer.echo(f"left out, it still goes on: {_shown(one.title)}", err=True)
    if done.unlisted is not None:
        typer.echo(f"what was copied could not be listed: {_shown(done.unlisted)}", err=True)
    elif any(parcel.sha256 for parcel in done.parcels):
        typer.echo(f"listed in {_shown(str(done.root / MANIFEST))}")


def _json(done: Bundle) -> dict[str, object]:
    return {
        "state": done.state.value,
        "root": to_json(os.fsencode(done.root)),
        "observations": [done.selected.places[one].path for one in done.selected.observations],
        "left_out": [done.selected.places[one].path for one in done.left_out],
        "files": [
            {
                "path": to_json(os.fsencode(parcel.relative)),
                "fate": parcel.fate.value,
                "bytes": parcel.size_bytes,
                "sha256": parcel.sha256 or None,
                "reason": parcel.reason or None,
            }
            for parcel in done.parcels
        ],
        "problems": [*done.problems, *([done.unlisted] if done.unlisted is not None else [])],
    }


def _shown(text: str) -> str:
    return show(text.encode("utf-8", "surrogateescape"))
