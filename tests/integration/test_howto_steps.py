"""The worked examples of docs/how-to/steps.md do what the page says, with the real fpack and the script beside it."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from astropy.io import fits

from observatory.nights import night_text
from tests.hosts import need
from tests.observatory import OLD_S, Observatory, age, folder_of

REPOSITORY = Path(__file__).parents[2]
SCRIPT = REPOSITORY / "docs/examples/steps/first_look.py"


def examples() -> list[dict[str, object]]:
    """Return what the page declares under `convert`."""
    text = (REPOSITORY / "docs/how-to/steps.md").read_text()
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(convert:.*?)```", text, re.DOTALL)]
    return [block["convert"] for block in blocks]


def test_the_page_s_examples_pack_and_look(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One packed file and one look for each image; a saturated one is a warning that the report repeats."""
    need(shutil.which("fpack"), "fpack (libcfitsio-bin)")
    # the script asks for python3 with numpy and astropy, which here is the one that runs the tests
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    site = Observatory(tmp_path, [], capsys)
    site.add_local("archive")
    steps = [step for example in examples() for step in example["steps"]]  # type: ignore[attr-defined]
    for step in steps:
        step["run"] = [str(SCRIPT) if word.endswith("first_look.py") else word for word in step["run"]]
    copy = site.copy("archive", origin=True)
    site.declare("sha", copies=[copy], cameras={"sha": {"files": ["*.fits"]}}, convert={"steps": steps})
    night = site.root("archive") / folder_of(site.night())
    night.mkdir(parents=True)
    for name, level in (("dark", 100), ("flat", 65535)):
        fits.PrimaryHDU(np.full((64, 64), level, np.uint16)).writeto(night / f"{name}.fits")
        age(night / f"{name}.fits", OLD_S)
    answer = site.call("convert", "-d", night_text(site.night()))
    assert answer.status == 0, answer
    assert sorted(path.name for path in night.iterdir()) == sorted(
        ["dark.fits", "dark.fits.fz", "flat.fits", "flat.fits.fz", "looks"]
    )
    assert json.loads((night / "looks/dark.json").read_text()) == {"median": 100.0, "spread": 0.0, "highest": 100.0}
    assert "exit status 3: saturated: 65535" in answer.out
