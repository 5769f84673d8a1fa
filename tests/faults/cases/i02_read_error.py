"""I2: EIO while a file is read."""

from __future__ import annotations

from tests.faults.refusing import refused_while_looking

FAULT = refused_while_looking(
    "I2",
    "a sector of the archive's disk cannot be read (EIO)",
    "read:error=EIO",
    lambda stage: stage.there(2),
    level="checksum",
)
