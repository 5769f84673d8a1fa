"""The same frames carried by one engine after the other, each onto an empty archive.

Leaves to each case which frames, and what is looked at afterwards.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.faults.stage import HERE, THERE, Stage
from tests.hosts import Host
from tests.observatory import Answer

ENGINES = ("local", "rsync", "pipe", "sftp")
DIES_S = 600.0
LOOKS_S = 0.01


def ends_for(stage: Stage, engine: str) -> tuple[Host | str, Host | str]:
    """Return the ends between which an engine is tried: from an SSH host to here, and `local` between folders."""
    return (HERE, THERE) if engine == "local" else (stage.far()[0], THERE)


def by_each(stage: Stage, engines: Sequence[str] = ENGINES, **settings: Any) -> Iterator[str]:
    """Set up an empty archive for one engine after the other, and clear both roots after each."""
    for engine in engines:
        stage.use(*ends_for(stage, engine))
        copies = [stage.copy(stage.ends[0]), stage.copy(stage.ends[1], transfer={"engine": engine})]
        stage.declare("sha", copies=copies, **settings)
        for end in stage.ends:
            stage.mark(end)
        yield engine
        for root in (stage.source, stage.destination):
            shutil.rmtree(os.fsencode(root))


def measured(stage: Stage, *words: str) -> tuple[Answer, int]:
    """Call the installed command; return its answer, and the most memory that it took, in KiB."""
    process = stage.begin(*words)
    said = ["", ""]

    def hear(index: int, stream: Any) -> None:
        said[index] = stream.read()

    ears = [threading.Thread(target=hear, args=one) for one in enumerate((process.stdout, process.stderr))]
    most_kib = 0
    with process:
        for ear in ears:
            ear.start()
        while process.poll() is None:
            most_kib = max(most_kib, _most_memory_kib(process.pid))
            time.sleep(LOOKS_S)
        for ear in ears:
            ear.join(DIES_S)
    assert "Traceback" not in said[1], said[1]
    assert most_kib, "nobody saw how much memory it took"
    return Answer(process.returncode, *said), most_kib


def _most_memory_kib(process: int) -> int:
    """Return the peak so far of a process alone: what wait4 tells counts in the memory of whoever started it."""
    with contextlib.suppress(OSError):
        status = Path(f"/proc/{process}/status").read_text()
        if found := re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE):
            return int(found[1])
    return 0
