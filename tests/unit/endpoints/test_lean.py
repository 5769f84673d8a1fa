"""What is never asked of a package is not loaded with it."""

from __future__ import annotations

import subprocess
import sys

from observatory.endpoints.lean import absent


def test_connecting_does_without_what_only_match_exec_needs() -> None:
    """And whoever imports that package afterwards gets it."""
    program = (
        "import sys, observatory.endpoints.ssh; assert 'invoke' not in sys.modules;"
        "import paramiko; assert paramiko.config.invoke is None; import invoke; assert invoke.run"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_what_is_loaded_already_stays() -> None:
    """Nobody loses a module that he has."""
    import json

    with absent("json"):
        assert sys.modules["json"] is json
    assert sys.modules["json"] is json
