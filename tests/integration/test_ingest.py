"""Ingest as it is called: every way of transfer, what is there already, what is refused, and its exit statuses."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalogue import Catalogue
from tests.pfs import Deliveries, ccd, config, ramp, raw_name, results


@pytest.fixture
def pfs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Deliveries:
    """Give a site with the PFS of instruments.d."""
    return Deliveries.at(tmp_path, capsys)


def catalogue(pfs: Deliveries) -> Catalogue:
    """Open the site's catalogue."""
    return Catalogue.open(f"sqlite:///{pfs.site.state}/catalogue.db", collections="PFS/raw/all")


PLACE = Path("PFS/raw/all/000012")


@pytest.mark.parametrize("way", ["auto", "link", "hardlink", "symlink", "relsymlink", "copy", "move", "direct"])
def test_every_way_of_transfer_ends_with_the_bytes_in_reach(pfs: Deliveries, way: str) -> None:
    """Linked, copied, moved or left: the catalogue finds the file, and it is what was delivered."""
    paths = pfs.deliver(12)
    contents = {path.name: path.read_bytes() for path in paths}
    answer = pfs.ingest(pfs.folder, "--transfer", way)
    assert answer.status == 0, answer
    assert answer.document["state"] == "ok"
    assert set(results(answer).values()) == {"new"}
    with catalogue(pfs) as held:
        for arm in "brn":
            file = held.path("raw", instrument="PFS", visit=12, arm=arm, spectrograph=1)
            assert file.read_bytes() == contents[file.name]
    expected = [] if way == "direct" else sorted(str(PLACE / name) for name in contents)
    assert pfs.stored() == expected
    assert [path.exists() for path in paths] == [way != "move"] * 3
    kinds = {one["transfer"] for one in answer.document["files"]}
    assert kinds == {"hardlink" if way in ("auto", "link") else way}


def test_links_are_what_they_are_called(pfs: Deliveries) -> None:
    """A hard link shares the inode; a symbolic one points to the real file, absolutely or relatively."""
    (original,) = (path for path in pfs.deliver(12) if path.name == "PFSA00001212.fits")
    for way in ("hardlink", "symlink", "relsymlink"):
        root = pfs.site.folder / way
        assert pfs.ingest(original, "-t", way, "--datastore", root, "--collection", way).status == 0
        placed = root / way / "000012" / original.name
        assert placed.samefile(original)
        assert placed.is_symlink() == (way != "hardlink")
        if placed.is_symlink():
            assert placed.readlink().is_absolute() == (way == "symlink")


def test_a_dataset_of_another_datastore_is_not_taken_for_one_of_this(pfs: Deliveries) -> None:
    """One catalogue holds a dataset once; where it lies is said."""
    pfs.deliver(12)
    pfs.ingest(pfs.folder)
    answer = pfs.ingest(pfs.folder, "--datastore", pfs.site.folder / "other")
    assert (answer.status, set(results(answer).values())) == (1, {"refused"})
    assert f"another datastore, at {pfs.store}" in str(answer.document)


def test_a_link_to_a_delivered_file_is_followed_to_its_bytes(pfs: Deliveries) -> None:
    """What lies in the datastore does not depend on a link that somebody may remove."""
    real = pfs.site.folder / "elsewhere.fits"
    real.write_bytes(ccd(12))
    (pfs.folder / raw_name(12)).symlink_to(real)
    assert pfs.ingest(pfs.folder, "-t", "symlink").status == 0
    assert (pfs.store / PLACE / raw_name(12)).readlink() == real


def test_a_file_inside_the_datastore_is_recorded_where_it_is(pfs: Deliveries) -> None:
    """With auto, what lies there already is neither linked nor moved; what lies outside is linked."""
    inside = pfs.store / "as-delivered" / raw_name(12)
    inside.parent.mkdir(parents=True)
    inside.write_bytes(ccd(12))
    outside = pfs.put(raw_name(12, arm="b"), ccd(12, arm="b"))
    answer = pfs.ingest(inside, outside)
    assert {one["transfer"] for one in answer.document["files"]} == {"inside", "hardlink"}
    with catalogue(pfs) as held:
        assert held.path("raw", visit=12, arm="r") == inside


