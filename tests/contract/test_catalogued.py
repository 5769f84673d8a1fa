"""Every shipped instrument that is catalogued: its names become exposures, its nights agree, its columns are read.

One suite over all of them; a new file joins it by being there, with its names in test_instruments_d.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalogue.holdings.grouping import Grouping
from catalogue.holdings.queries import ExposureQuery
from catalogue.holdings.section import CatalogueSection
from nightferry.holdings.cataloguing import Filled, FillWishes, fill_instrument
from nightferry.selection import Asked
from nightferry.workplace import Workplace
from observatory.formats.whole import format_of
from observatory.layouts import Layout
from observatory.listing import camera_layout
from observatory.names import matcher
from observatory.spec import chain
from observatory.spec.models import Instrument
from tests.contract.test_instruments_d import FOLDER, NAMES
from tests.exposures import fits, unit, write

NIGHT = dt.date(2024, 2, 29)
NOW = dt.datetime(2024, 3, 2, 12, tzinfo=dt.UTC)
BEGUN = dt.datetime(2024, 2, 29, 20, tzinfo=dt.UTC)
"""Within that night in UT, and at an observatory whose clock shows UT."""
CATALOGUED = sorted(path.stem for path in FOLDER.glob("*.yaml") if "\ncatalogue:" in path.read_text())
CARDS: dict[str, Any] = {
    "DATE-OBS": BEGUN.strftime("%Y-%m-%dT%H:%M:%S"),
    "MJD-STR": 60369.0 + 20 / 24,
    "NIGHT": 20240229,
    "EXPTIME": 12.5,
    "EXPOSURE": 12.5,
    "OBJECT": "M31",
    "AIRMASS": 1.25,
    "W_H4NRED": 0,
}


@pytest.fixture(params=CATALOGUED)
def workplace(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workplace]:
    """A site with one shipped instrument, all of whose copies lie on this machine."""
    text = (FOLDER / f"{request.param}.yaml").read_text()
    declared = yaml.safe_load(text)
    for copy in declared["copies"]:
        copy["root"] = f"{tmp_path}/{copy.get('name', copy['host'])}" + "".join(
            f"/{{{key}}}" for key in declared.get("variants", {})
        )
    declared.pop("datastore", None)
    hosts = {copy["host"]: {"local": "true"} for copy in declared["copies"]}
    (tmp_path / "config" / "instruments.d").mkdir(parents=True)
    site = {"site": "x", "timezone": "UTC", "hosts": hosts}
    (tmp_path / "config" / "site.yaml").write_text(yaml.safe_dump(site))
    (tmp_path / "config" / "instruments.d" / f"{request.param}.yaml").write_text(yaml.safe_dump(declared))
    with Workplace.at(tmp_path / "config", lambda: NOW) as opened:
        yield opened


def only(workplace: Workplace) -> tuple[Instrument, CatalogueSection]:
    """Return the site's instrument and what the catalogue takes from it."""
    (instrument,) = workplace.instruments.values()
    section = instrument.section(CatalogueSection)
    assert section is not None
    return instrument, section


def taken(instrument: Instrument) -> Iterator[tuple[str, str]]:
    """Yield camera and name of the files that the instrument's cameras take."""
    for camera, names in NAMES[instrument.instrument].items():
        this_night = (name.replace("20160907", f"{NIGHT:%Y%m%d}") for name in names)
        yield from ((camera, name) for name in this_night if camera in instrument.cameras)


def test_most_shipped_instruments_are_catalogued() -> None:
    """DESI and PFS above all."""
    assert {"desi", "pfs", "sha", "shd", "spupnic"} <= set(CATALOGUED)


def test_files_of_one_exposure_are_told_from_those_of_another(workplace: Workplace) -> None:
    """Every image is of an exposure, alike in every night where numbers go on, and in each its own where not."""
    instrument, section = only(workplace)
    grouping = Grouping(instrument.instrument, "", section, tuple(instrument.cameras))
    telling = section.headers or tuple(instrument.cameras)
    for camera, name in taken(instrument):
        belongs = grouping.exposure_of(NIGHT, "any", name.encode())
        if camera in telling and format_of(name.encode()) is not None:
            assert belongs is not None, name
        if belongs is not None:
            again = grouping.exposure_of(NIGHT + dt.timedelta(days=1), "any", name.encode())
            assert again is not None
            is_one = again.id == belongs.id
            assert is_one == (section.numbers == "instrument" and bool(section.exposure)), name
    assert grouping.exposure_of(NIGHT, "any", b"none/of/them.txt") is None


def test_classes_hold_only_files_that_cameras_take(workplace: Workplace) -> None:
    """A class that takes nothing of ours would always come back empty."""
    instrument, section = only(workplace)
    for name, patterns in section.classes.items():
        takes = matcher(tuple(pattern.encode() for pattern in patterns))
        known = [one for _, one in taken(instrument) if takes(one.encode()) == "taken"]
        assert known, f"{name} takes none of the names in NAMES"


def test_a_night_of_the_instrument_is_catalogued_from_its_files(workplace: Workplace, tmp_path: Path) -> None:
    """Night, number and columns are found; a second time nothing is read."""
    instrument, section = only(workplace)
    place = chain.places(instrument)[0]
    for camera, name in taken(instrument):
        folder = Layout(camera_layout(place, camera, instrument.cameras[camera])).folder(NIGHT, camera).decode()
        content = (
            unit({}) + unit({"EXTNAME": "SPEC", **CARDS}, 10, False) if "desi-" in name else fits(CARDS, pixels=10)
        )
        is_image = format_of(name.encode()) == "fits"
        write(Path(place.root) / folder / name, content if is_image else b"{}", now=NOW)
    filled = Filled()
    asked = Asked(dates=("20240229",))
    fill_instrument(workplace, asked, instrument, FillWishes(), filled)
    assert filled.outcomes[0].counts.faults == []
    assert filled.outcomes[0].counts.read > 0
    exposures = workplace.catalogue.exposures(ExposureQuery(instrument=instrument.instrument))
    telling = [exposure for exposure in exposures if "date" in exposure.columns]
    assert telling
    for exposure in telling:
        assert exposure.night == exposure.columns["header_night"] == NIGHT
        assert exposure.columns["date"] == BEGUN
        assert exposure.columns["exptime"] == 12.5
        assert exposure.number is not None or not section.exposure
    fill_instrument(workplace, asked, instrument, FillWishes(), again := Filled())
    assert again.outcomes[0].counts.read == 0
