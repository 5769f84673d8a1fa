"""Verify some hops and remember what was proven; whatever the verifier must be told of people's words goes in.

Looking is verifier/check.py's, saying it the command line's. Needs no lock.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

from catalogue.records import NightRecord, NightState
from nightferry.expectations import expectations, is_origin, pending_loss, unexcused, unfinished
from nightferry.on_the_way import OnTheWay
from nightferry.retention.evidence import HopWitness, kept_on
from nightferry.retention.holders import freed_on
from nightferry.runs import Run, hop_record, named_ends, onward_of, see_roots
from nightferry.selection import (
    Asked,
    acceptances,
    all_away,
    are_to_come,
    hops_asked,
    is_whole_look,
    level_of,
    scope_asked,
)
from nightferry.unseen import note_source
from nightferry.vanished import Before, gone_from_both, known_before, with_gone
from nightferry.waiting import overdue, record_waiting
from nightferry.workplace import Workplace
from observatory.ends import loss_words
from observatory.errors import CouldNotTell
from observatory.listing import ANY_NIGHT, HopScope
from observatory.spec.chain import Hop
from observatory.truth import State
from syncer.safety import mass_loss
from verifier.check import check, listings_of
from verifier.options import CheckOptions, includes
from verifier.verdict import HopVerdict, NightCount

log = logging.getLogger("nightferry")


@dataclass(frozen=True, slots=True)
class VerifyWishes:
    """What the person or the schedule wants of a verification; level None: each instrument's own.

    `nights_by_clock`: the nights asked about were counted back from now.
    """

    level: str | None = None
    reverse: bool = False
    nights_by_clock: bool = True
    progress: Callable[[Hop, int], None] = field(default=lambda hop, files: None)


def verify(workplace: Workplace, run: Run, asked: Asked, wishes: VerifyWishes) -> list[HopVerdict]:
    """Verify the hops asked for, in order, and remember what was proven; one that breaks off stops no other."""
    wishes = replace(wishes, nights_by_clock=not asked.dates)
    on_the_way = OnTheWay()
    verdicts = []
    for hop in hops_asked(workplace, asked):
        try:
            verdicts.append(verify_one(workplace, run, hop, scope_asked(workplace, asked, hop), wishes, on_the_way))
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
    on_the_way: OnTheWay | None = None,
) -> HopVerdict:
    """Verify one hop and remember what was proven; `on_the_way`: of the hops before it, looked at in the same run."""
    source, destination = workplace.endpoint(hop.source.host), workplace.endpoint(hop.destination.host)
    if level_of(hop, wishes.level) == "existence":
        scope = scope.names_only()
    witness = HopWitness(workplace, hop, scope)
    looked_utc = workplace.now()
    with listings_of(scope, source, destination) as listings:  # they go on while the ledger is opened
        before = known_before(workplace, scope, looked_utc)
        options = _options(workplace, hop, scope, wishes)
        if run.keeps_records:
            options = replace(options, on_hashed=witness.hashed, on_missing=witness.lacking)
        verdict = check(scope, source, destination, options, listings)
    try:
        verdict = _noted(workplace, run, scope, verdict, options, witness, before, on_the_way or OnTheWay())
    except CouldNotTell as error:  # what was found is told all the same
        verdict = replace(verdict, away_reason=None, unknown_reason=verdict.unknown_reason or str(error))
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


def _noted(
    workplace: Workplace,
    run: Run,
    scope: HopScope,
    verdict: HopVerdict,
    options: CheckOptions,
    witness: HopWitness,
    before: Before,
    on_the_way: OnTheWay,
) -> HopVerdict:
    """Note what a look showed, and return its verdict with what is known besides."""
    hop = scope.hop
    if run.keeps_records:
        witness.conclude(verdict)
        _notice_loss(workplace, hop, scope, verdict)  # while it is known what was in progress before
        _note_waiting(workplace, run, scope, verdict, options.overdue)
    verdict = on_the_way.passed(scope, verdict)
    verdict = _as_known(workplace, hop, scope, verdict)
    verdict = with_gone(verdict, gone_from_both(workplace, scope, before.least, verdict))
    if run.keeps_records:
        declared = hop.instrument.verify.level
        freed = {night for path in options.kept if (night := scope.source.night_of(path)) is not None}
        _record_verdict(workplace, run, hop, verdict, includes(verdict.level, declared), freed, before)
        if verdict.source_alone:
            note_source(workplace, run, scope)
    return verdict


def _note_waiting(
    workplace: Workplace, run: Run, scope: HopScope, verdict: HopVerdict, overdue: Collection[bytes]
) -> None:
    """Note what is in progress; what no longer waits stays noted for as long as it is not there."""
    if verdict.state in (State.OK, State.DIFFERENT):
        absent = {*verdict.missing, *verdict.size_differs}.intersection(overdue)
        seen = {night for night, count in verdict.per_night.items() if count.source_files}
        record_waiting(workplace, run, scope, {*verdict.in_progress, *absent}, seen)


def _notice_loss(workplace: Workplace, hop: Hop, scope: HopScope, verdict: HopVerdict) -> None:
    """Note where a source lost more than half of what earlier runs saw: of a copy that others fill no sync tells.

    Nothing is concluded from a source that could not be read to its end.
    """
    if verdict.unknown_reason is not None or verdict.away_reason is not None:
        return
    known = workplace.ledger.last_counts(verdict.instrument, verdict.hop, (*scope.nights, ANY_NIGHT))
    found = {night: count.source_files for night, count in verdict.per_night.items()}
    loss = mass_loss(found, known, unfinished(workplace, scope))
    if loss is not None:
        workplace.ledger.record_loss(hop.source.host, hop.source.root, *loss, workplace.now())


def _as_known(workplace: Workplace, hop: Hop, scope: HopScope, verdict: HopVerdict) -> HopVerdict:
    """Say of a verdict what it does not know: nights away or to come that hold nothing, a loss that nobody accepted."""
    loss = pending_loss(workplace, hop.source)
    if loss is not None and verdict.unknown_reason is None and verdict.away_reason is None:
        place = hop.source
        return replace(verdict, unknown_reason=loss_words(verdict.source, place.host, place.root, loss))
    if verdict.unknown_reason is not None and not verdict.source_files:
        return replace(verdict, unknown_reason=unexcused(workplace, hop, scope.nights, verdict.unknown_reason))
    away = all_away(workplace, hop.instrument, scope.nights) if is_origin(hop.instrument, hop.source) else None
    if verdict.state is not State.OK or verdict.source_files:
        return verdict
    if away is None and are_to_come(workplace, hop.instrument, scope.nights):
        return replace(verdict, unknown_reason="not one of these nights has begun; nothing can be said of them")
    return replace(verdict, away_reason=away)


def _options(workplace: Workplace, hop: Hop, scope: HopScope, wishes: VerifyWishes) -> CheckOptions:
    """Return how to check a hop."""
    freed = freed_on(workplace, hop.instrument, hop.source, scope.nights)
    kept = kept_on(workplace, scope, freed)
    return CheckOptions(
        level=level_of(hop, wishes.level),
        reverse=wishes.reverse,
        accepted=acceptances(workplace, hop),
        progress=lambda files: wishes.progress(hop, files),
        expected=expectations(workplace, hop, scope.nights),
        freed=freed | kept.keys(),
        kept=kept,
        overdue=overdue(workplace, scope),
        not_due=_not_due(workplace, hop),
        nights_by_clock=wishes.nights_by_clock,
    )


def _not_due(workplace: Workplace, hop: Hop) -> tuple[dt.date, ...]:
    """Return the nights that a hop cannot have carried yet: it waits for a step, which waits for the night's end."""
    return () if hop.destination.declared.after is None else (workplace.present_night(hop.instrument),)