def test_the_summary_tells_links_from_copies(pfs: Deliveries) -> None:
    """A link is no copy; nobody is to take it for one."""
    pfs.deliver(12)
    answer = pfs.site.call("ingest", str(pfs.folder), "--transfer", "link")
    assert answer.status == 0
    assert answer.out == f"pfs: 3 ingested into {pfs.store} (3 hard links)\n"


def test_what_is_there_already_is_identical(pfs: Deliveries) -> None:
    """Ingested again: nothing is done, each file is said to be there, exit status 0."""
    pfs.deliver(12)
    pfs.ingest(pfs.folder, "-t", "copy")
    before = {path: (pfs.store / path).stat().st_mtime_ns for path in pfs.stored()}
    answer = pfs.ingest(pfs.folder, "-t", "copy")
    assert (answer.status, set(results(answer).values())) == (0, {"identical"})
    assert {path: (pfs.store / path).stat().st_mtime_ns for path in pfs.stored()} == before


def test_a_file_delivered_again_with_other_content_is_reported(pfs: Deliveries) -> None:
    """The old bytes stay, the new ones are named; of equal size too (B2). Exit status 1."""
    pfs.deliver(12)
    pfs.ingest(pfs.folder, "-t", "copy")
    pfs.put(raw_name(12), ccd(12, first=99))
    answer = pfs.ingest(pfs.folder, "-t", "copy")
    assert answer.status == 1
    assert results(answer)[raw_name(12)] == "changed"
    (row,) = (one for one in answer.document["files"] if one["result"] == "changed")
    assert "other content" in row["reason"]
    assert (pfs.store / PLACE / raw_name(12)).read_bytes() == ccd(12, first=12)


def test_two_files_of_one_data_id_are_refused_unless_they_are_equal(pfs: Deliveries) -> None:
    """Which of two different files is right a person must say (B1); a second copy of one is no trouble."""
    for folder, first in (("one", 0), ("two", 0), ("three", 5)):
        (pfs.site.folder / folder).mkdir()
        (pfs.site.folder / folder / raw_name(12)).write_bytes(ccd(12, first=first))
    places = [pfs.site.folder / name for name in ("one", "two", "three")]
    answer = pfs.ingest(*places)
    assert (answer.status, pfs.stored()) == (1, [])
    assert {one["result"] for one in answer.document["files"]} == {"refused"}
    answer = pfs.ingest(*places[:2])
    assert answer.status == 0
    assert sorted(one["result"] for one in answer.document["files"]) == ["identical", "new"]


def test_an_exposure_is_taken_whole_or_not_at_all(pfs: Deliveries) -> None:
    """One arm is cut off: its exposure waits, the others are taken; the reason stands beside the name (B4, B6)."""
    pfs.deliver(12)
    pfs.deliver(13)
    path = pfs.folder / raw_name(12, arm="n")
    path.write_bytes(path.read_bytes()[:-2880])
    answer = pfs.ingest(pfs.folder)
    assert answer.status == 1
    found = results(answer)
    assert found[raw_name(12, arm="n")] == "failed"
    assert found[raw_name(12, arm="b")] == found[raw_name(12)] == "held back"
    assert [found[raw_name(13, arm=arm)] for arm in "brn"] == ["new"] * 3
    (row,) = (one for one in answer.document["files"] if one["result"] == "failed")
    assert (row["bin"], "promises a file of" in row["reason"]) == ("metadata", True)
    again = pfs.ingest(pfs.folder, "--incomplete")
    assert again.document["counts"]["new"] == 2


def test_the_first_failure_ends_a_fail_fast_ingest_with_nothing_done(pfs: Deliveries) -> None:
    """All metadata is read before anything is written: one file that does not tell leaves all as it was."""
    pfs.deliver(12)
    pfs.put(raw_name(13), ccd(14))
    answer = pfs.ingest(pfs.folder, "--fail-fast")
    assert (answer.status, pfs.stored()) == (1, [])
    assert sorted(results(answer).values()) == ["failed", "not tried", "not tried", "not tried"]
    assert "its header says W_VISIT = 14" in str(answer.document)


