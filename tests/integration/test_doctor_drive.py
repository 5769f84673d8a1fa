"""What the doctor says of a drive that comes and goes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from nightferry.cli.main import main

Capsys = pytest.CaptureFixture[str]


def declare(folder: Path) -> Path:
    """Write a site of one machine whose second copy is a removable drive; return where that is mounted."""
    drive = folder / "media"
    for name in ("data/20160907", "media", "conf/instruments.d"):
        (folder / name).mkdir(parents=True)
    site: dict[str, Any] = {"site": "Here", "timezone": "UTC", "hosts": {"here": {"local": True}}}
    copies = [
        {"host": "here", "root": str(folder / "data")},
        {"host": "here", "root": str(drive), "name": "shuttle", "removable": True},
    ]
    cameras = {"sha": {"files": ["*"]}}
    sha = {"instrument": "sha", "layout": "%Y%m%d", "cameras": cameras, "copies": copies}
    (folder / "conf/site.yaml").write_text(yaml.safe_dump(site))
    (folder / "conf/instruments.d/sha.yaml").write_text(yaml.safe_dump(sha))
    return drive


def said_of_the_drive(folder: Path, capsys: Capsys) -> str:
    """Return the doctor's line."""
    capsys.readouterr()
    main(["--config", str(folder / "conf"), "doctor"])
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "root sha shuttle" in line)
    return line


def test_a_drive_on_the_road_is_away_and_one_that_never_was_here_is_unknown(tmp_path: Path, capsys: Capsys) -> None:
    """As `verify` has it: neither an alarm nor green; and an empty mount point is never taken for the drive."""
    drive = declare(tmp_path)
    assert said_of_the_drive(tmp_path, capsys).startswith("UNKNOWN")
    words = ["--config", str(tmp_path / "conf"), "sync", "-d", "20160907", "--new-root", f"here:{drive}"]
    assert main(words) == 0
    assert main([*words[:3], "-d", "20160907"]) == 0  # a root is known when it was looked at with its marker
    assert said_of_the_drive(tmp_path, capsys).startswith("ok")
    (drive / ".nightferry" / "root").unlink()
    assert "not there, last seen" in said_of_the_drive(tmp_path, capsys)
    (drive / ".nightferry").rmdir()
    drive.rmdir()
    assert said_of_the_drive(tmp_path, capsys).startswith("away")


def test_another_drive_in_its_place_is_not_taken_for_it(tmp_path: Path, capsys: Capsys) -> None:
    """It is told by the id of its marker; one that bears nights and no marker is not proven to be ours."""
    drive = declare(tmp_path)
    words = ["--config", str(tmp_path / "conf"), "sync", "-d", "20160907", "--new-root", f"here:{drive}"]
    assert main(words) == 0
    assert main([*words[:3], "-d", "20160907"]) == 0
    assert "B free" in said_of_the_drive(tmp_path, capsys)
    marker = drive / ".nightferry" / "root"
    marker.write_text("f" * 32 + "\n")
    said = said_of_the_drive(tmp_path, capsys)
    assert said.startswith("UNKNOWN") and "bears another marker than this drive's" in said
    marker.unlink()
    (drive / "20160907").mkdir(exist_ok=True)
    assert not said_of_the_drive(tmp_path, capsys).startswith("ok")


def test_the_doctor_too_looks_for_the_disk_of_a_source_that_held_files(tmp_path: Path, capsys: Capsys) -> None:
    """No command is offered that would mark the empty mount point."""
    drive = declare(tmp_path)
    frame = tmp_path / "data" / "20160907" / "a.fits"
    frame.write_bytes(b"1")
    os.utime(frame, (0, 0))
    words = ["--config", str(tmp_path / "conf"), "sync", "-d", "20160907", "--new-root", f"here:{drive}"]
    assert main(words) == 0
    frame.unlink()
    frame.parent.rmdir()
    capsys.readouterr()
    main([*words[:2], "doctor"])
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "root sha here" in line)
    assert "Earlier runs saw files below it" in line and "--new-root" not in line


def test_a_new_and_empty_source_is_known_by_the_word_that_was_given_for_it(tmp_path: Path, capsys: Capsys) -> None:
    """As `sync` and `verify` have it: until its first night it shows no other sign."""
    drive = declare(tmp_path)
    (tmp_path / "data/20160907").rmdir()
    source = "root sha here"
    assert said_of(tmp_path, capsys)[1][source] == "UNKNOWN"
    roots = [word for root in (tmp_path / "data", drive) for word in ("--new-root", f"here:{root}")]
    assert main(["--config", str(tmp_path / "conf"), "sync", *roots]) == 0
    assert said_of(tmp_path, capsys)[1][source] == "ok"


def declare_away(folder: Path, **host: Any) -> None:
    """Write a site whose instrument is off the telescope, on a host of its own that is off."""
    for name in ("archive/20160907", "conf/instruments.d"):
        (folder / name).mkdir(parents=True)
    hosts = {"here": {"local": True}, "cam": {"address": "127.0.0.1", "port": 1} | host}
    site: dict[str, Any] = {"site": "Here", "timezone": "UTC", "hosts": hosts}
    copies = [{"host": "cam", "root": "/data"}, {"host": "here", "root": str(folder / "archive")}]
    away = [{"from": "20160101", "until": "20990101", "reason": "aluminising"}]
    sha = {"instrument": "sha", "layout": "%Y%m%d", "cameras": {"sha": {"files": ["*"]}}, "copies": copies}
    (folder / "conf/site.yaml").write_text(yaml.safe_dump(site))
    (folder / "conf/instruments.d/sha.yaml").write_text(yaml.safe_dump(sha | {"away": away}))


def said_of(folder: Path, capsys: Capsys) -> tuple[int, dict[str, str]]:
    """Return the doctor's status, and its word for each thing."""
    capsys.readouterr()
    status = main(["--config", str(folder / "conf"), "doctor"])
    lines = [line.split(None, 1) for line in capsys.readouterr().out.splitlines()]
    return status, {words.partition(": ")[0]: state for state, words in lines}


def test_the_host_of_an_instrument_that_is_away_may_be_off(tmp_path: Path, capsys: Capsys) -> None:
    """As `verify` has it; but not while an instrument that is on the telescope lies on it too."""
    declare_away(tmp_path)
    status, said = said_of(tmp_path, capsys)
    assert (status, said["host cam"], said["root sha cam"], said["root sha here"]) == (0, "away", "away", "ok")
    sha = tmp_path / "conf/instruments.d/sha.yaml"
    shd = yaml.safe_load(sha.read_text()) | {"instrument": "shd", "away": []}
    shd["copies"] = [one | {"root": one["root"] + "/shd"} for one in shd["copies"]]
    (tmp_path / "conf/instruments.d/shd.yaml").write_text(yaml.safe_dump(shd))
    status, said = said_of(tmp_path, capsys)
    assert (status, said["host cam"], said["root sha cam"], said["root shd cam"]) == (3, "UNKNOWN", "away", "UNKNOWN")
