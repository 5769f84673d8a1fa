"""The command ``unpack``: a tar file from an archive, and whether all that its lists promise is there."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nightferry.cli import options as opt
from nightferry.cli.context import finish, is_terminal, options_of, print_document, say
from observatory.counting import counted
from observatory.errors import UsageError
from observatory.names import to_json
from observatory.truth import State, exit_status

if TYPE_CHECKING:
    from syncer.downloads import DownloadCheck
    from syncer.unpack import Unpacked


def unpack(
    context: typer.Context,
    paths: Annotated[list[str], typer.Argument(metavar="TAR DIR | --check DIR")],
    check: Annotated[bool, typer.Option("--check", help="Unpack nothing: say what is still absent.")] = False,
    most_bytes: Annotated[
        int | None, typer.Option("--most-bytes", metavar="N", min=1, help="Refuse what holds more; default 2 TiB.")
    ] = None,
    json: opt.Json = False,
) -> None:
    """Unpack a tar file from an archive safely, run nothing of it, and list what it promises and is absent."""
    from syncer.downloads import check_downloads, write_lists

    if len(paths) != 1 + (not check):
        raise UsageError("unpack TAR DIR, or unpack --check DIR")
    folder = Path(paths[-1])
    if check and not folder.is_dir():
        raise UsageError(f"{folder} is no folder")
    quiet = options_of(context).quiet
    unpacked = None if check else _unpack(Path(paths[0]), folder, most_bytes, json or quiet)
    with _bar("checking", json or quiet) as progress:
        found = check_downloads(folder, progress)
    written = write_lists(found)
    _tell(found, unpacked, written, json, quiet)
    finish(exit_status(found.state))


def _unpack(archive: Path, folder: Path, most_bytes: int | None, silent: bool) -> Unpacked:
    from syncer.unpack import MOST_BYTES, Limits, unpack

    if not archive.is_file():
        raise UsageError(f"{archive} is no file")
    with _bar("unpacking", silent) as progress:
        return unpack(archive, folder, Limits(most_bytes or MOST_BYTES), progress)


def _tell(found: DownloadCheck, unpacked: Unpacked | None, written: list[Path], json: bool, quiet: bool) -> None:
    if json:
        files = None if unpacked is None else {"files": len(unpacked.files), "bytes": unpacked.bytes}
        print_document(
            found.document() | {"unpacked": files, "written": [to_json(os.fsencode(path)) for path in written]}
        )
        return
    if quiet and found.state is State.OK:
        return
    if unpacked is not None:
        again = f", {len(unpacked.already_there)} of them were there" if unpacked.already_there else ""
        typer.echo(f"{found.folder}: {counted(len(unpacked.files), 'file')} unpacked, {unpacked.bytes} bytes{again}")
    for line in found.lines():
        typer.echo(line)
    if written and is_terminal():
        say(f"written: {', '.join(path.name for path in written)}")


@contextmanager
def _bar(phase: str, silent: bool) -> Iterator[Callable[[int, int], None]]:
    if silent or not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from nightferry.cli.bars import phase_bars

    with phase_bars() as listener:
        yield lambda done, total: listener(phase, done, total)


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(unpack)
