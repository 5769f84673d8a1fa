"""What a dataset leads to by link, or in its own place, no step takes away; ``restore`` neither."""

from __future__ import annotations

from pathlib import Path

import pytest

from observatory.nights import night_text
from tests.hosts import Host
from tests.nightsites import declare, expose, made, night_site
from tests.observatory import Answer, Observatory, tree

DATASTORE = {
    "root": "store",
    "types": {
        "cube": {
            "names": r"(?P<name>[^/]+)\.cube(\.z)?",
            "collection": "vamp/cubes",
            "layout": "{run}/{name}",
            "keys": {"name": {"kind": "text"}},
        }
    },
}
LEADING = ["symlink", "relsymlink", "direct"]


@pytest.fixture
def site(
    tmp_path: Path,
    three_hosts: tuple[Host, Host, Host],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Observatory:
    """Give a night whose cubes are numbered and not yet packed."""
    site = night_site(tmp_path, three_hosts[0], capsys, monkeypatch)
    declare(site, datastore=DATASTORE)
    expose(site)
    site.mark("here", "vamp")
    steps = [word for step in ("gather", "stamp", "number") for word in ("--step", step)]
    assert site.call("convert", *steps).status == 0
    assert made(site, site.night()) == ["N0001.cube", "N0002.cube"]
    return site


def ingested(site: Observatory, name: str, way: str) -> Path:
    """Ingest a product and return where it lies."""
    path = site.root("here", "vamp") / night_text(site.night()) / "made" / name
    answer = site.call("ingest", "-i", "vamp", str(path), "-t", way)
    assert answer.status == 0, answer
    return path


def reasons(answer: Answer) -> str:
    """Return what a `convert --json` said of its steps."""
    return " ".join(reason for row in answer.document["steps"] for reason in row["reasons"])


@pytest.mark.parametrize("way", LEADING)
def test_a_step_leaves_what_a_dataset_leads_to_and_says_how_to_go_on(site: Observatory, way: str) -> None:
    """The other files of the night are packed; removed from the datastore, this one is too."""
    cube = ingested(site, "N0001.cube", way)
    for words in (("--dry-run",), ()):
        answer = site.call("convert", *words, "--json")
        assert answer.status == 1, answer
        assert f"N0001.cube: the datastore reaches it by {way}: `nightferry datasets remove`" in reasons(answer)
    assert cube.exists()
    assert made(site, site.night()) == ["N0001.cube", "N0002.cube.z"]
    assert site.call("catalogue", "check").status == 0
    assert site.call("datasets", "remove", "cube", "--yes").status == 0
    assert site.call("convert").status == 0
    assert made(site, site.night())[:2] == ["N0001.cube.z", "N0002.cube.z"]


@pytest.mark.parametrize("way", LEADING)
def test_restore_leaves_a_night_where_a_dataset_leads_to_a_product(site: Observatory, way: str) -> None:
    """With its reason and the remedy; nothing of the night is set aside."""
    assert site.call("convert").status == 0
    ingested(site, "N0001.cube.z", way)
    words = ("restore", "-i", "vamp", "-d", night_text(site.night()), "--yes")
    before = tree(site.root("here", "vamp"))
    answer = site.call(*words)
    assert answer.status == 1, answer
    assert f"N0001.cube.z: the datastore reaches it by {way}: `nightferry datasets remove`" in answer.out
    assert "restore --from" not in answer.out, "that brings originals"
    assert tree(site.root("here", "vamp")) == before
    assert site.call("datasets", "remove", "cube", "--yes").status == 0
    assert site.call(*words).status == 0
    assert made(site, site.night()) == []


@pytest.mark.parametrize("way", ["hardlink", "copy"])
def test_what_keeps_its_bytes_under_its_own_name_holds_no_step(site: Observatory, way: str) -> None:
    """A hard link and a copy are there still when the step has removed the cube."""
    ingested(site, "N0001.cube", way)
    assert site.call("convert").status == 0
    assert made(site, site.night())[:2] == ["N0001.cube.z", "N0002.cube.z"]
    assert site.call("catalogue", "check").status == 0
