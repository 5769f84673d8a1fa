"""Hashing and judging files by reading them through here: for a far end that runs no program.

How a file is opened is the endpoint's: it hands in a function.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, cast

from observatory.endpoints import shell
from observatory.endpoints.contract import Hashed, Inspection
from observatory.endpoints.sftp import SftpReader
from observatory.endpoints.streams import hash_stream
from observatory.endpoints.walk import join, reason_of
from observatory.errors import HostUnreachable
from observatory.formats import whole

Opening = Callable[[bytes], BinaryIO]
"""Opens an absolute path for reading."""


def hash_through_here(opening: Opening, host: str, root: bytes, paths: Sequence[bytes]) -> Iterator[Hashed]:
    """Hash some files; see `contract.Look.hash`."""
    for path in paths:
        if not shell.is_below(path):
            yield Hashed(path, None, shell.NOT_BELOW)
            continue
        try:
            with opening(join(root, path)) as stream:
                yield Hashed(path, hash_stream(stream))
        except ConnectionError as error:
            raise HostUnreachable(host, str(error)) from error
        except OSError as error:
            yield Hashed(path, None, reason_of(error))


def inspect_through_here(
    opening: Opening, host: str, root: bytes, paths: Sequence[bytes], sums: bool
) -> Iterator[Inspection]:
    """Judge some files by their own structure; see `contract.Look.inspect`."""
    for path in paths:
        if not shell.is_below(path):
            yield Inspection(path, "unreadable", shell.NOT_BELOW)
        elif whole.format_of(path) is None:
            yield Inspection(path, "unjudged", "its name tells no format that can be judged")
        else:
            yield _inspect_one(opening, host, root, path, sums)


def _inspect_one(opening: Opening, host: str, root: bytes, path: bytes, sums: bool) -> Inspection:
    try:
        with opening(join(root, path)) as stream:
            size = cast(SftpReader, cast(io.BufferedReader, stream).raw).size_bytes()
            state, reason = whole.judge_stream(path, stream, size, sums)
    except ConnectionError as error:
        raise HostUnreachable(host, str(error)) from error
    except OSError as error:
        return Inspection(path, "unreadable", reason_of(error))
    return shell.inspection(path, f"={state} {reason}".encode("utf-8", "replace"))
