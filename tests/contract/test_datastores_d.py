"""Every datastore that instruments.d declares: its names are understood, its ids and places are all different.

A new type joins the suite by being there, and by a row of names in NAMES.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from catalogue.catalogue import Catalogue
from catalogue.datasets.grammar import Grammar
from catalogue.datasets.query import Question
from catalogue.datasets.records import CollectionKind, NewDataset
from catalogue.datastore import DatastoreSection
from observatory.spec.yaml import read
from tests.held import NOON
from tests.shared import REPOSITORY

NAMES: dict[str, dict[str, list[bytes]]] = {
    "pfs": {
        "raw": [b"PF%cA%06d%d%d.fits" % (site, visit, spectrograph, arm)
                for site in b"SL" for visit in (0, 12, 999999) for spectrograph in (1, 4) for arm in (1, 2, 4)]
               + [b"PFSB%06d%d3.fits" % (visit, spectrograph) for visit in (0, 12) for spectrograph in (1, 2, 3, 4)],
        "pfsConfig": [b"pfsConfig-0xad349fe21234abcd-123456.fits", b"pfsConfig-0x52327a27.fits"]
                     + [b"PFSF123456%02d.fits" % number for number in range(100)],
    },
}  # fmt: skip


def declared(name: str) -> dict[str, Any]:
    """Return what one file of instruments.d holds."""
    path = REPOSITORY / "instruments.d" / f"{name}.yaml"
    held = read(path, path.name).value
    assert isinstance(held, dict)
    return held


FILES = sorted(path.stem for path in (REPOSITORY / "instruments.d").glob("*.yaml"))
STORES = [name for name in FILES if "datastore" in declared(name)]


def grammar(name: str) -> Grammar:
    """Return the names of one instrument."""
    return Grammar(name, DatastoreSection.model_validate(declared(name)["datastore"], by_alias=True))


def test_there_is_a_datastore_to_look_at() -> None:
    """PFS at least; the suite below cannot pass because nothing was found."""
    assert "pfs" in STORES


@pytest.mark.parametrize("name", STORES)
class TestEveryDatastore:
    """One suite over all of them."""

    def test_every_type_has_names_to_be_tried_with(self, name: str) -> None:
        """A type that is declared without a row in NAMES is not tested."""
        assert {one.name for one in grammar(name).types} == set(NAMES[name])

    def test_every_name_is_of_its_type_and_no_two_share_an_id_or_a_place(self, name: str) -> None:
        """One dataset for each name, one path for each dataset."""
        made = grammar(name)
        ids, places = set(), set()
        for kind, names in NAMES[name].items():
            run = made.section_of(kind).collection
            for one in names:
                assert made.type_of(one) == kind
                described = made.describe(kind, one, {})
                ids.add(described.id_in(run))
                places.add(made.path_of(described, run, one))
        count = sum(map(len, NAMES[name].values()))
        assert (len(ids), len(places)) == (count, count)

    def test_a_name_with_anything_before_or_after_it_is_of_no_type(self, name: str) -> None:
        """Temporary and partial names are never taken."""
        made = grammar(name)
        for one in (one for names in NAMES[name].values() for one in names[:5]):
            for odd in (b"." + one, one + b".tmp", one + b".part", one + b"\n", b"x" + one, one[:-1]):
                assert made.type_of(odd) is None

    def test_its_datasets_are_recorded_and_found_again(self, name: str, tmp_path: Path) -> None:
        """By every key that identifies: the declared kinds are those that a database keeps."""
        made = grammar(name)
        with Catalogue.open("sqlite:///catalogue.db", tmp_path) as held:
            held.declare_types(made.types, {})
            store = held.open_datastore("here", b"/store")
            ingest = held.start_ingest(name, store, "link", "here", 1, NOON)
            for kind, names in NAMES[name].items():
                run = made.section_of(kind).collection
                held.make_collection(run, CollectionKind.RUN, NOON)
                described = [made.describe(kind, one, {}) for one in names]
                rows = [
                    NewDataset(one.id_in(run), one.type, run, one.values, None, None, made.path_of(one, run, file),
                               "copy", b"/x", 1, 1.0)
                    for file, one in zip(names, described, strict=True)
                ]  # fmt: skip
                held.record_exposures(ingest, store, [rows], NOON)
                for one in described[:10]:
                    equal = {key: one.values[key] for key in one.type.identifying if one.values[key] is not None}
                    found = held.find_datasets(Question(kind, equal=equal)).datasets  # type: ignore[arg-type]
                    assert one.id_in(run) in [dataset.id for dataset in found]
