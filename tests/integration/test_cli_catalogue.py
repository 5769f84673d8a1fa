"""``run``, ``catalogue``, ``exposures`` and ``fetch`` on the command line, over two copies on this machine."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalogue.ics import FilesNotHad, ICSInterface
from nightferry.cli.main import main
from tests.exposures import NIGHT, header, sums, unit, write
from tests.shared import REPOSITORY

EXPIDS = (111388, 111390)


@dataclass
class Site:
    """A site with the shipped DESI instrument, both of whose copies lie here."""

    folder: Path
    capsys: pytest.CaptureFixture[str]

    @property
    def root(self) -> Path:
        """The first copy's root."""
        return self.folder / "dts"

    def declare(self, **changes: Any) -> None:
        """Write the configuration, the instrument with some keys changed."""
        (self.folder / "config" / "instruments.d").mkdir(parents=True, exist_ok=True)
        site = {
            "site": "Kitt Peak",
            "timezone": "America/Phoenix",
            "hosts": {"dts": {"local": "true"}, "nersc": {"local": "true", "address": "dtn.example.org"}},
        }
        (self.folder / "config" / "site.yaml").write_text(yaml.safe_dump(site))
        desi = yaml.safe_load((REPOSITORY / "instruments.d" / "desi.yaml").read_text())
        desi["copies"] = [{"host": name, "root": str(self.folder / name)} for name in ("dts", "nersc")]
        del desi["modes"]
        text = yaml.safe_dump({key: value for key, value in (desi | changes).items() if value is not None})
        (self.folder / "config" / "instruments.d" / "desi.yaml").write_text(text)

    def expose(self, expid: int, **cards: Any) -> Path:
        """Write an exposure as it lies today, with its list of checksums."""
        folder = self.root / f"{NIGHT:%Y%m%d}" / f"{expid:08d}"
        content = unit({}) + unit({"EXTNAME": "SPEC", **header(expid, **cards)}, 100, False)
        files = [
            write(folder / f"desi-{expid:08d}.fits.fz", content),
            write(folder / "fiberassign-080605.fits", unit({})),
        ]
        write(folder / f"checksum-{expid:08d}.sha256sum", sums(*files))
        return folder

    def call(self, *words: str) -> tuple[int, str, str]:
        """Run one command; return its status and what it said."""
        status = main(["--config", str(self.folder / "config"), *words])
        said = self.capsys.readouterr()
        return status, said.out, said.err

    def ask(self, *words: str) -> dict[str, Any]:
        """Run one command that must succeed and return its document."""
        status, out, err = self.call(*words, "--json")
        assert (status, err) == (0, "")
        document = json.loads(out)
        assert isinstance(document, dict)
        return document


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Site:
    """Two exposures of one night."""
    made = Site(tmp_path, capsys)
    made.declare()
    for expid in EXPIDS:
        made.expose(expid)
    (tmp_path / "nersc" / ".nightferry").mkdir(parents=True)
    (tmp_path / "nersc" / ".nightferry" / "root").touch()
    return made


def test_the_nightly_run_catalogues_what_arrived(site: Site, tmp_path: Path) -> None:
    """Afterwards the proven copy on the archive is named."""
    status, out, _ = site.call("run", "-d", "20211129")
    assert status == 0
    assert "catalogue: dts: 6 files of 1 night, 2 read, 0 not readable; 2 exposures, 2 new, 2 now complete" in out
    found = site.ask("exposures", "--nights", "20211129")["exposures"]
    assert [one["expid"] for one in found] == list(EXPIDS)
    assert found[0]["data_location"] == f"dtn.example.org:{tmp_path}/nersc/20211129/00111388"
    assert "catalogue:" not in site.call("run", "-d", "20211129")[1]


