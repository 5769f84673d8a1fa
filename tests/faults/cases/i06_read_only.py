"""I6: no folder and no name can be made at the archive (EROFS); I6b does it by a real remount."""

from __future__ import annotations

from tests.faults.refusing import refused_while_writing

FAULT = refused_while_writing(
    "I6", "the archive's disk was remounted read only (EROFS)", "mkdir,rename,renameat,renameat2:error=EROFS"
)
