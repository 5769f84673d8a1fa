"""``export --watch``: observations appear while they are taken, whatever fails in between; the daemon keeps at it."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from converters.export.instants import to_datetime
from converters.export.observations import Observation
from nightferry.observations.exporting import Export, ExportWishes
from nightferry.observations.observing import Asked, instrument_of
from nightferry.observations.watching import look
from nightferry.workplace import Workplace
from tests.magaox import EMAIL, Drive, at, configure, files_below, observer, stamp
from tests.observatory import PROGRAM

PLACE = f"2025B/{EMAIL}/2025-12-02_235920_beta_Pic_20251202_betaPic_deep"


class Sky:
    """A drive that grows, and a clock that is set: seconds as in tests/magaox.py."""

    def __init__(self, folder: Path) -> None:
        self.drive = Drive(folder / "mnt" / "backup")
        self.config = configure(folder, watch={"output": str(folder / "obs"), "poll_s": 30, "telemetry_wait_s": 120})
        self.output = folder / "obs"
        self.now_s = 0.0
        self.finished: set[Observation] = set()

    def now(self) -> dt.datetime:
        """Return the instant that it is."""
        return to_datetime(at(self.now_s))

    def look(self, seconds: float) -> Export:
        """Do one round at an instant, as a process that was just started would."""
        self.now_s = seconds
        for path in self.drive.folder.rglob("*.*"):
            if path.is_file() and path.stat().st_mtime_ns > at(seconds):
                os.utime(path, ns=(at(seconds - 1), at(seconds - 1)))
        with Workplace.at(self.config, self.now) as workplace:
            asked = Asked(roots=tuple(self.drive.roots.values()))
            wishes = ExportWishes(output=self.output)
            return look(workplace, asked, wishes, instrument_of(workplace, None)[1], self.finished)

    def fates(self, seconds: float) -> dict[str, tuple[str, str]]:
        """Do one round; return what became of each archive of camsci1, by its second, and why."""
        done = self.look(seconds)
        (result,) = [one for one in done.results if one.camera.name == "camsci1"]
        return {item.archive: (result.fate_of(item).value, result.reason_of(item)) for item in result.items}

    def observers(self, until: float, since: float = 0, end: float = 1e9) -> None:
        """Write the observers' telemetry anew, ten seconds a record: on from 20 s, off from `end`."""
        times = range(int(since), int(until) + 1, 10)
        self.drive.observers([(t, observer(20 <= t < end)) for t in times])


@pytest.fixture
def sky(tmp_path: Path) -> Sky:
    """A night that begins; both automatic cameras have a folder."""
    sky = Sky(tmp_path)
    for camera in ("camsci1", "camsci2"):
        (sky.drive.roots["icc"] / "rawimages" / camera).mkdir()
    return sky


def name(seconds: float) -> str:
    """Return the name of the archive that begins at an instant."""
    return f"camsci1_{stamp(seconds)}.xrif"


def test_an_archive_is_exported_once_the_telemetry_has_gone_past_it(sky: Sky) -> None:
    """Waited for by content: the observers' word on whether its frames belong, and every device's on its state."""
    sky.observers(until=40)
    sky.drive.archive([30, 35, 45])
    sky.drive.camera_telemetry(0, 40)
    assert sky.fates(50)[name(30)] == ("waits", "whether its last frames belong is not told yet")
    sky.observers(until=50)
    assert sky.fates(55)[name(30)] == ("waits", "the telemetry does not reach its last frame yet")
    sky.drive.camera_telemetry(0, 50)
    assert sky.fates(60)[name(30)][0] == "done"
    assert [path.split("_")[-1] for path in files_below(sky.output)] == [f"{stamp(t)}.fits" for t in (30, 35, 45)]


def test_telemetry_that_never_comes_is_not_waited_for_for_ever(sky: Sky) -> None:
    """After the time that is set it is exported as it is; when telemetry comes all the same, it is made again."""
    sky.observers(until=300)
    sky.drive.camera_telemetry(0, 30)
    sky.drive.archive([30, 35])
    assert sky.fates(100)[name(30)][0] == "waits"
    fate, reason = sky.fates(200)[name(30)]
    assert fate == "done"
    assert "no telemetry for" in reason
    (first,) = {path.read_bytes() for path in sky.output.rglob(f"*{stamp(35)}.fits")}
    sky.drive.camera_telemetry(0, 60)
    sky.look(230)
    (second,) = {path.read_bytes() for path in sky.output.rglob(f"*{stamp(35)}.fits")}
    assert b"HIERARCH camsci1 FPS =" in first
    assert b"HIERARCH camsci1 TEMP =" not in first  # told between two records only
    assert b"HIERARCH camsci1 TEMP =" in second
    assert sky.fates(260)[name(30)] == ("done", "")


def test_frames_after_the_fall_are_never_published(sky: Sky) -> None:
    """The writers go on for a moment when observing is switched off."""
    sky.observers(until=50)
    sky.drive.archive([30, 40, 49, 51, 56])
    sky.drive.camera_telemetry(0, 300)
    assert sky.fates(58)[name(30)][0] == "waits"
    sky.observers(until=300, end=45)
    assert sky.fates(310)[name(30)][0] == "done"
    assert [path.split("_")[-1] for path in files_below(sky.output)] == [f"{stamp(t)}.fits" for t in (30, 40, 49)]


