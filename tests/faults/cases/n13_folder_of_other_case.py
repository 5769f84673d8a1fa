"""N13: the archive's disk folds case and holds a camera's folder in another spelling."""

from __future__ import annotations

from tests.faults.folding import onto_a_folding_disk

FAULT = onto_a_folding_disk(
    "N13",
    "a camera's folder is spelt in another case on an archive whose disk folds case",
    "case",
    {b"2016/0907/Red/SHA_1.raw": b"1"},
    "different: 1 failed",
    there={b"2016/0907/RED/SHA_9.raw": b"9"},
)
