"""What the ledger is told and answers about observations exported: plain frozen records.

How they are kept is export_tables.py's.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExportProduct:
    """One file that was made.

    Attributes
    ----------
    path : bytes
        Relative to the output folder.
    size_bytes : int
    sha256 : str
    """

    path: bytes
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ExportRecord:
    """What became of one raw archive in one observation's folder.

    Attributes
    ----------
    instrument : str
    output : str
        The output folder, absolute.
    folder : bytes
        The camera's folder of the observation, relative to `output`.
    form : str
        ``frames`` or ``cube``.
    archive : bytes
        The raw archive's name.
    source : bytes
        Where it was read, absolute.
    source_size_bytes, source_mtime_ns : int
    source_sha256 : str
        Empty where it could not be read.
    digest : str
        Of everything else that the products depend on: beginning and end, form, header map, version.
    is_done : bool
    frames, before, after, lost : int
        Frames exported; left out before and after the observation; dropped by the camera among those exported.
    absent_cards : int
        Cards that some frame lacks for want of telemetry.
    telemetry : str
        What telemetry there was: more of it may complete the headers.
    has_header : bool
        False where only the pixels could be saved.
    attempts : int
        How often in a row it was tried without success.
    reason : str or None
        Why it failed, or what is to be said although it did not.
    at_utc : datetime
    seconds : float
    products : tuple of ExportProduct
    """

    instrument: str
    output: str
    folder: bytes
    form: str
    archive: bytes
    source: bytes
    source_size_bytes: int
    source_mtime_ns: int
    source_sha256: str
    digest: str
    is_done: bool
    frames: int
    before: int
    after: int
    lost: int
    absent_cards: int
    telemetry: str
    has_header: bool
    attempts: int
    reason: str | None
    at_utc: dt.datetime
    seconds: float
    products: tuple[ExportProduct, ...] = ()