@pytest.mark.parametrize("pattern", ["raw/2024-11-*/*.fits", "simulator"])
def test_a_pattern_that_matches_nothing_fails(pfs: Deliveries, pattern: str) -> None:
    """A stray word is not passed over in silence (B7); nothing is done for the others either."""
    pfs.deliver(12)
    answer = pfs.ingest(pfs.folder, pfs.site.folder / pattern)
    assert answer.status == 2
    assert "nothing was ingested" in answer.document["error"]
    assert not pfs.store.exists()


def test_a_quoted_pattern_means_the_files_and_not_itself(pfs: Deliveries) -> None:
    """The stored path is made of the file that matched (B7)."""
    pfs.deliver(12)
    pfs.put("PFSC00001200.fits", ccd(12))
    answer = pfs.ingest(f"{pfs.folder.parent}/*/PFS[A-B]*.fits")
    assert (answer.status, len(pfs.stored())) == (0, 3)


def test_names_of_no_type_are_counted_in_folders_and_refused_by_name(pfs: Deliveries) -> None:
    """A folder holds other things too; a file that was named is meant."""
    pfs.deliver(12)
    odd = pfs.put(raw_name(12) + ".tmp", ccd(12))
    answer = pfs.ingest(pfs.folder)
    assert (answer.status, answer.document["unrecognised"]) == (0, [str(odd)])
    answer = pfs.ingest(odd)
    assert (answer.status, answer.document["counts"]["failed"]) == (1, 1)


def test_a_folder_without_a_known_file_is_no_success(pfs: Deliveries) -> None:
    """Success is never said where nothing was done."""
    answer = pfs.site.call("ingest", str(pfs.folder))
    assert answer.status == 1
    assert "no file of a known type was given" in answer.out


def test_raw_files_and_configurations_come_in_either_order(pfs: Deliveries) -> None:
    """Neither waits for the other; old and new names and every proposal's part are datasets of their own."""
    names = ["pfsConfig-0xad349fe21234abcd-000012.fits", "pfsConfig-0x52327a27.fits", "PFSF00001200.fits",
             "PFSF00001207.fits"]  # fmt: skip
    for name in names:
        pfs.put(name, config(12 if "0012" in name else None, **{"PROP-ID": "o24007"} if "07.fits" in name else {}))
    assert pfs.ingest(f"{pfs.folder}/pfsConfig*", f"{pfs.folder}/PFSF*").status == 0
    pfs.deliver(12)
    assert pfs.ingest(f"{pfs.folder}/PFS[AB]*").status == 0
    with catalogue(pfs) as held:
        found = held.path("pfsConfig", visit=12, subset=7, collections="PFS/raw/pfsConfig")
        assert found.name == "PFSF00001207.fits"
        assert held.find("pfsConfig", subset=7, collections=["PFS/raw/pfsConfig"]).values["proposal"] == "o24007"


def test_nights_are_taken_from_the_copy_that_lies_here(pfs: Deliveries) -> None:
    """With -d the instrument's own folders say which files are meant, and their night is recorded."""
    pfs.deliver(12)
    answer = pfs.ingest("-d", "20241001..20241031")
    assert (answer.status, len(pfs.stored())) == (0, 3)
    with catalogue(pfs) as held:
        assert f"{held.find('raw', visit=12, arm='b').night:%Y%m%d}" == "20241005"
    assert pfs.ingest("-d", "20241001", pfs.folder).status == 2
    assert pfs.ingest().status == 2
    empty = pfs.ingest("-d", "20240101")
    assert (empty.status, empty.document["files"]) == (1, [])


