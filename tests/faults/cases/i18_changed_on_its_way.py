"""I18: a frame becomes something else while its bytes are really on their way, by every engine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.faults.battery import Fault, Found, Stage
from tests.faults.carrying import ENGINES, ends_for
from tests.faults.midway import synced_and_struck
from tests.observatory import OLD_S, age, fits_file

SIZE_BYTES, SECONDS = 3_000_000, 1.0
CHANGES, STAYS = "SHA_changes.fits", "SHA_stays.fits"

Deed = Callable[[Path, Path], None]
"""What somebody does to a frame; given the frame and a file outside of the root that has its size and its time."""


def vanish(frame: Path, secret: Path) -> None:
    """Delete it."""
    frame.unlink()


def shrink(frame: Path, secret: Path) -> None:
    """Leave a hundred bytes, as a program does that writes it anew."""
    os.truncate(frame, 100)


def become_link(frame: Path, secret: Path) -> None:
    """Put a link out of the root in its place."""
    frame.unlink()
    frame.symlink_to(secret)


def become_folder(frame: Path, secret: Path) -> None:
    """Put a folder in its place."""
    frame.unlink()
    frame.mkdir()


DEEDS: tuple[Deed, ...] = (vanish, shrink, become_link, become_folder)


def make(stage: Stage) -> None:
    """Lay the secret beside the root: each engine is given frames of its own."""
    secret = stage.folder / "secret"
    secret.write_bytes(b"s" * len(fits_file(SIZE_BYTES)))
    age(secret, OLD_S)
    stage.seen["secret"] = secret


def ask(stage: Stage) -> Found:
    """Sync with each, and strike once bytes have arrived: all four at full size, one each in the everyday tests."""
    for turn, engine in enumerate(ENGINES):
        for deed in DEEDS if stage.is_full else (DEEDS[turn],):
            struck_by(stage, engine, deed)
    return Found("whole or named, never half", 1)


def struck_by(stage: Stage, engine: str, deed: Deed) -> None:
    """Carry two frames slowly by one engine, and do it to one of them meanwhile."""
    stage.use(*ends_for(stage, engine))
    transfer = {"engine": engine, "rate_bytes_per_s": int(SIZE_BYTES / SECONDS)}
    stage.declare("sha", copies=[stage.copy(stage.ends[0]), stage.copy(stage.ends[1], transfer=transfer)])
    for end in stage.ends:
        stage.mark(end)
    data = {name: fits_file(size, seed=size % 97) for name, size in ((CHANGES, SIZE_BYTES), (STAYS, 5000))}
    for name, content in data.items():
        stage.put(stage.ends[0], f"{stage.night_folder}/{name}", content)
    frame = stage.source / stage.night_folder / CHANGES
    found = synced_and_struck(stage, lambda: deed(frame, stage.seen["secret"]))
    arrived = {path.name: path.read_bytes() for path in (stage.destination / stage.night_folder).iterdir()}
    now = frame.read_bytes() if frame.is_file() and not frame.is_symlink() else data[CHANGES]
    if found.state == "ok":
        assert arrived == data, (engine, deed.__name__, "all was read before it changed, or it is no ok")
    else:
        assert found.state == "different" and CHANGES in found.reason, (engine, deed.__name__, found)
        assert arrived.pop(CHANGES, now) in (data[CHANGES], now), (engine, deed.__name__)
        assert arrived == {STAYS: data[STAYS]}, (engine, deed.__name__)
    for root in (stage.source, stage.destination):
        shutil.rmtree(root)


FAULT = Fault(
    "I18",
    "a frame vanishes, shrinks, becomes a link or a folder while its bytes are on their way, by each engine",
    make,
    ask,
    "whole or named, never half",
    where="bare",
)
