"""The JSON documents: the interface's keys, all of them, always."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from reports.json import Document, document_of, dumps, run_document, sync_document, verify_document
from tests.unit.reports.made import AWAY, EVERYTHING, FULL, MISSING, NOT_MOVED, OK_HOP, SEED, SHD_UNKNOWN, report

FRAME = ["state", "started_utc", "finished_utc", "hops"]
HOP = [
    "instrument",
    "source",
    "destination",
    "source_root",
    "destination_root",
    "state",
    "reason",
    "level",
    "nights",
    "source_files",
    "destination_files",
    "compared",
    "not_comparable",
    "missing",
    "extra",
    "size_differs",
    "checksum_differs",
    "damaged",
    "unreadable",
    "in_progress",
    "unrecognised",
    "sequence_gaps",
]
MOVED_HOP = [
    "instrument",
    "source",
    "destination",
    "source_root",
    "destination_root",
    "state",
    "reason",
    "nights",
    "source_files",
    "planned",
    "transferred",
    "bytes",
    "seconds",
    "failed",
    "in_progress",
    "kept",
    "replaced",
]


def through_json(document: Document) -> object:
    """Return what a program that reads standard output sees."""
    return json.loads(dumps(document))


def test_the_interface_s_example_comes_out_value_for_value() -> None:
    """The keys of the page, in its order, with its values; ours come after."""
    document = verify_document(SEED)
    assert list(document)[:4] == FRAME
    assert document["state"] == "different"
    assert document["started_utc"] == "2016-09-08T07:00:00Z"
    hop = document["hops"][0]
    assert list(hop)[: len(HOP)] == HOP
    assert {key: hop[key] for key in HOP if key not in ("missing", "reason")} == {
        "instrument": "sha",
        "source": "sha.suth.saao.ac.za",
        "destination": "astro.suth.saao.ac.za",
        "source_root": "/data/74in/sha/",
        "destination_root": "/data/telescopedata/74in/sha/",
        "state": "different",
        "level": "size",
        "nights": ["20160907"],
        "source_files": 163,
        "destination_files": 121,
        "compared": 163,
        "not_comparable": 0,
        **{key: [] for key in HOP[14:]},
    }
    assert hop["missing"] == [path.decode() for path in MISSING]


def test_every_key_is_there_even_where_nothing_was_seen() -> None:
    """A program never has to ask whether a key exists."""
    for document in (verify_document(report(SHD_UNKNOWN, AWAY, OK_HOP)), verify_document(report(EVERYTHING))):
        assert all(set(HOP) <= set(hop) for hop in document["hops"])


def test_a_reason_is_null_for_ok_alone() -> None:
    """Every other state has a sentence."""
    hops = verify_document(report(OK_HOP, EVERYTHING, AWAY, SHD_UNKNOWN))["hops"]
    assert {hop["state"]: hop["reason"] is None for hop in hops} == {"ok": True, "unknown": False, "away": False}


def test_the_document_s_state_is_the_worst_of_its_hops() -> None:
    """Unknown before different before away before ok; of no hop at all unknown."""
    assert verify_document(report(OK_HOP))["state"] == "ok"
    assert verify_document(report(OK_HOP, AWAY))["state"] == "away"
    assert verify_document(report(*SEED.verdicts, AWAY))["state"] == "different"
    assert verify_document(report(*SEED.verdicts, SHD_UNKNOWN))["state"] == "unknown"
    assert verify_document(report())["state"] == "unknown"


def test_names_that_are_no_text_are_written_as_bytes_and_all_of_it_is_ascii() -> None:
    """A name with a newline or a byte that is not UTF-8 comes as base64."""
    written = dumps(verify_document(report(replace(OK_HOP, missing=(b"z\xff", b"a\nb", "é".encode(), b"b")))))
    assert written.isascii()
    missing = json.loads(written)["hops"][0]["missing"]
    assert missing == [{"bytes": "YQpi"}, "b", {"bytes": "ev8="}, "é"]


def test_findings_say_which_side_they_are_on() -> None:
    """Damage and refusals: path, on, reason."""
    hop = verify_document(report(EVERYTHING))["hops"][0]
    assert hop["damaged"][1] == {"path": "2016/0907/cut.fits", "on": "source", "reason": "ends after 1 of 3 blocks"}
    assert hop["unreadable"] == [{"path": "2016/0907/locked", "on": "source", "reason": "permission denied"}]


def test_gaps_name_the_night_and_the_numbers() -> None:
    """As the interface writes them; the camera is our addition."""
    (gap,) = verify_document(report(EVERYTHING))["hops"][0]["sequence_gaps"]
    assert (gap["night"], gap["numbers"]) == ("20160907", [140, 143, 144, 145])


def test_the_three_counts_add_up_to_the_source_files() -> None:
    """source_files = compared + not_comparable + in_progress."""
    for hop in verify_document(report(EVERYTHING, *SEED.verdicts))["hops"]:
        assert hop["source_files"] == hop["compared"] + hop["not_comparable"] + len(hop["in_progress"])


def test_a_sync_document_counts_what_moved_and_lists_what_did_not() -> None:
    """The same frame; `failed` carries reasons, the other lists are paths."""
    document = sync_document(report(kind="sync", outcomes=(NOT_MOVED,)))
    assert list(document)[:4] == FRAME
    hop = document["hops"][0]
    assert list(hop)[: len(MOVED_HOP)] == MOVED_HOP
    assert (hop["planned"], hop["transferred"], hop["bytes"], hop["seconds"]) == (42, 41, 42_000_000, 8.4)
    assert hop["failed"] == [{"path": "2016/0907/SHA_20160907.0163.fits", "reason": "disk full"}]
    assert hop["kept"] == ["2016/0907/SHA_20160907.0001.fits"]
    assert hop["replaced"] == ["2016/0907/SHA_20160907.0002.fits"]


def test_a_run_document_holds_both_and_the_steps() -> None:
    """hops as verify has them, transfers as sync has them."""
    document = run_document(FULL)
    assert [set(HOP) <= set(hop) for hop in document["hops"]] == [True] * 3
    assert [set(MOVED_HOP) <= set(hop) for hop in document["transfers"]] == [True]
    assert document["steps"][0]["reasons"] == ["x.fits: not FITS"]
    assert document["problems"] == [{"instrument": "shd", "sentence": FULL.problems[0].sentence}]


def test_the_kind_of_a_report_chooses_its_document() -> None:
    """One call for whoever has a report in hand."""
    kinds = [SEED, report(kind="sync", outcomes=(NOT_MOVED,)), FULL]
    assert [document_of(made)["kind"] for made in kinds] == ["verify", "sync", "run"]
    assert all(through_json(document_of(made)) for made in kinds)


def keys_of(value: object) -> Iterator[str]:
    """Yield the keys that a document has anywhere, but for those that are reasons."""
    if isinstance(value, dict):
        yield from (key for key in value if " " not in key)
        value = list(value.values())
    for inner in value if isinstance(value, list) else ():
        yield from keys_of(inner)


@pytest.mark.parametrize(
    "document", [verify_document(FULL), sync_document(FULL), run_document(FULL)], ids=["verify", "sync", "run"]
)
def test_every_key_stands_on_the_page_of_the_interface(document: Document) -> None:
    """Who writes a program over these documents learns what their keys are from the page, not from a document."""
    page = (Path(__file__).resolve().parents[3] / "docs" / "interface.md").read_text()
    told = set(re.findall(r"[a-z0-9_]+", " ".join(re.findall(r"`([^`]+)`", page))))
    assert set(keys_of(document)) - told == set()
