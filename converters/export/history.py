"""What lookyloo says that it has exported: its ``.lookyloo_succeeded`` files are read, and never written.

They hold one name of an archive a line. lookyloo called its folders by other instants than ours, so that all of a
semester are asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

FILE = ".lookyloo_succeeded"


def lookyloo_history(output: Path, semester: str, camera: str) -> Mapping[str, Path]:
    """Return the archives of a camera that lookyloo exported in a semester, and the folder of each.

    A folder without a FITS file proves nothing, whatever its list says.
    """
    told: dict[str, Path] = {}
    for listed in sorted((output / semester).glob(f"*/*/{camera}/{FILE}")):
        try:
            lines = listed.read_text("utf-8", "surrogateescape").splitlines()
            holds_products = any(listed.parent.glob("*.fits"))
        except OSError:
            continue
        if holds_products:
            told |= {_archive(line): listed.parent for line in lines if line.strip()}
    return told


def _archive(line: str) -> str:
    name = line.strip().rpartition("/")[2]
    return name if name.endswith(".xrif") else f"{name}.xrif"
