"""A prune that died had set files aside; a night is carried or brought before the next prune would see to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from observatory.nights import night_text
from tests.observatory import Answer, Observatory, tree
from tests.retention import BACK, RETENTION, carried, chain_of_three


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """A chain of three copies on this machine, with retention on the first."""
    return chain_of_three(tmp_path, capsys, retention=RETENTION)


def set_aside(site: Observatory, copy: str, path: str) -> Path:
    """Move a file to where freeing sets it aside, as a run that died there leaves it."""
    aside = site.root(copy) / ".nightferry" / "freeing" / "20161120T120000.000000Z" / path
    aside.parent.mkdir(parents=True)
    site.path(copy, path).rename(aside)
    return aside


def bring(site: Observatory, *words: str) -> Answer:
    """Bring the night back."""
    return site.call("restore", "-i", "sha", "-d", night_text(site.night(BACK)), "--json", *words)


def test_what_lies_aside_comes_back_first_so_that_no_prune_stumbles_over_it_ever_after(site: Observatory) -> None:
    """Brought from elsewhere to its place, it would have lain aside for ever, and each prune have said unknown."""
    (path, other) = carried(site)
    aside = set_aside(site, "dome", path)
    answer = bring(site, "--from", "any")
    assert (answer.status, aside.exists(), set(tree(site.root("dome")))) == (0, False, {path, other})
    assert [receipt["transferred"] for receipt in answer.document["receipts"]] == [0]
    answer = site.call("prune", "--yes", "--json")
    assert (answer.status, answer.document["copies"][0]["unknown"]) == (0, [])


def test_a_copy_gives_what_a_dead_prune_had_set_aside_there(site: Observatory) -> None:
    """It lies whole on that disk: nobody is told that it is gone."""
    copies = [site.copy("dome"), site.copy("hill", retention=RETENTION), site.copy("cape")]
    site.declare(copies=copies, retention=RETENTION)
    (path, other) = carried(site)
    aside = set_aside(site, "hill", path)
    site.path("dome", path).unlink()
    site.path("cape", path).unlink()
    bring(site, "--from", "hill", "--dry-run")
    assert aside.exists()
    answer = bring(site, "--from", "hill")
    assert (answer.status, aside.exists(), set(tree(site.root("dome")))) == (0, False, {path, other})


class Died(BaseException):
    """The process was killed here."""


def prune_dies(site: Observatory, monkeypatch: pytest.MonkeyPatch, before: str) -> None:
    """Have a prune die just before a step of its batch."""

    def dies(*words: object) -> None:
        raise Died

    with monkeypatch.context() as patched:
        patched.setattr(f"syncer.freeing._Batch.{before}", dies)
        with pytest.raises(Died):
            site.call("prune", "--yes", "--json")


def test_what_lies_aside_on_an_archive_is_not_carried_again(site: Observatory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next sync lets it come back first: no prune is to find two of it."""
    copies = [site.copy("dome"), site.copy("hill", retention={**RETENTION, "copies": 1}), site.copy("cape")]
    site.declare(copies=copies, retention=RETENTION)
    paths = carried(site)
    assert site.call("prune", "--yes", "--json").status == 0
    assert tree(site.root("hill")) == {}
    assert bring(site, "--from", "cape", "--to", "hill").status == 0
    prune_dies(site, monkeypatch, "put_back")
    assert tree(site.root("hill")) == {}
    assert bring(site, "--from", "cape").status == 0
    answer = site.call("sync", "-n", "30", "--json")
    assert [hop["transferred"] for hop in answer.document["hops"]] == [0, 0]
    answer = site.call("prune", "--yes", "--json")
    assert (answer.status, [copy["unknown"] for copy in answer.document["copies"]]) == (0, [[], []])
    assert set(tree(site.root("cape"))) == set(paths)


def test_what_a_dead_prune_had_not_touched_yet_is_not_missed_twice(
    site: Observatory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It had said what it would free; a run counted the night anew before the next prune said that nothing went."""
    paths = carried(site)
    prune_dies(site, monkeypatch, "set_aside")
    assert set(tree(site.root("dome"))) == set(paths)
    night = night_text(site.night(BACK))
    assert site.call("verify", "-d", night).status == 0
    with monkeypatch.context() as patched:
        patched.setattr("syncer.freeing._proven", lambda *words: {})
        site.call("prune", "--yes", "--json")
    assert set(tree(site.root("dome"))) == set(paths)
    assert "any more" not in site.call("verify", "-d", night).out


def test_what_a_dead_prune_had_not_touched_yet_and_somebody_took_everywhere_is_told(
    site: Observatory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is expected no more by count; by its name it is, as nothing was freed. What was is not told."""
    paths = carried(site, frames=range(1, 6))
    prune_dies(site, monkeypatch, "set_aside")
    for copy in ("dome", "hill", "cape"):
        site.path(copy, paths[1]).unlink()
    told = site.call("verify", "-d", night_text(site.night(BACK)))
    assert f" any more ({paths[1]}): " in told.out
    assert site.call("prune", "--yes", "--json").status == 0
    assert tree(site.root("dome")) == {}
    assert f" any more ({paths[1]}): " in site.call("verify", "-d", night_text(site.night(BACK))).out
