"""I17: a sparse frame beyond 32 bits is carried, by every engine: right to the last byte, and in bounded memory."""

from __future__ import annotations

import os

from tests.faults.battery import Fault, Found, Stage, verdict_of
from tests.faults.carrying import ENGINES, by_each, measured
from tests.observatory import OLD_S, age

MOST_MEMORY_KIB = 400_000
MARK = b"bytes in the middle"


def size_bytes(stage: Stage) -> int:
    """Return 5 GiB and a little; 40 MiB in the everyday tests, by one engine."""
    return ((5 << 30) if stage.is_full else (40 << 20)) + 12_345


def make(stage: Stage) -> None:
    """Nothing: each engine is given its own."""


def ask(stage: Stage) -> Found:
    """Sync and verify by hash with each; there is something in the middle and at the end, and nothing between."""
    size, relative = size_bytes(stage), f"{stage.night_folder}/SHA_sparse.raw"
    engines = ENGINES if stage.is_full else ("sftp",)
    for engine in by_each(stage, engines, cameras={"sha": {"files": ["SHA_*.raw"]}}):
        path = stage.put(stage.ends[0], relative, b"")
        with path.open("wb") as stream:
            for offset in (size // 2, size - len(MARK)):
                stream.seek(offset)
                stream.write(MARK)
        age(path, OLD_S)
        assert path.stat().st_blocks * 512 < 1 << 20, "it is not sparse here"
        answer, memory_kib = measured(stage, "sync", "--json")
        assert (answer.status, answer.hop["transferred"], answer.hop["bytes"]) == (0, 1, size), (engine, answer)
        assert memory_kib < MOST_MEMORY_KIB, (engine, memory_kib)
        found = verdict_of(stage.call("verify", "--level", "checksum", "--json"))
        assert found.words == "ok", (engine, found)
        arrived = stage.destination / relative
        with arrived.open("rb") as stream:
            stream.seek(-len(MARK), os.SEEK_END)
            assert stream.read() == MARK
    return Found("ok by each engine")


FAULT = Fault(
    "I17",
    "a sparse frame of 5 GiB is carried and proven by hash",
    make,
    ask,
    "ok by each engine",
    where="bare",
)
