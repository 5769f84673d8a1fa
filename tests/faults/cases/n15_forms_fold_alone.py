"""N15: two names that differ in Unicode's form go to a disk that folds form and keeps case, as ZFS can.

The second takes the first one's place, size and all: engines that look by name see both.
"""

from __future__ import annotations

from tests.faults.folding import BOTH_FORMS, onto_a_folding_disk

FAULT = onto_a_folding_disk(
    "N15",
    "two frames that differ in Unicode's form alone go to a disk that folds form, not case",
    "form",
    BOTH_FORMS,
    "different: 2 failed",
)