def test_a_dry_run_says_what_would_be_and_touches_nothing(pfs: Deliveries) -> None:
    """The plan is the plan: the same results, no datastore."""
    pfs.deliver(12)
    answer = pfs.ingest(pfs.folder, "--dry-run")
    assert (answer.status, set(results(answer).values())) == (0, {"new"})
    assert answer.document["is_plan"]
    assert not pfs.store.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--datastore", "s3://bucket/pfs"], "object store"),
        (["--transfer", "teleport"], "one of auto, link"),
        (["--type", "flat"], "pfs has raw, pfsConfig"),
        (["--datastore", "/nowhere/at/all/store"], "does not exist"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(pfs: Deliveries, words: list[str], said: str) -> None:
    """Before anything is done."""
    pfs.deliver(12)
    answer = pfs.ingest(pfs.folder, *words)
    assert answer.status in (2, 3)
    assert said in answer.document["error"]
    assert "\n" not in answer.document["error"]


def test_a_datastore_whose_disk_is_away_is_not_begun_anew(pfs: Deliveries) -> None:
    """It was ingested into and shows no marker: its disk may not be mounted. Exit status 3, nothing written."""
    pfs.deliver(12)
    assert pfs.ingest(pfs.folder).status == 0
    pfs.store.rename(pfs.site.folder / "unmounted")
    pfs.store.mkdir()
    pfs.deliver(13)
    answer = pfs.ingest(pfs.folder)
    assert (answer.status, pfs.stored()) == (3, [])
    assert "may not be mounted" in answer.document["error"]


def test_a_move_removes_an_original_only_for_a_copy_that_holds_its_bytes(pfs: Deliveries) -> None:
    """Moved, interrupted and moved again: what is there already is compared before the original goes (B10)."""
    pfs.deliver(12)
    pfs.ingest(pfs.folder, "-t", "copy")
    pfs.put(raw_name(12), ccd(12, first=99))
    answer = pfs.ingest(pfs.folder, "-t", "move")
    assert answer.status == 1
    assert sorted(path.name for path in pfs.folder.iterdir()) == [raw_name(12)]
    assert results(answer)[raw_name(12)] == "changed"


def test_a_move_leaves_an_original_that_the_datastore_links_to(pfs: Deliveries) -> None:
    """To remove it would leave the datastore pointing at nothing; that it stays is said."""
    paths = pfs.deliver(12)
    pfs.ingest(pfs.folder, "-t", "symlink")
    answer = pfs.ingest(pfs.folder, "-t", "move")
    assert answer.status == 0
    assert all(path.exists() for path in paths)
    assert "reaches the original" in str(answer.document)


def test_a_file_that_is_tracked_but_gone_is_put_back(pfs: Deliveries) -> None:
    """Ingested again from its original, under the same id."""
    pfs.deliver(12)
    pfs.ingest(pfs.folder, "-t", "copy")
    (pfs.store / PLACE / raw_name(12)).unlink()
    answer = pfs.ingest(pfs.folder, "-t", "copy")
    assert (answer.status, results(answer)[raw_name(12)]) == (0, "new")
    assert len(pfs.stored()) == 3


def test_what_lies_at_the_destination_unknown_is_never_overwritten(pfs: Deliveries) -> None:
    """Equal it is taken for the file; other content is refused, and its exposure waits."""
    pfs.deliver(12)
    place = pfs.store / PLACE
    place.mkdir(parents=True)
    (place / raw_name(12)).write_bytes(ccd(12, first=12))
    (place / raw_name(12, arm="b")).write_bytes(b"somebody's")
    answer = pfs.ingest(pfs.folder)
    assert (answer.status, results(answer)[raw_name(12)]) == (1, "held back")
    assert (place / raw_name(12, arm="b")).read_bytes() == b"somebody's"
    (place / raw_name(12, arm="b")).unlink()
    again = pfs.ingest(pfs.folder)
    assert (again.status, results(again)[raw_name(12)]) == (0, "found")


def test_the_objects_that_are_got_are_the_files(pfs: Deliveries) -> None:
    """One object for CCD and near-infrared: HDUs, and the image; raw.exposure is the image itself."""
    pfs.deliver(12)
    pfs.ingest(pfs.folder)
    with catalogue(pfs) as held:
        raw = held.get("raw", instrument="PFS", visit=12, arm="r", spectrograph=1)
        assert [hdu.shape for hdu in raw.hdus] == [(6, 8)]
        assert raw.get_image().shape == (6, 8)
        assert raw.get_image()[0, :3].tolist() == [12, 13, 14]
        infrared = held.get("raw", visit=12, arm="n", spectrograph=1)
        assert (infrared.is_ramp, infrared.read_count, infrared.is_complete) == (True, 3, True)
        assert [hdu.name for hdu in infrared.hdus][:3] == ["PRIMARY", "IMAGE_1", "REF_1"]
        assert (infrared.get_image() == (300 - 3) - (100 - 1)).all()
        assert (held.get("raw.exposure", visit=12, arm="n") == infrared.get_image()).all()
        assert held.get("raw.header", visit=12, arm="n")["W_VISIT"] == 12


def test_a_ramp_of_fewer_reads_than_asked_for_says_so(pfs: Deliveries) -> None:
    """It is ingested as it is; that it is not complete the object tells."""
    pfs.put(raw_name(12, arm="n"), ramp(12, reads=2, W_H4NRED=5))
    assert pfs.ingest(pfs.folder).status == 0
    with catalogue(pfs) as held:
        assert not held.get("raw", visit=12).is_complete


def test_only_one_ingest_of_an_instrument_works_at_a_time(pfs: Deliveries) -> None:
    """The second says who holds the lock: exit status 4, nothing done."""
    from nightferry.locks import instrument_lock

    pfs.deliver(12)
    with instrument_lock(pfs.site.state, "pfs.ingest"):
        answer = pfs.ingest(pfs.folder)
    assert (answer.status, pfs.store.exists()) == (4, False)


def test_all_of_it_works_over_either_database(pfs: Deliveries, database: str) -> None:
    """Ingested, asked for, delivered again with a change, removed: in SQLite and in PostgreSQL."""
    pfs.site.write_site(database=database)
    pfs.deliver(12, spectrographs=2)
    assert pfs.ingest(pfs.folder, "-t", "copy").status == 0
    asked = pfs.site.call("datasets", "raw", "--where", "visit = 12 and arm = 'r' and dither < 1", "--json")
    assert [one["data_id"]["spectrograph"] for one in asked.document["datasets"]] == [1, 2]
    pfs.put(raw_name(12), ccd(12, first=99))
    assert results(pfs.ingest(pfs.folder))[raw_name(12)] == "changed"
    assert pfs.site.call("collections", "make", "good").status == 0
    assert "6 of 6" in pfs.site.call("collections", "tag", "good", "raw").out
    assert pfs.site.call("datasets", "remove", "raw", "--where", "pfs_design_id = 0x1", "--yes").status == 0
    assert pfs.site.call("datasets", "raw", "--collection", "good", "--json").document["datasets"] == []


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """Give a folder on another file system, where hard links cannot reach."""
    shm = Path("/dev/shm")
    if not shm.is_dir() or shm.stat().st_dev == Path(tempfile.gettempdir()).stat().st_dev:
        pytest.fail("needs a second file system at /dev/shm")
    with tempfile.TemporaryDirectory(dir=shm, prefix="nf-store-") as text:
        yield Path(text)


def test_a_link_to_another_file_system_becomes_symbolic_and_says_so(pfs: Deliveries, elsewhere: Path) -> None:
    """`link` falls back and the summary tells; `hardlink` fails with its reason, and nothing is half there."""
    pfs.deliver(12)
    failed = pfs.ingest(pfs.folder, "-t", "hardlink", "--datastore", elsewhere)
    assert (failed.status, failed.document["counts"]["failed"], failed.document["counts"]["held back"]) == (1, 1, 2)
    assert "cross-device" in str(failed.document)
    assert [path for path in elsewhere.rglob("*") if ".nightferry" not in path.parts] == []
    said = pfs.site.call("ingest", str(pfs.folder), "-t", "link", "--datastore", str(elsewhere))
    assert (said.status, "(3 symbolic links)" in said.out) == (0, True)
    moved = pfs.ingest(pfs.folder, "-t", "copy", "--datastore", elsewhere, "--collection", "PFS/copied")
    assert moved.status == 0


def test_what_cannot_be_read_is_unknown_and_holds_its_exposure_back(pfs: Deliveries) -> None:
    """A link to a file that is gone, in a folder: exit status 3, and the rest is taken."""
    pfs.deliver(13)
    (pfs.folder / raw_name(12)).symlink_to("gone.fits")
    answer = pfs.ingest(pfs.folder)
    assert (answer.status, answer.document["state"], answer.document["counts"]["new"]) == (3, "unknown", 3)
    assert [Path(one["path"]).name for one in answer.document["unreadable"]] == [raw_name(12)]


def test_a_file_that_grows_while_it_is_ingested_is_not_taken(pfs: Deliveries) -> None:
    """What it was when it was looked at is not what would be recorded."""
    from syncer.ingest.find import find
    from syncer.ingest.model import Candidate, Transfer
    from syncer.ingest.place import PlaceFailed, Placer

    path = pfs.put(raw_name(12), ccd(12))
    (source,) = find([bytes(path)]).named
    path.write_bytes(ccd(12) + b"more")
    pfs.store.mkdir()
    for way in (Transfer.COPY, Transfer.HARDLINK):
        with pytest.raises(PlaceFailed, match="still being written"):
            Placer(bytes(pfs.store)).place(Candidate(source, uuid.uuid4(), "x", b"a/b.fits", way))
    assert [name for name in pfs.stored() if name.endswith(".fits")] == []


def test_headers_are_read_by_threads_and_by_processes_alike(pfs: Deliveries) -> None:
    """With -j the answer is the same: in order, with the same reasons."""
    for visit in range(1, 400):
        for arm in "brm":
            pfs.put(raw_name(visit, 1, arm), ccd(visit, 1, arm))
    pfs.put(raw_name(200, 1, "b"), b"no FITS file")
    alone, together = pfs.ingest(pfs.folder, "--dry-run"), pfs.ingest(pfs.folder, "--dry-run", "-j", "2")
    assert alone.document["files"] == together.document["files"]
    assert alone.document["counts"]["failed"] == 1
    few = pfs.ingest(f"{pfs.folder}/PFSA00000*.fits", "--dry-run", "-j", "3")
    assert (few.status, few.document["counts"]["new"]) == (0, 27)


def test_names_of_any_bytes_do_no_harm(pfs: Deliveries) -> None:
    """They are of no type, and are shown and written as names are."""
    for name in (b"\xff.fits", b"PFSA00001211.fits\n", b"-t.fits", b"a'b\".fits"):
        (pfs.folder / os.fsdecode(name)).write_bytes(ccd(12))
    pfs.deliver(12)
    answer = pfs.ingest(pfs.folder)
    assert (answer.status, len(answer.document["unrecognised"])) == (0, 4)
    assert pfs.site.call("ingest", f"{pfs.folder}/*", "--dry-run").status == 1


def test_a_lost_catalogue_is_made_again_from_the_files(pfs: Deliveries) -> None:
    """From the originals, or from the datastore itself: the same ids, the same answers, nothing placed anew."""
    pfs.deliver(12)
    pfs.ingest(pfs.folder, "-t", "hardlink")
    words = ("datasets", "raw", "--json")
    before = {one["id"]: one["transfer"] for one in pfs.site.call(*words).document["datasets"]}
    for given, results_then, ways in ((pfs.folder, {"found"}, {"hardlink"}), (pfs.store, {"new"}, {"inside"})):
        for path in pfs.site.state.glob("catalogue.db*"):
            path.unlink()
        answer = pfs.ingest(given)
        assert (answer.status, set(results(answer).values())) == (0, results_then)
        after = {one["id"]: one["transfer"] for one in pfs.site.call(*words).document["datasets"]}
        assert (set(after), set(after.values())) == (set(before), ways)
        assert pfs.site.call("catalogue", "check").status == 0
