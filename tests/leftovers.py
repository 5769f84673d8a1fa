"""What a run of the tests starts ends with the run, however the run ends.

A run has one folder. A process that names it on its command line (an sshd, a PostgreSQL server) is the run's own. A
guard, a process of its own that needs nothing but the standard library, waits for the run to end: also one that is
killed leaves nothing behind. Where the guard was killed too, the next run clears the folder.
Leaves to hosts.py and databases.py what is kept in the folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

PREFIX = "nightferry-tests-"
HELD = "held"
"""A file that the run holds locked for as long as it lives."""
ALSO = "also"
"""A folder of files, each with the path of one more folder whose processes are the run's own."""
WAITS_S = {signal.SIGTERM: 3.0, signal.SIGQUIT: 3.0, signal.SIGKILL: 1.0}
"""How a process is told to end, and how long each word is given; at the second PostgreSQL does not wait for anyone."""
LOOKS_S = 0.02


@contextlib.contextmanager
def run_folder() -> Iterator[Path]:
    """Give a folder for one run, and see to it that nothing of the run outlives it."""
    clear()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    folder.chmod(0o755)  # other users' programs lie in it: an observer's, and PostgreSQL's own
    held = hold(folder)
    (folder / ALSO).mkdir()
    guard = subprocess.Popen([sys.executable, "-ISs", __file__], stdin=subprocess.PIPE, cwd="/", start_new_session=True)
    assert guard.stdin is not None
    guard.stdin.write(os.fsencode(folder) + b"\n")
    guard.stdin.flush()
    try:
        yield folder
    finally:
        guard.stdin.write(b"over\n")
        guard.stdin.close()
        guard.wait()
        os.close(held)


def also(folder: Path, other: Path) -> None:
    """Say that what names another folder is the run's own, too, if the run does not come to its end."""
    (folder / ALSO / str(os.getpid())).write_bytes(os.fsencode(other))


def hold(folder: Path) -> int:
    """Lock a run's folder; the lock is free when its holder is gone. Raises BlockingIOError while one is there."""
    opened = os.open(folder / HELD, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(opened)
        raise
    return opened


def clear() -> None:
    """Clear the folders of our own runs that are gone, and end what they left running."""
    for folder in Path(tempfile.gettempdir()).glob(PREFIX + "*"):
        with contextlib.suppress(OSError):
            if folder.stat().st_uid == os.geteuid() and (folder / HELD).exists():
                held = hold(folder)
                end(folder, is_over=False)
                remove(folder)
                os.close(held)


def end(folder: Path, is_over: bool) -> None:
    """End the processes of a run.

    Parameters
    ----------
    folder : Path
    is_over : bool
        The run came to its end: then only what names its own folder is left over.
    """
    names = [os.fsencode(folder)]
    if not is_over:
        names += [path.read_bytes() for path in (folder / ALSO).glob("*")]
    for word, wait_s in WAITS_S.items():
        until_s = time.monotonic() + wait_s
        found = naming(names)
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, word)
        while found and time.monotonic() < until_s:
            time.sleep(LOOKS_S)
            found = naming(names)
        if not found:
            break


def remove(folder: Path) -> None:
    """Remove a run's folder, all that can be removed."""
    shutil.rmtree(folder, ignore_errors=True)


def naming(folders: list[bytes]) -> list[int]:
    """Return the running processes whose command line names one of some folders; never this one."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                words = (entry / "cmdline").read_bytes().replace(b"\0", b"/")  # each word ends with a NUL
                if any(folder + b"/" in words for folder in folders):
                    found.append(int(entry.name))
    return found


def watch() -> None:
    """Be the guard: read the folder's name, wait for the run's end, and clear up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # whoever ends the run may mean the guard, too
    folder = sys.stdin.buffer.readline().rstrip(b"\n")
    is_over = bool(sys.stdin.buffer.read())
    if folder:
        end(Path(os.fsdecode(folder)), is_over)
        if os.fork() == 0:  # hundreds of databases take a while, and nobody need wait for it
            remove(Path(os.fsdecode(folder)))


if __name__ == "__main__":
    watch()
