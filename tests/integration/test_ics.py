"""The interface that DESI's quick look asks: both its calls, with every word that its page of 2017 says of them."""

from __future__ import annotations

import datetime as dt
import hashlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalogue.catalogue import Catalogue
from catalogue.ics import (
    FILE_CLASSES,
    KEYS,
    DataNotWritten,
    FilesNotHad,
    ICSError,
    ICSInterface,
    NoSuchExposure,
    RangeError,
)
from observatory.errors import UsageError
from tests.exposures import NOON, Held, header, unit, write
from tests.shared import REPOSITORY

HOUR = dt.timedelta(hours=1)
SHIPPED = yaml.safe_load((REPOSITORY / "instruments.d" / "desi.yaml").read_text())
CAMERAS = {"cameras": SHIPPED["cameras"]}
SPECTRO = unit({}) + unit({"EXTNAME": "SPEC", **header(111388)}, 100, False)


@pytest.fixture
def held(database: str, tmp_path: Path) -> Iterator[Held]:
    """Two exposures of a night as they lie today, complete, and a third whose list of checksums does not agree."""
    with Catalogue.open(database) as catalogue:
        held = Held(tmp_path / "data", catalogue, SHIPPED["catalogue"], CAMERAS)
        for expid in (111388, 111390, 111395):
            folder = held.folder(expid)
            content = unit({}) + unit({"EXTNAME": "SPEC", **header(expid)}, 100, False)
            write(folder / f"desi-{expid:08d}.fits.fz", content)
            write(folder / "fiberassign-080605.fits.gz", b"as it is")
            write(folder / f"guide-{expid:08d}.fits.fz", unit({}))
            write(folder / f"guide-rois-{expid:08d}.fits.fz", unit({}))
            write(folder / f"etc-{expid:08d}.json", b'{"expinfo": {"acq_fwhm": 1.25}}')
        wrong = b"0" * 64 + b"  desi-00111395.fits.fz\n"
        write(held.folder(111395) / "checksum-00111395.sha256sum", wrong)
        held.fill()
        yield held


@pytest.fixture
def ics(held: Held, database: str) -> Iterator[ICSInterface]:
    """The interface over the same database."""
    with ICSInterface(database) as opened:
        yield opened


def ids(summaries: list[dict[str, Any]]) -> list[int]:
    """Return the numbers of some summaries."""
    return [summary["expid"] for summary in summaries]


def test_the_signatures_are_those_of_the_page() -> None:
    """Names, order and defaults; the misspelt name is taken beside the right one."""
    summary = inspect.signature(ICSInterface.get_exposure_summary).parameters
    assert list(summary)[1:4] == ["date_range", "expid_range", "require_data_written"]
    assert [summary[name].default for name in list(summary)[1:4]] == [None, None, True]
    assert summary["data_range"].default is None
    files = inspect.signature(ICSInterface.get_exposure_files).parameters
    assert list(files)[1:] == ["expid", "dest", "file_class", "overwrite"]
    assert (files["dest"].default, list(files["file_class"].default)) == (None, ["spectro", "fibermap"])
    assert files["overwrite"].default is True


def test_a_summary_has_the_sixteen_keys(ics: ICSInterface, held: Held) -> None:
    """What no file says is None."""
    (summary,) = ics.get_exposure_summary(expid_range=(111388, None))
    assert tuple(summary) == KEYS
    assert summary == {
        "expid": 111388,
        "skyra": 10.5,
        "skydec": None,
        "exptime": 900.0,
        "program": "DARK",
        "tile_id": 80605,
        "exptype": "SCIENCE",
        "date": dt.datetime(2021, 11, 30, 5, 0, 0, 250_000, dt.UTC),
        "night": "20211129",
        "seeing": 1.25,
        "airmass": 1.1,
        "transparency": None,
        "skylevel": None,
        "s2n": None,
        "data_written": True,
        "data_location": f"dts:{held.folder(111388)}",
    }


def test_ranges_of_numbers_include_both_ends_and_one_end_alone_is_one_exposure(ics: ICSInterface) -> None:
    """None on either side; nothing that matches is an empty list."""
    assert ids(ics.get_exposure_summary(expid_range=(111388, 111390))) == [111388, 111390]
    assert ids(ics.get_exposure_summary(expid_range=(111390, None))) == [111390]
    assert ids(ics.get_exposure_summary(expid_range=(None, 111388))) == [111388]
    assert ics.get_exposure_summary(expid_range=(1, 100)) == []
    assert ids(ics.get_exposure_summary(None, (111388, 111395), False)) == [111388, 111390, 111395]


