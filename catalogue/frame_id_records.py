"""Who asks the ledger for frame ids, and out of which numbers: plain data, cheap to import.

What is given out, frame_ids.py knows.
"""

from __future__ import annotations

from dataclasses import dataclass

Subject = tuple[bytes, str]
"""A file that wants a number: its path below the night's folder before, and the SHA-256 of its bytes."""


@dataclass(frozen=True, slots=True)
class Series:
    """Numbers of one kind of frames.

    Attributes
    ----------
    name : str
        ``VMPA``.
    first, last : int
        The range that numbers are given out of; both may be given.
    """

    name: str
    first: int
    last: int
