"""N6: a far end lists names that lead out of the root."""

from __future__ import annotations

from observatory.records import encode_file
from tests.faults.lying import lies_of_one_frame

FAULT = lies_of_one_frame(
    "N6",
    "a far end lists ../../etc/passwd as a frame",
    encode_file(b"2016/0907/../../../etc/SHA_1.raw", 1, 10**18),
    says="a part",
)
