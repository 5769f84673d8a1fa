"""What is handed on: lists of sums that sha256sum reads, bags of nights; and what comes back, checked."""

from __future__ import annotations

import hashlib
import re
import resource
import subprocess
from pathlib import Path

import pytest
from pyarrow import parquet

from nightferry.holdings.bagging import BagNotWritten, check_bag, make_bag
from nightferry.holdings.parquet import write_rows
from nightferry.holdings.sums import check_lists, check_sums
from observatory.errors import FileUnreadable, UsageError
from observatory.truth import State
from tests.pfs import Deliveries, raw_name
from tests.shared import shared


@pytest.fixture
def pfs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Deliveries:
    """Give a site into which two visits were ingested by copy, and their night on the first copy."""
    deliveries = Deliveries.at(tmp_path, capsys)
    deliveries.deliver(12)
    deliveries.deliver(26)
    assert deliveries.ingest(deliveries.folder, "-t", "copy").status == 0
    return deliveries


def test_a_list_for_each_exposure_is_one_that_sha256sum_accepts(pfs: Deliveries) -> None:
    """Written beside copies of the files, and checked by GNU's program and by ours."""
    lists = pfs.site.folder / "lists"
    assert pfs.site.call("catalogue", "sums", "raw", "--to", str(lists)).status == 0
    assert sorted(path.name for path in lists.iterdir()) == [
        "checksum-00000012.sha256sum",
        "checksum-00000026.sha256sum",
    ]
    for path in lists.iterdir():
        command = ["sha256sum", "--check", "--strict", "--status", str(path)]
        assert subprocess.run(command, cwd=pfs.folder, check=False).returncode == 0
    checked = pfs.site.call("catalogue", "check-sums", *map(str, lists.iterdir()), "--in", str(pfs.folder), "--json")
    assert (checked.status, [one["verified"] for one in checked.document["lists"]]) == (0, [3, 3])


def test_without_an_exposure_the_key_of_the_lists_has_to_be_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sentence names the keys that there are; one that is none is said as such."""
    pfs = Deliveries.at(tmp_path, capsys)
    declared = pfs.site.config / "instruments.d" / "pfs.yaml"
    declared.write_text(declared.read_text().replace("exposure: visit\n", "\n"))
    pfs.deliver(12)
    assert pfs.ingest(pfs.folder, "-t", "copy").status == 0
    words = ["catalogue", "sums", "raw", "--to", str(tmp_path / "lists")]
    answer = pfs.site.call(*words)
    assert (answer.status, "raw declares no `exposure`" in answer.err, "--by visit" in answer.err) == (2, True, True)
    assert "--by vist: raw has no such key; known here: " in pfs.site.call(*words, "--by", "vist").err
    assert pfs.site.call(*words, "--by", "visit").status == 0


def test_a_file_whose_bytes_are_not_the_recorded_ones_is_not_listed(pfs: Deliveries) -> None:
    """A list made of damaged bytes would vouch for the damage."""
    path = pfs.store / "PFS/raw/all/000012" / raw_name(12)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    answer = pfs.site.call("catalogue", "sums", "raw", "--to", str(pfs.site.folder / "lists"), "--json")
    assert (answer.status, answer.document["files"]) == (1, 5)
    assert "its SHA-256 is not the recorded one" in answer.document["failed"][0]["reason"]


def sums_of(folder: Path, names: list[str], line: str = "{digest}  {name}\n") -> Path:
    """Write a list of some files."""
    text = "".join(
        line.format(digest=hashlib.sha256((folder / name).read_bytes()).hexdigest(), name=name) for name in names
    )
    path = folder / "checksum-1.sha256sum"
    path.write_text(text, newline="")
    return path


@pytest.mark.parametrize(
    "line", ["{digest}  {name}\n", "{digest} *{name}\r\n", "{digest}  ./{name}", "SHA256 ({name}) = {digest}\n"]
)
def test_lists_of_every_dialect_verify(tmp_path: Path, line: str) -> None:
    """Binary marker, CRLF, no last line end, BSD's form, spaces in a name (D6)."""
    (tmp_path / "a b.fits").write_bytes(b"x")
    checked = check_sums(sums_of(tmp_path, ["a b.fits"], line))
    assert (checked.verified, checked.state) == (1, State.OK)


