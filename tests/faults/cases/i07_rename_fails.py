"""I7: giving a new file its name fails (EIO)."""

from __future__ import annotations

from tests.faults.refusing import refused_while_writing

FAULT = refused_while_writing("I7", "giving a new file its name fails (EIO)", "rename,renameat,renameat2:error=EIO")
