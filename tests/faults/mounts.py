"""A file system of its own at the archive's root, mounted where only the stage sees it: in a mount namespace.

What is full, read only or broken there is so in earnest; the rest of the machine notices nothing, and it is gone
with the stage. Needs root, or a kernel that lets an ordinary user have namespaces (then without loop devices); where
neither is so, the case is not played and says so, and in CI that is a failure. Leaves to each case what goes wrong.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NoReturn

import pytest

from tests.faults.stage import Stage
from tests.hosts import need
from tests.observatory import Answer

ENDS_S = 60.0
TMPFS = 'mount -t tmpfs -o "size=$SIZE" none "$NEW"'
EXT4 = (
    'truncate -s "$SIZE" "$IMAGE" && mkfs.ext4 -q -F $OPTIONS "$IMAGE"'
    ' && mount -o loop,errors=remount-ro "$IMAGE" "$NEW"'
)
STARTS = 'set -e; {mount}; cp -a "$ROOT/." "$NEW"; mount --move "$NEW" "$ROOT"; echo mounted; exec cat'
"""The root's files are taken along; then the program waits, for it holds the namespace."""


class Mounted:
    """The archive's root on a file system of its own.

    Parameters
    ----------
    stage : Stage
        All was well on it before; its questions are asked inside from now on.
    kind : str
        ``tmpfs``, or ``ext4`` on a loop device over a file.
    size : str
        As `mount` and `truncate` take it, say ``4M``.
    options : str
        More words for mkfs.
    """

    def __init__(self, stage: Stage, kind: Literal["tmpfs", "ext4"], size: str, options: str = "") -> None:
        self.root = stage.destination
        self.image = stage.folder / "image"
        new = stage.folder / "new"
        new.mkdir()
        script = STARTS.format(mount=TMPFS if kind == "tmpfs" else EXT4)
        facts = {"SIZE": size, "ROOT": str(self.root), "NEW": str(new), "IMAGE": str(self.image), "OPTIONS": options}
        self._holder = subprocess.Popen(
            [*unshare(), "sh", "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **facts},
        )
        stage.closing.callback(self.close)
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != "mounted\n":
            self._holder.kill()
            not_played(f"no leave to mount {kind} in a namespace: {self._holder.communicate()[1].splitlines()[:1]}")
        stage.inside = self

    def close(self) -> None:
        """Let the namespace go, and with it all that is mounted there."""
        self._holder.communicate(timeout=ENDS_S)

    def path(self, outside: Path) -> Path:
        """Return where a path of the namespace is seen from here."""
        return Path(f"/proc/{self._holder.pid}/root{outside}")

    def words(self, words: Sequence[str]) -> list[str]:
        """Return the words that start a program inside."""
        user = () if os.geteuid() == 0 else ("-U", "--preserve-credentials")
        return ["nsenter", *user, "-m", "-t", str(self._holder.pid), "--", *words]

    def run(self, *words: str) -> Answer:
        """Run a program inside, to its end."""
        ended = subprocess.run(self.words(words), capture_output=True, text=True, timeout=ENDS_S, check=False)
        return Answer(ended.returncode, ended.stdout, ended.stderr)

    def does(self, *words: str) -> None:
        """Run a program inside that must do what it says."""
        answer = self.run(*words)
        assert answer.status == 0, (words, answer)

    def remount(self, mode: Literal["ro", "rw"]) -> None:
        """Make the file system read only or writable; an ordinary user may do so with the mount alone."""
        if self.run("mount", "-o", f"remount,{mode}", str(self.root)).status:
            self.does("mount", "-o", f"remount,bind,{mode}", str(self.root))

    @property
    def device(self) -> str:
        """The loop device's name, as the kernel has it."""
        return Path(self.run("findmnt", "-n", "-o", "SOURCE", str(self.root)).out.strip()).name


def not_played(reason: str) -> NoReturn:
    """Say why a case cannot be played here; in CI that is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def unshare() -> list[str]:
    """Return the words that start a program in a mount namespace of its own."""
    program = need(shutil.which("unshare"), "unshare")
    return [program, "-m"] if os.geteuid() == 0 else [program, "--map-root-user", "-m"]
