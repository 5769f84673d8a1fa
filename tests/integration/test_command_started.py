"""The command before it is a command: interrupted while it still loads itself."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

INTERRUPTED = """
import sys
class Interrupted:
    def find_spec(self, name, path=None, target=None):
        if name == "typer":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupted())
"""


@pytest.mark.parametrize(
    "start", ["from {} import {}; {}()", "import runpy; runpy.run_module('nightferry', run_name='__main__')"]
)
def test_ctrl_c_while_it_loads_is_a_sentence(start: str) -> None:
    """As Python would have it, it is a traceback of twenty lines through our imports."""
    scripts = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]["scripts"]
    module, _, function = scripts["nightferry"].partition(":")
    words = [sys.executable, "-c", INTERRUPTED + start.format(module, function, function)]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "nightferry: stopped\n")
