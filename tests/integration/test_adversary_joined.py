"""One archive that two sources fill: a file of one of them is no copy of the other's that bears its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.observatory import Observatory, fits_file, folder_of

TWO_NAMES = ("dome", "annex")


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """Two computers where frames are born, numbered alike, and the archive of both."""
    made = Observatory(tmp_path, (), capsys)
    for name in (*TWO_NAMES, "archive"):
        made.add_local(name)
        made.mark(name, identity=f"id-{name}")
    declare(made)
    return made


def declare(site: Observatory, **settings: object) -> None:
    """Declare the archive, filled from both."""
    site.declare(
        copies=[
            site.copy("dome"),
            site.copy("annex", origin=True),
            site.copy("archive", from_=[*TWO_NAMES], **settings),
        ]
    )


def shot(site: Observatory, host: str, seed: int, age_s: float) -> str:
    """Take frame 1 of last night; every one is of the same size."""
    relative = f"{folder_of(site.night(1))}/SHA_1.fits"
    site.put(host, relative, fits_file(seed=seed), age_s=age_s)
    return relative


@pytest.mark.parametrize("level", ["size", "structure", "checksum"])
def test_the_frame_that_stayed_behind_is_told(site: Observatory, level: str) -> None:
    """Verify called it proven, and the night safe to be cleared, for the other's is as long."""
    path = shot(site, "dome", 1, age_s=90_000)
    shot(site, "annex", 2, age_s=90_100)
    assert site.call("sync").status == 1
    for command in (("verify", "--level", level, "--json"), ("run", "--json")):
        told = site.call(*command)
        assert (told.status, [hop["state"] for hop in told.document["hops"]]) == (1, ["ok", "different"])
        assert told.document["hops"][1]["checksum_differs"] == [path]
    assert "  0/1" in site.call("status").out


def test_one_and_the_same_frame_on_both_is_well(site: Observatory) -> None:
    """Whatever its times: somebody copied it."""
    shot(site, "dome", 1, age_s=90_000)
    shot(site, "annex", 1, age_s=90_100)
    for command in ("sync", "verify", "run"):
        assert site.call(command).status == 0, command


def test_where_others_fill_it_times_tell_nothing(site: Observatory) -> None:
    """Their program may not keep them; every file would be read each morning."""
    shot(site, "dome", 1, age_s=90_000)
    shot(site, "annex", 2, age_s=90_100)
    site.call("sync")
    declare(site, fill="external")
    assert site.call("verify").status == 0
    assert site.call("verify", "--level", "checksum").status == 1


def test_a_computer_of_which_nothing_is_carried_is_named_by_the_doctor(site: Observatory) -> None:
    """Frames are born there, the archive was never told to be filled from it, and every run found all well."""
    shot(site, "annex", 2, age_s=90_100)
    for copies, lines in (
        ([site.copy("dome"), site.copy("annex", origin=True), site.copy("archive", from_="dome")], ["WRONG"]),
        ([site.copy("dome"), site.copy("annex", origin=True), site.copy("archive", from_=[*TWO_NAMES])], []),
        ([site.copy("dome"), site.copy("annex", origin=True)], []),
    ):
        site.declare(copies=copies)
        told = [line for line in site.call("doctor").out.splitlines() if "copy sha annex" in line]
        assert [line.split()[0] for line in told] == lines
        assert all("name it in `from` of the copy that is to have it" in line for line in told)
