"""What is found at the paths of a datastore: present, absent, or not to be told; absent is never guessed."""

from __future__ import annotations

import os
from pathlib import Path

from syncer.ingest.find import look


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