def test_missing_wrong_and_unlisted_files_are_all_told(tmp_path: Path) -> None:
    """One missing and one extra are two findings, each by its name (D6)."""
    for name in ("a", "b", "c"):
        (tmp_path / name).write_bytes(name.encode())
    path = sums_of(tmp_path, ["a", "b"])
    (tmp_path / "a").unlink()
    (tmp_path / "b").write_bytes(b"other")
    (checked,) = check_lists([path])
    assert (checked.missing, checked.wrong, checked.extra) == ([b"a"], [b"b"], [b"c"])
    assert checked.state is State.DIFFERENT


def test_a_file_that_none_of_several_lists_names_is_told_once(pfs: Deliveries) -> None:
    """As with one list alone: a frame that no list has is not verified by any; what another one lists is no stray."""
    lists = pfs.site.folder / "lists"
    pfs.site.call("catalogue", "sums", "raw", "--to", str(lists))
    stray = pfs.put(raw_name(99), b"x")
    words = ["catalogue", "check-sums", *map(str, sorted(lists.iterdir())), "--in", str(pfs.folder), "--json"]
    answer = pfs.site.call(*words)
    assert (answer.status, [one["extra"] for one in answer.document["lists"]]) == (1, [[stray.name], []])
    stray.unlink()
    assert pfs.site.call(*words).status == 0


def test_a_list_that_verifies_nothing_is_a_failure(tmp_path: Path) -> None:
    """An empty list with no files beside it proves nothing; a line that cannot be read is UNKNOWN (D6)."""
    empty = tmp_path / "empty.sha256sum"
    empty.write_bytes(b"")
    assert check_sums(empty).state is State.DIFFERENT
    empty.write_bytes(b"garbage\n")
    assert check_sums(empty).state is State.UNKNOWN
    empty.write_text(f"{'0' * 64}  ../../etc/passwd\n")
    assert check_sums(empty).state is State.UNKNOWN


def test_the_real_sample_lists_two_of_three(tmp_path: Path) -> None:
    """DESI's own example: what lies there unlisted is told."""
    (checked,) = check_lists([shared("samples/desi/t.sha256sum")])
    assert checked.verified == 2
    assert b"test_file_3.txt" in checked.extra


def test_a_night_becomes_a_bag_that_is_valid(pfs: Deliveries) -> None:
    """Payload, manifests and facts as RFC 8493 has them; sha256sum checks both manifests."""
    folder = pfs.site.folder / "bags" / "pfs-20241005"
    assert pfs.site.call("catalogue", "bag", str(folder), "-i", "pfs", "-d", "20241005").status == 0
    for name in ("manifest-sha256.txt", "tagmanifest-sha256.txt"):
        assert (
            subprocess.run(["sha256sum", "--check", "--strict", "--status", name], cwd=folder, check=False).returncode
            == 0
        )
    assert (folder / "bagit.txt").read_text() == "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
    payload = [path for path in (folder / "data").rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in payload)
    assert f"Payload-Oxum: {size}.6" in (folder / "bag-info.txt").read_text()
    assert pfs.site.call("catalogue", "check-bag", str(folder)).out == f"{folder}: valid, 6 files verified\n"
    assert pfs.site.call("catalogue", "bag", str(folder), "-i", "pfs", "-d", "20241005").status == 2
    assert pfs.site.call("catalogue", "bag", str(folder) + "2", "-i", "pfs", "-d", "20240101").status == 2
    assert sorted(path.name for path in folder.parent.iterdir()) == [folder.name]


def test_a_bag_that_lost_gained_or_altered_a_file_is_not_valid(tmp_path: Path) -> None:
    """Each is told by its name; a folder that is no bag is UNKNOWN."""
    names = [b"a.fits", b"below/line\nend 100%.fits"]
    files = {}
    for number, name in enumerate(names):
        files[name] = tmp_path / str(number)
        files[name].write_bytes(name)
    for damage, said in (
        (lambda bag: (bag / "data" / "a.fits").unlink(), "missing: data/a.fits"),
        (lambda bag: (bag / "data" / "a.fits").write_bytes(b"x"), "not the listed one: data/a.fits"),
        (lambda bag: (bag / "data" / "stray").write_bytes(b""), "not listed: data/stray"),
        (lambda bag: (bag / "bag-info.txt").write_bytes(b"x"), "not the listed one: bag-info.txt"),
        (lambda bag: list_again(bag, "manifest-sha256.txt", "bagit.txt"), "listed, and no payload: bagit.txt"),
        (link_out, "a link that leads out of the bag: data/a.fits"),
        (lambda bag: lose(bag, "data/a.fits"), "says Payload-Oxum 30.2, the payload's is 24.1"),
    ):
        bag = make_bag(files, tmp_path / f"bag-{len(said)}-{said[:3]}", {}).folder
        assert check_bag(bag).state is State.OK
        damage(bag)
        checked = check_bag(bag)
        assert (checked.state, said in "\n".join(checked.lines())) == (State.DIFFERENT, True)
    assert check_bag(tmp_path).state is State.UNKNOWN


