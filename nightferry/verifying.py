"""Verify some hops and remember what was proven, one after the other.

What is asked and noted of one hop is hop_verify.py's, looking verifier/check.py's, saying it the command line's. Needs
no lock.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from nightferry.hop_verify import VerifyWishes, verify_hop
from nightferry.lasting import Durations
from nightferry.on_the_way import OnTheWay
from nightferry.runs import Run, named_ends
from nightferry.selection import Asked, as_verified, hops_asked, level_of, scope_asked
from nightferry.workplace import Workplace
from observatory.errors import CouldNotTell
from observatory.listing import HopScope
from observatory.sharing import FoldersSeen
from observatory.spec.chain import Hop
from verifier.verdict import HopVerdict

log = logging.getLogger("nightferry")


def verify(
    workplace: Workplace, run: Run, asked: Asked, wishes: VerifyWishes, durations: Durations | None = None
) -> list[HopVerdict]:
    """Verify the hops asked for, in order, and remember what was proven; one that breaks off stops no other."""
    durations = durations or Durations()
    wishes = replace(wishes, nights_by_clock=not asked.dates)
    before = OnTheWay(), FoldersSeen()
    verdicts = []
    for hop in hops_asked(workplace, asked):
        try:
            scope = scope_asked(workplace, asked, hop)
            with durations.of(hop, "verify"):
                verdicts.append(verify_one(workplace, run, hop, scope, wishes, before))
        except CouldNotTell as error:
            verdicts.append(_not_looked(workplace, hop, wishes, error))
    return verdicts


def _not_looked(workplace: Workplace, hop: Hop, wishes: VerifyWishes, error: CouldNotTell) -> HopVerdict:
    ends = named_ends(workplace, hop)
    return HopVerdict(**ends, level=level_of(hop, wishes.level), nights=(), unknown_reason=str(error))


def verify_one(
    workplace: Workplace,
    run: Run,
    hop: Hop,
    scope: HopScope,
    wishes: VerifyWishes,
    before: tuple[OnTheWay, FoldersSeen] | None = None,
) -> HopVerdict:
    """Verify one hop and remember what was proven; `before`: what hops showed that were looked at in the same run."""
    scope = as_verified(scope, wishes.level)
    verdict = verify_hop(workplace, run, scope, wishes, *(before or (OnTheWay(), FoldersSeen())))
    log.info(
        "verified",
        extra={
            "instrument": verdict.instrument,
            "hop": verdict.hop,
            "state": verdict.state.value,
            "compared": verdict.compared,
            "missing": len(verdict.missing),
        },
    )
    return verdict
