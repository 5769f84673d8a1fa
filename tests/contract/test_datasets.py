"""Datasets and collections in a database: recorded by exposure, found again by what they are; SQLite and PostgreSQL."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from catalogue.catalogue import Catalogue
from catalogue.datasets.access import NoSuchDataset
from catalogue.datasets.grammar import DatasetType, Key
from catalogue.datasets.query import Question
from catalogue.datasets.records import CollectionKind, Validity
from observatory.errors import UsageError
from tests.held import NOON, RAW, RUN, hold, new, visit

LATER = NOON + dt.timedelta(hours=1)


@pytest.fixture
def catalogue(database: str) -> Iterator[Catalogue]:
    """Give a catalogue of twelve raw files of two visits."""
    with Catalogue.open(database) as opened:
        hold(opened, [visit(12), visit(26)])
        yield opened


def names(catalogue: Catalogue, question: Question) -> list[str]:
    """Return the names of the files that answer a question, in their order."""
    return [one.file.name for one in catalogue.find_datasets(question).datasets]


def test_what_was_recorded_comes_back_as_it_was(catalogue: Catalogue) -> None:
    """Every fact, the key's kinds included; a design id of 64 bits too."""
    big = new(30, design=0xAD349FE21234ABCD)
    hold(catalogue, [[big]])
    (found,) = catalogue.find_datasets(Question("raw", where="pfs_design_id = 0xad349fe21234abcd")).datasets
    assert found.id == big.id
    assert found.values == big.values
    assert list(found.values) == [key.name for key in RAW.keys]
    assert (found.run, found.path, found.origin, found.night) == (RUN, big.path, big.origin, big.night)
    assert found.file == Path("/data/store/PFS/raw/all/PFSA00003012.fits")


def test_a_where_expression_finds_the_datasets_it_means(catalogue: Catalogue) -> None:
    """The seed's question: visit = 12 and arm = 'r'."""
    asked = Question("raw", collections=(RUN,), where="visit = 12 and arm = 'r'")
    assert names(catalogue, asked) == ["PFSA00001212.fits", "PFSA00001222.fits"]
    assert len(names(catalogue, Question("raw", where="pfs_design_id = 0x1"))) == 12
    assert len(names(catalogue, Question("raw", where="night = 20241005 and spectrograph in (1..1)"))) == 6
    assert names(catalogue, Question("raw", where="visit > 26")) == []


def test_a_number_is_found_however_it_is_written_and_wherever_it_stands(catalogue: Catalogue) -> None:
    """Equality, membership, ranges and mirrored comparisons of a key that is kept as text agree with one another."""
    half = names(catalogue, Question("raw", where="spectrograph = 2"))
    assert len(half) == 6
    for same in ("spectrograph = 2.0", "2 = spectrograph", "spectrograph in (2)", "spectrograph in (2, 7..9)",
                 "spectrograph > 1", "not spectrograph = 1", "spectrograph != 1", "spectrograph between 2 and 9",
                 "spectrograph in (2, 3)", "spectrograph = '2'"):  # fmt: skip
        assert names(catalogue, Question("raw", where=same)) == half, same
    assert names(catalogue, Question("raw", where="spectrograph = 1.5 or spectrograph = -2")) == []


def test_files_of_an_exposure_stand_together_in_the_order_of_the_exposures(catalogue: Catalogue) -> None:
    """So an index holds them; within a visit they come by their keys."""
    hold(catalogue, [visit(7)])
    found = [one.values for one in catalogue.find_datasets(Question("raw")).datasets]
    order = [(one["visit"], one["instrument"], one["arm"], one["spectrograph"]) for one in found]
    assert order == sorted(order)
    assert {one[0] for one in order} == {7, 12, 26}


@pytest.mark.parametrize(
    ("words", "index"),
    [
        ("visit = 12 and arm = 'r'", "ix_datasets_exposure|ix_datasets_run"),
        ("visit in (100..120)", "ix_datasets_exposure|ix_datasets_run"),
        ("night = 20241005 and arm = 'r'", "ix_datasets_night"),
        ("pfs_design_id = 0x1", "ix_datasets_key_pfs_design_id"),
        ("arm = 'r' and spectrograph = 1", "ix_datasets_kind_1_.*"),
        ("arm = 'zz'", "ix_datasets_kind_1_.*"),
    ],
)
@pytest.mark.parametrize("path", [(), (RUN,)])
def test_sqlite_walks_no_more_than_it_must(tmp_path: Path, words: str, index: str, path: tuple[str, ...]) -> None:
    """Of millions of datasets: the index that the question names, without statistics, and at most a sort within it."""
    with Catalogue.open(f"sqlite:///{tmp_path}/catalogue.db") as opened:
        hold(opened, [visit(12)])
        plan: list[str] = []

        def explain(connection: sa.Connection, cursor: object, statement: str, values: object, *_: object) -> None:
            if "FROM datasets" in statement and not statement.startswith("EXPLAIN"):
                told = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)  # type: ignore[arg-type]
                plan.extend(row[3] for row in told)

        sa.event.listen(opened._store.engine, "before_cursor_execute", explain)
        opened.find_datasets(Question("raw", where=words, collections=path, limit=1000))
    assert any(re.match(f"SEARCH (datasets|there) USING (COVERING )?INDEX ({index}) ", step) for step in plan), plan
    assert not any(step.startswith("SCAN datasets") for step in plan)
    assert "USE TEMP B-TREE FOR ORDER BY" not in plan or "kind" in index  # of those there are few


