"""What is on its way to its place in an output, noted there: an export that is cut off knows it again for its own.

The ledger is told of an archive once its products stand in their places. Between the first of them and that moment
this file alone tells that they are ours; the caller holds the output's lock.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from catalogue.export_records import ExportProduct
from converters.export.plan import Item
from converters.export.staging import our_folder
from observatory.files import sweep, write_whole

NAME = "publishing.json"

Digests = dict[str, list[str]]
"""The hashes that a product may have, by its path below the output."""


class Journal:
    """The products of archives that the ledger does not know yet, with every hash that they may have.

    Parameters
    ----------
    output : Path
        What an earlier export noted there, and never came to forget, is read. A note that cannot be read is none: then
        what stands there is taken for somebody else's, and nothing is replaced.
    """

    def __init__(self, output: Path) -> None:
        self._place = our_folder(output) / NAME
        self._noted: dict[str, Digests] = {}
        try:
            self._noted = _read(self._place.read_bytes())
        except (OSError, ValueError, TypeError, AttributeError):
            return

    def known(self, item: Item) -> Mapping[bytes, frozenset[str]]:
        """Return the products of an archive that may stand there, by path, with every hash that each may have."""
        known = {one.path: {one.sha256} for one in (item.record.products if item.record is not None else ())}
        for path, digests in self._noted.get(_key(item), {}).items():
            known.setdefault(os.fsencode(path), set()).update(digests)
        return {path: frozenset(digests) for path, digests in known.items()}

    def note(self, item: Item, products: Sequence[ExportProduct]) -> None:
        """Note what is about to be brought to its place; raises OSError."""
        noted = self._noted.setdefault(_key(item), {})
        for one in products:
            digests = noted.setdefault(os.fsdecode(one.path), [])
            digests += [one.sha256] if one.sha256 not in digests else []
        self._write()

    def forget(self, item: Item) -> None:
        """Forget an archive that the ledger knows now; on a full disk the note stays, which does no harm."""
        del self._noted[_key(item)]
        with contextlib.suppress(OSError):
            self._write()

    def _write(self) -> None:
        sweep(self._place.parent, f".{NAME}.")
        if self._noted:
            write_whole(self._place, json.dumps(self._noted).encode())
        else:
            self._place.unlink(missing_ok=True)


def _key(item: Item) -> str:
    return f"{item.camera.form} {item.folder}/{item.archive}"


def _read(content: bytes) -> dict[str, Digests]:
    return {
        key: {path: [str(one) for one in digests] for path, digests in products.items()}
        for key, products in json.loads(content).items()
    }
