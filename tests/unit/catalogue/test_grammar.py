"""What a file's name and header say: the names of PFS, and any that an instrument's file declares."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from catalogue.datasets.grammar import Grammar, NameFault, dataset_id
from catalogue.datastore import DatasetTypeSection, DatastoreSection
from nightferry.sections import section_models
from observatory.spec.owned import instrument_model
from observatory.spec.yaml import read
from tests.shared import REPOSITORY


@pytest.fixture(scope="module")
def pfs() -> Grammar:
    """Give the names of PFS as instruments.d declares them."""
    path = REPOSITORY / "instruments.d" / "pfs.yaml"
    instrument = instrument_model(section_models()).model_validate(read(path, "pfs.yaml").value, by_alias=True)
    section = instrument.section(DatastoreSection)
    assert section is not None
    return Grammar("pfs", section)


def values(grammar: Grammar, name: bytes, header: Mapping[str, object] | None = None) -> dict[str, object]:
    """Return what a name of the first type that fits says."""
    kind = grammar.type_of(name)
    assert kind is not None
    told = grammar.describe(kind, name, header or {}).values
    return {key: value for key, value in told.items() if value is not None}


def test_the_seeds_raw_names_mean_what_the_seed_says(pfs: Grammar) -> None:
    """PFSA12345611: visit 123456 at the summit, spectrograph 1, blue arm; PFSB12345623: spectrograph 2, infrared."""
    assert pfs.type_of(b"PFSA12345611.fits") == "raw"
    assert values(pfs, b"PFSA12345611.fits") == {
        "instrument": "PFS", "arm": "b", "spectrograph": 1, "detector": 0, "visit": 123456,
    }  # fmt: skip
    assert values(pfs, b"PFSB12345623.fits") == {
        "instrument": "PFS", "arm": "n", "spectrograph": 2, "detector": 5, "visit": 123456,
    }  # fmt: skip
    assert values(pfs, b"PFLA00000114.fits")["instrument"] == "PFS-L"
    assert "detector" not in values(pfs, b"PFLA00000114.fits")


def test_fibre_configurations_old_and_new_and_per_proposal_are_told_apart(pfs: Grammar) -> None:
    """One visit has many PFSF files: 00 the whole, 01-99 one proposal's; none takes another's place."""
    new = values(pfs, b"pfsConfig-0xad349fe21234abcd-123456.fits")
    assert new == {"instrument": "PFS", "pfs_design_id": 0xAD349FE21234ABCD, "visit": 123456}
    assert values(pfs, b"pfsConfig-0x52327a27.fits") == {"instrument": "PFS", "pfs_design_id": 0x52327A27}
    subsets = [b"PFSF123456%02d.fits" % number for number in range(100)]
    ids = {pfs.describe("pfsConfig", name, {}).id_in("PFS/raw/pfsConfig") for name in subsets}
    assert len(ids) == 100
    assert values(pfs, b"PFSF12345607.fits", {"PROP-ID": "o24007"})["proposal"] == "o24007"


@pytest.mark.parametrize(
    "name",
    [
        b"PFSA12345611.fits.fz",
        b"PFSA12345611.fits.tmp",
        b"PFSA12345611.fitsX",
        b"PFSA12345611.fits\n",
        b"xPFSA12345611.fits",
        b"PFSA12345615.fits",
        b"PFSA12345610.fits",
        b"PFSA12345651.fits",
        b"PFSA1234561.fits",
        b"PFSC12345611.fits",
        b"PFSS12345611.fits",
        b"PFQA12345611.fits",
        b"pfsa12345611.fits",
        b"pfsConfig-0xAD349FE2.fits",
        b"pfsConfig-0xad349fe21234abcd1-123456.fits",
        b"pfsDesign-0xad349fe21234abcd.fits",
        b"PFSF1234560.fits",
        b"\xff.fits",
    ],
)
def test_a_name_that_only_looks_like_one_is_of_no_type(pfs: Grammar, name: bytes) -> None:
    """The whole name must fit, from its first byte to its last; arms and spectrographs go from 1 to 4."""
    assert pfs.type_of(name) is None


_names = st.tuples(
    st.sampled_from([b"PFSA", b"PFLB", b"PFSC", b"PFSF", b"pfsConfig-0x", b"pfsDesign-0x", b""]),
    st.sampled_from([b"123456", b"12345611", b"12345615", b"52327a27", b"ad349fe21234abcd", b"AD349FE2"])
    | st.binary(max_size=9),
    st.sampled_from([b"", b"", b"-123456", b"-1"]),
    st.sampled_from([b".fits", b".fits", b".fits.fz", b".fits\n", b""]),
).map(b"".join)
"""Most are nearly of a type, and some are."""


@given(st.binary(max_size=60) | _names)
@example(b"PFSA12345611.fits")
@example(b"PFSF12345611.fits")
@example(b"pfsConfig-0x52327a27-123456.fits")
def test_any_name_is_of_a_type_or_of_none(pfs: Grammar, name: bytes) -> None:
    """The two types, written down once more by hand."""
    raw = re.fullmatch(rb"PF[JLXIASPF][AB]\d{6}[1-4]{2}\.fits", name)
    fibres = re.fullmatch(rb"(pfsConfig-0x[0-9a-f]{1,16}(-\d{6})?|PFSF\d{8})\.fits", name)
    assert pfs.type_of(name) == ("raw" if raw else "pfsConfig" if fibres else None)


def test_a_header_that_contradicts_its_name_is_a_fault(pfs: Grammar) -> None:
    """The name is a cross-check of the header; which of the two is wrong a person must say."""
    header = {"W_VISIT": 123457, "W_ARM": 1, "W_SPMOD": 1, "W_SITE": "S"}
    with pytest.raises(NameFault, match="name says visit = 123456, its header says W_VISIT = 123457"):
        pfs.describe("raw", b"PFSA12345611.fits", header)
    with pytest.raises(NameFault, match="W_ARM = 2"):
        pfs.describe("raw", b"PFSA12345611.fits", header | {"W_VISIT": 123456, "W_ARM": 2})


def test_a_header_tells_what_the_name_does_not(pfs: Grammar) -> None:
    """Dither and design stand in the header alone; negative dithers are what they are (B9)."""
    header = {"W_VISIT": 123456, "W_PFDSGN": 1, "W_ENFCAZ": -2.0}
    told = values(pfs, b"PFSA12345611.fits", header)
    assert (told["dither"], told["pfs_design_id"]) == (-2.0, 1)


def test_values_that_came_before_are_not_taken_for_others(pfs: Grammar) -> None:
    """1, 1.0 and True are one key of a dictionary, and 0.0 is -0.0; what a file tells depends on no other file."""
    name = b"PFSA12345611.fits"
    told = [values(pfs, name, {"W_ENFCAZ": written})["dither"] for written in (0.0, -0.0, 1, 1.0, "1", " 1.50 ")]
    assert [str(one) for one in told] == ["0.0", "0.0", "1.0", "1.0", "1.0", "1.5"]
    for written in (True, "x", 1e400, "1_0"):
        with pytest.raises(NameFault):
            values(pfs, name, {"W_ENFCAZ": written})
    for visit in range(5000):
        assert values(pfs, b"PFSA%06d11.fits" % visit)["visit"] == visit


def test_the_id_is_the_one_that_butler_gives() -> None:
    """Computed with daf_butler 30.2026.4300: type raw, run PFS/raw/all, mode dataid_type_run."""
    identity = {"instrument": "PFS", "visit": 12, "arm": "r", "spectrograph": 1}
    assert dataset_id("raw", "PFS/raw/all", identity) == uuid.UUID("e1019d58-f2d2-5599-9458-896adbde48cb")


def test_values_that_hold_separators_do_not_look_like_other_data_ids() -> None:
    """A comma and an equals sign in a value are part of the value."""
    assert dataset_id("t", "r", {"a": "1,b=2"}) != dataset_id("t", "r", {"a": "1", "b": "2"})
    assert dataset_id("t", "r", {"a": "1", "b": None}) == dataset_id("t", "r", {"a": "1"})


def test_the_place_of_a_file_follows_the_layout(pfs: Grammar) -> None:
    """Run, visit and name; nothing is put outside the datastore."""
    described = pfs.describe("raw", b"PFSA00001211.fits", {})
    assert pfs.path_of(described, "PFS/raw/all", b"PFSA00001211.fits") == b"PFS/raw/all/000012/PFSA00001211.fits"
    with pytest.raises(NameFault, match="path has a part"):
        pfs.path_of(described, "../elsewhere", b"PFSA00001211.fits")


def declared(**changes: object) -> DatasetTypeSection:
    """Return a type of one key with some changes."""
    keys: dict[str, object] = {
        "names": r"x(?P<visit>[0-9]+)\.fits",
        "collection": "x/raw",
        "keys": {"visit": {"kind": "integer"}},
    }
    return DatasetTypeSection.model_validate(keys | changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"names": "x("}, "no regular expression"),
        ({"keys": {"arm": {}}}, "no name has a group 'arm'"),
        ({"keys": {"visit": {}, "type": {"of": "x"}}}, "cannot be a key"),
        ({"exposure": "arm"}, "there is no key 'arm'"),
        ({"layout": "{run}/{arm}/{name}"}, "{arm} is no key"),
        ({"layout": "{run}/file.fits"}, "would get one path"),
        ({"layout": "../{name}"}, "relative path"),
        ({"layout": "{name"}, "braces"),
        ({"layout": "{name.__class__}"}, "is no name of a key"),
        ({"keys": {"Visit": {}}}, "string should match"),
    ],
)
def test_a_declaration_that_cannot_work_is_refused_with_its_reason(changes: dict[str, object], said: str) -> None:
    """Before a file is touched: two datasets of one path overwrite one another in the tools that allow it (B1)."""
    with pytest.raises(ValidationError) as caught:
        declared(**changes)
    assert said.lower() in str(caught.value).lower()


def test_an_object_store_is_refused_in_one_line() -> None:
    """What cannot be renamed, linked and fsynced is no datastore of ours."""
    with pytest.raises(ValidationError, match="object store, which is not supported"):
        DatastoreSection.model_validate({"root": "s3://bucket/pfs"})