def test_a_damaged_file_makes_the_run_different_and_is_listed(site: Site) -> None:
    """With its reason, until it is whole."""
    path = site.expose(111395) / "desi-00111395.fits.fz"
    content = path.read_bytes()
    write(path, content[:6000])
    status, out, _ = site.call("run", "-d", "20211129")
    assert status == 1
    (line,) = [line for line in out.splitlines() if "HDU 1 promises a file of" in line]
    assert line.strip().startswith("20211129/00111395/desi-00111395.fits.fz on ")
    status, out, _ = site.call("catalogue", "unreadable")
    assert (status, out.startswith("desi 20211129 00111395/desi-00111395.fits.fz: unreadable: HDU 1")) == (1, True)
    write(path, content)
    assert site.call("catalogue", "fill", "-d", "20211129")[0] == 1  # what the run carried is as it was
    write(path.parents[3] / "nersc" / path.relative_to(path.parents[2]), content)
    assert site.call("catalogue", "fill", "-d", "20211129")[0] == 0
    assert site.call("catalogue", "unreadable") == (0, "", "")


def test_a_night_that_disagrees_with_its_header_is_warned_about(site: Site) -> None:
    """In the report, and where the catalogue is filled by hand."""
    site.expose(111395, NIGHT=20211128)
    status, _, err = site.call("catalogue", "fill", "-d", "20211129")
    assert (status, "exposure 111395 lies in the night 20211129, its header says 20211128" in err) == (0, True)


def test_exposures_are_asked_for_as_table_csv_and_json(site: Site) -> None:
    """By night, number, last and where."""
    site.call("catalogue", "fill", "-d", "20211129")
    table = site.call("exposures", "--ids", "111388..111389")[1].splitlines()
    assert table[0].split()[:4] == ["instrument", "expid", "night", "date"]
    assert table[1].split()[:4] == ["desi", "111388", "20211129", "2021-11-30T05:00:00.250000Z"]
    assert len(table) == 2
    rows = list(csv.DictReader(io.StringIO(site.call("exposures", "--csv")[1])))
    assert [(row["expid"], row["exptime"], row["seeing"], row["data_written"]) for row in rows] == [
        ("111388", "900.0", "", "yes"),
        ("111390", "900.0", "", "yes"),
    ]
    assert [one["expid"] for one in site.ask("exposures", "--last")["exposures"]] == [111390]
    where = "exptime > 60 and program = 'DARK' and not expid = 111388"
    assert [one["expid"] for one in site.ask("exposures", "--where", where)["exposures"]] == [111390]
    assert site.ask("exposures", "--nights", "20200101..20200201") == {"exposures": []}
    assert site.ask("exposures", "--observed", "2021-11-30..2021-12-01", "--written", "--limit", "1")["exposures"]
    assert site.ask("exposures", "--arrived", "..2021-12-01")["exposures"] == []


def test_nothing_found_and_more_than_shown_are_said_beside_the_answer(site: Site) -> None:
    """On standard error; a CSV file without rows still has its headings. An empty catalogue is no empty night."""
    nothing = "nothing of desi is catalogued yet: `nightferry catalogue` reads the copies that lie on this machine"
    assert site.call("exposures", "--last") == (0, "", f"{nothing}\n")
    site.call("catalogue", "fill", "-d", "20211129")
    status, out, err = site.call("exposures", "--limit", "1")
    assert (status, len(out.splitlines()), "more than the 1 shown" in err) == (0, 2, True)
    assert site.call("exposures", "--limit", "2")[2] == ""
    for numbers in ("5", f"{10**30}..", f"{10**30}"):
        assert site.call("exposures", "--ids", numbers) == (0, "", "no exposure is such\n")
    header_line = site.call("exposures", "--csv")[1].splitlines()[0]
    (alone,) = site.call("exposures", "--csv", "--ids", "5")[1].splitlines()
    assert header_line.startswith(alone)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["exposures", "--ids", "9..1"], "the span runs backwards"),
        (["exposures", "--ids", "x"], "'x' is no exposure number"),
        (["exposures", "--ids", ".."], "a value, or a span A..B"),
        (["exposures", "--observed", "9999-12-31T23:59:59-10:00.."], "date value out of range"),
        (["exposures", "--where", "colour = 1"], "no column 'colour'"),
        (["exposures", "--csv", "--json"], "give one of the"),
        (["exposures", "-i", "nobody"], "no instrument 'nobody'"),
        (["fetch", "5", "--to", "here"], "none is called so"),
        (["catalogue", "fill", "-d", "1", "-n", "2"], "give one of the two"),
    ],
)
def test_what_cannot_be_asked_is_one_line_and_exit_two(site: Site, words: list[str], said: str) -> None:
    """Nothing is done."""
    status, out, err = site.call(*words)
    assert status == 2
    assert said in err
    assert len((out + err).splitlines()) == (2 if "--json" in words else 1)


