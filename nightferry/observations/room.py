"""Is there room for what is about to be written? Asked before anything is.

How much it is the callers know, and what to do where there is not.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from observatory.errors import NightferryError

ROOM_BYTES = 64 << 20
"""What is left free on the output's disk."""


def refuse_without_room(output: Path, needed_bytes: int, nothing: str) -> None:
    """Refuse to begin where the output's disk would become full.

    Parameters
    ----------
    output : Path
        A folder that exists.
    needed_bytes : int
        About what will be written; 0: there is always room.
    nothing : str
        What was not done, and what to do: the end of the sentence.

    Raises
    ------
    NightferryError
        There is not room enough.
    """
    free = shutil.disk_usage(output).free
    if needed_bytes and needed_bytes + ROOM_BYTES > free:
        raise NightferryError(
            f"{output}: about {needed_bytes / 1e6:.0f} MB are needed and {free / 1e6:.0f} MB are free; {nothing}"
        )
