"""An instrument's file takes more than it did: older nights were proven without that, and nothing looks there again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from observatory.nights import night_text
from tests.observatory import Answer, Observatory, dome_and_archive, folder_of

BACK = 20
SHA, LOG = {"files": ["SHA_*.fits"]}, {"files": ["*.log"]}


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """Two nights with frames and a log, of which the frames alone are taken; the older one is before the window."""
    made = dome_and_archive(tmp_path, capsys)
    declare(made, {"sha": SHA})
    for back in (1, BACK):
        made.expose(["dome"], range(2), back)
        made.put("dome", f"{folder_of(made.night(back))}/night.log", b"seeing 1.1")
    old = night_text(made.night(BACK))
    assert made.call("sync", "-d", old).status == 0
    assert told(made.call("verify", "-d", old)) == []
    assert told(made.call("run")) == []
    return made


def declare(site: Observatory, cameras: dict[str, Any], hosts: tuple[str, ...] = ("dome", "archive")) -> None:
    """Write the instrument's file."""
    forks = [site.copy(name, from_="dome") for name in hosts[1:]]
    site.declare(cameras=cameras, copies=[site.copy("dome"), *forks], window_nights=5)


def told(answer: Answer) -> list[str]:
    """Return the lines of a report that is well in which such nights are named."""
    assert answer.status == 0, answer
    return [line for line in answer.out.splitlines() if "before the window" in line]


@pytest.mark.parametrize("command", ["verify", "run"])
def test_a_camera_that_is_new_was_in_older_nights_too(site: Observatory, command: str) -> None:
    """Its file lay on no archive, while the night stood as proven; told each morning until somebody looks."""
    declare(site, {"sha": SHA, "log": LOG})
    assert site.call("sync").status == 0
    old = night_text(site.night(BACK))
    assert len(told(site.call("run", "--dry-run"))) == 1
    for _ in range(2):
        (line,) = told(site.call(command, "-q"))
        assert line.startswith("sha: sha.yaml takes more over dome:archive since ")
        assert "(camera log), and 1 night before the window" in line
        assert f"nightferry verify -i sha -d {old}..{old}" in line
    assert site.call("verify", "-i", "sha", "-d", f"{old}..{old}").status == 1
    assert "before the window" not in site.call(command).out
    assert told(site.call("run")) == []
    assert site.path("archive", f"{folder_of(site.night(BACK))}/night.log").exists(), "it is in the window until then"


@pytest.mark.parametrize(
    ("cameras", "more"),
    [
        ({"sha": {"files": ["SHA_*.fits", "*.log"]}}, "other files of camera sha"),
        ({"sha": {"files": ["SHA_*.fits"], "exclude": ["x*"]}}, None),
        ({"sha": SHA, "dark": {"files": ["*"], "nights": "none"}}, None),
    ],
)
def test_only_what_takes_more_is_told(site: Observatory, cameras: dict[str, Any], more: str | None) -> None:
    """A tree without nights is compared whole each time; and an exclusion takes less."""
    declare(site, cameras)
    assert site.call("sync").status == 0
    assert [f"({more})" in line for line in told(site.call("verify"))] == ([True] if more else [])


def test_older_nights_never_went_to_an_archive_that_is_new(site: Observatory) -> None:
    """They are on one archive where the file says two; the command that is named brings them."""
    site.add_local("second")
    declare(site, {"sha": SHA}, ("dome", "archive", "second"))
    site.mark("second")
    old = night_text(site.night(BACK))
    (line,) = told(site.call("run"))
    assert "sha.yaml has dome:second since" in line
    assert f"1 night before the window ({old}..{old}) never went that way" in line
    words = line.partition("nightferry ")[2].split()
    assert site.call(*words).status == 0
    assert site.path("second", folder_of(site.night(BACK))).is_dir()
    assert told(site.call("run")) == []


@pytest.mark.parametrize("copies_too", [False, True])
def test_what_bears_a_new_name_is_told_apart_from_what_is_new(site: Observatory, copies_too: bool) -> None:
    """An instrument's history goes with it; of copies that are renamed at once nobody knows which is which."""
    path = site.config / "instruments.d" / "sha.yaml"
    declared = yaml.safe_load(path.read_text()) | {"instrument": "shx", "formerly": "sha"}
    for copy in declared["copies"] if copies_too else ():
        copy["name"] = copy["host"] + "2"
        copy.pop("from", None)
    path.with_name("shx.yaml").write_text(yaml.safe_dump(declared))
    path.unlink()
    lines = told(site.call("run"))
    assert ["has dome2:archive2 since" in line for line in lines] == ([True] if copies_too else [])
