"""Starts a command where it outlives the terminal: in a session of tmux where that is installed, else by itself.

What it does is the command's own; it is the very command line, less the word that asked for this.
"""

from __future__ import annotations

import datetime as dt
import os
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from observatory.errors import UsageError
from observatory.files import made
from observatory.nights import STAMP_FORMAT

_KEPT = frozenset({"PATH", "HOME", "NIGHTFERRY_CONFIG", "SSH_AUTH_SOCK", "TZ"})
_TMUX_S = 30.0


def detach(state: Path, argv: Sequence[str], now_utc: dt.datetime) -> str:
    """Start a command and return how to look in.

    Parameters
    ----------
    state : Path
        The state folder; what a command without tmux says is kept in ``logs`` below it.
    argv : sequence of str
        The program first.

    Raises
    ------
    UsageError
        It cannot be started.
    """
    program = shutil.which(argv[0]) or argv[0]
    command = [str(Path(program).absolute()), *argv[1:]]
    name = f"nightferry-{now_utc.strftime(STAMP_FORMAT)}-{os.getpid()}"
    try:
        return _in_tmux(name, command) if shutil.which("tmux") else _by_itself(command, state / "logs", name)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"{command[0]}: cannot be started: {getattr(error, 'strerror', None) or error}") from error


def _in_tmux(name: str, command: Sequence[str]) -> str:
    if any(word.endswith(";") for word in command):
        raise UsageError("a word that ends in ';' means something else to tmux; leave out --detach")
    # a server of tmux that is there already has an environment of its own
    kept = [f"{key}={value}" for key, value in os.environ.items() if key in _KEPT]
    session = ["tmux", "new-session", "-d", "-s", name, "-c", str(Path.cwd())]
    window = [";", "set-option", "-t", name, "remain-on-exit", "on"]  # it is to be read when it has ended
    argv = [*session, *(word for one in kept for word in ("-e", one)), "--", *command, *window]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=_TMUX_S)
    if done.returncode:
        why = done.stderr.strip() or f"exit status {done.returncode}"
        raise UsageError(f"tmux could not begin a session: {why}; leave out --detach")
    return f"works on in tmux; look in with: tmux attach -t {name}"


def _by_itself(command: Sequence[str], logs: Path, name: str) -> str:
    log = made(logs) / f"{name}.log"
    with log.open("xb") as opened:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=opened, stderr=subprocess.STDOUT, start_new_session=True
        )
    process.returncode = 0  # it is not waited for: it outlives us, and whoever started us buries it
    return f"works on as process {process.pid}; look in with: tail -f {shlex.quote(str(log))}"
