"""Tar files from archives: what does harm is refused before a byte is written, what is promised is looked for."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import resource
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

import syncer.unpack
from nightferry.cli.main import main
from syncer.downloads import check_downloads, write_lists
from syncer.unpack import Limits, TarUnreadable, UnpackFailed, UnpackRefused, unpack
from tests.pfs import ccd, raw_name

SCRIPT = b"#!/bin/sh\ntouch was-run\nwget https://archive.example/x\n"
ADDRESS = "https://archive.example/stars/"


def member(
    name: str, kind: bytes = tarfile.REGTYPE, content: bytes = b"", link: str = "", mode: int = 0o644
) -> tarfile.TarInfo:
    """Return one member; what it holds is kept beside it."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode, info.size, info.mtime = kind, link, mode, len(content), 1_700_000_000
    info.pax_headers = {}
    contents[id(info)] = (info, content)
    return info


contents: dict[int, tuple[tarfile.TarInfo, bytes]] = {}


def tar(path: Path, members: Iterable[tarfile.TarInfo], mode: str = "w") -> Path:
    """Write a tar file of some members."""
    with tarfile.open(path, mode) as opened:  # type: ignore[call-overload]
        for info in members:
            opened.addfile(info, io.BytesIO(contents[id(info)][1]))
    return path


def query(path: Path, names: Iterable[str], present: Iterable[str] = (), mode: str = "w") -> Path:
    """Write a query's result: a script, addresses, sums, and some of the files themselves."""
    held = {name: ccd(12, first=number) for number, name in enumerate(names)}
    addresses = "".join(f"{ADDRESS}{name}\n" for name in held)
    sums = "".join(f"{hashlib.md5(content).hexdigest()} *{name}\r\n" for name, content in held.items())  # noqa: S324
    members = [
        member("zadmin", tarfile.DIRTYPE, mode=0o755),
        member("zadmin/unpack.py", content=SCRIPT, mode=0o755),
        member("zadmin/0_list_20241005", content=addresses.encode()),
        member("zvalidate/md5sum.txt", content=sums.encode()),
        *(member(f"zip/{name}", content=held[name]) for name in present),
    ]
    return tar(path, members, mode)


NAMES = [raw_name(12, arm=arm) for arm in "brn"]


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_querys_result_is_unpacked_and_its_script_is_not_run(tmp_path: Path, mode: str) -> None:
    """Every file with its time, none that may be executed, nothing of ours left behind."""
    folder = tmp_path / "download"
    found = unpack(query(tmp_path / "S2Query.tar", NAMES, NAMES[:1], mode), folder)
    assert found.files == (b"zadmin/0_list_20241005", b"zadmin/unpack.py", b"zip/" + NAMES[0].encode(),
                           b"zvalidate/md5sum.txt")  # fmt: skip
    script = folder / "zadmin" / "unpack.py"
    assert script.read_bytes() == SCRIPT
    assert script.stat().st_mode & 0o111 == 0
    assert script.stat().st_mtime == 1_700_000_000
    assert not (folder / "was-run").exists()
    assert sorted(path.name for path in folder.iterdir()) == ["zadmin", "zip", "zvalidate"]