def test_an_archive_in_the_making_waits_and_a_broken_one_stops_nothing(sky: Sky) -> None:
    """A young short file is still being written; an old one is broken, is tried again ever more rarely, and named."""
    sky.observers(until=2000)
    sky.drive.camera_telemetry(0, 2000)
    path = sky.drive.archive([30, 35])
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    sky.drive.archive([60, 65])
    os.utime(path, ns=(at(100), at(100)))
    fates = sky.fates(110)
    assert fates[name(30)] == ("waits", "it is still being written")
    assert fates[name(60)][0] == "done"
    fates = sky.fates(1000)
    assert fates[name(30)][0] == "failed"
    assert fates[name(60)][0] == "done"
    path.write_bytes(whole)
    assert sky.fates(1100)[name(30)][0] == "done"


def test_a_failure_is_tried_again_with_growing_pauses(sky: Sky) -> None:
    """Once, twice, four times the round; the ledger keeps count over restarts."""
    sky.observers(until=3000)
    sky.drive.camera_telemetry(0, 3000)
    sky.drive.archive([30, 35])
    foreign = sky.output / PLACE.replace("235920", "235910") / "camsci1" / f"camsci1_{stamp(35)}.fits"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"mine")
    assert sky.fates(100)[name(30)][0] == "failed"
    assert sky.fates(130)[name(30)][0] == "waits"
    assert sky.fates(161)[name(30)][0] == "failed"
    assert sky.fates(270)[name(30)][0] == "waits"
    foreign.unlink()
    assert sky.fates(300)[name(30)][0] == "done"


def test_a_later_start_goes_on_where_the_last_ended(sky: Sky) -> None:
    """Nothing is made twice: the ledger knows, not the process."""
    sky.observers(until=200)
    sky.drive.camera_telemetry(0, 200)
    sky.drive.archive([30, 35])
    sky.look(100)
    before = {path: (sky.output / path).stat().st_ino for path in files_below(sky.output)}
    assert len(before) == 2
    sky.drive.archive([60, 65])
    sky.look(130)
    after = {path: (sky.output / path).stat().st_ino for path in files_below(sky.output)}
    assert len(after) == 4
    assert before.items() <= after.items()


def test_what_is_finished_is_not_looked_at_again(sky: Sky) -> None:
    """A round costs what is new; an hour after its end an observation of which all is done is passed over."""
    sky.observers(until=200, end=100)
    sky.drive.camera_telemetry(0, 200)
    sky.drive.archive([30, 35])
    assert len(sky.look(1000).results) == 2
    assert not sky.finished
    assert len(sky.look(5000).results) == 2
    assert len(sky.finished) == 1
    assert sky.look(5030).results == ()


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Give a list for processes; what is in it is ended."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()


def _live(tmp_path: Path) -> tuple[Drive, Path, Path]:
    """Return a drive with an observation of a minute ago, a configuration that watches every 0.2 s, the output."""
    drive = Drive(tmp_path / "drive")
    output = tmp_path / "obs"
    roots = [str(root) for root in drive.roots.values()]
    config = configure(
        tmp_path,
        data_roots=roots,
        watch={"output": str(output), "by_daemon": True, "poll_s": 0.2},
        automatic=["camsci1"],
    )
    now_s = time.time() - at(0) / 1e9
    drive.observers([(now_s - 100 + 10 * step, observer(1 <= step < 8)) for step in range(10)])
    drive.archive([now_s - 60, now_s - 50])
    return drive, config, output


def _descendants(process: int) -> list[int]:
    children = [int(pid) for pid in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    return [pid for child in children for pid in (child, *_descendants(child))]


def _works(process: int) -> bool:
    """Say whether a process is there; one that ended and that nobody asked about does not count."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _wait_for(count: int, output: Path, seconds: float = 20) -> list[str]:
    deadline = time.monotonic() + seconds
    while len(found := files_below(output)) < count and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def test_the_daemon_keeps_the_watch_at_work(tmp_path: Path, processes: list[subprocess.Popen[bytes]]) -> None:
    """With nothing else scheduled; told to end, it ends its child with it."""
    _, config, output = _live(tmp_path)
    daemon = subprocess.Popen([str(PROGRAM), "--config", str(config), "daemon"], stderr=subprocess.PIPE)
    processes.append(daemon)
    assert len(_wait_for(2, output)) == 2
    daemon.send_signal(signal.SIGTERM)
    _, said = daemon.communicate(timeout=20)
    assert daemon.returncode == 0
    assert b"watches=magaox" in said
    assert b"watching output" in said


def test_a_watch_that_is_killed_leaves_nothing_half_and_goes_on(
    tmp_path: Path, processes: list[subprocess.Popen[bytes]]
) -> None:
    """SIGKILL in the middle; the next one sweeps and makes the rest."""
    drive, config, output = _live(tmp_path)
    now_s = time.time() - at(0) / 1e9
    for step in range(12):
        drive.archive([now_s - 45 + step, now_s - 44.5 + step], shape=(1, 200, 200))
    words = [str(PROGRAM), "--config", str(config), "-q", "export", "--watch", "-j", "2"]
    first = subprocess.Popen(words)
    processes.append(first)
    _wait_for(3, output)
    workers = _descendants(first.pid)
    first.kill()
    first.wait()
    assert workers
    deadline = time.monotonic() + 20
    while any(map(_works, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(_works, workers))  # no worker waits for a master that is gone
    second = subprocess.Popen(words)
    processes.append(second)
    assert len(_wait_for(26, output)) == 26
    second.send_signal(signal.SIGTERM)
    second.wait(timeout=20)
    assert not list((output / ".nightferry" / "export").glob("*/*/*"))
    declared = yaml.safe_load((config / "instruments.d" / "magaox.yaml").read_text())
    assert declared["export"]["watch"]["by_daemon"] is True
