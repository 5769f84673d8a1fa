"""Where processes are forked from: a clean process without threads, that has loaded once what all of them need.

And whether one lives. What they do is their callers' affair.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext


def forkserver(modules: Iterable[str]) -> ForkServerContext:
    """Return how processes are made: from a server that has loaded some modules and those of the main program."""
    import multiprocessing  # takes a while, and most commands fork nothing

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", *sorted({*modules, *_loaded_by_main()})])
    return context


def _loaded_by_main() -> set[str]:
    """Return the modules that the main program has taken names from: every process loads it again.

    "__main__" among the modules to preload would do, were it not silently left out before CPython 3.12.8 and 3.13.1
    (its issue 126631).
    """
    named = {getattr(value, "__module__", None) for value in vars(sys.modules["__main__"]).values()}
    return {name for name in named if isinstance(name, str) and name in sys.modules}


def is_alive(process: int) -> bool:
    """Say whether a process of this number lives on this machine, whosever it is."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's
    return True
