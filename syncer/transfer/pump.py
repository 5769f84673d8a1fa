"""Carries one file's bytes from a stream into a stream, hashing them on the way, or clones them.

Reading runs ahead of writing by a bounded number of blocks. Names, checks and renames are stream.py's.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import queue
import threading
from collections.abc import Callable, Generator
from typing import BinaryIO

BLOCK_BYTES = 1024 * 1024
"""Far more than SFTP's packets of 32 KiB, so that many of them are under way for each block."""
BLOCKS_AHEAD = 4
"""How far reading may run ahead of writing: with `BLOCK_BYTES` it bounds the memory of one file."""
FICLONE = 0x40049409
"""Linux ``linux/fs.h``: let one file share another's blocks (btrfs, XFS, bcachefs)."""


class Grew(Exception):
    """The source gave more bytes than the plan promised."""


def pump(source: BinaryIO, destination: BinaryIO, size_bytes: int, passed: Callable[[int], None]) -> tuple[int, str]:
    """Copy a stream to its end; return how many bytes that were and their SHA-256.

    Parameters
    ----------
    source, destination : binary streams
    size_bytes : int
        What the plan promised.
    passed : callable
        Told the size of each block before it is written; may wait (a rate limit).

    Raises
    ------
    Grew
        More bytes came than were promised; reading was stopped.
    OSError, CouldNotTell
        As the streams raise them.
    """
    digest, done = hashlib.sha256(), 0
    with contextlib.closing(_read_ahead(source) if size_bytes > BLOCK_BYTES else _read(source)) as blocks:
        for block in blocks:
            done += len(block)
            if done > size_bytes:
                raise Grew
            passed(len(block))
            digest.update(block)
            destination.write(block)
    return done, digest.hexdigest()


def _read(source: BinaryIO) -> Generator[bytes, None, None]:
    while block := source.read(BLOCK_BYTES):
        yield block


class _Ahead:
    """A reader in a thread of its own, and the queue that it fills."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._stop = threading.Event()
        self.blocks: queue.Queue[bytes | Exception] = queue.Queue(BLOCKS_AHEAD)
        self._thread = threading.Thread(target=self._run, name="read-ahead", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            for block in _read(self._source):
                self.blocks.put(block)
                if self._stop.is_set():
                    return
            self.blocks.put(b"")
        except Exception as error:  # noqa: BLE001 - handed over to the thread that writes, which raises it
            self.blocks.put(error)

    def stop(self) -> None:
        """End the reader; blocks that wait in the queue are dropped."""
        self._stop.set()
        while self._thread.is_alive():
            with contextlib.suppress(queue.Empty):
                self.blocks.get(timeout=0.05)


def _read_ahead(source: BinaryIO) -> Generator[bytes, None, None]:
    ahead = _Ahead(source)
    try:
        while True:
            block = ahead.blocks.get()
            if isinstance(block, Exception):
                raise block
            if not block:
                return
            yield block
    finally:
        ahead.stop()


def clone(source: BinaryIO, destination: BinaryIO) -> bool:
    """Let the destination share the source's blocks; say whether the file system could do it.

    Both must be files of this machine. A clone holds the same bytes by construction: nothing was copied.
    """
    try:
        fcntl.ioctl(destination.fileno(), FICLONE, source.fileno())
    except (OSError, ValueError, AttributeError):
        return False
    return os.fstat(destination.fileno()).st_size == os.fstat(source.fileno()).st_size
