"""One instrument's failure in the nightly run is its own, and stands in the report."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.observatory import Observatory, fits_file, tree

STEP = {"step": "command", "name": "look", "run": ["cp", "{input}", "{output}"], "inputs": ["*.fits"]}


def test_old_files_that_cannot_be_cleared_away_hold_up_neither_their_night_nor_another_instrument(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Housekeeping is said, and makes the run unknown; the nights are processed, carried and proven all the same."""
    site = Observatory(tmp_path, (), capsys)
    for name in ("dome", "hill"):
        site.add_local(name)
    step = STEP | {"outputs": ["{stem}.txt"], "copy": "dome"}
    site.declare("sha", copies=[site.copy("dome", "sha"), site.copy("hill", "sha")], convert={"steps": [step]})
    site.declare("shb", copies=[site.copy("dome", "shb"), site.copy("hill", "shb")])
    for name in ("sha", "shb"):
        site.put("dome", f"{site.night(2):%Y/%m%d}/{name.upper()}_1.fits", fits_file(), instrument=name)
        site.mark("hill", name)
    site.mark("dome")
    (site.root("dome") / ".nightferry" / "replaced").write_bytes(b"a file where a folder should be")
    plan = site.call("run", "--dry-run", "--json").document
    assert ([(one["instrument"], one["planned"]) for one in plan["transfers"]], plan["hops"]) == (
        [("sha", 1), ("shb", 1)],
        [],
    )
    assert plan["problems"] == []
    answer = site.call("run", "--json")
    document = answer.document
    assert (answer.status, [one["instrument"] for one in document["problems"]]) == (3, ["sha"]), answer
    assert "replaced" in document["problems"][0]["sentence"]
    assert [(one["instrument"], one["done"]) for one in document["steps"]] == [("sha", 1)]
    assert {name: len(tree(site.root("hill", name))) for name in ("sha", "shb")} == {"sha": 1, "shb": 1}
    assert [one["state"] for one in document["hops"]] == ["ok", "ok"]
    assert [(one["instrument"], one["transferred"]) for one in document["transfers"]] == [("sha", 1), ("shb", 1)]
