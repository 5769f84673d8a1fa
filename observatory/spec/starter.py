"""The first configuration: a commented site.yaml and a first instrument, for `init`.

The texts lie in templates/ and pass `load` as they are; what they mean is for people to change.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from observatory.errors import UsageError

_FILES = {"site.yaml": "site.yaml", "instruments.d/first.yaml": "first.yaml"}


def write_starter(folder: Path) -> list[Path]:
    """Write a first configuration and return the files written, site.yaml first.

    The folder is created where it is absent. Nothing that exists is touched.

    Raises
    ------
    UsageError
        One of the files exists, or the folder cannot be written.
    """
    there = [folder / name for name in _FILES if (folder / name).exists()]
    if there:
        names = " and ".join(map(str, there))
        raise UsageError(f"{names}: there already, nothing was written. Name another folder, or edit what is there.")
    try:
        return [_write(folder / name, template) for name, template in _FILES.items()]
    except OSError as error:
        raise UsageError(f"{folder}: the first configuration could not be written: {error.strerror}") from error


def _write(path: Path, template: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = resources.files("observatory.spec").joinpath("templates", template).read_text("utf-8")
    with path.open("x", encoding="utf-8") as stream:  # "x": what appeared a moment ago is not overwritten either
        stream.write(text)
    return path
