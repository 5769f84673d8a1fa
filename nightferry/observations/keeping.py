"""Keeps ``export --watch`` at work for the daemon, as a process of its own that is started anew when it ends.

What it does is watching.py's; this holds no more than its process, for the daemon stays for months.
"""

from __future__ import annotations

import logging
import subprocess
import threading
from collections.abc import Sequence

from converters.export.section import ExportSection
from nightferry.workplace import Workplace

log = logging.getLogger("nightferry")

_RESTART_S = 30.0
"""How long the daemon waits before it starts the watch anew."""


class Keeper:
    """Keeps ``export --watch`` at work for the daemon: a process of its own, started anew when it ends.

    Parameters
    ----------
    words : sequence of str
        What starts it.
    restart_s : float
    """

    def __init__(self, words: Sequence[str], restart_s: float = _RESTART_S) -> None:
        self._words, self._restart_s = list(words), restart_s
        self._over = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep, name="export --watch", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End the process and wait for it."""
        self._over.set()
        process = self._process
        if process is not None:
            process.terminate()
        self._thread.join()

    def _keep(self) -> None:
        while not self._over.is_set():
            self._process = subprocess.Popen(self._words, stdin=subprocess.DEVNULL)
            if self._over.is_set():
                self._process.terminate()
            status = self._process.wait()
            if not self._over.wait(self._restart_s):
                log.warning("watch started anew", extra={"status": status})


def watched_by_daemon(workplace: Workplace) -> list[str]:
    """Return the instruments whose observations the daemon is to export while they are taken."""
    sections = {name: one.section(ExportSection) for name, one in workplace.instruments.items()}
    return sorted(name for name, section in sections.items() if section is not None and section.watch.by_daemon)
