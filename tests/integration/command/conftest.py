"""A root with two nights, an empty ledger, and what carries out steps over them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from catalogue.ledger import Ledger
from converters.outcome import ConvertOutcome
from converters.pipeline import ConvertOptions, convert
from observatory.spec.models import StepSection
from tests.integration.command.declared import Carry, instrument, scope


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Give an empty ledger."""
    with Ledger.open("sqlite:///catalogue.db", tmp_path / "state") as opened:
        yield opened


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give a root with two nights: two frames and a log, and one frame."""
    root = tmp_path / "data"
    for night, names in (("2016/0907", ["a.fits", "b.fits"]), ("2016/0908", ["c.fits"])):
        (root / night).mkdir(parents=True)
        for name in names:
            pixels = np.arange(4096, dtype=np.int16).reshape(64, 64)
            fits.PrimaryHDU(pixels).writeto(root / night / name)
    (root / "2016/0907/log.txt").write_text("cloudy\n")
    return root


@pytest.fixture
def carry(ledger: Ledger, root: Path) -> Carry:
    """Give what carries out steps over both nights."""

    def carry_out(*steps: StepSection, **options: Any) -> ConvertOutcome:
        return convert(instrument(), scope(root), steps, ledger, ConvertOptions(**options))

    return carry_out
