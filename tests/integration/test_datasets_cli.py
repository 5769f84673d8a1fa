"""Queries, collections, removal and check from the command line, over real files ingested into a datastore."""

from __future__ import annotations

import csv
import io
import os
import shutil
from pathlib import Path
from urllib.parse import unquote

import pytest
from pyarrow import parquet

from nightferry.locks import instrument_lock
from tests.pfs import Deliveries, ccd, config, raw_name


@pytest.fixture
def pfs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Deliveries:
    """Give a site into which two visits were ingested."""
    deliveries = Deliveries.at(tmp_path, capsys)
    deliveries.deliver(12)
    deliveries.deliver(26)
    assert deliveries.ingest(deliveries.folder).status == 0
    return deliveries


def test_the_table_has_the_columns_and_the_form_of_the_seed(pfs: Deliveries) -> None:
    """Headings centred over hyphens, values at the right, an empty line before and after."""
    answer = pfs.site.call("datasets", "raw", "--collection", "PFS/raw/all", "--where", "visit = 12 and arm = 'r'")
    assert answer.status == 0
    first, headings, rule, row, last = answer.out.split("\n")[:5]
    assert (first, last) == ("", "")
    assert headings.split() == ["type", "run", "id", "instrument", "arm", "dither", "pfs_design_id", "spectrograph",
                                "detector", "visit"]  # fmt: skip
    assert row.split() == ["raw", "PFS/raw/all", row.split()[2], "PFS", "r", "0.0", "1", "1", "1", "12"]
    assert [len(word) for word in rule.split()] == [4, 11, 36, 10, 3, 6, 13, 12, 8, 5]
    assert len(row) == len(rule)


def test_the_answer_comes_in_every_form(pfs: Deliveries) -> None:
    """CSV, JSON and Parquet hold the same datasets in the same order."""
    words = ("datasets", "raw", "--order-by", "-visit,arm", "--uri")
    rows = list(csv.DictReader(io.StringIO(pfs.site.call(*words, "--csv").out)))
    told = pfs.site.call(*words, "--json").document["datasets"]
    path = pfs.site.folder / "raw.parquet"
    assert pfs.site.call(*words, "--parquet", str(path)).status == 0
    columns = parquet.read_table(path).to_pydict()
    assert [row["visit"] for row in rows] == ["26", "26", "26", "12", "12", "12"]
    assert [one["data_id"]["visit"] for one in told] == columns["visit"] == [26, 26, 26, 12, 12, 12]
    assert [one["id"] for one in told] == columns["id"] == [row["id"] for row in rows]
    assert [row["uri"] for row in rows] == columns["uri"]
    assert rows[0]["uri"].startswith("file:///")
    assert pfs.site.call(*words, "--csv", "--json").status == 2


def test_a_limit_says_that_there_is_more(pfs: Deliveries) -> None:
    """On standard error, so that a pipe gets the table alone."""
    answer = pfs.site.call("datasets", "raw", "--limit", "2")
    assert answer.out.count("PFS/raw/all") == 2
    assert "there are more" in answer.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["datasets", "raww"], "did you mean 'raw'?"),
        (["datasets", "raw", "--collection", "PFS/raw/none"], "no collection"),
        (["datasets", "raw", "--where", "visit = "], "--where"),
        (["datasets", "raw", "--where", "visit = 1; drop table datasets"], "cannot be read"),
        (["datasets", "raw", "pfsConfig"], "one type of datasets"),
        (["datasets", "raw", "--yes"], "--yes goes with"),
        (["datasets", "raw", "--at", "noon"], "an instant such as"),
        (["collections", "make", "x", "--kind", "heap"], "one of run, tagged"),
        (["collections", "remove", "x"], "no collection 'x'"),
        (["collections", "remove", "\udcff"], "is no text"),
        (["datasets", "raw", "--collection", "a\udcff\n"], "is no text"),
        (["datasets", "raw", "-i", "sha"], "no dataset type 'raw' of instrument 'sha'"),
        (["datasets", "raw", "--where", "ingested > '9999-12-31T23:59:59-10:00'"], "ingested holds instants"),
        (
            ["collections", "certify", "cal", "raw", "--from", "9999-12-31T23:59:59-10:00"],
            "outside the years 1 to 9999",
        ),
    ],
)
def test_what_is_unknown_is_one_line_and_exit_2(pfs: Deliveries, words: list[str], said: str) -> None:
    """Never an empty table and exit 0, never a traceback."""
    pfs.site.call("collections", "make", "cal", "--kind", "calibration")
    answer = pfs.site.call(*words)
    assert (answer.status, answer.out) == (2, "")
    assert said in answer.err
    assert answer.err.count("\n") == 1


