"""What a datastore reaches by another way under the same name is never taken for a second one, and removed."""

from __future__ import annotations

import datetime as dt
import os
import uuid
from collections.abc import Collection, Sequence
from pathlib import Path

import pytest

from catalogue.catalogue import Catalogue
from catalogue.datasets.records import Dataset
from nightferry.holdings.removing import Fate, fate_of, remove
from syncer.ingest.model import Source
from syncer.ingest.place import remove_original

AT = dt.datetime(2026, 11, 21, 18, 0, tzinfo=dt.UTC)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A datastore with one file, and a folder of another name that leads to it, as a second mount would."""
    (tmp_path / "store" / "raw").mkdir(parents=True)
    (tmp_path / "store" / "raw" / "x.fits").write_bytes(b"x" * 100)
    (tmp_path / "alias").symlink_to(tmp_path / "store" / "raw")
    (tmp_path / "links").mkdir()
    return tmp_path / "store"


def dataset(store: Path, origin: Path) -> Dataset:
    """Return the record of the file, as linked from an origin."""
    root, at = os.fsencode(store), os.fsencode(origin)
    name = uuid.uuid4()
    return Dataset(
        name, "raw", "sha", "sha/raw", {}, None, "here", root, b"raw/x.fits", "hardlink", at, 100, 0.0, None, AT
    )


class Forgetful(Catalogue):
    """A catalogue without a database: its records are not what is asked about."""

    def __init__(self) -> None:
        """Open nothing."""

    def remove_datasets(self, ids: Sequence[uuid.UUID]) -> int:
        """Forget nothing."""
        return len(ids)

    def reached_originals(
        self, origins: Sequence[bytes], hosts: Collection[str], ways: Collection[str] = ()
    ) -> dict[bytes, str]:
        """Lead to nothing."""
        return {}


def source(path: Path) -> Source:
    """Return a file as `ingest` found it; of a second mount the place of its bytes is what it is called there."""
    facts, name = path.stat(), os.fsencode(path)
    return Source(name, name, facts.st_size, facts.st_mtime_ns, facts.st_dev, facts.st_ino)


def test_the_original_that_a_second_mount_shows_is_the_file_itself(store: Path) -> None:
    """It is set aside when its dataset is removed, not unlinked as one of two."""
    assert fate_of(dataset(store, store.parent / "alias" / "x.fits")) is Fate.SET_ASIDE
    link = store.parent / "links" / "x.fits"
    link.hardlink_to(store / "raw" / "x.fits")
    assert fate_of(dataset(store, link)) is Fate.UNLINKED


@pytest.mark.parametrize("sha256", [None, "5bf3b2dc0b0c9e0a"])
def test_a_move_leaves_what_a_second_mount_shows_of_the_datastore(store: Path, sha256: str | None) -> None:
    """The two are the same to the last byte because they are one: to remove the original would remove both."""
    said = remove_original(source(store.parent / "alias" / "x.fits"), os.fsencode(store), b"raw/x.fits", sha256)
    assert said == "the datastore reaches the original itself; it stays"
    assert (store / "raw" / "x.fits").exists()


def test_a_move_removes_one_of_two_names(store: Path) -> None:
    """A hard link beside it is a name of its own."""
    link = store.parent / "links" / "x.fits"
    link.hardlink_to(store / "raw" / "x.fits")
    assert remove_original(source(link), os.fsencode(store), b"raw/x.fits", None) is None
    assert (link.exists(), (store / "raw" / "x.fits").exists()) == (False, True)


def test_what_is_set_aside_in_one_second_is_kept_twice(store: Path) -> None:
    """Removed, ingested anew and removed again: neither replaces the other."""
    one = dataset(store, store / "raw" / "x.fits")
    for content in (b"first", b"second"):
        (store / "raw" / "x.fits").write_bytes(content)
        removed = remove(Forgetful(), [one], AT)
        assert [each.fate for each in removed] == [Fate.SET_ASIDE]
    kept = sorted((store / ".nightferry/removed").rglob("x.fits*"))
    assert [path.read_bytes() for path in kept] == [b"first", b"second"]
