"""An observatory for a test: site.yaml, instruments and FITS files over real hosts, and calls of the command line.

Made by code, in folders of its own below each host's root, so that many tests share one set of hosts.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from nightferry.cli.main import main
from observatory.layouts import Layout
from observatory.nights import NightClock, night_text
from tests.hosts import Host

ZONE = "Africa/Johannesburg"
PROGRAM = Path(sys.executable).with_name("nightferry")
"""The installed command."""
OLD_S = 3 * 86400.0
"""Age of the files that are made: beyond every settle time and limit."""
BLOCK = 2880
RULE = "-" * 80

Settings = dict[str, Any]


def fits_file(pixels: int = 100, seed: int = 0) -> bytes:
    """Return a whole FITS file of one byte a pixel; `seed` makes its contents its own."""
    cards = ("SIMPLE  =                    T", "BITPIX  =                    8", "NAXIS   =                    1")
    header = [*cards, f"NAXIS1  = {pixels:20d}", f"FRAME   = {seed:20d}", "END"]
    head = "".join(card.ljust(80) for card in header).ljust(BLOCK).encode()
    data = bytes((seed + index) % 251 for index in range(min(pixels, 997)))
    body = (data * (pixels // max(len(data), 1) + 1))[:pixels]
    return head + body.ljust(-(-pixels // BLOCK) * BLOCK, b"\0")


@dataclass(frozen=True)
class Answer:
    """What one call of the command line gave."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on standard output."""
        document = json.loads(self.out)
        assert isinstance(document, dict)
        return document

    @property
    def hop(self) -> dict[str, Any]:
        """The only hop of the document."""
        (hop,) = self.document["hops"]
        assert isinstance(hop, dict)
        return hop


