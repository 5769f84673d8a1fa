"""Manifests: every dialect that is met in the field, names of any bytes, and no line that vanishes."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observatory.manifests import ALGORITHMS, Listed, read_manifest, write_manifest
from tests.shared import shared

SUM = hashlib.sha256(b"").hexdigest()


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (f"{SUM}  desi-00111388.fits.fz\n", b"desi-00111388.fits.fz"),
        (f"{SUM} *desi-00111388.fits.fz\n", b"desi-00111388.fits.fz"),
        (f"{SUM}  desi-00111388.fits.fz", b"desi-00111388.fits.fz"),
        (f"{SUM}  desi-00111388.fits.fz\r\n", b"desi-00111388.fits.fz"),
        (f"{SUM}  two words.fits\n", b"two words.fits"),
        (f"{SUM}  ./below/a.fits\n", b"below/a.fits"),
        (f"{SUM}\ta.fits\n", b"a.fits"),
        (f"{SUM.upper()}  a.fits\n", b"a.fits"),
        (f"\\{SUM}  one\\nname\\\\\n", b"one\nname\\"),
        (f"SHA256 (a b.fits) = {SUM}\n", b"a b.fits"),
        (f"# made by hand\n\n{SUM}  a.fits\n", b"a.fits"),
    ],
)
def test_every_dialect_of_a_line_is_read(line: str, name: bytes) -> None:
    """Text and binary marker, spaces, CRLF, no last line end (D6)."""
    assert read_manifest(line.encode()) == type(read_manifest(b""))((Listed(name, SUM, "sha256"),))


@pytest.mark.parametrize("line", ["a.fits", f"{SUM}", f"{SUM[:-1]}  a.fits", "404 not found", f"{SUM}  ./"])
def test_a_line_that_says_nothing_is_counted(line: str) -> None:
    """What cannot be read is told by its number: a manifest of which half was lost is not a shorter one."""
    manifest = read_manifest(f"{SUM}  a.fits\n{line}\n".encode())
    assert manifest.unread_lines == (2,)
    assert len(manifest.files) == 1


def test_the_algorithm_follows_from_the_digits() -> None:
    """MD5 of the old archive, SHA-256 of today's."""
    for digits, name in ALGORITHMS.items():
        (listed,) = read_manifest(b"a" * digits + b"  x.fits").files
        assert (listed.algorithm, len(hashlib.new(name).hexdigest())) == (name, digits)


@given(st.lists(st.binary(min_size=1, max_size=40).filter(lambda name: b"\0" not in name), unique=True))
def test_what_is_written_is_read_back(names: list[bytes]) -> None:
    """Any bytes but NUL are a name, and a leading ./ is the folder's."""
    files = [Listed(name, SUM, "sha256") for name in names if not name.startswith(b"./")]
    assert list(read_manifest(write_manifest(files)).files) == sorted(files)


def test_sha256sum_itself_accepts_what_is_written(tmp_path: Path) -> None:
    """The list travels: GNU's program checks it, odd names and all."""
    names = [b"a.fits", b"two words", b"line\nend", b"back\\slash", b"\xff"]
    for name in names:
        (tmp_path / os.fsdecode(name)).write_bytes(name)
    files = [Listed(name, hashlib.sha256(name).hexdigest(), "sha256") for name in names]
    (tmp_path / "list.sha256sum").write_bytes(write_manifest(files))
    command = ["sha256sum", "--check", "--strict", "--status", "list.sha256sum"]
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 0


def test_a_real_manifest_is_read() -> None:
    """The sample of DESI's transfer lists two files of three."""
    manifest = read_manifest(shared("samples/desi/t.sha256sum").read_bytes())
    assert [listed.name for listed in manifest.files] == [b"test_file_1.txt", b"test_file_2.txt"]
    assert manifest.unread_lines == ()