def test_the_types_are_listed_where_none_is_named(pfs: Deliveries) -> None:
    """What may be asked for, and by which keys."""
    assert "raw  pfs  instrument, arm, spectrograph, visit" in pfs.site.call("datasets").out
    types = pfs.site.call("datasets", "--json").document["types"]
    assert [one["type"] for one in types] == ["pfsConfig", "raw"]


def test_collections_are_made_filled_listed_and_searched(pfs: Deliveries) -> None:
    """A tag, a calibration and a chain over the run; the list shows them, a query follows them."""
    call = pfs.site.call
    assert call("collections", "make", "PFS/good", "--kind", "tagged").status == 0
    assert "3 of 3 datasets put in" in call("collections", "tag", "PFS/good", "raw", "--where", "visit = 12").out
    assert call("collections", "make", "PFS/calib", "--kind", "calibration").status == 0
    words = ("collections", "certify", "PFS/calib", "raw", "--where", "visit = 26", "--from", "2024-10-01")
    assert "3 datasets valid from 2024-10-01T00:00:00 until ever" in call(*words).out
    assert call(*words).status == 2
    assert call("collections", "chain", "PFS/default", "PFS/good", "PFS/calib").out == "[PFS/good, PFS/calib]\n"
    assert call("datasets", "raw", "--collection", "PFS/default").out.count("PFS/raw/all") == 6
    assert call("datasets", "raw", "--collection", "PFS/default", "--at", "2024-09-01").out.count("PFS/raw/all") == 3
    listed = call("collections").out.splitlines()
    assert listed[0].split() == ["Name", "Type", "Children"]
    assert [line.split() for line in listed[3:5]] == [["PFS/default", "CHAINED", "PFS/good"], ["PFS/calib"]]
    assert "  PFS/good" in call("collections", "--tree").out
    kinds = {one["name"]: one["kind"] for one in call("collections", "--json").document["collections"]}
    assert kinds == {"PFS/calib": "CALIBRATION", "PFS/default": "CHAINED", "PFS/good": "TAGGED", "PFS/raw/all": "RUN"}
    assert (
        "1 of 1 dataset taken out"
        in call("collections", "tag", "PFS/good", "raw", "--where", "visit = 12 and arm = 'b'", "--out").out
    )
    assert call("collections", "remove", "PFS/default").status == 0


def test_removing_is_dry_until_yes_and_loses_no_bytes(pfs: Deliveries) -> None:
    """A link whose original is alive goes; the last file of its kind is set aside."""
    pfs.put(raw_name(40), ccd(40))
    pfs.ingest(pfs.folder / raw_name(40), "-t", "move")
    words = ("datasets", "remove", "raw", "--where", "visit in (12, 40)")
    before = pfs.stored()
    dry = pfs.site.call(*words)
    assert (dry.status, pfs.stored()) == (0, before)
    assert "4 datasets would be removed" in dry.out
    assert dry.out.count(": would be unlinked\n") == 3
    assert dry.out.count(": would be set aside\n") == 1
    assert pfs.site.call(*words, "--yes").status == 0
    assert [path for path in pfs.stored() if "000026" in path] == pfs.stored()
    assert (pfs.folder / raw_name(12)).exists()
    (kept,) = (pfs.store / ".nightferry" / "removed").rglob("*.fits")
    assert kept.read_bytes() == ccd(40)
    assert pfs.site.call("datasets", "raw").out.count("PFS/raw/all") == 3
    assert pfs.ingest(pfs.folder).document["counts"]["new"] == 3


