"""Products brought from the staging folder to their place: all of an archive or none, and nothing of others touched.

What stands there already is replaced only where the ledger knows it as ours and it is as we left it.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from catalogue.export_records import ExportProduct, ExportRecord
from converters.export.jobs import Made, Staged
from converters.export.journal import Journal
from converters.export.plan import Item
from converters.export.staging import fingerprint
from observatory.errors import NightferryError
from observatory.files import os_fault, to_disk
from observatory.names import show

_LATEST_NS = 2**63 - 1
"""The latest time of a file that the ledger holds (2262); a file of another time is known again by its hash."""


class NotOurs(NightferryError):
    """Something stands where a product belongs, and we did not make it."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} stands there already and is not what this export left there; nothing of its archive was"
            " published. Move it away, or name another output with -D."
        )


def publish(output: Path, item: Item, made: Made, staged: Path, journal: Journal) -> Made:
    """Bring the products of one archive to their folder; the journal forgets them once the ledger knows them.

    Parameters
    ----------
    output : Path
    item : Item
    made : Made
    staged : Path
        The folder that holds the products.
    journal : Journal

    Returns
    -------
    Made
        As it was, or with a failure; then nothing of it was published.
    """
    folder = output / item.folder
    try:
        made_folder(output, item.folder)
        known = journal.known(item)
        for one in made.products:
            _refuse_foreign(output, item, one, known)
        journal.note(item, tuple(_products(item, made.products)))
        for one in made.products:
            (staged / one.name).replace(folder / one.name)
        to_disk(folder)
    except NightferryError as error:
        return replace(made, products=(), failure=str(error))
    except OSError as error:
        return replace(made, products=(), failure=os_fault(error, folder))
    _remove_what_is_no_more(output, item, made, known)
    return made


def made_folder(output: Path, relative: str) -> None:
    """Make a folder below the output, each part brought to disk."""
    folder = output
    for part in relative.split("/"):
        folder, parent = folder / part, folder
        if not folder.is_dir():
            folder.mkdir()
            to_disk(parent)


def _refuse_foreign(output: Path, item: Item, one: Staged, known: Mapping[bytes, frozenset[str]]) -> None:
    path = output / item.folder / one.name
    if not os.path.lexists(path):
        return
    if path.is_symlink() or not path.is_file():
        raise NotOurs(path)
    _, _, sha256 = fingerprint(path)
    if sha256 not in {one.sha256, *known.get(_path(item, one), ())}:
        raise NotOurs(path)


def _path(item: Item, one: Staged) -> bytes:
    return os.fsencode(f"{item.folder}/{one.name}")


def _remove_what_is_no_more(output: Path, item: Item, made: Made, known: Mapping[bytes, frozenset[str]]) -> None:
    """Remove products of the export before that are none any more, e.g. frames now known to be after the end."""
    now = {_path(item, one) for one in made.products}
    for path, digests in known.items():
        if path in now:
            continue
        stale = output / os.fsdecode(path)
        try:
            if not stale.is_symlink() and fingerprint(stale)[2] in digests:
                stale.unlink()
        except (NightferryError, OSError):
            continue  # gone already, or not to be read: then it is not known to be ours


def ledger_name(output: Path) -> str:
    """Return what the ledger calls an output: its path as it is shown, for a database takes text alone."""
    return show(os.fsencode(output))


def _shown(text: str | None) -> str | None:
    return None if text is None else show(text.encode("utf-8", "surrogateescape"))


def record_of(instrument: str, output: Path, item: Item, made: Made, now_utc: dt.datetime) -> ExportRecord:
    """Return what the ledger is told of an archive."""
    failed = made.failure is not None
    before = item.record.attempts if item.record is not None else 0
    kept: Sequence[ExportProduct] = ()
    if failed and item.record is not None:
        kept = item.record.products  # what was made before still stands, and is ours
    return ExportRecord(
        instrument=instrument,
        output=ledger_name(output),
        folder=item.folder.encode(),
        form=item.camera.form,
        archive=item.archive.encode("utf-8", "surrogateescape"),
        source=os.fsencode(made.source),
        source_size_bytes=made.source_size_bytes,
        source_mtime_ns=max(-_LATEST_NS, min(made.source_mtime_ns, _LATEST_NS)),
        source_sha256=made.source_sha256,
        digest=item.digest,
        is_done=not failed,
        frames=made.frames,
        before=made.before,
        after=made.after,
        lost=made.lost,
        absent_cards=len(made.absent),
        telemetry=made.telemetry,
        has_header=made.has_header,
        attempts=before + 1 if failed else 0,
        reason=_shown(made.failure or made.warning),
        at_utc=now_utc,
        seconds=made.seconds,
        products=tuple(_products(item, made.products)) or tuple(kept),
    )


def _products(item: Item, products: Iterable[Staged]) -> Iterable[ExportProduct]:
    for one in products:
        yield ExportProduct(_path(item, one), one.size_bytes, one.sha256)
