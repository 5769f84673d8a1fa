"""Files of our own: what a writer that died left under a temporary name is swept, what lives or is others' stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from observatory.files import is_one_name, leftovers, os_fault, sweep, token, write_whole


def dead_token() -> str:
    """Return the token of a process of this machine that has ended."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, token().encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading) as line:
        return line.read()


def test_only_what_the_dead_left_is_swept(tmp_path: Path) -> None:
    """A writer that lives, another machine's, and whatever only looks like it stay."""
    ours, dead = token(), dead_token()
    elsewhere = "0" * 8 + dead[8:]
    kept = [f".list.{ours}", f".list.{elsewhere}", f"list.{dead}", ".list.part", f".list.{dead[:-1]}", "list"]
    for name in (*kept, f".list.{dead}", f".other.{dead}"):
        (tmp_path / name).write_text("x")
    (tmp_path / f".bag.{dead}" / "data").mkdir(parents=True)
    assert {path.name for path in leftovers(tmp_path, ".list.")} == {f".list.{dead}"}
    sweep(tmp_path, ".bag.")
    assert (tmp_path / f".other.{dead}").exists()
    sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)


def test_of_a_folder_that_is_not_there_nothing_is_swept(tmp_path: Path) -> None:
    """Nor is one that cannot be listed a fault: what stays does no harm."""
    sweep(tmp_path / "absent")
    (tmp_path / "file").write_text("x")
    sweep(tmp_path / "file")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_file_is_written_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    """Into folders that are made, for its owner alone, and over what was there."""
    path = tmp_path / "a" / "b" / "list"
    write_whole(path, b"old")
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["list"]


def test_one_name_of_a_file_is_told_from_a_hard_link(tmp_path: Path) -> None:
    """Whichever way the folder is reached; to remove the one name would remove the other."""
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "x1.fits").write_text("x")
    (tmp_path / "alias").symlink_to(tmp_path / "store")
    (tmp_path / "links").mkdir()
    for link in (tmp_path / "links" / "x1.fits", tmp_path / "store" / "x2.fits"):
        link.hardlink_to(tmp_path / "store" / "x1.fits")
    here = tmp_path / "store" / "x1.fits"
    assert is_one_name(here, tmp_path / "alias" / "x1.fits")
    assert is_one_name(here, tmp_path / "store" / "X1.FITS")
    assert not is_one_name(here, tmp_path / "links" / "x1.fits")
    assert not is_one_name(here, tmp_path / "store" / "x2.fits")
    with pytest.raises(OSError, match="absent"):
        is_one_name(here, tmp_path / "absent" / "x1.fits")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            OSError(28, "No space left on device", b"/data/\xffa\n.fits"),
            "/data/\\xffa\\x0a.fits: No space left on device",
        ),
        (OSError(28, "No space left on device", "/data/a.fits"), "/data/a.fits: No space left on device"),
        (OSError(28, "No space left on device"), "here: No space left on device"),
        (OSError("no number"), "here: no number"),
    ],
)
def test_a_fault_of_the_system_names_its_file_as_a_person_reads_it(error: OSError, words: str) -> None:
    """Names below data roots are bytes; a sentence shows none of Python's quotes."""
    assert os_fault(error, "here") == words
