"""Headers of files as the catalogue reads them: whole files, broken ones, and any bytes at all."""

from __future__ import annotations

import gzip
import io
from typing import Any

import pytest
from astropy.io import fits as astropy_fits
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogue.holdings.headers import FileFault, Headers, Reader
from catalogue.holdings.section import CatalogueSection, sources_of
from catalogue.holdings.values import Unreadable
from observatory.nights import NightClock
from tests.exposures import DESI, fits, header, unit

CLOCK = NightClock.from_spec("America/Phoenix")


def headers(content: bytes, *usual: str) -> Headers:
    """Return the headers of a file of these bytes."""
    return Headers(io.BytesIO(content), len(content), usual or ("0",))


def reader(**changes: Any) -> Reader:
    """Return a reader by DESI's section with changes."""
    section = CatalogueSection.model_validate({**DESI, **changes})
    return Reader(section, sources_of(section), CLOCK)


def test_cards_are_read_as_astropy_writes_them() -> None:
    """Long texts, ESO's long keywords, numbers, truth and nothing."""
    written = astropy_fits.Header()
    written["NOTE"] = "it's " + "long " * 40
    written["HIERARCH ESO TEL AIRM START"] = 1.25
    written["COUNT"] = 12
    written["OPEN"] = True
    written["EMPTY"] = None
    written["COUNT2"] = (1e-3, "a comment / with a slash")
    stream = io.BytesIO()
    astropy_fits.PrimaryHDU(header=written).writeto(stream)
    found = headers(stream.getvalue())
    assert found.value("NOTE") == ("it's " + "long " * 40).rstrip()
    assert found.value("ESO TEL AIRM START") == found.value("HIERARCH ESO TEL AIRM START") == 1.25
    assert (found.value("COUNT"), found.value("OPEN"), found.value("COUNT2")) == (12, True, 1e-3)
    assert found.value("EMPTY") is None
    assert found.value("ABSENT") is None


def test_a_compressed_file_that_ends_behind_its_first_header_is_a_fault() -> None:
    """Its exposure was called written, and its columns were empty."""
    content = fits(header(1), pixels=0)
    assert reader().read("spectro", b"00000001/desi-00000001.fits", io.BytesIO(content), len(content)).columns
    with pytest.raises(FileFault, match="nothing follows its empty primary HDU"):
        reader().read("spectro", b"00000001/desi-00000001.fits.fz", io.BytesIO(content), len(content))


def test_hdus_are_named_by_number_or_name_and_asked_in_order() -> None:
    """One that is absent is passed over; the first that has the keyword answers."""
    content = fits({"A": 1}, [("SPEC", {"A": 2, "B": 3})])
    assert list(headers(content).names()) == ["", "SPEC"]
    assert headers(content, "7", "spec", "0").value("A") == 2
    assert headers(content, "0", "SPEC").value("A") == 1
    assert headers(content, "0").value("B") is None
    assert headers(content, "0").value("B", ("1",)) == 3


def test_the_first_of_several_cards_counts_and_a_card_that_is_none_is_said() -> None:
    """As astropy has it; what stands behind a broken card is not lost."""
    content = unit({"TWICE": 1, "BROKEN": 2, "AFTER": 3}) + unit({"TWICE": 4}, is_first=False)
    broken = content.replace(f"BROKEN  = {2:>20}".encode(), b"BROKEN  = 'a quote too few".ljust(30))
    twice = broken.replace(f"AFTER   = {3:>20}".encode(), f"TWICE   = {5:>20}".encode())
    assert (headers(broken).value("TWICE"), headers(broken).value("AFTER")) == (1, 3)
    assert headers(twice).value("TWICE") == 1
    with pytest.raises(Unreadable):
        headers(broken).value("BROKEN")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"\x1f\x8b and so on", "does not begin with SIMPLE"),
        (fits(header(1))[:1000], "within the header"),
        (fits(header(1))[:-1], "promises a file of"),
        (fits(header(1)) + b"x" * 2880, "no extension"),
    ],
)
def test_a_file_that_is_not_whole_is_refused_with_its_reason(content: bytes, reason: str) -> None:
    """Its header may be right, but the file is not what was written."""
    with pytest.raises(FileFault, match=reason):
        headers(content)


def test_a_gzipped_file_is_read_to_its_end() -> None:
    """One that was cut off has none."""
    packed = gzip.compress(fits(header(7)))
    read = reader(hdu="0").read("spectro", b"00000007/desi.fits.gz", io.BytesIO(packed), len(packed))
    assert read.columns["program"] == "DARK"
    with pytest.raises(FileFault, match="its gzip stream is damaged"):
        reader().read("spectro", b"a.fits.gz", io.BytesIO(packed[:-9]), len(packed) - 9)


def test_a_json_file_gives_plain_values_by_their_path() -> None:
    """What is a list or an object there is no value."""
    content = b'{"expinfo": {"seeing": 1.5}}'
    read = reader().read("others", b"00000001/etc-00000001.json", io.BytesIO(content), len(content))
    assert read.columns == {"seeing": 1.5}
    other = b'{"expinfo": {"seeing": [1.5]}}'
    assert reader().read("others", b"1/etc-1.json", io.BytesIO(other), len(other)).columns == {}


def test_only_what_may_hold_something_is_opened() -> None:
    """Images of the cameras that tell, and the files that columns name."""
    wants = reader().wants
    assert wants("spectro", b"00000001/desi-00000001.fits.fz")
    assert wants("others", b"00000001/etc-00000001.json")
    assert not wants("others", b"00000001/guide-00000001.fits")
    assert not wants("spectro", b"00000001/notes.txt")
    assert not wants("spectro", b"00000001/stream.xrif")


@settings(max_examples=60)
@given(st.binary(max_size=400), st.integers(0, 5000))
def test_any_bytes_anywhere_are_read_or_refused(noise: bytes, place: int) -> None:
    """Never a traceback, whatever a disk gives back."""
    content = bytearray(fits(header(1), [("SPEC", {"A": 1})]))
    content[place : place + len(noise)] = noise
    for name in (b"desi.fits", b"desi.fits.gz", b"etc-1.json"):
        try:
            reader().read("spectro", name, io.BytesIO(bytes(content)), len(content))
        except (FileFault, Unreadable) as refused:
            assert "\n" not in str(refused)
