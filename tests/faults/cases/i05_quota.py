"""I5: the quota is over when a new file is brought to disk (EDQUOT)."""

from __future__ import annotations

from tests.faults.refusing import refused_while_writing

FAULT = refused_while_writing(
    "I5", "the quota is over when a new file is brought to disk (EDQUOT)", "fsync,fdatasync,syncfs:error=EDQUOT"
)
