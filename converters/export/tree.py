"""Where an observation's products lie: semester, observer, observation, camera; with names that do no harm.

Pure. The tree is lookyloo's, ``<semester>/<email>/<YYYY-MM-DD_HHMMSS>[_<target>][_<title>]/<camera>/``; what people
typed as title or target is made fit for a folder.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from converters.export.instants import to_datetime
from converters.export.observations import Observation
from converters.export.semesters import SemesterRule
from converters.stamps import NS_PER_S, format_stamp
from observatory.names import LONGEST_PART_BYTES, fold_key

NO_EMAIL = "_no_email_"
_MOST_WORDS_BYTES = 80
"""Of a title or target in a folder's name: two of them, the stamp and a suffix stay well below NAME_MAX."""
_UNFIT = re.compile(r"[^\w.+@=,-]+")


def safe_part(text: str) -> str:
    """Return a text as a part of a file name: letters and digits of any script, and ``_ . + @ = , -``.

    Anything else, slashes, spaces and control characters too, becomes one underscore; it never begins with a dot or
    hyphen, and is cut to 80 bytes between characters. May be empty.
    """
    plain = unicodedata.normalize("NFC", text.strip().encode("utf-8", "replace").decode())
    kept = _UNFIT.sub("_", plain)
    if kept.startswith((".", "-")):
        kept = "_" + kept[1:]
    return kept.encode()[:_MOST_WORDS_BYTES].decode("utf-8", "ignore")


@dataclass(frozen=True, slots=True)
class Place:
    """Where one observation lies below the output folder: ``semester/observer/name``."""

    semester: str
    observer: str
    name: str

    @property
    def path(self) -> str:
        """Relative to the output folder."""
        return f"{self.semester}/{self.observer}/{self.name}"


def places(found: Iterable[Observation], rule: SemesterRule) -> Mapping[Observation, Place]:
    """Return the place of each observation; no two share one, whatever they are called.

    Parameters
    ----------
    found : iterable of Observation
        All that are known, wished for or not: what is called alike is told apart the same way every time.
    rule : SemesterRule

    Notes
    -----
    Where two would share a folder, in a file system that folds case too, all of them bear the nanoseconds of their
    beginning.
    """
    plain = {one: _place(one, rule) for one in found}
    counts = Counter(fold_key(place.path.encode()) for place in plain.values())
    return {
        one: place if counts[fold_key(place.path.encode())] == 1 else _told_apart(place, one)
        for one, place in plain.items()
    }


def _place(one: Observation, rule: SemesterRule) -> Place:
    begun = to_datetime(one.begin_ns)
    words = [f"{begun:%Y-%m-%d_%H%M%S}", safe_part(one.target), safe_part(one.title)]
    return Place(rule.of(begun), safe_part(one.email) or NO_EMAIL, "_".join(filter(None, words)))


def _told_apart(place: Place, one: Observation) -> Place:
    return Place(place.semester, place.observer, f"{place.name}_{one.begin_ns % NS_PER_S:09d}")


def frame_names(camera: str, instants_ns: Iterable[int], namesakes_ns: Iterable[int] = ()) -> list[str]:
    """Return ``<camera>_<23 digits>.fits`` for each frame; those of one instant are counted: ``-2``, ``-3``.

    Frames of other archives at instants of these (`namesakes_ns`, one for each) have been counted before them.
    """
    seen = Counter(namesakes_ns)
    names = []
    for at_ns in instants_ns:
        seen[at_ns] += 1
        suffix = f"-{seen[at_ns]}" if seen[at_ns] > 1 else ""
        names.append(f"{camera}_{format_stamp(at_ns)}{suffix}.fits")
    return names


def cube_name(archive: str) -> str:
    """Return the name of an archive's cube: its own with another ending."""
    return archive.removesuffix(".xrif")[: LONGEST_PART_BYTES - 5] + ".fits"
