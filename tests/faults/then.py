"""A site looked at from another day: a sync or a verify whose clock says what the case wants.

Leaves to each case which day, and what lies where.
"""

from __future__ import annotations

import datetime as dt

from nightferry.hop_sync import SyncWishes
from nightferry.hop_verify import VerifyWishes
from nightferry.runs import Run
from nightferry.selection import Asked, hops_asked, scope_asked
from nightferry.syncing import sync
from nightferry.verifying import verify_one
from nightferry.workplace import Workplace
from syncer.outcome import HopOutcome
from tests.faults.stage import Stage
from verifier.verdict import HopVerdict


def verified_at(stage: Stage, now: dt.datetime) -> HopVerdict:
    """Verify the only hop over the window of an instant."""
    with Workplace.at(stage.config, lambda: now) as workplace:
        (hop,) = hops_asked(workplace, Asked())
        run, scope = Run(workplace, "verify", ["sha"]), scope_asked(workplace, Asked(), hop)
        return verify_one(workplace, run, hop, scope, VerifyWishes())


def synced_at(stage: Stage, now: dt.datetime) -> HopOutcome:
    """Sync the only hop over the window of an instant."""
    with Workplace.at(stage.config, lambda: now) as workplace:
        (outcome,) = sync(workplace, Run(workplace, "sync", ["sha"]), Asked(), SyncWishes())
        return outcome
