"""What the peers say of a fault: rsync, rclone and an existence check, on copies of both roots.

Nothing here judges nightferry; the answers fill the columns of docs/faults.md.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.faults.stage import Stage
from tests.observatory import tree

Peers = Callable[[Stage], Mapping[str, str]]


def nobody(stage: Stage) -> Mapping[str, str]:
    """Ask nobody: the fault lies where these programs do not look."""
    return {}


def STANDARD(stage: Stage) -> Mapping[str, str]:  # noqa: N802 - reads as the constant choice of a case
    """Ask all three about two roots that lie on this machine."""
    with tempfile.TemporaryDirectory(prefix="nightferry-peers-") as folder:
        here, there = Path(folder, "source"), Path(folder, "destination")
        for root, copied in ((stage.source, here), (stage.destination, there)):
            run("cp", "-a", str(root), str(copied))
            shutil.rmtree(copied / ".nightferry", ignore_errors=True)
        return {
            "existence": existence(here, there),
            "rclone": rclone_check(here, there),
            "rsync": rsync_again(here, there),
            "rsync -u": rsync_again(here, there, "-u"),
        }


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, with no configuration of this account."""
    environment = {**os.environ, "RCLONE_CONFIG": os.devnull}
    return subprocess.run(words, capture_output=True, text=True, check=False, errors="replace", env=environment)


def existence(here: Path, there: Path) -> str:
    """Compare names alone, as the seeds' verifications do."""
    lacking = tree(here).keys() - tree(there).keys()
    return f"found: {len(lacking)} missing" if lacking else "passes"


def rclone_check(here: Path, there: Path) -> str:
    """Compare names, sizes and hashes by rclone."""
    ended = run("rclone", "check", "--one-way", str(here), str(there))
    return f"found (rc {ended.returncode})" if ended.returncode else "passes (rc 0)"


def rsync_again(here: Path, there: Path, *options: str) -> str:
    """Run rsync once more, onto a copy, and say whether both sides hold the same bytes then."""
    with tempfile.TemporaryDirectory(prefix="nightferry-peers-") as folder:
        copied = Path(folder, "destination")
        run("cp", "-a", str(there), str(copied))
        were_alike = tree(here) == tree(copied)
        ended = run("rsync", "-a", *options, f"{here}/", f"{copied}/")
        alike = tree(here) == tree(copied)
    result = "says nothing" if were_alike else ("mended" if alike else "stays different")
    return f"{result} (rc {ended.returncode})"


def erasing(stage: Stage) -> Mapping[str, str]:
    """Ask the mirrors what they make of a source that is empty."""
    answers = {}
    for name, words in (("rsync", ("rsync", "-a", "--delete")), ("rclone", ("rclone", "sync"))):
        with tempfile.TemporaryDirectory(prefix="nightferry-peers-") as folder:
            there = Path(folder, "destination")
            run("cp", "-a", str(stage.destination), str(there))
            here = Path(folder, "empty")
            here.mkdir()
            ended = run(*words, f"{here}/", f"{there}/")
            answers[name] = f"erases the archive (rc {ended.returncode}, {len(tree(there))} files left)"
    return {**answers, "existence": "passes"}
