"""What is noted before files go is on disk before they go: a power cut takes the ledger's last moments, not these."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from observatory.nights import night_text
from tests.hosts import Host, need
from tests.nightsites import declare, expose, night_site
from tests.observatory import Observatory
from tests.retention import RETENTION, carried, chain_of_three

Capsys = pytest.CaptureFixture[str]
CALLS = "fsync,fdatasync,unlink,unlinkat,rename,renameat,renameat2,pwrite64"


def moments(site: Observatory, folder: Path, *words: str) -> Iterator[str]:
    """Call a command and yield, as they come, `note` and `synced` of the ledger's log, `aside` and `gone` of files."""
    said, program = folder / "strace", need(shutil.which("strace"), "strace")
    traced = [program, "-f", "-y", "-qq", "-e", f"trace={CALLS}", "-o", str(said), *site.command(*words)]
    subprocess.run(traced, check=True, capture_output=True)
    signs = {
        r"pwrite64\(.*catalogue\.db-wal>": "note",
        r"f(data)?sync\(.*catalogue\.db-wal>": "synced",
        r'rename.*, ".*/\.nightferry/(freeing|replaced)/': "aside",
        r'unlink.*/\.nightferry/freeing/.*fits"': "gone",
    }
    for line in said.read_text().splitlines():
        yield from (name for sign, name in signs.items() if re.search(sign, line))


def is_noted_first(happened: list[str], what: str) -> bool:
    """Say whether the ledger's log was synced after the last note before the first of some deeds."""
    assert what in happened
    before = happened[: happened.index(what)]
    last = [one for one in before if one in ("note", "synced")]
    return bool(last) and last[-1] == "synced"


def test_what_is_freed_is_known_to_be_freed_though_the_power_goes(tmp_path: Path, capsys: Capsys) -> None:
    """The ledger knew nothing of it: a loss nobody had accepted, and every night `gone` that lay on two archives."""
    site = chain_of_three(tmp_path, capsys, retention=RETENTION)
    carried(site)
    happened = list(moments(site, tmp_path, "prune", "--yes"))
    assert happened.count("gone") == 2
    assert is_noted_first(happened, "aside")
    assert is_noted_first(happened, "gone")


def test_what_is_undone_is_known_to_be_undone_though_the_power_goes(
    tmp_path: Path, three_hosts: tuple[Host, Host, Host], capsys: Capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No night is called processed whose products are aside."""
    site = night_site(tmp_path, three_hosts[0], capsys, monkeypatch)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'packages'}:{Path(__file__).parents[2]}")
    declare(site)
    expose(site)
    site.mark("here", "vamp")
    assert site.call("convert").status == 0
    happened = list(moments(site, tmp_path, "restore", "-i", "vamp", "-d", night_text(site.night()), "--yes"))
    assert happened.count("aside") == 3
    assert is_noted_first(happened, "aside")
