"""The configuration that is edited while a daemon works: read anew where its files changed, told where it is wrong.

Jobs are processes of their own and read it themselves; what the daemon needs of it is the schedule alone.
"""

from __future__ import annotations

import logging
from pathlib import Path

from nightferry.workplace import Workplace
from observatory.errors import NightferryError
from observatory.spec.models import Specification

log = logging.getLogger("nightferry")

_Stamp = tuple[tuple[str, int, int, int], ...]


class Redeclared:
    """What stands in a folder of configuration now.

    Parameters
    ----------
    folder : Path
        Whose files have just been read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stamp = _stamp(folder)

    def read(self) -> Specification | None:
        """Return the specification where its files changed since they were looked at; None where it cannot be read."""
        stamp = _stamp(self._folder)
        if stamp == self._stamp:
            return None
        self._stamp = stamp
        try:
            return Workplace.at(self._folder).specification
        except (NightferryError, OSError) as error:
            log.error("the configuration is wrong; the schedule stays as it was", extra={"reason": str(error)})
            return None


def _stamp(folder: Path) -> _Stamp:
    """Return what the files' entries show; a file that goes or comes meanwhile shows at the next look."""
    files = (folder / "site.yaml", *sorted((folder / "instruments.d").glob("*.yaml")))
    return tuple(_shown(file) for file in files)


def _shown(file: Path) -> tuple[str, int, int, int]:
    try:
        found = file.stat()
    except OSError:
        return file.name, 0, 0, 0
    return file.name, found.st_ino, found.st_size, found.st_mtime_ns
