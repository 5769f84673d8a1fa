"""Defects D1, D2, D8, D9, D11 and D12 of DESI's transfer programs: what the catalogue does where they went wrong.

The other defects of that list are tested beside what they concern; each docstring says what was wrong there.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import ValidationError

from catalogue import Catalogue
from catalogue.datasets.tables import ingests
from catalogue.holdings.section import CatalogueSection, Complete
from catalogue.ics import ICSInterface
from observatory.errors import RecordsUnavailable
from tests.exposures import DESI, MANIFEST, NIGHT, Held, fits, header, rules, write
from tests.pfs import Deliveries, ccd, raw_name


def test_a_write_that_failed_is_recorded_as_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """D1: there the tape could not be written, a mail said so, and the night was noted as backed up all the same."""
    pfs = Deliveries.at(tmp_path, capsys)
    pfs.deliver(12)
    good = pfs.put(raw_name(13), ccd(13))
    pfs.store.mkdir()
    (pfs.store / "PFS").mkdir()
    (pfs.store / "PFS" / "raw").write_bytes(b"a file stands where the folder should be")
    assert pfs.ingest(pfs.folder).status == 1
    with Catalogue.open(f"sqlite:///{pfs.site.state}/catalogue.db") as catalogue:
        assert list(catalogue.every_dataset()) == []
        with catalogue._store.read() as connection:
            (noted,) = connection.execute(sa.select(ingests.c.state, ingests.c.counts)).all()
    assert (noted.state, noted.counts["new"], noted.counts["failed"]) == ("different", 0, 2)
    assert noted.counts["held back"] == 2
    assert good.exists()


_HDUS = {"files": "desi-*.fits", "extension": "IMAGE_*", "keyword": "W_H4NRED"}
_BROKEN: Mapping[str, tuple[Mapping[str, Any], str, bytes | None, str]] = {
    "needs": ({"needs": ["etc-{exposure}.json"]}, "etc-00000002.json", None, "etc-00000002.json is absent"),
    "trigger": ({"trigger": "done"}, "done", None, "its trigger done is absent"),
    "manifest": (
        {"manifest": MANIFEST},
        "checksum-2.sha256sum",
        b"0" * 64 + b"  desi-00000002.fits\n",
        "desi-00000002",
    ),
    "hdus": (
        {"hdus": _HDUS},
        "desi-00000002.fits",
        fits(header(2) | {"W_H4NRED": 2}, [("IMAGE_1", {})]),
        "holds 1 of 2 HDUs",
    ),
    "published": ({"published": {"link": "{exposure}.link", "copy": "dts"}}, "../00000002.link", None, "publish"),
    "stable_s": ({"stable_s": 20_000}, "etc-00000002.json", b"{}", "changed less than 20000 s ago"),
}
"""Of each rule of completeness: how it is declared, the file that breaks it and what it holds, what is waited for."""


def test_every_rule_that_can_be_declared_is_broken_below() -> None:
    """A new rule without a case here fails this test."""
    assert set(_BROKEN) == set(Complete.model_fields)


def _deliver(held: Held, expid: int) -> None:
    """Write an exposure of which nothing is wrong, long ago."""
    content = fits(header(expid) | {"W_H4NRED": 1}, [("IMAGE_1", {})])
    listed = f"{hashlib.sha256(content).hexdigest()}  desi-{expid:08d}.fits\n".encode()
    files = {f"desi-{expid:08d}.fits": content, f"etc-{expid:08d}.json": b"{}", "done": b""}
    for name, held_in in (files | {f"checksum-{expid}.sha256sum": listed}).items():
        write(held.folder(expid) / name, held_in, age_s=1e6)
    (held.folder(expid).parent / f"{expid:08d}.link").symlink_to(f"{expid:08d}")


@pytest.mark.parametrize("rule", _BROKEN)
def test_no_check_that_is_declared_is_left_out(held: Held, rule: str) -> None:
    """D2: there the question whether the tape answers was written, tested and configured, and never asked."""
    declared, name, content, said = _BROKEN[rule]
    held.section = rules(**declared)
    for expid in (1, 2):
        _deliver(held, expid)
    broken = held.folder(2) / name
    broken.unlink()
    if content is not None:
        write(broken, content, age_s=10_000)
    held.fill()
    whole, waiting = held.exposures()
    assert (whole.data_written, waiting.data_written) == (True, False), whole.waits_for
    assert said in (waiting.waits_for or "")


def test_a_damaged_memory_is_no_empty_one(tmp_path: Path) -> None:
    """D8: there a status file that was half written was copied away and begun anew, without its history."""
    url = f"sqlite:///{tmp_path}/catalogue.db"
    (tmp_path / "data" / ".nightferry").mkdir(parents=True)
    (tmp_path / "data" / ".nightferry" / "root").touch()
    with Catalogue.open(url) as catalogue:
        held = Held(tmp_path / "data", catalogue)
        held.expose(1)
        held.fill()
        assert held.only().data_written
    path = tmp_path / "catalogue.db"
    damaged = b"half of it" * 100 + path.read_bytes()[1000:]
    path.write_bytes(damaged)
    with pytest.raises(RecordsUnavailable, match="damaged or no database"):
        ICSInterface(url).get_exposure_summary(expid_range="last")
    with pytest.raises(RecordsUnavailable, match="damaged or no database"):
        Catalogue.open(url)
    assert path.read_bytes() == damaged


def test_the_night_begins_at_noon_and_not_28_minutes_later(held: Held) -> None:
    """D9: there Phoenix was taken for its local mean time, 7 h 28 min behind Greenwich."""
    noon = dt.datetime.combine(NIGHT, dt.time(19), dt.UTC)
    moments = {
        1: noon - dt.timedelta(seconds=1),
        2: noon,
        3: noon + dt.timedelta(minutes=14),
        4: noon + dt.timedelta(days=1),
    }
    for expid, moment in moments.items():
        held.expose(expid, NIGHT=None, DATE_OBS=moment.strftime("%Y-%m-%dT%H:%M:%S"))
    held.fill()
    told = {one.number: one.columns["header_night"] for one in held.exposures()}
    day = dt.timedelta(days=1)
    assert told == {1: NIGHT - day, 2: NIGHT, 3: NIGHT, 4: NIGHT + day}


@pytest.mark.parametrize(
    "slip",
    [
        {"columns": {"exptime": {"keyword": "EXPTIME", "unit": "fortnight"}}},
        {"columns": {"exptime": {"keyword": "EXPTIME", "typ": "number"}}},
        {"columns": {"exptime": {"keyword": "EXPTIME", "type": "numbr"}}},
        {"complete": {"stable_s": "5x"}},
        {"complete": {"needs": ["desi-{expid}.fits"]}},
        {"exposure": "(?P<exposure>[0-9]{8}/.+"},
    ],
)
def test_a_slip_in_what_is_declared_is_refused_before_anything_is_done(slip: Mapping[str, Any]) -> None:
    """D11: there a wrong suffix left a variable unset, and the job went on; a wrong argument broke its own log."""
    CatalogueSection.model_validate(DESI)
    with pytest.raises(ValidationError):
        CatalogueSection.model_validate({**DESI, **slip})


def test_no_year_is_another_than_the_others(held: Held) -> None:
    """D12: there the years to leave out stood in a program that somebody edited each January."""
    nights = [dt.date(year, 1, 1) for year in (1999, 2016, 2027, 2100)] + [dt.date(2099, 12, 31), dt.date(2024, 2, 29)]
    for expid, night in enumerate(nights, 1):
        held.expose(expid, night)
    held.now = dt.datetime(2100, 1, 3, tzinfo=dt.UTC)
    held.fill(*nights)
    assert [one.night for one in held.exposures()] == sorted(nights)
    for night in nights:
        (one,) = held.exposures(nights=(night, night))
        assert (one.columns["header_night"], one.data_written) == (night, True)
