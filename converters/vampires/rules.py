"""The rules that a night's plan is made by: plain values, as the YAML of the step gave them.

How they are applied is night.py's; the keys they come from are syncdeint.py's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from converters.cards import Value

GEOMETRY = ("BITPIX", "NAXIS1", "NAXIS2", "BSCALE", "BZERO")
"""Cubes that differ in one of these can never be joined."""

TOLD = ("OBJECT", "EXPTIME", "DATA-TYP")
"""What summaries tell of a cube; nothing is decided by it."""
EXPOSURE_KEY = "EXPTIME"
TOLERANCE_US_PER_ROW = 0.868
SLOW_FACTOR = 2.5
TOLERANCE_US = 400.0
"""Of VAMPIRES' own pipeline (scxkw, 2024-07): readout of a row, the slow mode's factor, and without rows."""


@dataclass(frozen=True, slots=True)
class Flc:
    """When the FLC is at work, and how it shows in the times.

    Attributes
    ----------
    when : mapping of str to sequence of str
        Keywords and the values that they must have (one of those; T and F for logicals; empty for none).
    jitter_key : str
    jitter_us : float
        J where the header does not say it.
    noise_us, slow_noise_us : float
        Standard deviation of a time in the fast and the slow mode.
    """

    when: Mapping[str, Sequence[str]]
    jitter_key: str = "U_TRIGJT"
    jitter_us: float = 500.0
    noise_us: float = 7.2
    slow_noise_us: float = 172.8


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything that a plan depends on beside the cubes.

    Attributes
    ----------
    tolerance_us : float or None
        None: of the rows that are read out.
    offset_limit_us : float or None
    offset_us : float or None
        The static offset, roughly: chosen by where the times know it up to whole periods only.
    rows_key, mode_key, trigger_key : str
        Keywords: rows read out; the detector's mode (``slow``); whether an external trigger exposes.
    break_keys : sequence of str
        A new cube begins where one of these changes.
    longest_us, gap_us : int
        Of a new cube: its longest duration, and the gap at which a new one begins.
    folder : bytes
        Where the new cubes go, relative to the night's.
    sync_name : bytes
        What cubes of paired frames are called.
    flc : Flc or None
    """

    tolerance_us: float | None = None
    offset_limit_us: float | None = None
    offset_us: float | None = None
    rows_key: str = "PRD-RNG2"
    mode_key: str = "U_DETMOD"
    trigger_key: str = "EXTTRIG"
    break_keys: Sequence[str] = ("EXPTIME", "RET-ANG1", "FILTER01", "FILTER02")
    longest_us: int = 10_000_000
    gap_us: int = 3_000_000
    folder: bytes = b"vgen2"
    sync_name: bytes = b"vsync"
    flc: Flc | None = field(default=None)

    def keywords(self) -> tuple[str, ...]:
        """Return every keyword that is asked of a header."""
        flc = () if self.flc is None else (*self.flc.when, self.flc.jitter_key)
        asked = (*GEOMETRY, *self.break_keys, self.trigger_key, self.rows_key, self.mode_key, *flc, *TOLD)
        return tuple(dict.fromkeys(asked))

    def configuration(self, keys: Mapping[str, Value]) -> tuple[Value, ...]:
        """Return what must not change within a cube."""
        return tuple(keys.get(name) for name in (*GEOMETRY, *self.break_keys))

    def is_triggered(self, keys: Mapping[str, Value]) -> bool:
        """Say whether an external trigger exposed the frames."""
        return keys.get(self.trigger_key) is True

    def is_slow(self, keys: Mapping[str, Value]) -> bool:
        """Say whether the detector worked in its slow mode."""
        return as_text(keys.get(self.mode_key)).lower() == "slow"

    def tolerance_of(self, keys: Mapping[str, Value]) -> float:
        """Return the tolerance for cubes of such a header, in microseconds."""
        if self.tolerance_us is not None:
            return self.tolerance_us
        rows = keys.get(self.rows_key)
        if not isinstance(rows, int | float) or rows <= 0:
            return TOLERANCE_US
        return float(int(TOLERANCE_US_PER_ROW * rows * (SLOW_FACTOR if self.is_slow(keys) else 1)))

    def exposure_of(self, keys: Mapping[str, Value]) -> float:
        """Return the exposure time of frames of such a header in microseconds; 0 where it is not known."""
        value = keys.get(EXPOSURE_KEY)
        return value * 1e6 if isinstance(value, int | float) and value > 0 else 0.0

    def has_flc(self, keys: Mapping[str, Value]) -> bool:
        """Say whether the FLC switched between the frames of such a header."""
        if self.flc is None:
            return False
        return all(as_text(keys.get(name)) in allowed for name, allowed in self.flc.when.items())

    def jitter_of(self, keys: Mapping[str, Value]) -> float:
        """Return the trigger's jitter J in microseconds."""
        value = None if self.flc is None else keys.get(self.flc.jitter_key)
        if isinstance(value, int | float) and value > 0:
            return float(value)
        return 0.0 if self.flc is None else self.flc.jitter_us

    def noise_of(self, keys: Mapping[str, Value]) -> float:
        """Return the standard deviation of a time in microseconds."""
        if self.flc is None:
            return 0.0
        return self.flc.slow_noise_us if self.is_slow(keys) else self.flc.noise_us


def as_text(value: Value) -> str:
    """Return a header's value as the rules compare it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "T" if value else "F"
    return str(value).strip()
