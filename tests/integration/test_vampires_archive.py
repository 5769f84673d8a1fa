"""A night of 2 x 20 cubes from raw to archived over SSH: all steps, status, prune, restore; and damage is found."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import vampires
from tests.cubes import Night
from tests.hosts import Host, Hosts
from tests.observatory import Answer, Observatory, ours, tree


@pytest.fixture(scope="module")
def archive_host(hosts: Hosts) -> Host:
    """The data archive."""
    return hosts.start("sc6")


@pytest.fixture
def site(tmp_path: Path, archive_host: Host, capsys: pytest.CaptureFixture[str]) -> Iterator[Observatory]:
    """Two machines: this one, where cameras write, and the archive behind an sshd."""
    observatory = Observatory(tmp_path / f"{tmp_path.name}-site", [archive_host], capsys)
    observatory.add_local("sc5")
    vampires.declare(
        observatory,
        settle_s=0,
        copies=[
            observatory.copy("sc5", vampires.NAME, place="summit"),
            observatory.copy(
                archive_host, vampires.NAME, place="base", cameras=["vgen2", "paperwork"], after="manifest"
            ),
        ],
        retention={"keep_nights": 0, "copies": 1, "within_days": 30},
    )
    yield observatory


def exposed(site: Observatory) -> Night:
    """Expose twenty cubes a camera, with the FLC, and some lost frames."""
    night = vampires.night(site, jitter_us=500, offset_us=600, frames=25, drops=0.004)
    night.expose("10:20:00", 498)
    assert [len(list((night.folder / name).glob("*.fits"))) for name in ("vcam1", "vcam2")] == [20, 20]
    return night


def small(site: Observatory) -> Night:
    """Expose one cube a camera."""
    night = vampires.night(site, frames=20, drops=0.0)
    night.expose("10:20:00", 20)
    return night


def call(site: Observatory, *words: str) -> Answer:
    """Call a command for the instrument's night."""
    return site.call(words[0], "-i", vampires.NAME, "-d", vampires.DATE, *words[1:])


def row(site: Observatory, *words: str) -> dict[str, str]:
    """Return the night's row of the table."""
    (found,) = csv.DictReader(io.StringIO(call(site, "status", *words, "--csv").out))
    return found


def test_a_night_goes_from_raw_to_archived_and_back(site: Observatory, archive_host: Host) -> None:
    """As the seed's pages describe it, with the proof at every turn."""
    night = exposed(site)
    raw = tree(night.folder)
    converted = vampires.convert(site)
    assert converted.status == 0, converted.out + converted.err
    moved = call(site, "sync", *site.new_roots())
    assert moved.status == 0, moved.out + moved.err
    refused = call(site, "prune", "--yes")
    assert "0 files freed" in refused.out, "nothing was hashed there yet"
    verified = call(site, "verify", "--level", "checksum", "--json")
    assert verified.hop["unrecognised"] == []
    made = {path: sha256 for path, sha256 in tree(night.folder).items() if path not in raw}
    archived = site.root(archive_host, vampires.NAME) / vampires.DATE
    assert tree(archived) == made
    assert vampires.frames_in(archived) == dict.fromkeys(night.truth, 1)

    before = row(site)
    assert list(before) == [
        "sc5_path",
        "utc_date",
        "processed",
        "processed_timestamp",
        "transferred_to_sc6",
        "transferred_timestamp",
        "safe_on_sc6",
        "safe_timestamp",
    ]
    assert "all 7 steps" in call(site, "status").out, "seven names would leave no room for the rest on a terminal"
    after = row(site, "--safe")
    assert (after["utc_date"], after["processed"]) == ("2025-11-06", "True")
    assert (after["transferred_to_sc6"], after["safe_on_sc6"]) == ("True", "True")

    freed = call(site, "prune", "--yes")
    assert freed.status == 0, freed.out + freed.err
    assert tree(night.folder) == raw, "what is proven on the archive is freed, raw cubes lie nowhere else and stay"

    back = call(site, "restore", "--from", "sc6", "--yes")
    assert back.status == 0, back.out + back.err
    assert tree(night.folder) == raw | made
    undone = call(site, "restore", "--yes")
    assert undone.status == 0, undone.out + undone.err
    assert tree(night.folder) == raw
    assert any("VMPA00425199" in path for path in ours(site.root("sc5", vampires.NAME)))


def damaged_bit(packed: Path) -> None:
    """Flip one bit in the middle of a file, times as they were."""
    content = bytearray(packed.read_bytes())
    content[len(content) // 2] ^= 1
    packed.write_bytes(bytes(content))


def truncated(packed: Path) -> None:
    """Cut a file by one byte."""
    packed.write_bytes(packed.read_bytes()[:-1])


def renamed(packed: Path) -> None:
    """Give a file another name."""
    packed.rename(packed.with_name("VMPA00999999.fits.fz"))


def test_whatever_happens_to_the_archive_the_night_is_no_longer_safe(site: Observatory, archive_host: Host) -> None:
    """A flipped bit, a cut, another name: the old check of header strings saw none of them."""
    small(site)
    assert vampires.convert(site).status == 0
    assert call(site, "sync", *site.new_roots()).status == 0
    assert row(site, "--safe")["safe_on_sc6"] == "True"
    packed = site.root(archive_host, vampires.NAME) / vampires.DATE / "vgen2" / "VMPA00425199.fits.fz"
    whole = packed.read_bytes()
    for damage in (damaged_bit, truncated, renamed):
        assert row(site, "--safe")["safe_on_sc6"] == "True"
        damage(packed)
        before = tree(packed.parent)
        assert row(site, "--safe")["safe_on_sc6"] == "False", damage.__name__
        assert tree(packed.parent) == before, "looking changes nothing"
        packed.write_bytes(whole)


def test_a_file_that_nobody_made_is_not_safe(site: Observatory, archive_host: Host) -> None:
    """Of a stranger it is not known what it should be."""
    night = small(site)
    assert vampires.convert(site).status == 0
    assert call(site, "sync", *site.new_roots()).status == 0
    assert row(site, "--safe")["safe_on_sc6"] == "True"
    archived = site.root(archive_host, vampires.NAME) / vampires.DATE / "vgen2"
    (archived / "VMPA00999998.fits.fz").write_bytes((archived / "VMPA00425199.fits.fz").read_bytes())
    assert row(site, "--safe")["safe_on_sc6"] == "False"
    assert night.folder.is_dir()
