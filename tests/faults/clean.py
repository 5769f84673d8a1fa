"""Clean nights of odd but right kinds, from a seed: what an observatory really has, and what is no alarm.

Leaves to test_clean_nights.py where they are played: in memory, or on disk.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.observatory import fits_file

MANY = 10_000
NIGHT = dt.date(2016, 9, 7)
FOLDER = b"2016/0907/"
FILES = {"sha": {"files": ["SHA_*.fits"]}}
WHOLE = fits_file(pixels=20)


@dataclass(frozen=True)
class CleanNight:
    """One night as it should be on both sides.

    Attributes
    ----------
    kind : str
    files : mapping of path below the root to bytes
    keys : mapping
        What the instrument declares besides the usual.
    """

    kind: str
    files: Mapping[bytes, bytes]
    keys: Mapping[str, Any] = field(default_factory=dict)


def frame(number: int, prefix: str = "SHA_20160907.") -> bytes:
    """Return a frame's path."""
    return FOLDER + f"{prefix}{number:04d}.fits".encode()


def no_data(random: random.Random) -> CleanNight:
    """Clouds: not even a folder."""
    return CleanNight("no data", {})


def one_file(random: random.Random) -> CleanNight:
    """One bias, and then rain."""
    return CleanNight("one file", {frame(random.randrange(1, 999)): WHOLE}, {"sequence": "SHA_{night}.{number}.fits"})


def many_files(random: random.Random) -> CleanNight:
    """A night of fast photometry: ten thousand frames."""
    return CleanNight("ten thousand files", {frame(number): WHOLE for number in range(MANY)})


def some_files(random: random.Random) -> CleanNight:
    """An ordinary night; numbers begin anywhere and follow each other."""
    first = random.randrange(1, 500)
    numbers = range(first, first + random.randrange(2, 40))
    return CleanNight("some files", {frame(one): WHOLE for one in numbers}, {"sequence": "SHA_{night}.{number}.fits"})


def absent_by_right(random: random.Random) -> CleanNight:
    """Numbers that the specification allows to be absent: the camera's program never uses them."""
    allowed = sorted(random.sample(range(2, 29), 3))
    sequence = {"pattern": "SHA_{night}.{number}.fits", "allowed": allowed}
    files = {frame(number): WHOLE for number in range(1, 30) if number not in allowed}
    return CleanNight("numbers absent by right", files, {"sequence": sequence})


def absent_and_only_said(random: random.Random) -> CleanNight:
    """A camera that skips numbers as it likes: holes are said, and are no alarm."""
    sequence = {"pattern": "SHA_{night}.{number}.fits", "gaps": "warn"}
    files = {frame(number): WHOLE for number in random.sample(range(1, 200), 12)}
    return CleanNight("holes that are only said", files, {"sequence": sequence})


def across_midnight(random: random.Random) -> CleanNight:
    """UT folders: one night's frames lie in two of them, told by the instant in each name."""
    times = [dt.datetime(2016, 9, 7, 17) + dt.timedelta(minutes=random.randrange(1, 900)) for _ in range(12)]
    files = {f"{time:%Y%m%d}/SHA_{time:%Y%m%dT%H%M%S}.fits".encode(): WHOLE for time in times}
    keys = {"layout": "%Y%m%d", "night_in_name": r"SHA_(?P<utc>\d{8}T\d{6})"}
    return CleanNight("across midnight", files, keys)


def odd_names(random: random.Random) -> CleanNight:
    """Names that a person gave."""
    names = [b"SHA_a b.fits", b"SHA_\n.fits", b"SHA_\xe9.fits", b"SHA_'$(x)'.fits", b"SHA_-rf.fits"]
    return CleanNight("odd names", {FOLDER + name: WHOLE for name in random.sample(names, 3)})


def subfolders(random: random.Random) -> CleanNight:
    """Frames in folders of their own, some of them deep."""
    paths = [b"/".join([b"x%d" % random.randrange(3)] * random.randrange(1, 5)) for _ in range(8)]
    return CleanNight("subfolders", {FOLDER + path + b"/SHA_%d.fits" % n: WHOLE for n, path in enumerate(paths)})


def other_files(random: random.Random) -> CleanNight:
    """Logs and lists that no pattern takes: said, and no alarm."""
    files = {FOLDER + b"observer.log": b"clouds", FOLDER + b"list.txt": b"", frame(1): WHOLE}
    return CleanNight("unrecognised files", files)


def excluded(random: random.Random) -> CleanNight:
    """Previews that the specification excludes."""
    cameras = {"sha": {"files": ["SHA_*.fits"], "exclude": ["*.preview.fits"]}}
    return CleanNight(
        "excluded files", {frame(1): WHOLE, frame(1, "preview.") + b".preview.fits": b""}, {"cameras": cameras}
    )


def empty_files(random: random.Random) -> CleanNight:
    """Flags of no bytes that belong to the night."""
    return CleanNight("files of no bytes", {FOLDER + b"done": b""}, {"cameras": {"sha": {"files": ["done"]}}})


def two_cameras(random: random.Random) -> CleanNight:
    """Two cameras share the night's folder."""
    cameras = {"red": {"files": ["R_*.fits"]}, "blue": {"files": ["B_*.fits"]}}
    files = {FOLDER + b"%c_%d.fits" % (letter, number): WHOLE for letter in b"RB" for number in range(5)}
    return CleanNight("two cameras", files, {"cameras": cameras})


Maker = Callable[[random.Random], CleanNight]
KINDS: tuple[Maker, ...] = (
    no_data,
    one_file,
    some_files,
    absent_by_right,
    absent_and_only_said,
    across_midnight,
    odd_names,
    subfolders,
    other_files,
    excluded,
    empty_files,
    two_cameras,
)


def clean_night(seed: int) -> CleanNight:
    """Return the clean night of a seed; three in a thousand hold ten thousand files."""
    generator = random.Random(seed)  # noqa: S311 - a seed that replays is the point
    if seed % 333 == 1:
        return many_files(generator)
    return KINDS[seed % len(KINDS)](generator)
