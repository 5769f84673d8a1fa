"""F8: a sync is killed by KILL in the middle of a file."""

from __future__ import annotations

import signal

from tests.faults.killed import killed_by

FAULT = killed_by("F8b", signal.SIGKILL)
