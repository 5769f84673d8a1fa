"""Imports without what is never asked of them: a start that happens a thousand times a month is worth milliseconds."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def absent(name: str) -> Iterator[None]:
    """Let an optional package seem not to be installed while another one is imported that would load it.

    One that is loaded already stays what it is.
    """
    hidden = name not in sys.modules
    if hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # what Python itself keeps of a module that is not there
    try:
        yield
    finally:
        if hidden:
            del sys.modules[name]