def test_the_last_is_one_and_without_its_data_only_where_that_is_asked(ics: ICSInterface) -> None:
    """`require_data_written` is true unless said otherwise."""
    assert ids(ics.get_exposure_summary(expid_range="last")) == [111390]
    assert ids(ics.get_exposure_summary(expid_range="last", require_data_written=False)) == [111395]
    assert ids(ics.get_exposure_summary("last")) == [111390]
    assert ids(ics.get_exposure_summary(observed_range="last")) == [111390]


def test_a_range_of_dates_is_about_arrival(ics: ICSInterface, held: Held) -> None:
    """When `data_written` became true, not when the shutter opened; the time of observation is asked on its own."""
    held.now += HOUR
    held.expose(111400)
    write(held.folder(111400) / "desi-00111400.fits.fz", SPECTRO)
    (held.folder(111400) / "desi-00111400.fits").unlink()
    held.fill()
    begun = dt.datetime(2021, 11, 30, 5, 0, 0, 250_000, dt.UTC)
    assert ids(ics.get_exposure_summary((NOON, NOON))) == [111388, 111390]
    assert ids(ics.get_exposure_summary(data_range=(NOON + HOUR, NOON + HOUR))) == [111400]
    assert ids(ics.get_exposure_summary(((NOON + HOUR).replace(tzinfo=None), None))) == [111400]
    assert ics.get_exposure_summary((begun, begun)) == []
    assert ids(ics.get_exposure_summary(observed_range=(begun, begun))) == [111388, 111390, 111400]
    assert ids(ics.get_exposure_summary("last")) == [111400]


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"date_range": "last", "expid_range": "last"},
        {"date_range": "last", "data_range": "last"},
        {"expid_range": (None, None)},
        {"expid_range": (5, 1)},
        {"expid_range": 5},
        {"expid_range": (1, 2, 3)},
        {"expid_range": ("1", "2")},
        {"expid_range": "first"},
        {"date_range": (1, 2)},
        {"date_range": (NOON, NOON - HOUR)},
    ],
)
def test_no_range_two_ranges_and_no_real_range_are_errors(ics: ICSInterface, asked: dict[str, Any]) -> None:
    """Each with a sentence of its own."""
    with pytest.raises(RangeError):
        ics.get_exposure_summary(**asked)


def test_files_come_sorted_by_class_and_the_default_works_on_nights_of_today(ics: ICSInterface, held: Held) -> None:
    """Without a folder they are where they lie; today's fiber map is fiberassign, by tile."""
    folder = held.folder(111388)
    default = [str(folder / "desi-00111388.fits.fz"), str(folder / "fiberassign-080605.fits.gz")]
    assert ics.get_exposure_files(111388) == default
    assert ics.get_exposure_files(111388, file_class=["guider"]) == [str(folder / "guide-00111388.fits.fz")]
    assert ics.get_exposure_files(111388, file_class="etc") == [str(folder / "etc-00111388.json")]
    assert ics.get_exposure_files(111388, file_class=["sky"]) == []


def test_files_are_copied_whole_and_with_their_times(ics: ICSInterface, held: Held, tmp_path: Path) -> None:
    """The paths are those of the copies; nothing else is left in the folder."""
    copied = ics.get_exposure_files(111388, tmp_path / "here")
    assert [Path(path).name for path in copied] == ["desi-00111388.fits.fz", "fiberassign-080605.fits.gz"]
    assert sorted(path.name for path in (tmp_path / "here").iterdir()) == [Path(path).name for path in copied]
    for path in map(Path, copied):
        source = held.folder(111388) / path.name
        assert path.read_bytes() == source.read_bytes()
        assert path.stat().st_mtime == pytest.approx(source.stat().st_mtime)