Make = Callable[[], list[tarfile.TarInfo]]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: [member("../outside")], "'..'"),
        (lambda: [member("a/../../outside")], "'..'"),
        (lambda: [member("/etc/nightferry")], "absolute"),
        (lambda: [member(".nightferry/root", content=b"x")], "our own folder"),
        (lambda: [member("link", tarfile.SYMTYPE, link="/etc/passwd")], "leads outwards"),
        (lambda: [member("a/link", tarfile.SYMTYPE, link="../../x")], "leads outwards"),
        (lambda: [member("link", tarfile.LNKTYPE, link="../x")], "leads outwards"),
        (lambda: [member("link", tarfile.SYMTYPE, link="absent")], "no file in it"),
        (lambda: [member("l", tarfile.SYMTYPE, link="."), member("l/x")], "no file in it"),
        (lambda: [member("d", tarfile.DIRTYPE), member("l", tarfile.SYMTYPE, link="d")], "no file in it"),
        (lambda: [member("null", tarfile.CHRTYPE)], "a device or pipe"),
        (lambda: [member("disk", tarfile.BLKTYPE)], "a device or pipe"),
        (lambda: [member("pipe", tarfile.FIFOTYPE)], "a device or pipe"),
        (lambda: [member("twice"), member("twice")], "stands in it twice"),
        (lambda: [member("Twice"), member("twice")], "stands in it twice"),
        (lambda: [member("a"), member("a/b")], "a file and a folder at once"),
        (lambda: [member("x", content=b"1" * 5000)], "holds more than"),
        (lambda: [member(f"x{number}") for number in range(12)], "holds more than"),
        (lambda: [member("x" * 300)], "longer than"),
    ],
)  # fmt: skip
def test_what_could_do_harm_is_refused_before_a_byte_is_written(tmp_path: Path, make: Make, said: str) -> None:
    """A good member before it is not written either; the reason names it."""
    folder = tmp_path / "inner" / "download"
    path = tar(tmp_path / "S2Query.tar", [member("good.txt", content=b"good"), *make()])
    with pytest.raises(UnpackRefused) as caught:
        unpack(path, folder, Limits(4096, 10))
    assert said in str(caught.value)
    assert "nothing was unpacked" in str(caught.value)
    assert not folder.exists()


def test_a_link_to_another_member_is_that_file(tmp_path: Path) -> None:
    """Hard or symbolic, it ends as a file of the same bytes inside the folder."""
    links = [member("a/b/one", tarfile.SYMTYPE, link="../../data"), member("two", tarfile.LNKTYPE, link="data")]
    unpack(tar(tmp_path / "x.tar", [*links, member("data", content=b"bytes")]), tmp_path / "to")
    for name in ("a/b/one", "two"):
        assert (tmp_path / "to" / name).read_bytes() == b"bytes"
        assert not (tmp_path / "to" / name).is_symlink()


