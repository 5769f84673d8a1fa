"""What holds for every test.

Hypothesis measures nothing here: its deadline would make a busy machine a failure, and speed is benchmarks' affair.
"""

from __future__ import annotations

import hypothesis

hypothesis.settings.register_profile("nightferry", deadline=None)
hypothesis.settings.load_profile("nightferry")
