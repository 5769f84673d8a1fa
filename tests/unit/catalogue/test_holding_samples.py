"""Real headers and a real night: what others wrote is read as they meant it."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from typing import Any

import pytest
import yaml
from astropy.io import fits

from catalogue.holdings.headers import Reader
from catalogue.holdings.section import CatalogueSection, Source, sources_of
from catalogue.holdings.values import Value, columns_from
from observatory.nights import NightClock
from tests.shared import REPOSITORY, shared

KITT_PEAK = NightClock.from_spec("America/Phoenix")


def test_every_exposure_of_a_real_night_gets_its_night_from_its_date() -> None:
    """The table of DESI's night 20211129 as an oracle; numbers may have holes."""
    sources = {"header_night": (Source(keyword=("MJD-OBS",), type="mjd"),)}
    with shared("samples/desi/exposure_table_20211129.csv").open() as opened:
        rows = list(csv.DictReader(opened))
    assert len(rows) > 20
    for row in rows:
        columns, faults = columns_from(sources, lambda keyword, hdus, row=row: row.get(keyword), KITT_PEAK)
        assert (columns["header_night"], faults) == (dt.date(2021, 11, 29), [])
        assert row["NIGHT"] == "20211129"


def read(name: str, section: CatalogueSection) -> dict[str, Value]:
    """Return the columns of a header that is kept as YAML."""
    text = re.sub(r"!<[^>]*>", "", shared(f"samples/headers/{name}").read_text())
    loaded = yaml.safe_load(text)
    cards = loaded.items() if isinstance(loaded, dict) else ((card[0], card[2]) for card in loaded)
    made = fits.Header()
    for keyword, value in cards:
        if keyword and not re.fullmatch(r"SIMPLE|BITPIX|NAXIS\d*|EXTEND|COMMENT|HISTORY|BZERO|BSCALE", keyword):
            made[keyword] = value
    stream = io.BytesIO()
    fits.PrimaryHDU(header=made).writeto(stream)
    reader = Reader(section, sources_of(section), NightClock.from_spec("Pacific/Honolulu", "utc"))
    reading = reader.read("any", b"any.fits", stream, stream.getbuffer().nbytes)
    assert reading.faults == ()
    return dict(reading.columns)


@pytest.mark.filterwarnings("ignore:.*HIERARCH card:astropy.io.fits.verify.VerifyWarning")  # long keywords of DECam
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "fitsheader-decam.yaml",
            {"date": dt.datetime(2013, 9, 1, 6, 2, 55, 753_848, dt.UTC), "exptime": 200.0, "exptype": "object"},
        ),
        ("fitsheader-hsc.yaml", {"header_night": dt.date(2013, 11, 2), "exptime": 30.0, "object": "STRIPE82L"}),
        ("fitsheader-suprimecam-CORR40535770.yaml", {"object": "Ecliptic Deep Field", "exptime": 200.0}),
    ],
)
def test_real_headers_are_read_without_a_word_declared(name: str, expected: dict[str, Any]) -> None:
    """`catalogue: {}` is enough for what most headers have."""
    columns = read(name, CatalogueSection())
    assert expected.items() <= columns.items()


def test_a_real_header_of_subaru_is_read_by_what_is_shipped_for_pfs() -> None:
    """Sexagesimal coordinates, a date and a time of day in two cards."""
    shipped = yaml.safe_load((REPOSITORY / "instruments.d" / "pfs.yaml").read_text())["catalogue"]
    columns = read("fitsheader-hsc.yaml", CatalogueSection.model_validate(shipped))
    assert columns["skyra"] == pytest.approx(320.749925, abs=1e-5)
    assert columns["skydec"] == pytest.approx(0.500019, abs=1e-5)
    assert columns["date"] == dt.datetime(2013, 11, 2, 6, 15, 55, 907_790, dt.UTC)
    assert columns["header_night"] == dt.date(2013, 11, 2)
