"""Lists by which archives say what they hold: only what is understood as a whole confirms, and only what it means."""

from __future__ import annotations

import pytest

from nightferry.retention.archive_list import Chosen, choose, read_list
from observatory.errors import UsageError

A, B, C = "a" * 64, "b" * 64, "c" * 64
ALONE = {b"vgen2/vgen2/VMPA1.fits.fz": A, b"vgen2/vgen2/VMPA2.fits.fz": B}
TWICE = {b"cam1/cam1/x1.fits": A, b"cam2/cam2/x1.fits": B}


def chosen(known: dict[bytes, str], content: bytes, sizes: dict[bytes, int] | None = None) -> Chosen:
    """Return what a list names of some files."""
    return choose(known, read_list(content), sizes or {})


@pytest.mark.parametrize(
    "line",
    [
        b"VMPA1.fits.fz",
        b"VMPA1.fits",
        b"VMPA1",
        b"vmpa1",
        b"\xef\xbb\xbfVMPA1.fits.fz\r",
        b"/archive/20251106/VMPA1.fits.fz",
        b"VMPA1|/data/VMPA1.fits.fz|2880",
        b'VMPA1|"/data/a|b/VMPA1.fits.fz"|2880',
        b"VMPA1|/data/VMPA1.fits.fz|2880|" + A.encode(),
        b"VMPA1|/data/VMPA1.fits.fz|2880|" + A.encode() + b"|" + b"0" * 32,
        A.encode() + b"  ./VMPA1.fits.fz",
        b"SHA256 (VMPA1.fits.fz) = " + A.encode(),
    ],
)
def test_every_form_of_a_list_names_its_file(line: bytes) -> None:
    """By name, path, frame id, sum or manifest."""
    assert chosen(ALONE, line + b"\n") == Chosen({b"vgen2/vgen2/VMPA1.fits.fz": A})


@pytest.mark.parametrize(
    "line",
    [
        b"VMPA1.fits.fz: FAILED",
        b"VMPA1.fits.fz: FAILED open or read",
        b"VMPA1.fits.fz missing",
        b"VMPA1.fits.fz,12,REJECTED",
        b"VMPA1.fits.fz|REJECTED",
        b"missing /data/VMPA1.fits.fz",
        b"FAILED data/VMPA1.fits.fz",
        b"VMPA1|/data/VMPA1.fits.fz|12|REJECTED",
        b"VMPA1|/data/VMPA1.fits.fz|12|" + A.encode() + b"|bad sum",
        b"VMPA1|/data/VMPA1.fits.fz|unknown",
        b"VMPA1.fits.md5",
        b'VMPA1|"/data/VMPA1.fits.fz"\rx|12',
    ],
)
def test_a_line_that_says_anything_else_confirms_nothing(line: bytes) -> None:
    """Not even by the name that it begins with: the archive may be saying that it has not got it."""
    found = chosen(ALONE, line + b"\nVMPA2\n")
    assert (found.files, found.strangers) == ({b"vgen2/vgen2/VMPA2.fits.fz": B}, [line])


def test_files_of_one_name_are_told_apart_by_path_or_sum() -> None:
    """Two cameras may count alike: a list of one of them says nothing of the other."""
    assert chosen(TWICE, b"cam2/x1.fits\n").files == {b"cam2/cam2/x1.fits": B}
    assert chosen({b"a/dark sky/x1.fits": A}, b"/archive/dark sky/x1.fits\n").files == {b"a/dark sky/x1.fits": A}
    assert chosen(TWICE, f"{B}  x1.fits\n".encode()).files == {b"cam2/cam2/x1.fits": B}
    both = f"{A}  cam1/x1.fits\n{B}  cam2/x1.fits\n".encode()
    assert chosen(TWICE, both).files == TWICE
    for words in (b"x1.fits\n", b"x1\n", b"cam3/x1.fits\n"):
        with pytest.raises(UsageError, match=r"several files of the night bear this name.*nothing was noted"):
            chosen(TWICE, words)
    with pytest.raises(UsageError, match="the list says"):
        chosen(TWICE, f"{C}  cam2/x1.fits\n".encode())


def test_a_list_of_other_bytes_is_refused() -> None:
    """By hash, and by size where the list has no hash."""
    sizes = {b"vgen2/vgen2/VMPA1.fits.fz": 2880}
    with pytest.raises(UsageError, match=r"VMPA1\.fits\.fz: the list says 5760 bytes, it was read as 2880 bytes"):
        chosen(ALONE, b"VMPA1|/data/VMPA1.fits.fz|5760\n", sizes)
    with pytest.raises(UsageError, match=r"VMPA1\.fits\.fz: the list says cccccccccccc"):
        chosen(ALONE, f"{C}  VMPA1.fits.fz\n".encode(), sizes)
    assert chosen(ALONE, b"VMPA1|/data/VMPA1.fits.fz|2880\n", sizes).files == {b"vgen2/vgen2/VMPA1.fits.fz": A}


def test_one_frame_packed_and_unpacked_is_confirmed_by_its_id() -> None:
    """Archives speak of frames; a companion that begins with the id is none."""
    known = {b"v/x1.fits": A, b"v/x1.fits.fz": B, b"v/x1.fits.log": C}
    assert chosen(known, b"x1\n").files == {b"v/x1.fits": A, b"v/x1.fits.fz": B}
    assert chosen(known, b"x1.fits.log\n").files == {b"v/x1.fits.log": C}


def test_sums_that_cannot_be_compared_are_told() -> None:
    """A name with an MD5 sum is the archive's word, as a bare name is; whoever confirms hears of it."""
    (plain, listed, both) = read_list(
        b"0" * 32 + b"  x1.fits\nX2|/x2.fits|1|" + b"0" * 32 + b"\nX3|/x3.fits|1|" + A.encode() + b"|" + b"0" * 32
    )
    assert [plain.has_other_sum, listed.has_other_sum, both.has_other_sum] == [True, True, False]
