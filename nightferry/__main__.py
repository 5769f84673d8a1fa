"""The command, as the installed script and as ``python -m nightferry``.

Loads the command line, which does everything else, and ends in a sentence where it is interrupted before that listens.
That a word to end is heard at any instant is told.py's.
"""

from __future__ import annotations

import sys

_STOPPED = 130
"""128 and the number of SIGINT, as everywhere in the command line."""


def run() -> None:
    """Be the console script: loading takes a fifth of a second, in which a slip is seen and Ctrl-C pressed."""
    try:
        from nightferry.cli.main import run as command
        from nightferry.told import listen

        listen()
        command()
    except KeyboardInterrupt:
        sys.stderr.write("nightferry: stopped\n")
        sys.exit(_STOPPED)


if __name__ == "__main__":
    run()
