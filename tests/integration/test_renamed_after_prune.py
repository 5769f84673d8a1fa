"""A copy that bears a new name is the copy that it was: what was freed there by then is missed where it is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.retention import RETENTION, carried, chain_of_three


def test_what_was_freed_before_a_copy_was_renamed_is_missed_on_its_archive(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is left on the source to compare with; only what freeing it noted says that it must be there."""
    site = chain_of_three(tmp_path, capsys, retention=RETENTION)
    (path, _) = carried(site)
    assert site.call("prune", "--yes", "--json").status == 0
    renamed = [site.copy("dome", name="kuppel"), site.copy("hill", name="huegel"), site.copy("cape")]
    site.declare(copies=renamed, retention=RETENTION)
    assert site.call("verify", "-n", "30").status == 0
    site.path("hill", path).unlink()
    answer = site.call("verify", "-n", "30", "--json")
    assert (answer.status, answer.document["hops"][0]["missing"]) == (1, [path])


def test_what_was_freed_is_missed_behind_a_copy_that_was_put_in_between(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The new copy was never brought it, so that neither of the two hops to it and from it would say a word."""
    site = chain_of_three(tmp_path, capsys, retention=RETENTION)
    (path, _) = carried(site)
    assert site.call("prune", "--yes", "--json").status == 0
    site.add_local("mid")
    between = [site.copy(name) for name in ("dome", "mid", "hill", "cape")]
    site.declare(copies=between, retention=RETENTION)
    assert site.call("sync", "--new-root", f"mid:{site.root('mid')}").status == 0
    assert site.call("verify", "-n", "30").status == 0
    site.path("hill", path).unlink()
    answer = site.call("verify", "-n", "30", "--json")
    assert answer.status == 1
    assert [hop["missing"] for hop in answer.document["hops"]] == [[], [path], []]