def test_the_order_and_the_limit_are_those_asked_for(catalogue: Catalogue) -> None:
    """Descending with a hyphen; that the limit cut something off is said."""
    answer = catalogue.find_datasets(Question("raw", order_by=("-visit", "arm", "spectrograph"), limit=2))
    assert [one.file.name for one in answer.datasets] == ["PFSA00002611.fits", "PFSA00002621.fits"]
    assert answer.is_cut_off
    assert not catalogue.find_datasets(Question("raw", limit=12)).is_cut_off


@pytest.mark.parametrize(
    ("question", "said"),
    [
        (Question("rwa"), "did you mean 'raw'?"),
        (Question("raw", collections=("PFS/raw/al",)), "did you mean 'PFS/raw/all'?"),
        (Question("raw", where="vist = 12"), "did you mean 'visit'?"),
        (Question("raw", order_by=("colour",)), "--order-by: no column 'colour'"),
        (Question("raw", instrument="sha"), "no dataset type"),
    ],
)
def test_what_is_unknown_is_one_sentence(catalogue: Catalogue, question: Question, said: str) -> None:
    """An unknown type, collection or column is a mistake in the question, never an empty answer."""
    with pytest.raises(UsageError) as caught:
        catalogue.find_datasets(question)
    assert said in str(caught.value)


def test_a_type_that_two_instruments_have_is_asked_for_by_instrument(catalogue: Catalogue) -> None:
    """Each has its own keys; which is meant must be said."""
    other = DatasetType("raw", "sha", (Key("number", "integer"),))
    catalogue.declare_types([other], {"raw": "number"})
    with pytest.raises(UsageError, match="say -i pfs"):
        catalogue.find_datasets(Question("raw"))
    assert len(names(catalogue, Question("raw", instrument="pfs"))) == 12
    assert names(catalogue, Question("raw", instrument="sha")) == []


def test_an_exposure_is_recorded_whole_or_not_at_all(catalogue: Catalogue) -> None:
    """The second file of the exposure claims the first one's path: neither is there afterwards."""
    first, second = new(40, "b"), new(40, "r")
    with pytest.raises(sa.exc.IntegrityError):
        hold(catalogue, [[first, replace(second, path=first.path)]])
    assert names(catalogue, Question("raw", where="visit = 40")) == []
    hold(catalogue, [[first, second]])
    assert len(names(catalogue, Question("raw", where="visit = 40"))) == 2


def test_a_type_whose_data_id_changed_is_refused(catalogue: Catalogue) -> None:
    """The ids of what is there were made of the old keys; further columns may come."""
    more = replace(RAW, keys=(*RAW.keys, Key("category", "text", identifies=False)))
    catalogue.declare_types([more], {"raw": "visit"})
    assert len(names(catalogue, Question("raw", where="category is null"))) == 12
    with pytest.raises(UsageError, match="Give the new type another name"):
        catalogue.declare_types([replace(RAW, keys=RAW.keys[:-1])], {"raw": None})


def test_one_dataset_is_found_by_its_data_id(catalogue: Catalogue) -> None:
    """As much of the data id as tells it from all others; else what more is needed is said."""
    found = catalogue.find("raw", instrument="PFS", visit=12, arm="r", spectrograph=1)
    assert found.file.name == "PFSA00001212.fits"
    with pytest.raises(NoSuchDataset, match="say also arm or spectrograph"):
        catalogue.find("raw", visit=12)
    with pytest.raises(NoSuchDataset, match="no raw with visit=13"):
        catalogue.find("raw", visit=13)
    with pytest.raises(UsageError, match="visit holds whole numbers"):
        catalogue.find("raw", visit="twelve")


def test_the_search_path_finds_the_first_of_each_data_id(catalogue: Catalogue) -> None:
    """The same visit in two runs: the one that the path names first is taken, through a chain too."""
    hold(catalogue, [visit(12, "PFS/raw/again")], runs=("PFS/raw/again",), at=LATER)
    first = catalogue.find("raw", visit=12, arm="b", spectrograph=1, collections=[RUN, "PFS/raw/again"])
    assert first.run == RUN
    catalogue.chain("PFS/default", ["PFS/raw/again", RUN], NOON)
    catalogue.chain("PFS/outer", ["PFS/default"], NOON)
    through = catalogue.find("raw", visit=12, arm="b", spectrograph=1, collections="PFS/outer")
    assert through.run == "PFS/raw/again"
    everything = Question("raw", collections=("PFS/outer",))
    assert len(names(catalogue, everything)) == 18
    assert len(names(catalogue, replace(everything, first_of_each=True))) == 12