def test_an_instrument_that_is_not_catalogued_is_said(site: Site) -> None:
    """`catalogue:` in its file is what makes it so."""
    site.declare(catalogue=None)
    status, _, err = site.call("exposures")
    assert (status, "no instrument declares `catalogue:`" in err) == (2, True)
    status, _, err = site.call("catalogue", "fill", "-i", "desi")
    assert (status, "instrument desi does not declare `catalogue:`" in err) == (2, True)
    assert site.call("run", "-d", "20211129")[0] == 0


def test_fetch_copies_the_files_of_a_class(site: Site, tmp_path: Path) -> None:
    """Their paths are printed; a dry run copies nothing; equal files stay with --keep, others stop it."""
    site.call("run", "-d", "20211129")
    here = tmp_path / "here"
    status, out, _ = site.call("fetch", "00111388", "--class", "spectro", "--to", str(here), "--dry-run")
    assert (status, here.exists()) == (0, False)
    assert site.call("fetch", "111388", "--class", "spectro", "--to", str(here))[:2] == (0, out)
    assert out == f"{here}/desi-00111388.fits.fz\n"
    assert site.ask("fetch", "111388", "--keep", "--to", str(here))["files"] == [
        f"{here}/{name}" for name in ("checksum-00111388.sha256sum", "desi-00111388.fits.fz", "fiberassign-080605.fits")
    ]
    (here / "fiberassign-080605.fits").write_bytes(b"mine")
    status, _, err = site.call("fetch", "111388", "--keep", "--to", str(here))
    assert (status, "other content; nothing was copied" in err) == (1, True)
    status, _, err = site.call("fetch", "111388", "--class", "spectra", "--to", str(here))
    assert (status, "--class spectra: there is no such class of files; there are " in err) == (2, True)


def rot(path: Path) -> None:
    """Change a byte of a file, and nothing that a listing shows."""
    as_it_was = path.stat()
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    os.utime(path, ns=(as_it_was.st_atime_ns, as_it_was.st_mtime_ns))


def test_the_ics_interface_hands_out_nothing_that_rotted_either(site: Site, tmp_path: Path) -> None:
    """It knows the catalogue alone: what the instrument's own list says of another copy."""
    assert site.call("run", "-d", "20211129")[0] == 0
    rot(tmp_path / "nersc" / "20211129" / "00111388" / "desi-00111388.fits.fz")
    with ICSInterface(tmp_path / "config") as ics, pytest.raises(FilesNotHad, match="not what it was when it was read"):
        ics.get_exposure_files(111388, dest=tmp_path / "ics", file_class="spectro")


@pytest.mark.parametrize("name", ["desi-00111388.fits.fz", "checksum-00111388.sha256sum"])
def test_fetch_hands_out_nothing_that_rotted_since_it_was_read(site: Site, tmp_path: Path, name: str) -> None:
    """Its size and time are what they were, it lies on the nearest proven copy, and it was given out as proven."""
    assert site.call("run", "-d", "20211129")[0] == 0
    here = tmp_path / "here"
    rot(tmp_path / "nersc" / "20211129" / "00111388" / name)
    status, _, err = site.call("fetch", "111388", "--to", str(here))
    assert (status, (here / name).exists()) == (1, False)
    assert f"{name} on nersc is not what it was when it was read" in err
    assert "`nightferry verify --level checksum -i desi -d 20211129`" in err
    assert site.call("verify", "--level", "checksum", "-d", "20211129")[0] == 1
    assert site.call("fetch", "111388", "--to", str(here))[0] == 0, "the other copy is whole"
    assert (here / name).read_bytes() == (site.root / "20211129" / "00111388" / name).read_bytes()


