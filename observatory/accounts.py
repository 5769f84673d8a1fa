"""Who asks: the account that this process runs under, by name or, where the machine knows none for it, by number.

What an account may do is asked of what it wants to do.
"""

from __future__ import annotations

import getpass
import os


def account() -> str:
    """Return the name of this process's account; its number in a container, say, whose machine has no such name."""
    try:
        return getpass.getuser()
    except (KeyError, ImportError, OSError):
        return str(os.getuid())
