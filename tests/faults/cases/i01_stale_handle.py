"""I1: ESTALE while looking."""

from __future__ import annotations

from tests.faults.refusing import refused_while_looking

FAULT = refused_while_looking(
    "I1",
    "the night's folder answers with a stale handle (ESTALE), as NFS does",
    "getdents64:error=ESTALE",
    lambda stage: stage.here(2).parent,
)
