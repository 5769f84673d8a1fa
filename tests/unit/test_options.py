"""What the options of the command line take, before a site is opened."""

from __future__ import annotations

import pytest

from nightferry.cli.main import main


@pytest.mark.parametrize("hours", ["-1", "nan", "inf", "1e300"])
def test_to_wait_for_ever_or_for_no_number_of_hours_is_a_slip(hours: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is begun, and it is said in a sentence."""
    assert main(["run", "--hop", "a:b", "--wait", hours]) == 2
    assert "hours from 0 to 8760" in capsys.readouterr().err
