"""A program of ours that another host's Python runs has the standard library, whatever lies about there."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from observatory.endpoints import shell
from observatory.endpoints.contract import Promise
from observatory.endpoints.running import LocalRunning


def start(script: bytes, stdin: Iterable[bytes]) -> LocalRunning:
    """Run a script as a login's shell would."""
    return LocalRunning((b"/bin/sh", b"-c", script), stdin)


@pytest.fixture(params=["where it starts", "on its path"])
def data(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one file, on a host where somebody's own hashlib.py comes first."""
    home, root = tmp_path / "home", tmp_path / "data"
    home.mkdir()
    root.mkdir()
    (home / "hashlib.py").write_text("raise SystemExit('the wrong hashlib')\n")
    (root / "a.fits").write_bytes(b"a")
    if request.param == "where it starts":
        monkeypatch.chdir(home)
    else:
        monkeypatch.setenv("PYTHONPATH", str(home))
    return root


def test_the_host_is_known_to_have_python(data: Path) -> None:
    """Otherwise everything would be asked in slower ways, and nobody would know why."""
    assert shell.probe(start, "far").has_python


def test_files_are_hashed_and_looked_at(data: Path) -> None:
    """The wrong module would end the program with its first line."""
    root = os.fsencode(data)
    assert [one.sha256 for one in shell.hash_by_python(start, "far", root, [b"a.fits"])] == [
        hashlib.sha256(b"a").hexdigest()
    ]
    assert [facts.size_bytes for facts in shell.stat_by_python(start, "far", root, [b"a.fits"])] == [1]
    found = shell.differing_by_python(start, "far", root, [Promise(b"a.fits", 2, 0.0)])
    assert [facts.path for facts in found] == [b"a.fits"]
