"""A file is judged by the format that its name claims, and every answer but whole has a reason."""

from __future__ import annotations

import ast
import errno
import gzip
import inspect
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from observatory.formats import fits, whole, xrif

FITS = b"".join(
    text.ljust(80)
    for text in (b"SIMPLE  = T", b"BITPIX  = 8", b"NAXIS   = 1", b"NAXIS1  = 10", b"DATASUM = '0'", b"END")
).ljust(2880) + bytes(2880)


@pytest.mark.parametrize(
    ("name", "format_name"),
    [
        (b"a.fits", "fits"),
        (b"A.FITS", "fits"),
        (b"a.fit", "fits"),
        (b"a.fts", "fits"),
        (b"a.fits.fz", "fits"),
        (b"a.fts.fz", "fits"),
        (b"a.fits.gz", "fits.gz"),
        (b"\xff\n.Xrif", "xrif"),
        (b"a.fits.bz2", None),
        (b"a.fz", None),
        (b"fits", None),
        (b"", None),
    ],
)
def test_the_end_of_a_name_says_the_format(name: bytes, format_name: str | None) -> None:
    """Small letters or capitals, whatever bytes come before."""
    assert whole.format_of(name) == format_name


def judged(folder: Path, name: str, content: bytes, sums: bool = False) -> tuple[str, str]:
    """Write a file and judge it."""
    path = folder / name
    path.write_bytes(content)
    return whole.judge(os.fsencode(path), sums)


def test_a_file_is_opened_and_judged(tmp_path: Path) -> None:
    """Whole, short and damaged come from the formats."""
    assert judged(tmp_path, "a.fits", FITS) == ("whole", "")
    assert judged(tmp_path, "a.fits", FITS[:-1])[0] == "short"
    assert judged(tmp_path, "a.fits", b"junk")[0] == "damaged"
    assert judged(tmp_path, "a.xrif", FITS)[0] == "damaged"
    assert judged(tmp_path, "a.txt", FITS)[0] == "unjudged"


def test_judging_leaves_a_file_as_it_is(tmp_path: Path) -> None:
    """Same bytes, same time of modification, and a file without write permission will do."""
    path = tmp_path / "a.fits"
    path.write_bytes(FITS)
    path.chmod(0o400)
    before = path.stat()
    assert whole.judge(os.fsencode(path), True) == ("whole", "")
    after = path.stat()
    assert (after.st_mtime_ns, after.st_ctime_ns) == (before.st_mtime_ns, before.st_ctime_ns)
    assert path.read_bytes() == FITS


def test_what_cannot_be_opened_is_unreadable_and_nothing_worse(tmp_path: Path) -> None:
    """Absent, a folder, a pipe that nobody writes to: none is called damaged, none makes us wait."""
    (tmp_path / "folder.fits").mkdir()
    os.mkfifo(tmp_path / "pipe.fits")
    for name, reason in {
        "absent.fits": "No such file or directory",
        "folder.fits": "Not a regular file",
        "pipe.fits": "Not a regular file",
    }.items():
        assert whole.judge(os.fsencode(tmp_path / name), True) == ("unreadable", reason)


class FailingDisk(io.BytesIO):
    """A file whose second block cannot be read."""

    def read(self, size: int | None = -1) -> bytes:
        """Read what lies before the bad block."""
        if self.tell() >= fits.BLOCK_BYTES:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().read(size)


def test_a_disk_that_fails_while_reading_is_not_called_damage() -> None:
    """The fault passes through to whoever opened the stream; packed or not."""
    with pytest.raises(OSError, match="Input/output error"):
        whole.judge_stream(b"a.fits", FailingDisk(FITS), len(FITS), True)
    packed = gzip.compress(os.urandom(1_000_000))
    with pytest.raises(OSError, match="Input/output error"):
        whole.judge_stream(b"a.fits.gz", FailingDisk(packed), len(packed), True)


@pytest.mark.parametrize("sums", [False, True])
def test_a_compressed_image_cut_off_after_its_first_block_is_short(sums: bool) -> None:
    """It keeps every rule of FITS, and holds nothing: the name alone shows that more was to come."""
    cards = (b"SIMPLE  = T", b"BITPIX  = 8", b"NAXIS   = 0", b"EXTEND  = T", b"END")
    bare = b"".join(text.ljust(80) for text in cards).ljust(2880)
    state, reason = whole.judge_stream(b"a.FITS.fz", io.BytesIO(bare), len(bare), sums)
    assert (state, "nothing follows its empty primary HDU" in reason) == ("short", True)
    for name, data in ((b"a.fits", bare), (b"a.fits.fz", FITS)):
        assert whole.judge_stream(name, io.BytesIO(data), len(data), sums) == ("whole", "")


