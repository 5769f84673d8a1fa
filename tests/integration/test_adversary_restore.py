"""An adversary at work: `restore --from` calls a night back only when all of it is, and brings what any copy has."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from observatory.nights import night_text
from tests.observatory import Answer, Observatory, tree
from tests.retention import BACK, RETENTION, carried, carry_and_read, chain_of_three

FRAMES = (1, 2, 3)


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """A chain of three copies on this machine."""
    return chain_of_three(tmp_path, capsys)


def rot(path: Path) -> None:
    """Flip the last bit."""
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))


def lose(site: Observatory, paths: list[str], copy: str = "dome") -> None:
    """Remove files from a copy."""
    for path in paths:
        site.path(copy, path).unlink()


def bring(site: Observatory, source: str, *words: str) -> Answer:
    """Bring the night back."""
    return site.call("restore", "-i", "sha", "-d", night_text(site.night(BACK)), "--from", source, "--json", *words)


def receipts(answer: Answer) -> list[dict[str, Any]]:
    """Return the receipts of an answer."""
    found = answer.document["receipts"]
    assert isinstance(found, list)
    return found


def test_a_night_of_which_a_copy_lacks_a_file_is_not_back(site: Observatory) -> None:
    """What came late had not reached the hill when it was read; the next copy that has it is named with the command."""
    first = site.expose(["dome"], (1, 2), BACK)
    carry_and_read(site)
    late = site.expose(["dome", "cape"], (3,), BACK)
    site.call("status", "--safe", "-n", "30")
    lose(site, [*first, *late])
    answer = bring(site, "hill")
    (receipt,) = receipts(answer)
    assert (answer.status, receipt["state"], receipt["transferred"]) == (1, "different", 2)
    assert receipt["not_back"] == [Path(late[0]).name]
    command = f"nightferry restore -i sha -d {night_text(site.night(BACK))} --from cape"
    assert receipt["reason"].endswith(f"hill does not have it; cape held it when it was read last: `{command}`")
    again = site.call(*command.split()[1:])
    assert again.status == 0, again
    assert tree(site.root("dome")) == tree(site.root("cape"))


def test_a_file_that_is_damaged_on_one_copy_comes_from_the_next(site: Observatory) -> None:
    """One damaged file keeps no other from coming back; `any` takes each from the nearest copy that has it whole."""
    paths = carried(site, FRAMES)
    whole = tree(site.root("dome"))
    lose(site, paths)
    rot(site.path("hill", paths[0]))
    rot(site.path("cape", paths[1]))
    planned = bring(site, "any", "--dry-run")
    assert (planned.status, [one["planned"] for one in receipts(planned)]) == (0, [2, 1]), planned
    alone = bring(site, "hill")
    assert (alone.status, set(tree(site.root("dome")))) == (1, set(paths[1:])), alone
    assert "hill does not verify: it is not what it was when first read" in receipts(alone)[0]["reason"]
    answer = bring(site, "any")
    assert answer.status == 0, answer
    assert tree(site.root("dome")) == whole
    kept = [json.loads(path.read_text()) for path in (site.state / "receipts").glob("*.json")]
    assert sorted(one["from"]["copy"] for one in kept) == ["cape", "hill", "hill"]
    assert {one["path"]: one["sha256"] for receipt in receipts(answer) for one in receipt["files"]} == whole


def test_what_no_copy_holds_any_more_is_said(site: Observatory) -> None:
    """Rotten on both: nothing is brought in its place, and exit status 0 is not given for the others."""
    paths = carried(site, FRAMES)
    lose(site, paths)
    for copy in ("hill", "cape"):
        rot(site.path(copy, paths[0]))
    answer = bring(site, "any")
    last = receipts(answer)[-1]
    assert (answer.status, last["not_back"]) == (1, [Path(paths[0]).name])
    assert "no other copy is known to hold it as it was" in last["reason"]
    assert set(tree(site.root("dome"))) == set(paths[1:])


def test_a_file_that_somebody_accepted_is_missed_all_the_same_where_a_copy_has_it(site: Observatory) -> None:
    """That it may be as it is does not say that it may stay away: the copy that has it is named."""
    paths = carried(site, FRAMES)
    whole = tree(site.root("dome"))
    site.call("accept", "-i", "sha", "-d", night_text(site.night(BACK)), paths[0], "--reason", "clouds")
    site.call("verify", "--level", "checksum", "-n", "30")
    lose(site, paths)
    lose(site, [paths[0]], "hill")
    answer = bring(site, "hill")
    (receipt,) = receipts(answer)
    assert (answer.status, receipt["not_back"]) == (1, [Path(paths[0]).name])
    assert "cape held it when it was read last" in receipt["reason"]
    assert bring(site, "any").status == 0
    assert tree(site.root("dome")) == whole


def test_what_was_freed_comes_back_as_it_was_freed(site: Observatory) -> None:
    """Accepted, and proven by a copy that lost it since: a rotten one that was read later is no measure of it."""
    copies = [site.copy(name) for name in ("dome", "hill", "cape")]
    site.declare(copies=copies, retention={**RETENTION, "copies": 1})
    (path,) = site.expose(["dome", "hill"], (1,), BACK)
    whole = site.path("dome", path).read_bytes()
    deep = ("verify", "--level", "checksum", "-n", "30", "--hop")
    site.mark("cape")
    site.call(*deep, "dome:hill")
    site.call("accept", "-i", "sha", "-d", night_text(site.night(BACK)), path, "--reason", "clouds")
    assert site.call(*deep, "dome:hill").status == 0
    kept = site.path("cape", path)
    kept.parent.mkdir(parents=True)
    shutil.copy2(site.path("dome", path), kept)
    rot(kept)
    site.call(*deep, "hill:cape")
    assert site.call("prune", "--yes").status == 0
    lose(site, [path], "hill")
    bring(site, "any")
    assert tree(site.root("dome")) == {}
    kept.write_bytes(whole)
    assert bring(site, "any").status == 0
    assert site.path("dome", path).read_bytes() == whole


Spoil = Callable[[Path], object]


@pytest.mark.parametrize("on_difference", ["version", "keep", "replace"])
def test_whatever_stands_in_the_place_of_a_file_is_set_aside(site: Observatory, on_difference: str) -> None:
    """Longer, shorter or rotten, and whatever `on_difference` says of syncing: the source was just proven."""
    site.declare(copies=[site.copy(name) for name in ("dome", "hill", "cape")], on_difference=on_difference)
    paths = carried(site, FRAMES)
    whole = tree(site.root("dome"))
    longer, shorter, rotten = (site.path("dome", path) for path in paths)
    longer.write_bytes(longer.read_bytes() + b"appended by a program gone wild")
    shorter.write_bytes(b"")
    rot(rotten)
    spoilt = {path.name: path.read_bytes() for path in (longer, shorter, rotten)}
    answer = bring(site, "hill")
    assert (answer.status, receipts(answer)[0]["replaced"]) == (0, paths), answer
    assert tree(site.root("dome")) == whole
    aside = (site.root("dome") / ".nightferry/replaced").rglob("*.fits")
    assert {path.name: path.read_bytes() for path in aside} == spoilt


def test_a_receipt_lists_no_file_that_a_link_stands_for(site: Observatory) -> None:
    """Behind the link lies another frame: its hash is not that of the file that was asked for."""
    paths = carried(site, FRAMES)
    whole = tree(site.root("dome"))
    linked = site.path("dome", paths[0])
    linked.unlink()
    linked.symlink_to(Path(paths[1]).name)
    answer = bring(site, "hill")
    (receipt,) = receipts(answer)
    assert (answer.status, receipt["not_back"]) == (1, [linked.name])
    assert {one["path"]: one["sha256"] for one in receipt["files"]} == {path: whole[path] for path in paths[1:]}
    assert f"1 failed ({paths[0]}: the destination has other bytes of this name behind a link" in receipt["reason"]
    assert linked.is_symlink(), "whose it is we do not know"


def test_a_night_that_was_freed_in_part_comes_back_whole(site: Observatory) -> None:
    """The nearest copy has freed some kinds of files: what it still has is not the night."""
    kinds = {"first": {"files": ["*.0001.fits"], "free": False}}
    hill = site.copy("hill", retention=RETENTION | {"copies": 1, "kinds": kinds})
    site.declare(copies=[site.copy("dome"), hill, site.copy("cape")], retention=RETENTION)
    paths = carried(site, FRAMES)
    whole = tree(site.root("cape"))
    assert site.call("prune", "--yes").status == 0
    assert (set(tree(site.root("dome"))), set(tree(site.root("hill")))) == (set(), {paths[0]})
    assert bring(site, "hill").status == 1
    answer = bring(site, "any")
    assert (answer.status, tree(site.root("dome"))) == (0, whole), answer


def test_what_only_the_target_has_belongs_to_the_night(site: Observatory) -> None:
    """A file that no other copy ever got is no reason to call the night open, as long as it is there."""
    paths = carried(site, FRAMES)
    extra = site.expose(["dome"], (4,), BACK)
    site.call("status", "--safe", "-n", "30")
    lose(site, paths[:1])
    answer = bring(site, "hill")
    assert (answer.status, set(tree(site.root("dome")))) == (0, {*paths, *extra}), answer
    lose(site, [*paths[:1], *extra])
    answer = bring(site, "any")
    assert (answer.status, receipts(answer)[-1]["not_back"]) == (1, [Path(extra[0]).name]), answer


def test_a_copy_that_cannot_be_reached_does_not_stand_in_the_way(site: Observatory) -> None:
    """`any` goes on to the next; named alone it is unknown."""
    paths = carried(site, FRAMES)
    lose(site, paths)
    site.root("hill").rename(site.root("hill").with_name("unmounted"))
    assert (bring(site, "hill").status, bring(site, "any").status) == (3, 0)
    assert set(tree(site.root("dome"))) == set(paths)


def test_nothing_is_brought_to_what_may_be_an_empty_mount_point(site: Observatory) -> None:
    """Though somebody vouched for the root once, before it ever held a night; marked by hand it is taken."""
    paths = carried(site, FRAMES)
    shutil.rmtree(site.root("dome"))
    site.root("dome").mkdir()
    answer = bring(site, "any")
    assert (answer.status, list(site.root("dome").iterdir())) == (3, []), answer
    assert "its disk may not be mounted" in receipts(answer)[-1]["reason"]
    site.mark("dome")
    answer = bring(site, "any")
    assert (answer.status, set(tree(site.root("dome")))) == (0, set(paths)), answer


def test_each_night_has_its_receipt_before_the_next_is_begun(site: Observatory) -> None:
    """Where one cannot be kept that is said, and the night is back all the same."""
    paths = [path for back in (BACK + 1, BACK) for path in site.expose(["dome"], (1,), back)]
    carry_and_read(site)
    lose(site, paths)
    (site.state / "receipts").write_text("no folder")
    span = f"{night_text(site.night(BACK + 1))}..{night_text(site.night(BACK))}"
    answer = site.call("restore", "-i", "sha", "-d", span, "--from", "hill")
    assert (answer.status, answer.err.count("its receipt could not be kept")) == (1, 2), answer
    assert set(tree(site.root("dome"))) == set(paths)
    (site.state / "receipts").unlink()
    assert site.call("restore", "-i", "sha", "-d", span, "--from", "hill").status == 0
    assert len(list((site.state / "receipts").iterdir())) == 2


def test_a_dry_run_does_not_take_what_once_lay_at_home_for_back(site: Observatory) -> None:
    """A file of which the copy asked has none any more is gone at home, too, since it was read last."""
    paths = carried(site, FRAMES)
    site.path("hill", paths[0]).unlink()
    lose(site, paths[:1])
    planned = bring(site, "hill", "--dry-run")
    assert (planned.status, receipts(planned)[0]["not_back"]) == (1, [Path(paths[0]).name]), planned
