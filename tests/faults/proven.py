"""What `status` says of the only night: on how many copies it is proven, of how many.

Leaves to each case what was looked at before.
"""

from __future__ import annotations

from tests.faults.battery import Found, Stage


def proven(stage: Stage) -> Found:
    """Ask the status how many copies are proven."""
    answer = stage.call("status", "--json")
    (night,) = answer.document["nights"]
    return Found(f"{night['proven_copies']} of {night['declared_copies']} proven", answer.status)
