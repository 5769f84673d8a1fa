"""The process that atheris runs in: imports a target instrumented, and never returns.

Started by run.py; must not have imported any parser before.
"""

from __future__ import annotations

import sys

import atheris

PARSERS = ["converters.xrif", "converters.telemetry", "converters.stamps", "observatory.formats.xrif"]

if __name__ == "__main__":
    with atheris.instrument_imports(include=PARSERS):
        from tests.fuzz.targets import TARGETS

    atheris.Setup([sys.argv[1], *sys.argv[2:]], TARGETS[sys.argv[1]].check)
    atheris.Fuzz()