def test_check_tells_what_is_absent_altered_and_untracked(pfs: Deliveries) -> None:
    """Each by its path; without them all is well."""
    assert pfs.site.call("catalogue", "check").status == 0
    place = pfs.store / "PFS/raw/all/000012"
    (place / raw_name(12)).unlink()
    (place / raw_name(12, arm="b")).unlink()
    (place / raw_name(12, arm="b")).write_bytes(b"other")
    (place / "stray.fits").write_bytes(b"")
    answer = pfs.site.call("catalogue", "check", "--json")
    (one,) = answer.document["datastores"]
    assert (answer.status, one["state"], one["tracked"], one["good"]) == (1, "different", 6, 4)
    assert [found["path"] for found in one["absent"]] == [f"PFS/raw/all/000012/{raw_name(12)}"]
    assert [found["path"] for found in one["altered"]] == [f"PFS/raw/all/000012/{raw_name(12, arm='b')}"]
    assert one["untracked"] == ["PFS/raw/all/000012/stray.fits"]


def test_check_finds_altered_bytes_of_equal_length_where_a_hash_is_known(pfs: Deliveries) -> None:
    """Copied files have theirs from the copying; with --checksum they are read."""
    pfs.deliver(30)
    pfs.ingest(pfs.folder, "-t", "copy")
    path = pfs.store / "PFS/raw/all/000030" / raw_name(30)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert pfs.site.call("catalogue", "check").status == 0
    answer = pfs.site.call("catalogue", "check", "--checksum")
    assert answer.status == 1
    assert "its SHA-256 is not the recorded one" in answer.out
    assert "8 good (2 by hash; of the others none was recorded: only their sizes were compared)" in answer.out
    (one,) = pfs.site.call("catalogue", "check", "--checksum", "--json").document["datastores"]
    assert (one["tracked"], one["good"], one["hashed"]) == (9, 8, 2)


def test_check_after_the_ledger_was_lost_is_not_green(pfs: Deliveries) -> None:
    """What the datastore holds the new one does not know; and where nothing at all is known nothing was checked."""
    shutil.rmtree(pfs.site.state)
    answer = pfs.site.call("catalogue", "check", "--json")
    (one,) = answer.document["datastores"]
    assert (answer.status, one["state"], one["tracked"], len(one["untracked"])) == (1, "different", 0, 6)
    pfs.ingest(pfs.store)
    assert pfs.site.call("catalogue", "check").status == 0
    shutil.rmtree(pfs.site.state)
    shutil.rmtree(pfs.store)
    answer = pfs.site.call("catalogue", "check")
    assert (answer.status, "nothing could be checked" in answer.err) == (3, True)


def test_check_of_a_datastore_that_is_away_is_unknown(pfs: Deliveries) -> None:
    """None of its files is called absent."""
    pfs.store.rename(pfs.site.folder / "unmounted")
    answer = pfs.site.call("catalogue", "check", "--json")
    (one,) = answer.document["datastores"]
    assert (answer.status, one["state"], one["absent"]) == (3, "unknown", [])


def test_nothing_is_removed_of_a_datastore_that_is_away(pfs: Deliveries) -> None:
    """Its files are not gone, they cannot be seen: exit status 3, every record stays."""
    pfs.store.rename(pfs.site.folder / "unmounted")
    pfs.store.mkdir()
    answer = pfs.site.call("datasets", "remove", "raw", "--yes")
    assert (answer.status, "nothing was removed" in answer.err) == (3, True)
    pfs.store.rmdir()
    (pfs.site.folder / "unmounted").rename(pfs.store)
    assert pfs.site.call("datasets", "raw").out.count("PFS/raw/all") == 6


def test_nothing_is_removed_while_an_ingest_is_at_work(pfs: Deliveries) -> None:
    """It would record a file that it found in its place, and that is taken away the moment after."""
    with instrument_lock(pfs.site.state, "pfs.ingest"):
        assert pfs.site.call("datasets", "remove", "raw").status == 0
        assert pfs.site.call("datasets", "remove", "raw", "--yes").status == 4
    assert pfs.site.call("datasets", "raw").out.count("PFS/raw/all") == 6
    assert pfs.site.call("catalogue", "check").status == 0


def test_a_link_to_a_file_that_is_gone_is_absent(pfs: Deliveries) -> None:
    """The datastore reaches nothing through it."""
    path = pfs.put(raw_name(40), ccd(40))
    pfs.ingest(path, "-t", "symlink")
    path.unlink()
    answer = pfs.site.call("catalogue", "check")
    assert answer.status == 1
    assert "it is a link to a file that is gone" in answer.out


