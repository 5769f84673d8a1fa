"""A copy that is read while its clock is wrong: nothing new is evidence, and nothing that is there is called gone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from nightferry.retention.evidence import PlaceRead, read_place
from nightferry.retention.holders import holder_of
from nightferry.workplace import Workplace
from observatory.endpoints.memory import MemoryEndpoint
from observatory.spec.chain import places
from tests.unit.spec.folders import instrument, write

NOW = dt.datetime(2016, 9, 9, 10, 0, tzinfo=dt.UTC)
NIGHT = dt.date(2016, 9, 7)
CHAIN = """
  - {host: sha, root: /data/sha}
  - {host: astro.suth, root: /archive/sha}
"""
PATHS = [b"2016/0907/sha_20160907.%04d.fits" % number for number in (1, 2)]
SET = "its clock is 25 h ahead of this machine's"


class OnOneHost(Workplace):
    """The site opened for work on one host in memory."""

    host: MemoryEndpoint

    def endpoint(self, host: str) -> MemoryEndpoint:
        """Return it, whatever is asked for."""
        return self.host


@pytest.fixture
def workplace(tmp_path: Path) -> Iterator[OnOneHost]:
    """An archive with two frames that were read once."""
    with OnOneHost.at(write(tmp_path, sha=instrument("sha", copies=CHAIN)), lambda: NOW) as opened:
        assert isinstance(opened, OnOneHost)
        opened.host = MemoryEndpoint("suth", now=NOW.timestamp)
        opened.host.put(b"/archive/sha/.nightferry/root", b"suth")
        for path in PATHS:
            opened.host.put(b"/archive/sha/" + path, path, NOW.timestamp() - 90_000.0)
        assert read(opened).reason is None
        yield opened


def read(workplace: OnOneHost) -> PlaceRead:
    """Read the archive."""
    declared = workplace.instruments["sha"]
    return read_place(workplace, declared, places(declared)[1], (NIGHT,))


def known(workplace: OnOneHost) -> list[bool]:
    """Say of each frame whether it is evidence."""
    declared = workplace.instruments["sha"]
    found = workplace.ledger.evidence_of(holder_of(workplace, declared, places(declared)[1]), NIGHT)
    return [found[path].file.sha256 is not None for path in PATHS]


def test_what_was_read_before_stands_and_the_clock_is_named(workplace: OnOneHost) -> None:
    """It once was noted as gone, and `restore --from` said that no copy held it."""
    workplace.host.clock_offset_s = 90_000.0
    answer = read(workplace)
    assert (answer.files, SET in str(answer.reason), known(workplace)) == (2, True, [True, True])


def test_what_is_not_what_it_was_is_evidence_no_longer(workplace: OnOneHost) -> None:
    """When that was seen cannot be told; that it was seen can."""
    workplace.host.clock_offset_s = 90_000.0
    workplace.host.put(b"/archive/sha/" + PATHS[0], b"other", NOW.timestamp() - 90_000.0)
    assert SET in str(read(workplace).reason)
    assert known(workplace) == [False, True]


def test_what_was_never_read_is_no_evidence_by_a_wrong_clock(workplace: OnOneHost) -> None:
    """A reading in the wrong year would count for ever, or never."""
    workplace.host.clock_offset_s = 90_000.0
    name = b"2016/0907/sha_20160907.0003.fits"
    workplace.host.put(b"/archive/sha/" + name, b"new", NOW.timestamp() - 90_000.0)
    assert read(workplace).files == 3
    declared = workplace.instruments["sha"]
    found = workplace.ledger.evidence_of(holder_of(workplace, declared, places(declared)[1]), NIGHT)
    assert sorted(found) == PATHS