def _record_verdict(
    workplace: Workplace,
    run: Run,
    hop: Hop,
    verdict: HopVerdict,
    is_deep_enough: bool,
    freed: Collection[dt.date],
    before: Before,
) -> None:
    """Note what was shown of each night that the source has, and of those of which it freed something.

    As of the instant at which the look began: what came to either end since was not seen.
    """
    ledger = workplace.ledger
    if is_whole_look(workplace, hop, verdict.nights):  # else the nights of an outage would be forgotten
        ledger.record_hop(
            run.id,
            replace(
                hop_record(verdict),
                level=verdict.level,
                compared=verdict.compared,
                not_comparable=verdict.not_comparable,
            ),
        )
    may_prove = is_deep_enough and verdict.state in (State.OK, State.DIFFERENT)
    known = ledger.last_counts(verdict.instrument, verdict.hop, verdict.per_night)
    known |= before.least if verdict.state in (State.OK, State.DIFFERENT) else {}
    nights = {
        night: _night_record(count, known.get(night, 0), verdict, may_prove)
        for night, count in verdict.per_night.items()
        if count.source_files or count.open_files or night in freed
    }
    is_new = see_roots(workplace, run, hop, verdict)  # then what was known is known no more, by our own word
    ledger.record_nights(
        run.id,
        verdict.instrument,
        verdict.hop,
        nights,
        before.began_utc,
        onward=onward_of(hop),
        as_known=None if is_new else before.nights,
    )


def _night_record(count: NightCount, known_files: int, verdict: HopVerdict, may_prove: bool) -> NightRecord:
    """Return what is remembered of a night. Only a sync notices losses, so a smaller count never hides one from it."""
    is_proven = may_prove and not count.open_files
    state = NightState.ACCEPTED if count.accepted_files else NightState.PROVEN
    return NightRecord(
        max(count.source_files, known_files),
        count.open_files if count.open_files or verdict.state is not State.UNKNOWN else None,
        state if is_proven else None,
        verdict.level if is_proven and state is NightState.PROVEN else None,
    )