def test_a_collection_shows_all_that_it_holds_type_by_type(pfs: Deliveries) -> None:
    """The seed's own command names no type; what can only be asked of one type asks for it."""
    pfs.put("pfsConfig-0x0000000000000001-000012.fits", config(12))
    pfs.ingest(pfs.folder)
    pfs.site.call("collections", "chain", "PFS/all", "PFS/raw/all", "PFS/raw/pfsConfig")
    alone = pfs.site.call("datasets", "raw", "--collections", "PFS/raw/all")
    assert pfs.site.call("datasets", "--collections", "PFS/raw/all").out == alone.out
    both = pfs.site.call("datasets", "--collection", "PFS/all", "--limit", "1", "--uri")
    assert [line.split()[:2] for line in both.out.splitlines() if line.startswith(("pfsC", " raw"))] == [
        ["pfsConfig", "PFS/raw/pfsConfig"], ["raw", "PFS/raw/all"],
    ]  # fmt: skip
    assert "there are more raw than the 1 shown" in both.err
    told = pfs.site.call("datasets", "--collection", "PFS/all", "--json").document["types"]
    assert [(one["type"], len(one["datasets"])) for one in told] == [("pfsConfig", 1), ("raw", 6)]
    for words in (["--where", "visit = 12"], ["--collection", "PFS/all", "--csv"], ["--limit", "3"]):
        refused = pfs.site.call("datasets", *words)
        assert (refused.status, "name the TYPE" in refused.err) == (2, True)
    assert pfs.site.call("datasets", "--collection", "PFS/non").status == 2


def test_the_table_for_butler_names_each_file_and_its_data_id(pfs: Deliveries) -> None:
    """As `butler ingest-files` takes it: the file first, then the keys that identify."""
    rows = list(csv.reader(io.StringIO(pfs.site.call("datasets", "raw", "--butler").out)))
    assert rows[0] == ["file", "instrument", "arm", "spectrograph", "visit"]
    assert Path(unquote(rows[1][0].removeprefix("file://"))).is_file(), "a URI where the folder's name is not plain"
    assert rows[1][1:] == ["PFS", "b", "1", "12"]
    pfs.put("pfsConfig-0x0000000052327a27-000012.fits", config(12))
    pfs.ingest(pfs.folder / "pfsConfig-0x0000000052327a27-000012.fits")
    rows = list(csv.reader(io.StringIO(pfs.site.call("datasets", "pfsConfig", "--butler").out)))
    assert rows[0] == ["file", "instrument", "pfs_design_id", "visit"], "none has a subset"
    pfs.put("pfsConfig-0x52327a27.fits", config())
    pfs.ingest(pfs.folder / "pfsConfig-0x52327a27.fits")
    refused = pfs.site.call("datasets", "pfsConfig", "--butler")
    assert (refused.status, "Butler wants every key" in refused.err) == (2, True)
    assert pfs.site.call("datasets", "pfsConfig", "--butler", "--where", "visit = 12").status == 0


def test_butler_is_given_uris_where_a_path_is_not_plain_and_nothing_it_could_not_read(pfs: Deliveries) -> None:
    """A comma or a number sign is written as in a URI; a path that is not UTF-8 is refused in one line."""
    for visit, name in ((21, b"a, b #c"), (22, b"\xff")):
        folder = pfs.folder / os.fsdecode(name)
        folder.mkdir()
        (folder / f"PFSA{visit:06d}12.fits").write_bytes(ccd(visit))
    assert pfs.ingest(pfs.folder / "a, b #c", "--transfer", "direct").status == 0
    rows = list(csv.reader(io.StringIO(pfs.site.call("datasets", "raw", "--butler", "--where", "visit = 21").out)))
    uri = rows[1][0]
    assert uri.startswith("file://")
    assert uri.endswith("/a%2C%20b%20%23c/PFSA00002112.fits")
    assert pfs.ingest(os.fsdecode(bytes(pfs.folder) + b"/\xff"), "--transfer", "direct").status == 0
    refused = pfs.site.call("datasets", "raw", "--butler")
    assert (refused.status, "not UTF-8" in refused.err) == (2, True)
