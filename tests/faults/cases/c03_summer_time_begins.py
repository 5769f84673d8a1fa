"""C3: a night of 23 hours."""

from __future__ import annotations

import datetime as dt

from tests.faults.summer import clocks_change

BEGIN = dt.datetime(2026, 3, 28, 11, tzinfo=dt.UTC)

FAULT = clocks_change("C3", "summer time begins in the night: it has 23 hours", BEGIN, hours=23)
