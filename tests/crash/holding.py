"""Flows that fill datastore and catalogue, and those that take out of them: ingest, fill, sums, bag, fetch, unpack."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from catalogue import Catalogue
from catalogue.datasets.query import Question
from tests.crash.flow import Flow, Ground
from tests.crash.moving import stage_of
from tests.crash.scenes import Scene, ask
from tests.integration.test_cli_catalogue import Site
from tests.integration.test_unpack import NAMES, query
from tests.observatory import tree
from tests.pfs import Deliveries, ccd, raw_name

NIGHT = "20211129"
VISITS, FILES_A_VISIT = 2, 2


# ---- the datastore


def ingest(way: str) -> Callable[[Ground], Scene]:
    """Have two visits delivered, of two files each, that go into the datastore in some way."""

    def make(ground: Ground) -> Scene:
        pfs = Deliveries.on(stage_of(ground))
        for visit in range(1, VISITS + 1):
            for spectrograph in range(1, FILES_A_VISIT + 1):
                pfs.put(raw_name(visit, spectrograph, "r"), ccd(visit, spectrograph, "r", first=visit))
        words = ("ingest", "-i", "pfs", str(pfs.folder), "-t", way)
        contents = {path.name: path.read_bytes() for path in pfs.folder.iterdir()}

        def recorded_is_there() -> None:
            recorded(pfs, contents)
            assert lying(pfs) >= contents.keys(), "a file is gone"

        def all_is_recorded() -> None:
            assert recorded(pfs, contents) == len(contents)
            assert pfs.site.call("catalogue", "check").status == 0

        assert pfs.site.call("status").status in (0, 3)
        roots = (pfs.site.root("archive", "pfs"), pfs.store)
        scene = Scene(pfs.site.folder, words, roots, sealed=recorded_is_there, ends_well=all_is_recorded)
        if way == "move":  # the next time there may be nothing left to move, which is 1
            scene.prepared = lambda: moved(scene)
            scene.again = ("catalogue", "check")
            scene.excused = lambda said: "the original could not be removed" in said
        return scene

    return make


def moved(scene: Scene) -> None:
    """Move what is left."""
    answer = scene.call(*scene.words)
    assert answer.status == 0 or "no file of a known type" in answer.out, answer


def lying(pfs: Deliveries) -> set[str]:
    """Return the names of the files that lie at their origin or in the datastore."""
    return {path.name for path in pfs.folder.iterdir()} | {Path(path).name for path in pfs.stored()}


def recorded(pfs: Deliveries, contents: dict[str, bytes]) -> int:
    """Assert that the catalogue can be read, and that it knows visits, their files too; return how many files."""
    with Catalogue.open(f"sqlite:///{pfs.site.state}/catalogue.db") as held:
        datasets = held.find_datasets(Question("raw")).datasets if held.dataset_types() else ()
    per_visit = [sum(one.values["visit"] == visit for one in datasets) for visit in range(1, VISITS + 1)]
    assert set(per_visit) <= {0, FILES_A_VISIT}, f"a visit is recorded in part: {per_visit}"
    for one in datasets:
        assert one.file.read_bytes() == contents[one.file.name], f"{one.file.name} is recorded and not there"
    return len(datasets)


# ---- the catalogue of exposures


def desi(ground: Ground) -> Site:
    """Return a site with one exposure, at both of its copies."""
    capsys: Any = None  # it is asked in forked children
    site = Site(ground.folder, capsys)
    site.declare()
    site.expose(111388)
    (ground.folder / "nersc" / ".nightferry").mkdir(parents=True)
    (ground.folder / "nersc" / ".nightferry" / "root").touch()
    answer = ask(ground.folder / "config", ("sync", "-d", NIGHT))
    assert answer.status == 0, answer
    return site


def fill(ground: Ground) -> Scene:
    """Have a night to be catalogued."""
    desi(ground)
    scene = Scene(ground.folder, ("catalogue", "fill", "-d", NIGHT), roots(ground))

    def is_known() -> None:
        answer = scene.call("exposures", "--nights", NIGHT, "--json")
        found = answer.document["exposures"]
        assert [one["expid"] for one in found] == [111388], answer
        assert found[0]["data_location"], found

    scene.ends_well = is_known
    return scene


def roots(ground: Ground, *more: str) -> list[Path]:
    """Return both copies, and further folders."""
    return [ground.folder / name for name in ("dts", "nersc", *more)]


def catalogued(ground: Ground, *words: str) -> Scene:
    """Have a night that is catalogued, and something to be made of it in a folder of its own."""
    desi(ground)
    (ground.folder / "made").mkdir()
    scene = Scene(ground.folder, words, roots(ground, "made"))
    assert scene.call("catalogue", "fill", "-d", NIGHT).status == 0
    return scene


def fetch(ground: Ground) -> Scene:
    """Have an exposure fetched."""
    return catalogued(ground, "fetch", "111388", "--to", str(ground.folder / "made"))


def fetch_over_others(ground: Ground) -> Scene:
    """Have an exposure fetched over files of other contents."""
    scene = fetch(ground)
    (ground.folder / "made" / "fiberassign-080605.fits").write_bytes(b"mine")
    return scene


def sums_of_visits(ground: Ground) -> Scene:
    """Have a list of checksums written for each visit that the datastore holds."""
    scene = ingest("copy")(ground)
    made = ground.folder / "made"
    assert scene.call(*scene.words).status == 0
    return Scene(ground.folder, ("catalogue", "sums", "raw", "--to", str(made)), (*scene.roots, made))


def bag(ground: Ground) -> Scene:
    """Have a bag made of a night."""
    bag = ground.folder / "made" / "bag"
    scene = catalogued(ground, "catalogue", "bag", "-i", "desi", "-d", NIGHT, str(bag))

    def proves_itself() -> None:
        assert scene.call("catalogue", "check-bag", str(bag)).status == 0

    def made_once() -> None:
        """A bag must not be there yet: one that is whole is taken away, as a person would who wants another."""
        if bag.exists():
            proves_itself()
            shutil.rmtree(bag)

    scene.prepared, scene.ends_well = made_once, proves_itself
    return scene


# ---- from elsewhere


def unpacked(ground: Ground) -> Scene:
    """Have the result of a query unpacked."""
    stage = stage_of(ground)
    archive = query(stage.folder / "S2Query.tar", NAMES, NAMES[:2])
    folder = stage.folder / "download"
    folder.mkdir()
    scene = Scene(stage.folder, ("unpack", str(archive), str(folder)), (folder,), expected=1, expected_again=1)
    scene.ends_well = lambda: all_there(folder)
    return scene


def all_there(folder: Path) -> None:
    """Assert that the files in it came out, and that their lists are beside them."""
    assert {f"zip/{name}" for name in NAMES[:2]} <= tree(folder).keys(), tree(folder)


FLOWS = (
    Flow("ingest by copy", ingest("copy")),
    Flow("ingest by hard link", ingest("hardlink")),
    Flow("ingest by symbolic link", ingest("relsymlink")),
    Flow("ingest by moving", ingest("move")),
    Flow("the catalogue filled", fill),
    Flow("fetch", fetch),
    Flow("fetch over other files", fetch_over_others),
    Flow("lists of checksums", sums_of_visits),
    Flow("a bag of a night", bag),
    Flow("unpack", unpacked),
)