@pytest.mark.parametrize("blocks", [0, 1, 3, 9, 20])
def test_a_tar_file_that_ends_early_is_not_unpacked_at_all(tmp_path: Path, blocks: int) -> None:
    """Half a download is not a download: exit status 3, nothing written."""
    path = query(tmp_path / "S2Query.tar", NAMES, NAMES)
    path.write_bytes(path.read_bytes()[: 512 * blocks] if blocks else b"no tar file at all" * 100)
    with pytest.raises(TarUnreadable) as caught:
        unpack(path, tmp_path / "to")
    assert caught.value.exit_status == 3
    assert len(str(caught.value).splitlines()) == 1
    assert not (tmp_path / "to").exists()


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
def test_a_compressed_tar_file_with_a_damaged_byte_is_not_unpacked(tmp_path: Path, mode: str) -> None:
    """Its own sum stands at its very end, behind the last member; what comes of random bytes looks like a tar file."""
    path = tar(tmp_path / "x.tar", [member("noise", content=hashlib.shake_128().digest(200_000))], mode)
    whole = path.read_bytes()
    for place in (1000, len(whole) // 2, len(whole) - 6):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        with pytest.raises(TarUnreadable) as caught:
            unpack(path, tmp_path / "to")
        assert len(str(caught.value).splitlines()) == 1
        assert not (tmp_path / "to").exists()


@pytest.mark.parametrize("time", ["nan", "inf", "-1e300"])
def test_a_member_of_no_time_is_unpacked_all_the_same(tmp_path: Path, time: str) -> None:
    """A tar file may say anything of when a file was written; the file is none the worse for it."""
    one = member("x", content=b"bytes")
    one.mtime, one.pax_headers = 0, {"mtime": time}
    unpack(tar(tmp_path / "x.tar", [one]), tmp_path / "to")
    assert (tmp_path / "to" / "x").read_bytes() == b"bytes"


def test_unpacking_again_changes_nothing_and_another_file_refuses(tmp_path: Path) -> None:
    """What lies there with the same bytes is said to be there; other bytes are never replaced."""
    path = query(tmp_path / "S2Query.tar", NAMES, NAMES[:1])
    unpack(path, tmp_path / "to")
    again = unpack(path, tmp_path / "to")
    assert again.already_there == again.files
    (tmp_path / "to" / "zip" / NAMES[0]).write_bytes(b"mine")
    with pytest.raises(UnpackRefused, match="is another file"):
        unpack(path, tmp_path / "to")
    assert (tmp_path / "to" / "zip" / NAMES[0]).read_bytes() == b"mine"
    assert not (tmp_path / "to" / ".nightferry").exists()


def test_a_file_that_appears_at_the_last_moment_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another unpacking puts its own there once ours has looked: it stays, and of ours nothing is left."""
    path = tar(tmp_path / "x.tar", [member("a", content=b"ours"), member("b", content=b"ours")])
    looked = syncer.unpack._is_there

    def looked_too_early(staging: Path, folder: Path, name: bytes) -> bool:
        found = looked(staging, folder, name)
        if name == b"b":
            (folder / "b").write_bytes(b"theirs")
        return found

    monkeypatch.setattr(syncer.unpack, "_is_there", looked_too_early)
    with pytest.raises(UnpackFailed, match="File exists; what was written is gone again"):
        unpack(path, tmp_path / "to")
    assert {one.name: one.read_bytes() for one in (tmp_path / "to").iterdir()} == {"b": b"theirs"}


def test_nothing_is_written_through_a_link_in_the_folder(tmp_path: Path) -> None:
    """Somebody placed a link where the tar file has a folder."""
    (tmp_path / "to").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "to" / "zip").symlink_to(tmp_path / "outside")
    with pytest.raises(UnpackRefused, match="in the way"):
        unpack(query(tmp_path / "S2Query.tar", NAMES, NAMES), tmp_path / "to")
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_disk_that_refuses_leaves_nothing_half_there(tmp_path: Path) -> None:
    """The system refuses to write on in the middle of a file (here: a limit on the size of files)."""
    path = tar(tmp_path / "x.tar", [member("small", content=b"x"), member("large", content=b"y" * 300_000)])
    program = (
        "import resource, signal, sys; from pathlib import Path; from syncer.unpack import unpack, UnpackFailed\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try: unpack(Path(sys.argv[1]), Path(sys.argv[2]))\n"
        "except UnpackFailed as error: print(error); sys.exit(error.exit_status)\n"
    )
    command = [sys.executable, "-c", program, str(path), str(tmp_path / "to")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert (ended.returncode, "gone again" in ended.stdout) == (1, True), ended
    assert list((tmp_path / "to").iterdir()) == []
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 100_000


def test_what_a_killed_unpacking_left_is_swept_by_the_next(tmp_path: Path) -> None:
    """Its folder bears the number of a process that is no more."""
    left = tmp_path / "to" / ".nightferry" / "unpack-0123-999999999"
    left.mkdir(parents=True)
    (left / "half").write_bytes(b"x")
    unpack(query(tmp_path / "S2Query.tar", NAMES), tmp_path / "to")
    assert not (tmp_path / "to" / ".nightferry").exists()


def test_what_is_listed_and_absent_becomes_lists_for_wget_and_curl(tmp_path: Path) -> None:
    """One list gives the addresses, another the sums: together they say what is there, what is right, what to fetch."""
    folder = tmp_path / "to"
    unpack(query(tmp_path / "S2Query.tar", NAMES, NAMES[:1]), folder)
    check = check_downloads(folder)
    assert (check.expected, check.verified, len(check.absent), check.state.value) == (3, 1, 2, "different")
    assert check.lists == [b"zadmin/0_list_20241005", b"zvalidate/md5sum.txt"]
    write_lists(check)
    assert (folder / "absent.txt").read_text().splitlines() == [f"{ADDRESS}{name}" for name in sorted(NAMES[1:])]
    assert f'output = "{NAMES[2]}"' in (folder / "absent.curl").read_text()
    assert len((folder / "absent.md5").read_text().splitlines()) == 2
    for number, name in enumerate(NAMES):
        (folder / name).write_bytes(ccd(12, first=number))
    check = check_downloads(folder)
    assert (check.verified, check.state.value) == (3, "ok")
    assert write_lists(check) == []
    assert sorted(path.name for path in folder.glob("absent*")) == []


def test_curl_reads_the_list_that_is_written(tmp_path: Path) -> None:
    """Fetched by curl itself, here from a folder; a name with quotes and a backslash too."""
    names = ["plain.fits", 'odd "name\\.fits', "percent%20.fits"]
    (tmp_path / "from").mkdir()
    folder = tmp_path / "to"
    folder.mkdir()
    for name in names:
        (tmp_path / "from" / name).write_bytes(b"x")
    listed = [
        f"https://archive.example/{name}" for name in ("plain.fits", "odd%20%22name%5C.fits", "percent%2520.fits")
    ]
    (folder / "0_list").write_text("\n".join(listed))
    check = check_downloads(folder)
    assert sorted(one.name.decode() for one in check.absent) == sorted(names)
    write_lists(check)
    config = (folder / "absent.curl").read_text().replace("https://archive.example", f"{tmp_path.as_uri()}/from")
    (folder / "local.curl").write_text(config)
    subprocess.run(["curl", "--silent", "--config", "local.curl"], cwd=folder, check=True)
    assert {path.name for path in folder.iterdir()} >= set(names)


def test_a_sum_beside_each_file_is_a_list_too(tmp_path: Path) -> None:
    """As STARS gave them: x.fits.md5 with the sum alone, or with the name."""
    for number, name in enumerate(NAMES):
        content = ccd(12, first=number)
        digest = hashlib.md5(content).hexdigest()  # noqa: S324 - as the archive gives them
        (tmp_path / f"{name}.md5").write_text(digest if number else f"{digest}  {name}\n")
        if number < 2:
            (tmp_path / name).write_bytes(content if number else content + b"x")
    check = check_downloads(tmp_path)
    assert (check.expected, check.verified) == (3, 1)
    assert [path.decode() for path, _ in check.wrong] == [NAMES[0]]
    assert [one.name.decode() for one in check.absent] == [NAMES[2]]


def test_files_of_one_name_in_two_folders_are_two(tmp_path: Path) -> None:
    """The second is absent, or is another: what is there of the first says nothing of it."""
    for night, content in (("1001", b"one"), ("1002", b"two")):
        (tmp_path / night).mkdir()
        (tmp_path / night / "x.dat").write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        with (tmp_path / "sums.txt").open("a") as listed:
            listed.write(f"{digest}  {night}/x.dat\n")
        (tmp_path / night / "md5sum.txt").write_text(f"{hashlib.md5(content).hexdigest()}  x.dat\n")  # noqa: S324
    assert (check_downloads(tmp_path).verified, check_downloads(tmp_path).expected) == (2, 2)
    (tmp_path / "1002" / "x.dat").write_bytes(b"one")
    assert [path for path, _ in check_downloads(tmp_path).wrong] == [b"1002/x.dat"]
    (tmp_path / "1002" / "x.dat").unlink()
    check = check_downloads(tmp_path)
    assert (check.verified, [one.name for one in check.absent], check.state.value) == (1, [b"x.dat"], "different")
    (tmp_path / "1002" / "md5sum.txt").unlink()
    assert [one.name for one in check_downloads(tmp_path).absent] == [b"1002/x.dat"]


def test_two_sums_of_one_file_cannot_both_hold(tmp_path: Path) -> None:
    """One of the lists is wrong, or the file is; neither is passed over."""
    (tmp_path / "x.dat").write_bytes(b"one")
    for name, content in (("a.md5", b"one"), ("b.md5", b"two")):
        (tmp_path / name).write_text(f"{hashlib.md5(content).hexdigest()}  x.dat\n")  # noqa: S324 - as archives do
    check = check_downloads(tmp_path)
    assert (check.verified, [path for path, _ in check.wrong]) == (1, [b"x.dat"])


def test_files_without_a_listed_sum_are_judged_by_their_own_format(tmp_path: Path) -> None:
    """A FITS file cut off by a lost connection is not there yet."""
    (tmp_path / "0_list").write_text("".join(f"{ADDRESS}{name}\n" for name in NAMES))
    (tmp_path / NAMES[0]).write_bytes(ccd(12))
    (tmp_path / NAMES[1]).write_bytes(ccd(12)[:-100])
    (tmp_path / NAMES[2]).write_bytes(b"")
    check = check_downloads(tmp_path)
    assert (check.unverified, len(check.wrong), check.state.value) == (1, 2, "different")


def test_a_folder_without_a_list_cannot_be_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing checked is not green: exit status 3; a list of which half cannot be read neither."""
    (tmp_path / NAMES[0]).write_bytes(ccd(12))
    assert main(["unpack", "--check", str(tmp_path)]) == 3
    assert "UNKNOWN: no list" in capsys.readouterr().out
    (tmp_path / "md5sum.txt").write_text(f"{'0' * 32}  a.fits\n{'0' * 32}  b.fits\nhalf a li")
    assert main(["unpack", "--check", str(tmp_path)]) == 3
    assert "1 of its 3 lines cannot be read" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["..%2F..%2Fetc%2Fpasswd", "%2e%2e", "a%00b", ""])
