"""What becomes of reports and letters once a job has written them, and what the ledger knows of the nights as rows."""

import datetime as dt

AHEAD = dt.timedelta(seconds=60)
"""What is dated further ahead of our clock than this was noted by a clock that was wrong; `sync` allows as much."""
