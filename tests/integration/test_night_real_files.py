"""The main job on real input: the samples and astropy's own FITS files as two nights behind real sshd.

Synced over two hops, one file damaged by hand, verified, mailed, and the mail read.
"""

from __future__ import annotations

import email
import email.policy
import os
import shutil
from email.message import EmailMessage
from pathlib import Path

import astropy
import pytest

from tests.hosts import Host
from tests.integration.mailservers import Box, content_of, serving
from tests.observatory import Observatory, age, folder_of
from tests.shared import shared

OLD_S = 40 * 3600.0
BROKEN_SUMS = ("chandra_time.fits", "checksum_false.fits", "memtest.fits")
"""Of astropy's files these bear checksums that do not hold: damaged by their own word, on every copy."""


def lay_out(site: Observatory, host: Host) -> dict[str, list[str]]:
    """Lay real files out as two nights and return their names by night folder."""
    astropys = sorted((Path(astropy.__file__).parent / "io/fits/tests/data").glob("*.fits"))
    samples = sorted([*shared("samples/pfs").glob("*.fits"), *shared("samples/xrif").glob("*.xrif")])
    laid = {}
    for back, files in ((2, astropys), (1, samples)):
        folder = folder_of(site.night(back))
        laid[folder] = [file.name for file in files]
        for file in files:
            target = site.path(host, f"{folder}/{file.name}")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
            age(target, OLD_S)
    return laid


def test_real_nights_arrive_are_proven_and_told(
    tmp_path: Path, three_hosts: tuple[Host, Host, Host], capsys: pytest.CaptureFixture[str]
) -> None:
    """Every file arrives over both hops; the flipped bit is found, and the mail that says so can be read."""
    site = Observatory(tmp_path, three_hosts, capsys)
    site.declare("sha", cameras={"sha": {"files": ["*.fits", "*.xrif"]}})
    laid = lay_out(site, three_hosts[0])
    count = sum(map(len, laid.values()))
    assert count > 30
    assert site.fill().status == 0
    proven = site.call("verify", "--level", "checksum", "--json")
    assert [(hop["state"], hop["compared"]) for hop in proven.document["hops"]] == [("ok", count), ("ok", count)]

    older = min(laid)
    victim = f"{older}/checksum.fits"
    damaged = site.path(three_hosts[2], victim)
    flip_a_bit(damaged)
    by_size = site.call("verify", "--level", "size", "--json")
    assert by_size.status == 0
    by_content = site.call("verify", "--level", "checksum", "--json")
    assert by_content.status == 1
    assert [hop["checksum_differs"] for hop in by_content.document["hops"]] == [[], [victim]]

    box = Box()
    with serving(box) as port:
        server = {"host": "127.0.0.1", "port": port}
        site.write_site(mail={"server": server, "from": "nightferry@example.org", "to": ["dm@example.org"]})
        told = site.call("verify", "--level", "structure", "--mail")
    assert told.status == 1
    (letter,) = [email.message_from_bytes(content_of(envelope), policy=email.policy.default) for envelope in box.taken]
    assert isinstance(letter, EmailMessage)
    assert "sha" in letter["Subject"] and "damaged" in letter["Subject"]
    text = letter.get_body(("plain",))
    assert text is not None
    said = text.get_content()
    last = said.split(f"DAMAGED FILES ON {three_hosts[2].address}")[1]
    assert f"{victim}: " in last
    for name in BROKEN_SUMS:
        assert said.count(f"{older}/{name}: ") == 4  # both ends of both hops
    assert said.count("u16_single_frame_prev_bytepack_lz4.xrif: ") == 4


def flip_a_bit(path: Path) -> None:
    """Flip one bit of the data, keeping size and time."""
    facts = path.stat()
    content = bytearray(path.read_bytes())
    content[-3000] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
