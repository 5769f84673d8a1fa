"""MagAO-X stream archives (.xrif) in Python: `read` gives the images and their times, bit for bit.

How blocks are coded is coding.py's, reading files archive.py's, writing them (for tests, demonstrations and
benchmarks) writer.py's. Whether a file is whole can be told without any of these: observatory/formats/xrif.py.
"""

from converters.xrif.archive import (
    Archive,
    TimingFacts,
    read,
    read_header,
    read_images,
    read_timing,
    timing_facts,
)
from converters.xrif.coding import LIMIT_BYTES, decode
from converters.xrif.writer import encode, write

__all__ = [
    "LIMIT_BYTES",
    "Archive",
    "TimingFacts",
    "decode",
    "encode",
    "read",
    "read_header",
    "read_images",
    "read_timing",
    "timing_facts",
    "write",
]
