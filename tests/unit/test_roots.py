"""Roots as the syncer makes and marks them: one id for one folder, and never more than the last folder of a path."""

from __future__ import annotations

import pytest

from observatory.endpoints.contract import MARKER, RootFacts
from observatory.endpoints.memory import MemoryEndpoint
from observatory.errors import RootNotProven
from syncer.roots import create_last_folder, mark, refuse_one_folder

ROOT = b"/archive/sha"
PLACE = ROOT + b"/" + MARKER


@pytest.fixture
def archive() -> MemoryEndpoint:
    """A destination with an empty root."""
    endpoint = MemoryEndpoint("archive")
    endpoint.put_folder(ROOT)
    return endpoint


def facts(marker: str | None) -> RootFacts:
    """Return what was seen of the root: its marker, empty words for one of which nothing was read."""
    return RootFacts(0.0, 0.0, marker=marker, has_night=False, free_bytes=None)


def read(endpoint: MemoryEndpoint) -> bytes:
    """Return what the marker holds."""
    with endpoint.open(PLACE) as stream:
        return stream.read(100)


@pytest.mark.parametrize("was", [None, b""])
def test_a_root_without_an_id_gets_one_of_its_own(archive: MemoryEndpoint, was: bytes | None) -> None:
    """Also where a person made an empty marker; nothing but the marker is left of it."""
    if was is not None:
        archive.put(PLACE, was)
    identity = mark(archive, ROOT, facts(None if was is None else ""))
    assert identity is not None and len(identity) == 32
    assert read(archive) == identity.encode() + b"\n"
    assert [path for path in archive.things if b"/root." in path] == []


@pytest.mark.parametrize("seen", ["abc", ""], ids=["read", "not readable just now"])
def test_an_id_that_is_there_is_never_replaced(archive: MemoryEndpoint, seen: str) -> None:
    """Else every place that remembers the disk would take it for another."""
    archive.put(PLACE, b"abc\n")
    assert mark(archive, ROOT, facts(seen)) is None
    assert read(archive) == b"abc\n"


def test_an_empty_marker_that_was_read_as_an_id_is_left_alone(archive: MemoryEndpoint) -> None:
    """Somebody works on it at this moment."""
    archive.put(PLACE, b"")
    assert mark(archive, ROOT, facts("abc")) is None
    assert read(archive) == b""


def test_where_the_source_shows_the_id_just_written_both_are_one_folder(archive: MemoryEndpoint) -> None:
    """Another id, no marker, or an id that was there before prove nothing of the kind."""
    source = MemoryEndpoint("telescope")
    source.put_folder(b"/data/sha")
    refuse_one_folder(source, b"/data/sha", archive, ROOT, "a" * 32)
    source.put(b"/data/sha/" + MARKER, b"a" * 32 + b"\n")
    refuse_one_folder(source, b"/data/sha", archive, ROOT, "b" * 32)
    refuse_one_folder(source, b"/data/sha", archive, ROOT, None)
    with pytest.raises(RootNotProven, match="one and the same folder"):
        refuse_one_folder(source, b"/data/sha", archive, ROOT, "a" * 32)


@pytest.mark.parametrize("root", [b"/archive/new", b"/archive/new/", b"/new"])
def test_the_last_folder_of_a_root_is_made(archive: MemoryEndpoint, root: bytes) -> None:
    """Also directly below the uppermost one."""
    create_last_folder(archive, root)
    assert archive.things[root.rstrip(b"/")].kind == "folder"


def test_more_than_the_last_folder_is_a_mount_that_is_missing(archive: MemoryEndpoint) -> None:
    """Nothing is made, and the sentence names what is not there."""
    with pytest.raises(RootNotProven, match=r"/mnt/disk does not exist either.*mkdir -p /mnt/disk"):
        create_last_folder(archive, b"/mnt/disk/sha")
    assert not [path for path in archive.things if path.startswith(b"/mnt")]
