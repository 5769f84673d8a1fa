"""I4: bringing a new file to disk fails (EIO)."""

from __future__ import annotations

from tests.faults.refusing import refused_while_writing

FAULT = refused_while_writing("I4", "bringing a new file to disk fails (EIO)", "fsync,fdatasync,syncfs:error=EIO")
