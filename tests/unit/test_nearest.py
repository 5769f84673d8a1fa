"""Which copy has which file of a night whole, and what is said of those that none brought."""

from __future__ import annotations

import datetime as dt

from catalogue.evidence_records import Evidence, ReadFile, Reading
from nightferry.products.nearest import Known, Lack

NIGHT = dt.date(2025, 11, 6)
READ = Reading(dt.datetime(2025, 11, 8, tzinfo=dt.UTC), "status")
CAMERAS = {"cam1"}


def row(name: bytes, sha256: str | None) -> Evidence:
    """Return what was read of a file."""
    return Evidence(ReadFile(b"20251106/" + name, NIGHT, name, sha256), READ, "a", READ.at_utc)


def rows(**sums: str | None) -> dict[bytes, Evidence]:
    """Return what was read of some files of one camera on a copy."""
    return {f"cam1/{name}".encode(): row(f"cam1/{name}".encode(), sum_) for name, sum_ in sums.items()}


KNOWN = Known(
    references={f"cam1/{name}".encode(): "a" for name in "pqrs"} | {b"cam2/p": "a"},
    rows={
        "dome": rows(p="a"),
        "hill": rows(p="a", q="x", r=None) | {b"cam2/p": row(b"cam2/p", "a")},
        "cape": rows(q="a", s=None),
        "vault": rows(q="a", r="a"),
    },
    freed=frozenset({b"cam1/s"}),
    consumed=frozenset({b"cam1/t"}),
)


def words(*names: bytes, tried: tuple[str, ...] = ("hill",), to: str | None = None) -> str:
    """Return what is said of files that are not back."""
    others = [copy for copy in ("cape", "vault") if copy not in tried]
    return Lack("vamp", NIGHT, names, tried, to).words(KNOWN, others, CAMERAS)


def test_a_night_has_what_any_copy_holds_and_what_was_freed() -> None:
    """Of the cameras that belong there; what was freed went on the word of copies that hold it."""
    assert KNOWN.belongs(CAMERAS) == {b"cam1/p", b"cam1/q", b"cam1/r", b"cam1/s"}
    assert KNOWN.good_on("hill", CAMERAS) == {b"cam1/p": b"20251106/cam1/p"}


def test_each_command_is_of_a_copy_that_has_something_more() -> None:
    """The nearest first; where the target was named it is named again."""
    assert words(b"cam1/q", to="dome") == (
        "1 file is not back (q): hill does not verify: it is not what it was when first read;"
        " cape held it when it was read last: `nightferry restore -i vamp -d 20251106 --from cape --to dome`"
    )
    assert words(b"cam1/q", b"cam1/r", b"cam1/s") == (
        "3 files are not back (q): hill does not verify: it is not what it was when first read;"
        " cape held 1 of them when it was read last: `nightferry restore -i vamp -d 20251106 --from cape`;"
        " vault held 1 of them when it was read last: `nightferry restore -i vamp -d 20251106 --from vault`;"
        " of 1 no copy is known to hold them as they were"
    )


def test_what_is_nowhere_and_what_only_did_not_arrive_are_told_apart() -> None:
    """The disk of the target may be full: then another copy is no remedy."""
    assert words(b"cam1/s", tried=("hill", "cape", "vault")) == (
        "1 file is not back (s): hill does not have it; cape does not verify: it is gone or unreadable there;"
        " vault does not have it; no other copy is known to hold it as it was"
    )
    assert words(b"cam1/p") == "1 file is not back (p): it lies whole on hill, and did not arrive"
