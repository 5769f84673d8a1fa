"""N17: a far end lists our own marker, in other letters, as a frame: a disk that folds case would write over it."""

from __future__ import annotations

from observatory.records import encode_file
from tests.faults.lying import lies_of_one_frame

FAULT = lies_of_one_frame(
    "N17",
    "a far end lists .NightFerry/Root as a frame",
    encode_file(b".NightFerry/SHA_1.raw", 1, 10**18),
    says="our own",
)
