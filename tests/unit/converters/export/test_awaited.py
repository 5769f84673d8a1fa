"""Telemetry that came since some headers were made is told from telemetry that went away."""

from __future__ import annotations

import hashlib

import pytest

from converters.export.reader import is_more

THEN = "camsci1 3\nobservers 2"


@pytest.mark.parametrize("now", ["camsci1 4\nobservers 2", "camsci1 3\nobservers 2\ntcsi 1"])
def test_a_record_more_of_any_device_is_more(now: str) -> None:
    """Also of one that had said nothing."""
    assert is_more(now, THEN)


@pytest.mark.parametrize("now", [THEN, "camsci1 3\nobservers 0", "camsci1 0\nobservers 9", "camsci1 9", ""])
def test_the_same_or_telemetry_that_is_gone_is_no_reason_to_make_anything_again(now: str) -> None:
    """What one device says more would cost what another said before."""
    assert not is_more(now, THEN)


def test_a_digest_of_an_earlier_version_is_looked_at_once() -> None:
    """It tells nothing; what is noted the next time does."""
    assert is_more(THEN, hashlib.sha256(THEN.encode()).hexdigest())
