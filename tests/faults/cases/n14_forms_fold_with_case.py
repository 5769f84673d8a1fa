"""N14: two names that differ in Unicode's form go to a disk that folds case and form, as HFS+ does."""

from __future__ import annotations

from tests.faults.folding import COMPOSED, DECOMPOSED, onto_a_folding_disk

FAULT = onto_a_folding_disk(
    "N14",
    "two frames that differ in Unicode's form alone go to a disk that folds form and case",
    "case",
    {COMPOSED + b".raw": b"1", DECOMPOSED + b".raw": b"2"},
    "different: 2 failed",
)