def test_a_gzipped_file_is_unpacked_in_passing(tmp_path: Path) -> None:
    """Whole where the gzip stream and the FITS file within are; not judged where bytes are not to be read."""
    packed = gzip.compress(FITS)
    assert judged(tmp_path, "a.fits.gz", packed)[0] == "unjudged"
    assert judged(tmp_path, "a.fits.gz", packed, sums=True) == ("whole", "")
    members = gzip.compress(FITS[:100]) + gzip.compress(FITS[100:])
    assert judged(tmp_path, "a.fits.gz", members, sums=True) == ("whole", "")
    assert judged(tmp_path, "a.fits.gz", gzip.compress(FITS[:-1]), sums=True)[0] == "short"
    assert judged(tmp_path, "a.fits.gz", gzip.compress(b"junk"), sums=True)[0] == "damaged"


@pytest.mark.parametrize("zeros", [1, 1000, 1_000_000])
def test_zeros_behind_a_gzip_stream_are_the_padding_of_a_tape(tmp_path: Path, zeros: int) -> None:
    """gzip passes over them without a word; what lies before them has to be the whole file all the same."""
    padding = bytes(zeros)
    assert judged(tmp_path, "a.fits.gz", gzip.compress(FITS) + padding, sums=True) == ("whole", "")
    members = gzip.compress(FITS[:100]) + padding + gzip.compress(FITS[100:]) + padding
    assert judged(tmp_path, "a.fits.gz", members, sums=True) == ("whole", "")
    lost = gzip.compress(FITS[:3000]) + padding
    assert judged(tmp_path, "a.fits.gz", lost, sums=True)[0] == "short"
    assert judged(tmp_path, "a.fits.gz", gzip.compress(FITS)[:-5] + padding, sums=True)[0] in ("short", "damaged")
    assert judged(tmp_path, "a.fits.gz", gzip.compress(FITS) + padding + b"junk", sums=True)[0] == "damaged"
    assert judged(tmp_path, "a.fits.gz", padding, sums=True)[0] in ("short", "damaged")


def test_a_gzipped_file_cut_anywhere_is_short(tmp_path: Path) -> None:
    """From nothing at all to all but the last byte of its sum."""
    packed = gzip.compress(FITS)
    for length in range(len(packed)):
        assert judged(tmp_path, "a.fits.gz", packed[:length], sums=True)[0] == "short", length


def test_a_gzip_stream_that_does_not_add_up_is_damaged(tmp_path: Path) -> None:
    """A flip in its sum, or bytes behind it."""
    packed = bytearray(gzip.compress(FITS))
    packed[-5] ^= 1
    assert judged(tmp_path, "a.fits.gz", bytes(packed), sums=True)[0] == "damaged"
    assert judged(tmp_path, "a.fits.gz", gzip.compress(FITS) + b"junk", sums=True)[0] == "damaged"
    assert judged(tmp_path, "a.fits.gz", FITS, sums=True)[0] == "damaged"


def test_a_large_gzipped_file_is_unpacked_piece_by_piece() -> None:
    """Fifty megabytes of zeros in a few kilobytes are counted, not held."""
    packed = gzip.compress(FITS + bytes(50_000_000), compresslevel=1)
    state, reason = whole.judge_stream(b"a.fits.gz", io.BytesIO(packed), len(packed), True)
    assert (state, reason) == ("damaged", "50000000 bytes after the last HDU are no extension")


@pytest.mark.parametrize("module", [fits, xrif, whole], ids=lambda module: module.__name__)
def test_the_sources_that_are_sent_are_python_3_6(module: object) -> None:
    """No syntax that a far host's python3 might not know, and no annotation evaluated that it could not."""
    tree = ast.parse(inspect.getsource(module), feature_version=(3, 6))  # type: ignore[arg-type]
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    annotations = [argument.annotation for function in functions for argument in function.args.args]
    annotations += [function.returns for function in functions]
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    fields = [node for entry in classes for node in entry.body if isinstance(node, ast.AnnAssign)]
    annotations += [field.annotation for field in fields]  # a local variable's is never evaluated
    assert functions
    for annotation in annotations:
        assert annotation is None or isinstance(annotation, (ast.Name, ast.Constant)), ast.dump(annotation)


def test_the_sources_run_where_nothing_of_ours_is_installed(tmp_path: Path) -> None:
    """As text in modules of those names, in an isolated interpreter, as on a far host."""
    program = "import sys, types\n"
    for name in ("observatory", "observatory.formats"):
        program += f"sys.modules[{name!r}] = types.ModuleType({name!r})\n"
    for module in (fits, xrif, whole):
        name = module.__name__
        program += f"module = sys.modules[{name!r}] = types.ModuleType({name!r})\n"
        program += f"exec({inspect.getsource(module)!r}, module.__dict__)\n"
    program += "print(*module.judge(sys.argv[1].encode(), True))\n"
    path = tmp_path / "a.fits"
    path.write_bytes(FITS[:-1])
    argv = [sys.executable, "-I", "-S", "-c", program, str(path)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == "short HDU 0 promises a file of 5760 bytes, it has 5759\n"
