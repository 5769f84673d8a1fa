"""What is found at the paths of a datastore, and the night that a header tells: nothing of either is guessed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from observatory.nights import NightClock
from syncer.ingest.find import look
from tests.pfs import Deliveries, ccd, raw_name


def test_nothing_lies_in_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """Neither where a folder is absent nor where a file stands in its place; beside them a file is found."""
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "a").write_bytes(b"abc")
    (tmp_path / "file").write_bytes(b"")
    found = look(os.fsencode(tmp_path), [b"here/a", b"here/b", b"gone/a", b"gone/b", b"file/a/b", b"top"])
    assert found[b"here/a"].size_bytes == 3
    absent = [found[path] for path in (b"here/b", b"gone/a", b"gone/b", b"file/a/b", b"top")]
    assert {(one.size_bytes, one.reason) for one in absent} == {(None, None)}


def test_a_folder_that_cannot_be_looked_into_is_not_empty(tmp_path: Path) -> None:
    """Links in a circle, in the path of the folder or as the folder: a reason, and no word of absence."""
    (tmp_path / "round").symlink_to("round")
    for path, there in look(os.fsencode(tmp_path), [b"round/a", b"round/b/c"]).items():
        assert there.reason, path


@pytest.mark.parametrize(
    ("cards", "night"),
    [
        ({"DATE-OBS": "2024-10-05"}, "20241005"),
        ({"DATE-OBS": "2024-10-06", "MJD-STR": 60588.999}, "20241005"),
        ({"DATE-OBS": "2024-10-05T23:59:59.9"}, "20241005"),
        ({"DATE-OBS": "soon", "MJD-STR": 1e9}, None),
    ],
)
def test_the_night_is_what_subaru_writes_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], cards: dict[str, object], night: str | None
) -> None:
    """The UT date alone, as DATE-OBS has it there, or the modified Julian date before it."""
    pfs = Deliveries.at(tmp_path, capsys)
    pfs.put(raw_name(12), ccd(12, **cards))
    assert pfs.ingest(pfs.folder).status == 0
    (told,) = pfs.site.call("datasets", "raw", "--json").document["datasets"]
    assert told["night"] == night


def test_a_date_alone_tells_no_night_that_begins_at_noon() -> None:
    """Before or after midnight: the same date is of two nights."""
    from catalogue.datasets.grammar import Grammar
    from catalogue.datastore import DatastoreSection
    from nightferry.holdings.describing import Memory

    grammar = Grammar("x", DatastoreSection(root="store", types={}))
    memory = Memory(grammar, NightClock.from_spec("America/Phoenix"))
    assert memory.night_at("2024-10-05") is None
    assert str(memory.night_at("2024-10-05T18:59:59")) == "2024-10-04"
    assert str(memory.night_at(60588.5)) == "2024-10-04"