def test_a_chain_never_leads_back_to_itself(catalogue: Catalogue) -> None:
    """A search would not end."""
    catalogue.chain("a", [RUN], NOON)
    catalogue.chain("b", ["a"], NOON)
    for name, children in (("a", ["b"]), ("c", ["c"]), ("a", [RUN, RUN]), ("d", [])):
        with pytest.raises(UsageError):
            catalogue.chain(name, children, NOON)
    assert {one.name: one.children for one in catalogue.collections()} == {RUN: (), "a": (RUN,), "b": ("a",)}


def test_a_tag_holds_one_dataset_for_each_data_id(catalogue: Catalogue) -> None:
    """Put in again it is the same; the same visit of another run takes its place."""
    catalogue.make_collection("good", CollectionKind.TAGGED, NOON)
    ids = [one.id for one in visit(12)]
    assert catalogue.tag("good", ids) == 6
    assert catalogue.tag("good", ids) == 0
    hold(catalogue, [visit(12, "PFS/raw/again")], runs=("PFS/raw/again",))
    assert catalogue.tag("good", [new(12, "b", 1, "PFS/raw/again").id]) == 1
    found = catalogue.find_datasets(Question("raw", collections=("good",))).datasets
    assert len(found) == 6
    assert sum(one.run == "PFS/raw/again" for one in found) == 1
    assert catalogue.untag("good", ids) == 5


def test_a_calibration_is_valid_for_a_time_that_no_other_shares(catalogue: Catalogue) -> None:
    """Of one data id one dataset at a time; the instant asked for chooses."""
    catalogue.make_collection("calib", CollectionKind.CALIBRATION, NOON)
    one, other = new(12, "b"), new(12, "b", run="PFS/calib/2")
    hold(catalogue, [[other]], runs=("PFS/calib/2",))
    catalogue.certify("calib", [one.id], Validity(None, NOON))
    with pytest.raises(UsageError, match="another dataset is valid from ever until 2024-10-05T12:00:00"):
        catalogue.certify("calib", [other.id], Validity(NOON - dt.timedelta(hours=1), None))
    catalogue.certify("calib", [other.id], Validity(NOON, None))
    asked = {"visit": 12, "arm": "b", "spectrograph": 1, "collections": "calib"}
    assert catalogue.find("raw", at_utc=NOON - dt.timedelta(seconds=1), **asked).id == one.id  # type: ignore[arg-type]
    assert catalogue.find("raw", at_utc=NOON, **asked).id == other.id  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="nothing is valid"):
        catalogue.certify("calib", [one.id], Validity(NOON, NOON))


def test_collections_are_what_they_were_made(catalogue: Catalogue) -> None:
    """A name has one kind; a run that holds datasets and a link of a chain stay."""
    assert not catalogue.make_collection(RUN, CollectionKind.RUN, NOON)
    for name, kind in ((RUN, CollectionKind.TAGGED), ("two words", CollectionKind.RUN), ("", CollectionKind.RUN)):
        with pytest.raises(UsageError):
            catalogue.make_collection(name, kind, NOON)
    with pytest.raises(UsageError, match="is RUN, not TAGGED"):
        catalogue.tag(RUN, [])
    with pytest.raises(UsageError, match=r"still holds datasets \(12\)"):
        catalogue.remove_collection(RUN)
    catalogue.make_collection("good", CollectionKind.TAGGED, NOON)
    catalogue.chain("path", ["good"], NOON)
    with pytest.raises(UsageError, match="part of the chain path"):
        catalogue.remove_collection("good")
    catalogue.remove_collection("path")
    catalogue.remove_collection("good")
    assert [one.name for one in catalogue.collections()] == [RUN]


def test_a_removed_dataset_leaves_its_collections(catalogue: Catalogue) -> None:
    """Forgotten with its memberships; the others stay."""
    catalogue.make_collection("good", CollectionKind.TAGGED, NOON)
    ids = [one.id for one in visit(12)]
    catalogue.tag("good", ids)
    assert catalogue.remove_datasets(ids[:2]) == 2
    assert len(names(catalogue, Question("raw", collections=("good",)))) == 4


def test_originals_that_a_datastore_reaches_are_told(catalogue: Catalogue) -> None:
    """What prune must leave: linked or direct, on the host asked about."""
    copied = replace(new(50), transfer="copy")
    hold(catalogue, [[copied]])
    linked = new(12)
    asked = [copied.origin, linked.origin, b"/data/raw/PFSA99999911.fits"]
    assert catalogue.reached_originals(asked, {"here", "there"}) == {linked.origin: "hardlink"}
    assert catalogue.reached_originals(asked, {"there"}) == {}


def test_every_dataset_is_given_page_by_page(catalogue: Catalogue) -> None:
    """In the order of their paths, each once."""
    hold(catalogue, [[new(number) for number in range(100_000, 105_100)]])
    paths = [one.path for one in catalogue.every_dataset()]
    assert len(paths) == 5_112
    assert paths == sorted(set(paths))
