"""N14: two names that differ in Unicode's form go to a disk that folds case and form, as HFS+ does."""

from __future__ import annotations

from tests.faults.folding import BOTH_FORMS, onto_a_folding_disk

FAULT = onto_a_folding_disk(
    "N14",
    "two frames that differ in Unicode's form alone go to a disk that folds form and case",
    "case",
    BOTH_FORMS,
    "different: 2 failed",
)