def test_rebuild_finds_every_night_that_lies_here(site: Site, tmp_path: Path) -> None:
    """Beyond the window, and from nothing."""
    before = site.call("catalogue", "rebuild")
    assert before[0] == 0
    first = site.ask("exposures")["exposures"]
    assert len(first) == 2
    for path in (tmp_path / "config" / "var").glob("catalogue.db*"):
        path.unlink()
    site.call("catalogue", "rebuild")
    again = site.ask("exposures")["exposures"]
    kept = [name for name in first[0] if not name.endswith("_utc")]
    assert [[one[name] for name in kept] for one in again] == [[one[name] for name in kept] for one in first]
    shutil.rmtree(site.root / "20211129" / "00111390")
    assert site.ask("catalogue", "rebuild")["forgotten"] == 1
    assert len(site.ask("exposures")["exposures"]) == 1


def test_where_no_copy_lies_nothing_was_looked_at(site: Site) -> None:
    """That is not the same as nothing to do."""
    text = (site.folder / "config" / "site.yaml").read_text().replace("local: 'true'", "local: 'false'")
    (site.folder / "config" / "site.yaml").write_text(text.replace("dts:\n", "dts:\n    address: dts.example.org\n"))
    status, out, err = site.call("catalogue", "fill", "-d", "20211129")
    assert (status, out) == (3, "")
    assert "no copy of what is asked for lies on this machine" in err


def test_a_dry_run_says_what_would_be_noted(site: Site) -> None:
    """And notes nothing."""
    said = site.ask("catalogue", "fill", "-d", "20211129", "--dry-run")["places"][0]
    assert (said["read"], said["new_exposures"]) == (2, 2)
    assert site.ask("catalogue", "rebuild", "--dry-run")["forgotten"] == 0
    assert site.ask("exposures")["exposures"] == []


def test_a_root_that_is_not_there_is_unknown_and_takes_nothing_away(site: Site) -> None:
    """Exit 3, and what was known is still known."""
    site.call("catalogue", "fill", "-d", "20211129")
    site.root.rename(site.root.with_name("away"))
    status, _, err = site.call("catalogue", "rebuild")
    assert (status, "UNKNOWN" in err) == (3, True)
    assert len(site.ask("exposures")["exposures"]) == 2


@pytest.mark.parametrize(("width", "shown"), [(80, False), (1000, True)])
def test_a_table_shows_what_the_terminal_has_room_for(
    site: Site, monkeypatch: pytest.MonkeyPatch, width: int, shown: bool
) -> None:
    """Nothing is cut off: what does not fit is left to CSV and JSON."""
    site.call("catalogue", "fill", "-d", "20211129")
    monkeypatch.setattr("nightferry.cli.holding_work.is_terminal", lambda: True)  # pytest's output is none
    monkeypatch.setenv("COLUMNS", str(width))
    out = site.call("exposures")[1]
    assert max(map(len, out.splitlines())) <= width
    assert "111388  20211129" in out
    assert ("dts:/" in out) == shown
    assert "2 exposures; --csv and --json show every column" in out


def test_the_catalogue_takes_the_words_of_every_command_over_nights(site: Site) -> None:
    """Without a command of its own it is filled; before one, its options would be lost, and are refused."""
    night = f"{NIGHT:%Y%m%d}"
    plan = site.ask("catalogue", "-i", "desi", "-d", night, "--dry-run")
    assert site.ask("exposures", "--nights", night)["exposures"] == []
    assert plan["places"]
    filled = site.ask("catalogue", "-i", "desi", "-d", night)
    assert sum(place["new_exposures"] for place in filled["places"]) == 2
    assert len(site.ask("exposures", "--nights", night)["exposures"]) == 2
    status, out, _ = site.call("catalogue", "-d", night, "-n", "3", "--json")
    assert (status, list(json.loads(out))) == (2, ["error"])
    status, _, err = site.call("catalogue", "-i", "desi", "fill")
    assert (status, "after `fill`" in err) == (2, True)
