"""I3: EIO while a folder is read."""

from __future__ import annotations

from tests.faults.refusing import refused_while_looking

FAULT = refused_while_looking(
    "I3",
    "the archive's folder cannot be read to its end (EIO)",
    "getdents64:error=EIO",
    lambda stage: stage.there(2).parent,
)
