"""When all data of an exposure are on disk: every rule, broken and mended; in both databases."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.exposures import MANIFEST, NIGHT, NOON, Held, fits, header, rules, sums, write

HOUR = dt.timedelta(hours=1)
NEXT = NIGHT + dt.timedelta(days=1)


def test_a_companion_that_is_absent_is_waited_for(held: Held) -> None:
    """D5: what a crashed transfer left behind is no exposure yet."""
    held.section = rules(needs=["desi-{exposure}.fits", "etc-{exposure}.json"])
    held.expose(1)
    held.fill()
    assert held.only().waits_for == "etc-00000001.json is absent"
    assert held.exposures(is_written=True) == []
    write(held.folder(1) / "etc-00000001.json", b"{}")
    held.now += HOUR
    assert held.fill().counts.written_exposures == 1
    assert (held.only().waits_for, held.only().data_written_utc) == (None, held.now)


def test_a_trigger_file_is_waited_for(held: Held) -> None:
    """It is written last, so that whoever sees it sees all."""
    held.section = rules(trigger="done")
    held.expose(1)
    held.fill()
    assert held.only().waits_for == "its trigger done is absent"
    write(held.folder(1) / "done", b"")
    held.fill()
    assert held.only().data_written


def test_what_changes_is_not_complete(held: Held) -> None:
    """By the file's own time, or, where its clock runs ahead, by what was seen before."""
    held.section = rules(stable_s=600)
    held.expose(1, age_s=60)
    held.fill()
    assert held.only().waits_for == "00000001/desi-00000001.fits changed less than 600 s ago"
    held.now += HOUR
    held.fill()
    assert held.only().data_written
    held.expose(2, age_s=-86400)
    held.fill()
    held.now += HOUR
    held.fill()
    assert held.only(numbers=(2, 2)).data_written


def test_hdus_are_counted_against_a_keyword(held: Held) -> None:
    """PFSB: as many IMAGE_n as W_H4NRED says."""
    counted = {"files": "desi-*.fits", "extension": "IMAGE_*", "keyword": "W_H4NRED"}
    held.section = rules(hdus=counted)
    path = held.folder(1) / "desi-00000001.fits"
    pairs = [(f"{kind}_{number}", {}) for number in (1, 2) for kind in ("IMAGE", "REF")]
    write(path, fits({**header(1), "W_H4NRED": 3}, pairs))
    held.fill()
    assert held.only().waits_for == "00000001/desi-00000001.fits holds 2 of 3 HDUs"
    write(path, fits({**header(1), "W_H4NRED": 3}, [*pairs, ("IMAGE_3", {})]))
    held.fill()
    assert held.only().data_written
    write(path, fits(header(1), pairs))
    assert "W_H4NRED, which says how many HDUs IMAGE_* there must be, is absent" in held.fill().counts.faults[0].reason


def test_a_link_publishes_an_exposure(held: Held) -> None:
    """As DESI's DTS area does it; a folder that merely lies there is not published."""
    held.section = rules(published={"link": "{exposure}", "copy": "dts"})
    held.expose(1)
    held.fill()
    assert held.only().waits_for == "it is not published: 00000001 is no link"
    spool = held.root / "spool"
    held.folder(1).rename(spool)
    held.folder(1).symlink_to(spool)
    held.fill()
    assert held.only().data_written


def test_a_link_that_cannot_be_looked_at_publishes_nothing(held: Held) -> None:
    """D3, D4: not being able to look is neither yes nor no."""
    held.section = rules(published={"link": "{exposure}", "copy": "dts"})
    archive = Path(f"{held.root}-archive")
    held.expose(1)
    shutil.move(held.root, archive)
    held.fill(copy=1)
    assert held.only().waits_for == "whether 00000001 is published could not be looked at"


def listed(held: Held, content: bytes) -> str | None:
    """Fill with a list of checksums of this content beside a whole file; return what the exposure waits for."""
    write(held.folder(1) / "checksum-00000001.sha256sum", content)
    held.fill()
    return held.only().waits_for


def test_a_list_of_checksums_must_be_there_and_agree(held: Held) -> None:
    """Bytes are read for it once; then the sum is kept with the copy, which proves it."""
    held.section = rules(manifest=MANIFEST)
    path = held.expose(1)
    held.fill()
    assert held.only().waits_for == "its list of checksums checksum-*.sha256sum is absent"
    wrong = b"0" * 64 + b"  desi-00000001.fits\n"
    name = "00000001/checksum-00000001.sha256sum"
    assert listed(held, wrong) == f"00000001/desi-00000001.fits is not what {name} says"
    assert listed(held, sums(path)) is None
    (file, _) = held.catalogue.files_of([held.only()])[held.only().id][::-1]
    assert file.copies[0].copy.sha256 == sums(path)[:64].decode()


def test_an_optional_list_that_is_absent_is_no_fault_and_one_that_is_there_must_agree(held: Held) -> None:
    """`required: false`: older nights have none."""
    held.section = rules(manifest={**MANIFEST, "required": False})
    held.expose(1)
    held.fill()
    assert held.only().data_written
    assert "is not what" in (listed(held, b"0" * 64 + b"  desi-00000001.fits\n") or "")


def test_a_file_that_is_needed_is_named_by_a_list_where_there_is_one(held: Held) -> None:
    """A list of another file alone, that agreed, was enough: nothing had proven the one that counts."""
    held.section = rules(needs=["desi-{exposure}.fits"], manifest={**MANIFEST, "required": False})
    path = held.expose(1)
    other = held.folder(1) / "etc-00000001.json"
    write(other, b"{}")
    said = "00000001/desi-00000001.fits is needed, and no list of checksums names it"
    assert listed(held, sums(other)) == said
    assert listed(held, sums(other, path)) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: b"", "lists no file"),
        (lambda text: b"# nothing\n\n", "lists no file"),
        (lambda text: text + b"no checksum at all\n", "line 2 cannot be read"),
        (lambda text: text + b"0" * 64 + b"  guide-00000001.fits\n", "which is absent"),
        (lambda text: text.rstrip(b"\n"), None),
        (lambda text: text.replace(b"  ", b" *"), None),
        (lambda text: text.replace(b"\n", b"\r\n"), None),
        (lambda text: text.replace(b"  ", b"  ./"), None),
    ],
)
def test_lists_are_read_as_tools_write_them_and_an_empty_one_proves_nothing(
    held: Held, change: Any, said: str | None
) -> None:
    """D6: an empty list passed, one without a last newline or with a binary marker failed."""
    held.section = rules(manifest=MANIFEST)
    found = listed(held, change(sums(held.expose(1))))
    assert (found is None) if said is None else said in (found or "")


def test_a_damaged_part_of_an_exposure_withholds_all_of_it(held: Held) -> None:
    """B6: nothing incomplete is called complete."""
    held.expose(1)
    write(held.folder(1) / "etc-00000001.json", b"{ no json")
    held.fill()
    assert "etc-00000001.json: no JSON" in (held.only().waits_for or "")
    assert held.only().columns["program"] == "DARK"


def test_what_was_complete_and_changes_is_complete_anew_at_a_later_time(held: Held) -> None:
    """`data_written_utc` is when that was noticed last, so that who asks by arrival sees the new data."""
    held.expose(1)
    held.fill()
    held.now += HOUR
    held.expose(1, PROGRAM="BRIGHT", age_s=10)
    held.fill()
    assert not held.only().data_written
    held.now += HOUR
    held.fill()
    assert held.only().data_written_utc == NOON + 2 * HOUR
