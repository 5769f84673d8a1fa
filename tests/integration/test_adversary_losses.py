"""A source that suddenly lost its files: noticed by whoever looks first, and accepted once and for all."""

from __future__ import annotations

from pathlib import Path

import pytest

from observatory.nights import night_text
from tests.observatory import Observatory, folder_of


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """Frames of two nights on one of two folders of this machine."""
    observatory = Observatory(tmp_path, (), capsys)
    observatory.add_local("dome")
    observatory.add_local("archive")
    declare(observatory)
    observatory.mark("dome")
    observatory.mark("archive")
    return observatory


def declare(site: Observatory, **settings: object) -> None:
    """Declare the instrument, its archive filled as said."""
    site.declare(copies=[site.copy("dome"), site.copy("archive", **settings)])


def lose(site: Observatory, *paths: str) -> None:
    """Remove frames from the source."""
    for path in paths:
        site.path("dome", path).unlink()


def test_a_loss_that_was_accepted_does_not_come_back(site: Observatory) -> None:
    """Also where whole nights are gone: they are expected no more, and the next loss is told anew."""
    gone, left = site.expose(["dome"], range(8), back=2), site.expose(["dome"], range(3), back=1)
    assert site.call("sync").status == 0
    lose(site, *gone)
    assert site.call("sync").status == 3
    root = f"dome:{site.root('dome')}"
    assert site.call("sync", "--accept-loss", root).status == 0
    assert [site.call(command).status for command in ("sync", "verify", "run")] == [0, 0, 0]
    lose(site, *left[1:])
    assert site.call("sync").status == 3


def test_a_verify_notices_a_loss_by_itself(site: Observatory) -> None:
    """The frames were never copied and are gone: that is no empty night."""
    paths = site.expose(["dome"], range(3))
    assert site.call("verify").status == 1
    lose(site, *paths)
    for _ in range(2):
        answer = site.call("verify", "--json")
        assert (answer.status, answer.hop["state"]) == (3, "unknown")
        assert "--accept-loss" in answer.hop["reason"]


@pytest.mark.parametrize("command", ["verify", "sync"])
def test_a_night_that_was_nowhere_else_is_missed_among_many_that_are_whole(site: Observatory, command: str) -> None:
    """It was seen, it was not there when it was gone, and no other night makes up for it; a person may say so."""
    for back in (1, 2, 3):
        site.expose(["dome", "archive"], [1, 2], back=back)
    gone = site.expose(["dome"], [1], back=4)
    assert site.call("verify").status == 1
    lose(site, *gone)
    answer = site.call(command, "--json")
    assert (answer.status, answer.hop["state"]) == (3, "unknown")
    assert "held 6 files in nights where an earlier run saw 7" in answer.hop["reason"]
    assert site.call("sync", "--accept-loss", f"dome:{site.root('dome')}").status == 0
    assert [site.call(again).status for again in ("verify", "sync")] == [0, 0]


def test_an_archive_that_lost_what_was_proven_is_told_though_it_is_carried_again(site: Observatory) -> None:
    """All is well in the window, and what is older may be gone: the same disk came back as it was weeks ago."""
    lost, kept = site.expose(["dome"], [1, 2], back=1), site.expose(["dome"], [1, 2], back=2)
    assert [site.call(command).status for command in ("sync", "verify", "sync")] == [0, 0, 0]
    for path in lost:
        site.path("archive", path).unlink()
    site.path("archive", kept[0]).unlink()
    more = site.expose(["dome"], range(3, 9), back=2)
    told = site.call("run")
    assert told.status == 0
    (note,) = (line for line in told.out.splitlines() if "had lost more than half of the proven night" in line)
    assert f"night {night_text(site.night(1))};" in note
    assert "nightferry verify -i sha --hop dome:archive -d FIRST..LAST" in note
    assert all(site.path("archive", path).is_file() for path in (*lost, *kept, *more))
    assert "had lost" not in site.call("run").out


@pytest.mark.parametrize("between", [(), ("sync",)])
def test_what_was_proven_and_is_on_neither_end_is_told(site: Observatory, between: tuple[str, ...]) -> None:
    """Somebody's mirror brought the source's loss to the archive; both listings agree, and a sync saw it first."""
    paths = site.expose(["dome", "archive"], range(4))
    assert site.call("verify").status == 0
    lose(site, paths[0])
    assert "neither" not in site.call("run").out, "the archive has it"
    site.path("archive", paths[0]).unlink()
    for command in between:
        assert site.call(command).status == 0
    for _ in range(2):
        told = site.call("verify")
        assert f"1 file of the night {night_text(site.night(1))} that earlier runs saw" in told.out
        assert f"nightferry sync --accept-loss dome:{site.root('dome')}" in told.out
    assert site.call("sync", "--accept-loss", f"dome:{site.root('dome')}").status == 0
    assert "neither" not in site.call("verify").out


def test_what_is_on_neither_end_is_told_also_where_a_sync_had_to_carry_others_of_that_night(site: Observatory) -> None:
    """The night was open for that moment, and what it held when it was proven is not forgotten with it."""
    paths = site.expose(["dome", "archive"], range(4))
    assert site.call("verify").status == 0
    lose(site, paths[0])
    for path in paths[:2]:
        site.path("archive", path).unlink()
    assert site.call("run").status == 0
    assert "1 file of the night" in site.call("verify").out
    assert site.call("sync", "--accept-loss", f"dome:{site.root('dome')}").status == 0
    assert "neither on" not in site.call("verify").out


def test_what_was_accepted_or_in_progress_may_vanish(site: Observatory) -> None:
    """Of files that are being written some never stay, and what a person knows of is no news."""
    site.expose(["dome", "archive"], [1, 2], back=1)
    (known,) = site.expose(["dome"], [1], back=3)
    young = f"{folder_of(site.night(2))}/SHA_test.fits"
    site.put("dome", young, b"", age_s=0)
    assert site.call("accept", "-i", "sha", "-d", night_text(site.night(3)), "--reason", "tests").status == 0
    assert site.call("verify").status == 0
    lose(site, known, young)
    assert [site.call(command).status for command in ("verify", "sync")] == [0, 0]


def test_a_loss_on_a_copy_that_others_fill_is_told_and_can_be_accepted(site: Observatory) -> None:
    """No sync comes by such a hop; the verifier's word and the person's are all there is."""
    declare(site, fill="external")
    paths = site.expose(["dome", "archive"], range(5))
    assert site.call("verify").status == 0
    lose(site, *paths)
    assert site.call("verify").status == 3
    assert site.call("sync", "--accept-loss", f"dome:{site.root('dome')}").status == 0
    assert [site.call("verify").status for _ in range(2)] == [0, 0]
