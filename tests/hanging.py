"""A disk that hangs below a living machine, as a dead NFS server leaves it: who asks it for anything waits for ever.

Made by a FUSE file system that nobody serves. What waits there ends when it is killed, or when the disk is let go.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.hosts import need

_DETACH = 2
"""MNT_DETACH of umount2(2): at once, whoever waits there."""


@contextmanager
def hung(folder: Path) -> Iterator[None]:
    """Have a folder hang, as if the disk that is mounted there had gone away; needs root."""
    need("/dev/fuse" if os.geteuid() == 0 and Path("/dev/fuse").exists() else None, "FUSE, and root to mount it")
    system = ctypes.CDLL(None, use_errno=True)
    server = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    try:
        options = f"fd={server},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
        if system.mount(b"hanging", os.fsencode(folder), b"fuse", 0, options) != 0:
            raise OSError(ctypes.get_errno(), "mount", str(folder))
        try:
            yield
        finally:
            system.umount2(os.fsencode(folder), _DETACH)
    finally:
        os.close(server)
