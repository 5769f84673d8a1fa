"""Damage does not travel along a chain: a file that its own sums prove damaged replaces no whole one."""

from __future__ import annotations

import io
from pathlib import Path

import numpy
import pytest
from astropy.io import fits

from tests.observatory import Observatory, age


def summed_fits() -> bytes:
    """Return a FITS file that bears CHECKSUM and DATASUM."""
    stream = io.BytesIO()
    hdu = fits.PrimaryHDU(numpy.arange(5000, dtype=numpy.int16))
    hdu.writeto(stream, checksum=True)
    return stream.getvalue()


def test_a_flipped_bit_in_the_middle_of_a_chain_does_not_travel_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The size is the same and the time newer, as after a faulty restore; the copy behind it stays as it is."""
    site = Observatory(tmp_path, (), capsys)
    for place in ("dome", "base", "archive"):
        site.add_local(place)
    site.declare(copies=[site.copy("dome"), site.copy("base"), site.copy("archive")])
    site.mark("base")
    site.mark("archive")
    path = f"{site.night(1):%Y/%m%d}/SHA_1.fits"
    whole = summed_fits()
    site.put("dome", path, whole)
    assert site.call("run").status == 0
    damaged = bytearray(whole)
    damaged[4000] ^= 1
    age(site.put("base", path, bytes(damaged)), 86400 * 2)
    answer = site.call("sync", "--json")
    assert answer.status == 1
    kept = answer.document["hops"][1]["kept"]
    assert kept == [path]
    assert site.path("archive", path).read_bytes() == whole