@dataclass
class Observatory:
    """One site over some hosts.

    Parameters
    ----------
    folder : Path
        For the configuration and its state; its name tells this observatory's roots from another's.
    hosts : sequence of Host
        In the order of the chain.
    capsys : pytest.CaptureFixture
    """

    folder: Path
    hosts: Sequence[Host]
    capsys: pytest.CaptureFixture[str]
    site: Settings = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Write site.yaml."""
        (self.config / "instruments.d").mkdir(parents=True)
        self.site = {
            "site": "Sutherland",
            "timezone": ZONE,
            "hosts": {host.name: host_settings(host) for host in self.hosts},
        }
        self.write_site()

    @property
    def config(self) -> Path:
        """The configuration's folder."""
        return self.folder / "config"

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.config / "var"

    def write_site(self, **settings: Any) -> None:
        """Write site.yaml anew with some more settings."""
        self.site |= settings
        (self.config / "site.yaml").write_text(yaml.safe_dump(self.site, sort_keys=False))

    def change_host(self, name: str, **settings: Any) -> None:
        """Reach a host in another way from now on."""
        self.site["hosts"][name] = self.site["hosts"][name] | settings
        self.write_site()

    def add_local(self, name: str, address: str | None = None) -> None:
        """Declare this very machine as one more host."""
        self.site["hosts"][name] = {"local": True} | ({"address": address} if address else {})
        self.write_site()

    def root(self, host: Host | str, instrument: str = "sha") -> Path:
        """Return an instrument's root on a host; a host of this machine is named by its name."""
        base = self.folder / "data" / host if isinstance(host, str) else host.root / self.folder.name
        return base / instrument

    def copy(self, host: Host | str, instrument: str = "sha", /, **settings: Any) -> Settings:
        """Return one copy for `copies`, and make its root; `from_` is the key ``from``."""
        root = self.root(host, instrument)
        root.mkdir(parents=True, exist_ok=True)
        return {"host": host if isinstance(host, str) else host.name, "root": str(root)} | {
            key.rstrip("_"): value for key, value in settings.items()
        }

    def declare(self, name: str = "sha", **settings: Any) -> None:
        """Write an instrument's file: a chain over all hosts unless `copies` says another."""
        declared: Settings = {
            "instrument": name,
            "layout": "%Y/%m%d",
            "cameras": {name: {"files": [f"{name.upper()}_*.fits"]}},
            "window_nights": 7,
        }
        declared |= settings
        declared.setdefault("copies", [self.copy(host, name) for host in self.hosts])
        text = yaml.safe_dump(declared, sort_keys=False, allow_unicode=True)
        (self.config / "instruments.d" / f"{name}.yaml").write_text(text)

    def night(self, back: int = 1) -> dt.date:
        """Return the night so many before the present one."""
        present = NightClock.from_spec(ZONE, "12:00").night_of(dt.datetime.now(dt.UTC))
        return present - dt.timedelta(days=back)

    def path(self, host: Host | str, relative: str | bytes, instrument: str = "sha") -> Path:
        """Return a file below an instrument's root on a host."""
        return self.root(host, instrument) / os.fsdecode(relative)

    def expose(
        self, hosts: Iterable[Host | str], numbers: Iterable[int], back: int = 1, instrument: str = "sha"
    ) -> list[str]:
        """Make the frames of one night, the same on each of some hosts; return their paths below the root."""
        night = self.night(back)
        places = list(hosts)
        paths = []
        for number in numbers:
            relative = f"{night:%Y/%m%d}/{instrument.upper()}_{night_text(night)}.{number:04d}.fits"
            for host in places:
                self.put(host, relative, fits_file(seed=number), instrument=instrument)
            paths.append(relative)
        return paths

    def put(
        self, host: Host | str, relative: str | bytes, data: bytes, age_s: float = OLD_S, instrument: str = "sha"
    ) -> Path:
        """Write one file with a modification time in the past."""
        path = self.path(host, relative, instrument)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        age(path, age_s)
        return path

    def mark(self, host: Host | str, instrument: str = "sha", identity: str = "") -> None:
        """Mark a root by hand, as a person would."""
        marker = self.root(host, instrument) / ".nightferry" / "root"
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.write_text(identity)

    def call(self, *words: str) -> Answer:
        """Call the command line in this process."""
        return self.call_elsewhere(self.config, *words)

    def call_elsewhere(self, config: Path, *words: str) -> Answer:
        """Call it as another machine does, which has a configuration and a ledger of its own."""
        self.capsys.readouterr()
        status = main(["--config", str(config), *words])
        said = self.capsys.readouterr()
        return Answer(status, said.out, said.err)

    def command(self, *words: str) -> list[str]:
        """Return the words that start the installed command."""
        return [str(PROGRAM), "--config", str(self.config), *words]

    def process(self, *words: str, timeout_s: float = 60.0) -> Answer:
        """Call the installed command as a process of its own."""
        ended = subprocess.run(
            self.command(*words),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        return Answer(ended.returncode, ended.stdout, ended.stderr)

    def fill(self, *words: str) -> Answer:
        """Sync, taking every destination root as new; all must go well."""
        answer = self.call("sync", *self.new_roots(), *words)
        assert answer.status == 0, answer
        return answer

    def new_roots(self, instruments: Iterable[str] = ()) -> list[str]:
        """Return ``--new-root`` for every root that some instruments (or all) declare."""
        names = list(instruments) or [path.stem for path in (self.config / "instruments.d").glob("*.yaml")]
        words = []
        for name in names:
            declared = yaml.safe_load((self.config / "instruments.d" / f"{name}.yaml").read_text())
            for copy in declared["copies"]:
                words += ["--new-root", f"{copy['host']}:{copy['root']}"]
        return words


def host_settings(host: Host) -> Settings:
    """Return how a host is reached, for site.yaml."""
    return {
        "address": host.address,
        "user": host.user,
        "port": host.port,
        "identity": str(host.client_key),
        "known_hosts": str(host.known_hosts),
    }


def age(path: Path, age_s: float) -> None:
    """Set a file's modification time into the past."""
    instant = time.time() - age_s
    os.utime(path, (instant, instant))


def tree(root: Path) -> dict[str, str]:
    """Return every file below a root, not ours, with the hash of its bytes; one that is closed to us with its size."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        if os.access(path, os.R_OK)
        else f"closed, {path.stat().st_size} bytes"
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".nightferry" not in path.relative_to(root).parts
    }


def ours(root: Path) -> list[str]:
    """Return every file of nightferry's own below a root."""
    return sorted(
        str(path.relative_to(root / ".nightferry")) for path in (root / ".nightferry").rglob("*") if not path.is_dir()
    )


def block(root: Path, title: str, *lines: str) -> str:
    """Return one block of the report in the seed's form."""
    return "\n".join([f"{root}/", RULE, title, RULE, "", *lines, "", "", ""])


def folder_of(night: dt.date, layout: str = "%Y/%m%d") -> str:
    """Return a night's folder below a root."""
    return Layout(layout).folder(night).decode()


def dome_and_archive(folder: Path, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """Return an observatory of an instrument computer and an archive, both marked folders of this machine."""
    made = Observatory(folder, (), capsys)
    for name in ("dome", "archive"):
        made.add_local(name)
    made.declare(copies=[made.copy(name) for name in ("dome", "archive")])
    for name in ("dome", "archive"):
        made.mark(name)
    return made
