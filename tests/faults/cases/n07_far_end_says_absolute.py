"""N7: a far end lists an absolute name."""

from __future__ import annotations

from observatory.records import encode_file
from tests.faults.lying import lies_of_one_frame

FAULT = lies_of_one_frame(
    "N7",
    "a far end lists /etc/passwd as a frame",
    encode_file(b"/etc/SHA_1.raw", 1, 10**18),
    says="absolute",
)
