"""C4: a night of 25 hours, in which an hour comes twice."""

from __future__ import annotations

import datetime as dt

from tests.faults.summer import clocks_change

BEGIN = dt.datetime(2026, 10, 24, 10, tzinfo=dt.UTC)

FAULT = clocks_change("C4", "summer time ends in the night: an hour comes twice", BEGIN, hours=25)
