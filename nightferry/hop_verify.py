"""One hop of a verification: what people said and earlier runs saw goes in, what the look showed is noted.

Looking is verifier/check.py's; which hops, and in which order, verifying.py's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from catalogue.records import NightRecord, NightState
from nightferry.clocks import doubt_of_nights
from nightferry.expectations import expectations, is_origin, pending_loss, unexcused, unfinished
from nightferry.on_the_way import OnTheWay
from nightferry.retention.evidence import HopWitness, kept_on
from nightferry.retention.holders import freed_on
from nightferry.runs import Run, hop_record, onward_of, see_roots
from nightferry.selection import acceptances, all_away, are_to_come, is_whole_look, level_of
from nightferry.uncarried import UncarriedFiles
from nightferry.unseen import note_source
from nightferry.vanished import Before, gone_from_both, known_before, with_gone
from nightferry.waiting import overdue, record_waiting
from nightferry.workplace import Workplace
from observatory.ends import loss_words, mass_loss
from observatory.errors import CouldNotTell
from observatory.listing import ANY_NIGHT, HopScope
from observatory.sharing import FoldersSeen
from observatory.spec.chain import Hop, is_joined
from observatory.truth import State
from verifier.check import check, listings_of
from verifier.options import CheckOptions, includes
from verifier.verdict import HopVerdict, NightCount


@dataclass(frozen=True, slots=True)
class VerifyWishes:
    """What the person or the schedule wants of a verification; level None: each instrument's own.

    `nights_by_clock`: the nights asked about were counted back from now.
    """

    level: str | None = None
    reverse: bool = False
    nights_by_clock: bool = True
    progress: Callable[[Hop, int], None] = field(default=lambda hop, files: None)


def verify_hop(
    workplace: Workplace, run: Run, scope: HopScope, wishes: VerifyWishes, on_the_way: OnTheWay, seen: FoldersSeen
) -> HopVerdict:
    """Look at both ends of a hop, note what they showed, and return it with what is known besides.

    Parameters
    ----------
    on_the_way, seen
        What the hops showed that were looked at before, in the same run.
    """
    hop = scope.hop
    source, destination = workplace.endpoint(hop.source.host), workplace.endpoint(hop.destination.host)
    witness = HopWitness(workplace, hop, scope)
    ends = workplace.listings(scope)
    asks = ends.source.survey, ends.destination.survey
    with listings_of(scope, source, destination, asks) as listings:  # they go on while the ledger is opened
        before = known_before(workplace, scope, ends.began_utc)
        uncarried = UncarriedFiles(workplace, scope, before.began_utc)
        options = replace(
            _options(workplace, hop, scope, wishes),
            uncarried=uncarried.facts,
            on_listed=lambda here, there: seen.listed(scope, here, there, (source.name, destination.name)),
            on_called=uncarried.called,
            on_lacking=uncarried.lacking,
        )
        if run.keeps_records:
            options = replace(options, on_hashed=witness.hashed, on_missing=witness.lacking)
        verdict = check(scope, source, destination, options, listings)
    try:
        return _Look(workplace, run, scope, options, before, uncarried).noted(verdict, witness, on_the_way)
    except CouldNotTell as error:  # what was found is told all the same
        return replace(verdict, away_reason=None, unknown_reason=verdict.unknown_reason or str(error))


@dataclass(frozen=True, slots=True)
class _Look:
    """What a look at a hop is judged and noted by.

    Attributes
    ----------
    workplace : Workplace
    run : Run
    scope : HopScope
    options : CheckOptions
        By which it was looked at.
    before : Before
        What was known of the hop's nights when it began.
    uncarried : UncarriedFiles
        Those that waited on the source then.
    """

    workplace: Workplace
    run: Run
    scope: HopScope
    options: CheckOptions
    before: Before
    uncarried: UncarriedFiles

    @property
    def _hop(self) -> Hop:
        return self.scope.hop

    def noted(self, verdict: HopVerdict, witness: HopWitness, on_the_way: OnTheWay) -> HopVerdict:
        """Note what was seen, and return it with what is known besides."""
        if self.run.keeps_records:
            witness.conclude(verdict)
            self._notice_loss(verdict)  # while it is known what was in progress before
            self._note_waiting(verdict)
        verdict = self._doubted(self._as_known(on_the_way.passed(self.scope, verdict)))
        vanished = self.uncarried.vanished(verdict)
        before = self.before.less(vanished.moved_away)
        gone = gone_from_both(self.workplace, self.scope, before.least, verdict, vanished)
        verdict = with_gone(verdict, gone, vanished)
        if self.run.keeps_records:
            replace(self, before=before)._record(verdict)
            self.uncarried.note(vanished)
            if verdict.source_alone:
                note_source(self.workplace, self.run, self.scope)
        return verdict

    def _notice_loss(self, verdict: HopVerdict) -> None:
        """Note where a source lost more than half of what earlier runs saw: of a copy that others fill no sync tells.

        Nothing is concluded from a source that could not be read to its end.
        """
        if verdict.unknown_reason is not None or verdict.away_reason is not None:
            return
        ledger, place = self.workplace.ledger, self._hop.source
        known = ledger.last_counts(verdict.instrument, verdict.hop, (*self.scope.nights, ANY_NIGHT))
        found = {night: count.source_files for night, count in verdict.per_night.items()}
        loss = mass_loss(found, known, unfinished(self.workplace, self.scope))
        if loss is not None:
            ledger.record_loss(place.host, place.root, *loss, self.workplace.now())

    def _note_waiting(self, verdict: HopVerdict) -> None:
        """Note what is in progress; what no longer waits stays noted for as long as it is not there."""
        if verdict.state in (State.OK, State.DIFFERENT):
            absent = {*verdict.missing, *verdict.size_differs}.intersection(self.options.overdue)
            seen = {night for night, count in verdict.per_night.items() if count.source_files}
            record_waiting(self.workplace, self.run, self.scope, {*verdict.in_progress, *absent}, seen)

    def _as_known(self, verdict: HopVerdict) -> HopVerdict:
        """Say what it does not know: nights away or to come that hold nothing, a loss that nobody accepted."""
        workplace, hop, nights = self.workplace, self._hop, self.scope.nights
        loss = pending_loss(workplace, hop.source)
        if loss is not None and verdict.unknown_reason is None and verdict.away_reason is None:
            place = hop.source
            return replace(verdict, unknown_reason=loss_words(verdict.source, place.host, place.root, loss))
        if verdict.unknown_reason is not None and not verdict.source_files:
            return replace(verdict, unknown_reason=unexcused(workplace, hop, nights, verdict.unknown_reason))
        away = all_away(workplace, hop.instrument, nights) if is_origin(hop.instrument, hop.source) else None
        if verdict.state is not State.OK or verdict.source_files:
            return verdict
        if away is None and are_to_come(workplace, hop.instrument, nights):
            return replace(verdict, unknown_reason="not one of these nights has begun; nothing can be said of them")
        return replace(verdict, away_reason=away)

    def _doubted(self, verdict: HopVerdict) -> HopVerdict:
        """Say of nights counted back by a clock that is not to be believed that they may not be the last ones.

        Another host's clock was held against ours, and agrees; where both copies lie on this machine ours alone tells.
        """
        if not self.options.nights_by_clock or verdict.unknown_reason is not None:
            return verdict
        doubt = doubt_of_nights(self.workplace)
        if doubt is None or self._has_other_clock():
            return verdict
        return replace(verdict, away_reason=None, unknown_reason=doubt)

    def _has_other_clock(self) -> bool:
        hosts = {self._hop.source.host, self._hop.destination.host}
        others = [host for host in hosts if not self.workplace.access(host).is_local]
        return any(self.workplace.endpoint(host).capabilities.has_shell for host in others)

    def _record(self, verdict: HopVerdict) -> None:
        """Note what was shown of each night that the source has, and of those of which it freed something.

        As of the instant at which the look began: what came to either end since was not seen.
        """
        if is_whole_look(self.workplace, self._hop, verdict.nights):  # else the nights of an outage would be forgotten
            self._record_hop(verdict)
        nights = self._night_records(verdict)
        is_new = see_roots(self.workplace, self.run, self._hop, verdict)  # then what was known is known no more
        self.workplace.ledger.record_nights(
            self.run.id,
            verdict.instrument,
            verdict.hop,
            nights,
            self.before.began_utc,
            onward=onward_of(self._hop),
            as_known=None if is_new else self.before.nights,
        )

    def _record_hop(self, verdict: HopVerdict) -> None:
        self.workplace.ledger.record_hop(
            self.run.id,
            replace(
                hop_record(verdict),
                level=verdict.level,
                compared=verdict.compared,
                not_comparable=verdict.not_comparable,
            ),
        )

    def _night_records(self, verdict: HopVerdict) -> dict[dt.date, NightRecord]:
        has_looked = verdict.state in (State.OK, State.DIFFERENT)
        may_prove = has_looked and includes(verdict.level, self._hop.instrument.verify.level)
        known: Mapping[dt.date, int] = self.workplace.ledger.last_counts(
            verdict.instrument, verdict.hop, verdict.per_night
        )
        if has_looked:
            known = {**known, **self.before.least}
        freed = {self.scope.source.night_of(path) for path in self.options.kept}
        return {
            night: _night_record(count, known.get(night, 0), verdict, may_prove)
            for night, count in verdict.per_night.items()
            if count.source_files or count.open_files or night in freed
        }


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
        is_joined=is_joined(hop) and hop.destination.declared.fill is None,
        nights_by_clock=wishes.nights_by_clock,
    )


def _not_due(workplace: Workplace, hop: Hop) -> tuple[dt.date, ...]:
    """Return the nights that a hop cannot have carried yet: it waits for a step, which waits for the night's end."""
    return () if hop.destination.declared.after is None else (workplace.present_night(hop.instrument),)


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
