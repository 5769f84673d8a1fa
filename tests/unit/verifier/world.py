"""Two hosts in memory and a verification of the hop between them, held to its own counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from observatory.endpoints.memory import MemoryEndpoint
from observatory.truth import State
from tests.worlds import host, scope_of
from verifier.check import check
from verifier.options import CheckOptions
from verifier.verdict import HopVerdict

ONE, TWO, THREE = (b"2016/0907/SHA_20160907.%04d.fits" % number for number in (1, 2, 3))
HERE, THERE = b"/data/sha", b"/archive/sha"
CARD = b"%-80s"


def fits(size_bytes: int = 5760) -> bytes:
    """Return a FITS file of one block of header that promises one of data, cut to a size."""
    cards = ["SIMPLE  =                    T", "BITPIX  =                    8", "NAXIS   =                    1"]
    cards += ["NAXIS1  =                 2880", "END"]
    return ("".join(card.ljust(80) for card in cards).ljust(2880).encode() + b"\1" * 2880)[:size_bytes]


class World:
    """Two hosts in memory and the hop between them."""

    def __init__(self, here: Mapping[bytes, bytes], there: Mapping[bytes, bytes], **changes: Any) -> None:
        self.scope = scope_of(**changes)
        self.source: MemoryEndpoint = host("sha.example", HERE, here)
        self.destination: MemoryEndpoint = host("archive.example", THERE, there)

    def check(self, **options: Any) -> HopVerdict:
        """Verify, and hold the verdict to its counts."""
        verdict = check(self.scope, self.source, self.destination, CheckOptions(**options))
        assert verdict.source_files == verdict.compared + verdict.not_comparable + len(verdict.in_progress)
        assert min(verdict.compared, verdict.not_comparable) >= 0
        assert (verdict.reason is None) == (verdict.state is State.OK)
        return verdict


def same(files: Mapping[bytes, bytes], **changes: Any) -> World:
    """Return a world whose two ends hold the same."""
    return World(files, files, **changes)
