"""N16: the archive's disk folds form and holds a frame of the other form: it would be written over, not set aside."""

from __future__ import annotations

from tests.faults.folding import COMPOSED, DECOMPOSED, onto_a_folding_disk

FAULT = onto_a_folding_disk(
    "N16",
    "the archive holds other bytes under the other Unicode form of a frame's name, and folds form",
    "form",
    {COMPOSED + b".raw": b"new"},
    "different: 1 failed",
    there={DECOMPOSED + b".raw": b"old"},
)