def test_without_overwrite_equal_files_stay_and_others_stop_all(ics: ICSInterface, tmp_path: Path) -> None:
    """Before anything is copied; with it they are replaced."""
    write(tmp_path / "fiberassign-080605.fits.gz", b"as it is", age_s=77)
    kept = (tmp_path / "fiberassign-080605.fits.gz").stat().st_mtime_ns
    assert len(ics.get_exposure_files(111388, tmp_path, overwrite=False)) == 2
    assert (tmp_path / "fiberassign-080605.fits.gz").stat().st_mtime_ns == kept
    write(tmp_path / "fiberassign-080605.fits.gz", b"AS IT IS")
    (tmp_path / "desi-00111388.fits.fz").unlink()
    with pytest.raises(FilesNotHad, match="other content; nothing was copied"):
        ics.get_exposure_files(111388, tmp_path, overwrite=False)
    assert not (tmp_path / "desi-00111388.fits.fz").exists()
    ics.get_exposure_files(111388, tmp_path)
    assert (tmp_path / "fiberassign-080605.fits.gz").read_bytes() == b"as it is"


def test_what_changed_since_it_was_catalogued_is_not_handed_out(ics: ICSInterface, held: Held, tmp_path: Path) -> None:
    """Nor is anything half there."""
    write(held.folder(111388) / "desi-00111388.fits.fz", SPECTRO[:3000])
    with pytest.raises(FilesNotHad, match="it changed"):
        ics.get_exposure_files(111388, tmp_path / "here", ["spectro"])
    assert [path for path in (tmp_path / "here").rglob("*") if path.is_file()] == []


def test_each_error_is_of_its_own_kind(ics: ICSInterface, tmp_path: Path) -> None:
    """No such exposure, no such class, data not written, a folder that is a file."""
    with pytest.raises(NoSuchExposure, match="no exposure 5 is held"):
        ics.get_exposure_files(5)
    with pytest.raises(DataNotWritten, match="is not what"):
        ics.get_exposure_files(111395)
    with pytest.raises(FilesNotHad, match="no file class 'spectra'; there are spectro, guider"):
        ics.get_exposure_files(111388, file_class=["spectra"])
    write(tmp_path / "file", b"")
    with pytest.raises(FilesNotHad, match=r"File exists|Not a directory"):
        ics.get_exposure_files(111388, tmp_path / "file")
    for kind in (RangeError, NoSuchExposure, DataNotWritten, FilesNotHad):
        assert issubclass(kind, ICSError)


def test_the_classes_without_a_configuration_are_those_that_are_shipped() -> None:
    """One declaration would be forgotten."""
    assert {name: tuple(patterns) for name, patterns in SHIPPED["catalogue"]["classes"].items()} == dict(FILE_CLASSES)
    assert list(FILE_CLASSES) == ["spectro", "guider", "sky", "fvc", "focus", "fibermap", "etc"]


def test_the_interface_finds_database_and_classes_in_a_configuration(
    held: Held, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `nightferry` finds it; the instrument's own classes count."""
    folder = tmp_path / "config"
    (folder / "instruments.d").mkdir(parents=True)
    site = {"site": "x", "timezone": "UTC", "hosts": {"dts": {"local": "true"}}, "database": database}
    (folder / "site.yaml").write_text(yaml.safe_dump(site))
    section = SHIPPED["catalogue"] | {"classes": {"all": ["*"]}}
    (folder / "instruments.d" / "desi.yaml").write_text(yaml.safe_dump({"catalogue": section}))
    monkeypatch.setenv("NIGHTFERRY_CONFIG", str(folder))
    with ICSInterface() as ics:
        assert len(ics.get_exposure_files(111388, file_class=["all"])) == 5
        copied = ics.get_exposure_files(111388, tmp_path / "here", ["all"])
    sums = {hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in copied}
    assert hashlib.sha256(b"as it is").hexdigest() in sums
    with ICSInterface(folder) as ics:
        assert ids(ics.get_exposure_summary(expid_range="last")) == [111390]
    with ICSInterface(held.catalogue) as ics:
        assert ids(ics.get_exposure_summary(expid_range="last")) == [111390]
    assert len(held.exposures()) == 3
    with pytest.raises(UsageError, match=r"holds no site\.yaml"):
        ICSInterface(config=tmp_path / "nowhere")


def test_an_interface_to_another_instrument_answers_for_that(held: Held, database: str) -> None:
    """DESI is the default, no more."""
    with ICSInterface(database, instrument="pfs") as ics:
        assert ics.get_exposure_summary(expid_range="last") == []
