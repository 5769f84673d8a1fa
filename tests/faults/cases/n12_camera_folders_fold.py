"""N12: two cameras' folders differ in case alone: on a folding disk their frames would lie in one."""

from __future__ import annotations

from tests.faults.folding import onto_a_folding_disk

FAULT = onto_a_folding_disk(
    "N12",
    "two cameras' folders differ in case alone, and the archive's disk folds case",
    "case",
    {b"2016/0907/R/SHA_1.raw": b"1", b"2016/0907/r/SHA_2.raw": b"2"},
    "different: 1 transferred, 1 failed",
)
