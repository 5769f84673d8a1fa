"""N8: a far end lists sizes that are not so."""

from __future__ import annotations

from observatory.records import encode_file
from tests.faults.lying import lies_of_one_frame

NAME = b"2016/0907/SHA_1.raw"

FAULT = lies_of_one_frame(
    "N8",
    "a far end lists one byte more than a frame has",
    encode_file(NAME, 13, 1_473_300_000 * 10**9),
    true={NAME: b"twelve bytes"},
)
