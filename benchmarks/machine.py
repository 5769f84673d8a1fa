"""What the machine is on which figures were taken, without its name or its folders."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
from pathlib import Path

BUSY_LOAD = 0.7
"""A load average above which somebody else is at work."""


def _first_match(path: str, expression: str) -> str:
    found = re.search(expression, Path(path).read_text(), re.MULTILINE)
    return found[1] if found else "unknown"


def _first_line(*argv: str) -> str:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    except OSError:
        return f"{argv[0]} is not there"
    return (done.stdout or done.stderr).splitlines()[0].strip()


def file_system_of(folder: Path) -> str:
    """Return the type of the file system that holds a folder, such as tmpfs or ext4."""
    return _first_line("stat", "--file-system", "--format=%T", str(folder))


def facts(folder: Path) -> list[str]:
    """Return sentences about processor, memory, file system and versions."""
    memory_gb = int(_first_match("/proc/meminfo", r"^MemTotal:\s+(\d+)")) * 1024 / 1e9
    processor = _first_match("/proc/cpuinfo", r"^model name\s*: (.*)$")
    rsync = re.search(r"version (\S+)", _first_line("rsync", "--version"))
    return [
        f"{processor}, {os.cpu_count()} cores, {memory_gb:.0f} GB of memory",
        f"both roots on {file_system_of(folder)}; Linux {platform.release().split('-')[0]}; SSH over loopback",
        f"nightferry {importlib.metadata.version('nightferry')}, Python {platform.python_version()}, "
        f"rsync {rsync[1] if rsync else 'unknown'}, {_first_line('ssh', '-V').split(',')[0]}, "
        f"{_first_line('rclone', 'version')}",
    ]


def load_fact() -> str:
    """Return a sentence about what else the machine does now; said of the moment before the first run."""
    load = os.getloadavg()[0]
    shared = "; the machine was shared with other work, so that times are high and swing" if load >= BUSY_LOAD else ""
    return f"load average before the first run: {load:.1f}{shared}"
