"""What is held far away, in other shapes, or while it is killed: places over SSH, nights in names, crashes."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from catalogue.catalogue import Catalogue
from catalogue.holdings.fetching import FetchFault, fetch_exposure, paths_here
from catalogue.holdings.filling import fill_place, nights_on_disk
from catalogue.holdings.queries import ExposureQuery
from observatory.endpoints.ssh import SshEndpoint
from tests.exposures import DESI, NIGHT, Held, fits, header, write
from tests.hosts import Host


@pytest.fixture
def near(empty_sqlite: Path, tmp_path: Path) -> Iterator[Held]:
    """An empty catalogue in SQLite."""
    (tmp_path / "catalogue.db").write_bytes(empty_sqlite.read_bytes())
    with Catalogue.open(f"sqlite:///{tmp_path}/catalogue.db") as catalogue:
        yield Held(tmp_path / "data", catalogue)


def test_files_on_another_machine_are_fetched_and_not_taken_for_ours(
    near: Held, three_hosts: tuple[Host, Host, Host], tmp_path: Path
) -> None:
    """A site's machines share one database, and each catalogues its own."""
    host = three_hosts[0]
    near.root = host.root / tmp_path.name
    path = near.expose(1)
    far = SshEndpoint(host.access)
    job = near.job()
    place = replace(job.place, machine=f"not-{socket.gethostname()}", address=host.address)
    try:
        assert fill_place(replace(job, place=place), [NIGHT]).counts.read == 1
        exposure = near.only()
        files = near.catalogue.files_of([exposure])[exposure.id]
        with pytest.raises(FetchFault, match=f"lies on {host.address}, not here"):
            paths_here(files)
        (copied,) = fetch_exposure(files, tmp_path / "here", classes={}, endpoint_of=lambda place: far)
        assert copied.read_bytes() == path.read_bytes()
        path.unlink()
        with pytest.raises(FetchFault, match="could not be read"):
            fetch_exposure(files, tmp_path / "there", classes={}, endpoint_of=lambda place: far)
    finally:
        far.close()


def test_a_host_that_does_not_answer_is_a_doubt(near: Held, three_hosts: tuple[Host, Host, Host]) -> None:
    """D3: nothing is concluded, nothing is forgotten."""
    near.expose(1)
    near.fill()
    silent = SshEndpoint(replace(three_hosts[0].access, port=1, connect_timeout_s=2.0))
    outcome = fill_place(replace(near.job(), endpoint=silent), [NIGHT])
    silent.close()
    assert len(outcome.doubts) == 1
    assert len(near.catalogue.files_of([near.only()])[near.only().id][0].copies) == 1


def test_nights_that_only_names_tell_are_catalogued(near: Held) -> None:
    """A root without night folders; a rebuild finds every night in it."""
    near.changes = {
        "layout": None,
        "night_in_name": "_(?P<night>[0-9]{8})_",
        "cameras": {"spectro": {"files": ["d_*.fits"]}},
    }
    near.section = {**DESI, "exposure": r"d_[0-9]{8}_(?P<exposure>[0-9]+)\.fits", "hdu": "0"}
    near.root.mkdir()
    for night, expid in (("20211129", 1), ("20211129", 2), ("20211130", 3)):
        write(near.root / f"d_{night}_{expid}.fits", fits(header(expid)))
    write(near.root / "d_without.fits", b"")
    nights = nights_on_disk(near.job())
    assert len(nights) == 2
    near.fill(*nights)
    assert [(one.number, f"{one.night:%Y%m%d}") for one in near.exposures()] == [
        (1, "20211129"),
        (2, "20211129"),
        (3, "20211130"),
    ]
    near.fill(nights[0])
    assert len(near.exposures()) == 3


def test_a_fill_that_is_killed_is_finished_by_the_next(tmp_path: Path) -> None:
    """Night by night, each whole or not at all; in the end all is as if nothing had happened."""
    config = _site(tmp_path)
    command = [str(Path(sys.executable).with_name("nightferry")), "--config", str(config), "catalogue", "rebuild"]
    killed = 0
    for after_s in (0.6, 0.9, 1.2):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(after_s)
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
        with Catalogue.open(f"sqlite:///{config}/var/catalogue.db") as catalogue:
            found = catalogue.exposures(ExposureQuery("desi"))
            assert len(found) % 100 == 0
            assert all(len(catalogue.files_of([one])[one.id]) == 1 for one in found[::50])
    assert killed
    assert subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode == 0
    with Catalogue.open(f"sqlite:///{config}/var/catalogue.db") as catalogue:
        assert len(catalogue.exposures(ExposureQuery("desi", is_written=True))) == 400


def _site(tmp_path: Path) -> Path:
    """Write four nights of a hundred exposures, and the configuration that tells of them."""
    config = tmp_path / "config"
    (config / "instruments.d").mkdir(parents=True)
    site = {"site": "x", "timezone": "America/Phoenix", "hosts": {"here": {"local": "true"}}}
    (config / "site.yaml").write_text(yaml.safe_dump(site))
    declared = {
        "instrument": "desi",
        "layout": "%Y%m%d",
        "cameras": {"spectro": {"files": ["desi-*.fits"]}},
        "copies": [{"host": "here", "root": str(tmp_path / "data"), "origin": True}],
        "catalogue": {**DESI, "hdu": ["0"]},
    }
    (config / "instruments.d" / "desi.yaml").write_text(yaml.safe_dump(declared))
    for expid in range(400):
        folder = tmp_path / "data" / f"2021112{expid // 100}" / f"{expid:08d}"
        write(folder / f"desi-{expid:08d}.fits", fits(header(expid), pixels=1))
    return config
