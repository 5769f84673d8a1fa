"""The rsync command line of one session: which program runs where, and with what it is told.

Pure. The ssh command comes from observatory/endpoints/openssh.py; running it is rsync.py's.
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Sequence

from observatory.endpoints.contract import HostAccess
from syncer.transfer.contract import Batch
from syncer.transfer.folders import PARTIAL, REPLACED, TMP
from syncer.transfer.route import Route
from syncer.transfer.sessions import Job

SILENCE_S = 300
"""rsync gives up after so long without a byte: a disk that wakes or a tape that rewinds takes a minute or two."""
KNOWS_INFO = (3, 1)
"""From this version on rsync tells its progress over all files."""

FIXED_OPTIONS = (
    b"--files-from=-",
    b"--from0",
    b"-s",  # arguments travel inside the protocol: no shell on the far side reads them
    b"--times",
    b"--perms",
    b"--ignore-times",  # what must move is decided; rsync's own look would skip a file damaged in place
    b"--no-implied-dirs",  # folders were made beforehand, with their own modes
    b"--omit-dir-times",
    b"--no-human-readable",
)


def _program(access: HostAccess) -> tuple[bytes, ...]:
    return tuple(word.encode() for word in shlex.split(access.rsync_path or "rsync"))


def quote_for_rsync(words: Sequence[str]) -> bytes:
    """Join a command for rsync's ``-e``, which splits at spaces and knows double quotes, doubled inside."""
    return b" ".join(_quote(word) for word in words)


def _quote(word: str) -> bytes:
    plain = word and not any(sign in word for sign in " \t\"'")
    return word.encode() if plain else b'"' + word.encode().replace(b'"', b'""') + b'"'


def arguments(
    batch: Batch,
    job: Job,
    route: Route,
    remote_shell: Sequence[str],
    rate_bytes_per_s: int | None = None,
    version: tuple[int, ...] = KNOWS_INFO,
) -> list[bytes]:
    """Return the whole argument list of one session; the names travel on standard input (`each_name`)."""
    argv = [b"env", b"LC_ALL=C", *_program(route.near), *FIXED_OPTIONS, b"--timeout=%d" % SILENCE_S]
    argv += _place_options(batch, job) + _option_by_spec(batch, job, rate_bytes_per_s)
    if version >= KNOWS_INFO:
        argv.append(b"--info=progress2,name0,flist2")
    if route.far is not None:
        argv += [b"-e", quote_for_rsync(remote_shell)]
        if route.far.rsync_path is not None:
            argv.append(b"--rsync-path=" + route.far.rsync_path.encode())
    return [*argv, b"--", *_ends(batch, job, route)]


def _place_options(batch: Batch, job: Job) -> list[bytes]:
    """Say where rsync keeps what is not finished, and what becomes of a file that is there already.

    Relative folders for temporary and replaced files are found from the destination, and rsync 3.5 walks to them
    in a fraction of the time of absolute ones (1.4 s a 100,000 files, 2026-11-21). A relative partial folder
    would lie beside every file, and be listed as data; so that one is absolute, and only for large files.
    """
    root = batch.destination_root
    is_root = not job.destination_folder
    options = [b"--temp-dir=" + (TMP if is_root else posixpath.join(root, TMP))]
    if job.keeps_partial:
        options.append(b"--partial-dir=" + posixpath.join(root, PARTIAL))
    if batch.on_difference == "version":
        aside = posixpath.join(b"" if is_root else root, REPLACED, batch.stamp.encode(), job.destination_folder)
        options += [b"--backup", b"--backup-dir=" + aside.rstrip(b"/")]
    return options


def _option_by_spec(batch: Batch, job: Job, rate_bytes_per_s: int | None) -> list[bytes]:
    options = []
    if batch.symlinks == "follow-inside":
        options.append(b"--copy-links" if any(item.by_link for item in job.items) else b"--copy-dirlinks")
    if batch.modes.files is not None:
        options.append(b"--chmod=F" + batch.modes.files.encode())
    if batch.options.compression:
        options.append(b"--compress")
    if rate_bytes_per_s is not None:
        options.append(b"--bwlimit=%d" % max(1, rate_bytes_per_s // 1024))
    return options


def _ends(batch: Batch, job: Job, route: Route) -> tuple[bytes, bytes]:
    source = posixpath.join(batch.source_root, job.source_folder, b"")
    destination = posixpath.join(batch.destination_root, job.destination_folder, b"")
    if route.far is None:
        return source, destination
    host = _host(route.far.address)
    return (source, host + destination) if route.runs_at_source else (host + source, destination)


def _host(address: str) -> bytes:
    return (f"[{address}]:" if ":" in address else f"{address}:").encode()


def each_name(job: Job) -> list[bytes]:
    """Return the list of a session's files, NUL after each; ``./`` before those that rsync would take for comments.

    rsync reads the list byte by byte, two system calls each: every byte counts.
    """
    return [_listed(job.name_of(item)) for item in job.items]


def _listed(name: bytes) -> bytes:
    return b"./" * name.startswith((b"#", b";")) + name + b"\0"