def test_an_address_that_names_no_good_file_is_told(tmp_path: Path, name: str) -> None:
    """A hostile list writes nowhere."""
    (tmp_path / "0_list").write_text(f"{ADDRESS}{name}\n{ADDRESS}{NAMES[0]}\n")
    check = check_downloads(tmp_path)
    assert (len(check.unreadable), check.state.value) == (1, "unknown")
    write_lists(check)
    assert (tmp_path / "absent.txt").read_text() == f"{ADDRESS}{NAMES[0]}\n"


def test_the_command_unpacks_checks_and_says_how_to_go_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 1 while something is absent, 0 afterwards, 2 for what makes no sense."""
    path, folder = query(tmp_path / "S2Query.tar", NAMES, NAMES[:1]), tmp_path / "to"
    assert main(["unpack", str(path), str(folder)]) == 1
    said = capsys.readouterr().out
    assert "3 listed, 1 there with the listed sum" in said
    assert "wget -i absent.txt" in said
    for number, name in enumerate(NAMES):
        (folder / name).write_bytes(ccd(12, first=number))
    assert main(["unpack", "--check", str(folder), "--json"]) == 0
    assert '"verified": 3' in capsys.readouterr().out
    assert main(["unpack", str(folder)]) == 2
    assert main(["unpack", str(tmp_path / "absent.tar"), str(folder)]) == 2


def test_names_of_any_bytes_are_unpacked(tmp_path: Path) -> None:
    """Not UTF-8, with a line end: a name is data."""
    names = [os.fsdecode(b"\xff.fits"), "line\nend"]
    unpack(tar(tmp_path / "x.tar", [member(name, content=b"x") for name in names]), tmp_path / "to")
    assert sorted(path.name for path in (tmp_path / "to").iterdir()) == sorted(names)


def test_a_full_disk_is_refused_beforehand(tmp_path: Path) -> None:
    """More than is free: said before the first byte."""
    huge = member("huge")
    huge.size = 2**60
    header = huge.tobuf(tarfile.GNU_FORMAT)
    (tmp_path / "x.tar").write_bytes(header)
    with pytest.raises((UnpackRefused, TarUnreadable)):
        unpack(tmp_path / "x.tar", tmp_path / "to", Limits(2**61))
    assert issubclass(UnpackFailed, Exception)
    assert not (tmp_path / "to").exists()


def test_a_folder_whose_name_is_not_utf_8_is_bytes_in_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As every name is: a letter that stands for half of one is no JSON that others read."""
    folder = tmp_path / "f\udce9r"
    folder.mkdir()
    assert main(["unpack", "--json", "--check", str(folder)]) == 3
    said = json.loads(capsys.readouterr().out)["folder"]
    assert base64.b64decode(said["bytes"]) == os.fsencode(folder)