def link_out(bag: Path) -> None:
    """Put a file beside the bag, and in its place a link to it."""
    file = bag / "data" / "a.fits"
    file.symlink_to(file.rename(bag.with_name("outside.fits")))


def list_again(bag: Path, manifest: str, *names: str) -> None:
    """Add files to a manifest, and list all manifests anew: only its sums tell a bag that is wrong by rule."""
    lines = [f"{hashlib.sha256((bag / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (bag / manifest).write_text((bag / manifest).read_text() + "".join(lines))
    tags = sorted(path.name for path in bag.glob("*.txt") if not path.name.startswith("tag"))
    sums = [f"{hashlib.sha256((bag / name).read_bytes()).hexdigest()}  {name}\n" for name in tags]
    (bag / "tagmanifest-sha256.txt").write_text("".join(sums))


def lose(bag: Path, name: str) -> None:
    """Lose a file with its line."""
    (bag / name).unlink()
    manifest = bag / "manifest-sha256.txt"
    manifest.write_text(
        "".join(line for line in manifest.read_text().splitlines(keepends=True) if not line.endswith(f"  {name}\n"))
    )
    list_again(bag, "manifest-sha256.txt")


def test_a_bag_on_a_full_disk_is_no_fault_of_the_files(tmp_path: Path) -> None:
    """The disk of the bag is named, and nothing is left on it: here no file may be longer than this."""
    file = tmp_path / "a.fits"
    file.write_bytes(b"x" * 200_000)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(BagNotWritten, match=re.escape(f"{tmp_path / 'bag'}: could not be written: File too large")):
            make_bag({b"a.fits": file}, tmp_path / "bag", {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.name for path in tmp_path.iterdir()] == ["a.fits"]


def test_a_file_that_cannot_be_read_leaves_no_bag(tmp_path: Path) -> None:
    """Whole or not at all; a name that is not UTF-8 cannot be in a bag."""
    (tmp_path / "a").write_bytes(b"x")
    with pytest.raises(FileUnreadable):
        make_bag({b"a": tmp_path / "a", b"b": tmp_path / "absent"}, tmp_path / "bag", {})
    with pytest.raises(UsageError, match="UTF-8"):
        make_bag({b"\xff": tmp_path / "a"}, tmp_path / "bag", {})
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_exposures_become_a_parquet_file_too(pfs: Deliveries) -> None:
    """Every column that CSV has, with numbers as numbers and instants as instants."""
    pfs.site.mark("mirror", "pfs")
    assert pfs.site.call("catalogue", "fill", "-i", "pfs", "-d", "20241005").status == 0
    path = pfs.site.folder / "exposures.parquet"
    answer = pfs.site.call("exposures", "-i", "pfs", "--parquet", str(path))
    assert (answer.status, answer.out) == (0, "")
    table = parquet.read_table(path)
    heading = pfs.site.call("exposures", "-i", "pfs", "--csv").out.splitlines()[0].split(",")
    assert (table.column_names, table.num_rows) == (heading, 2)
    assert table.column("expid").to_pylist() == [12, 26]
    assert pfs.site.call("exposures", "--parquet", str(path), "--csv").status == 2


def test_columns_of_several_kinds_become_texts(tmp_path: Path) -> None:
    """Rows of two instruments may hold a number here and a word there; nothing is lost, and absent stays absent."""
    rows = [{"a": 1, "b": None, "c": [1, 2]}, {"a": "x", "b": None, "d": 1.5}, {"d": 2}]
    write_rows(tmp_path / "x.parquet", rows)
    told = parquet.read_table(tmp_path / "x.parquet").to_pydict()
    assert told == {"a": ["1", "x", None], "b": [None] * 3, "c": ["[1, 2]", None, None], "d": [None, 1.5, 2.0]}
