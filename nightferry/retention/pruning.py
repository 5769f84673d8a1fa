"""What may be freed on the copies of a site, and freeing it: gathers what is known, looks, and keeps the proofs.

Deciding is syncer/prune.py's, removing syncer/freeing.py's, saying it the command line's.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from catalogue.evidence_records import Confirmation
from nightferry.clocks import MOST_RUNS, aged, leapt
from nightferry.expectations import is_origin
from nightferry.retention.aside import settle_aside
from nightferry.retention.awaited import Awaited
from nightferry.retention.confirming import ARCHIVE, MANIFEST
from nightferry.retention.evidence import chain_of, chains, held_by_chain, refuse_other_root
from nightferry.retention.holders import holder_of
from nightferry.retention.journal import Journal
from nightferry.retention.outcome import NightPruned, PlacePruned, going, staying
from nightferry.retention.reached import reached_by_datastores
from nightferry.retention.safe import references
from nightferry.retention.witnesses import Others, hops_from, reading_of, scope_at, show_copy
from nightferry.runs import Run
from nightferry.selection import Asked, away_now, instruments_asked, nights_asked
from nightferry.workplace import Workplace
from observatory.batches import batched, by_weight
from observatory.counting import counted
from observatory.errors import CouldNotTell, LockHeld, MailNotTaken
from observatory.listing import ANY_NIGHT, Scope, name_of
from observatory.names import show
from observatory.records import FILE, NUL, Entry, decode_file
from observatory.spec.chain import Place, retention_of
from observatory.spec.models import Instrument, Retention
from syncer.freeing import free
from syncer.lock import destination_lock
from syncer.prune import (
    Candidate,
    CopyState,
    Freeable,
    Rule,
    Stay,
    Witness,
    decide,
    rule_of,
    why_night_stays,
)

log = logging.getLogger("nightferry")

NIGHTS_AT_ONCE, FILES_AT_ONCE = 400, 20_000
"""Listed by one question: enough that a far host is asked seldom, few enough that memory stays flat."""
FILES_OF_ANY_NIGHT = FILES_AT_ONCE // 20
"""Reckoned for a night of which nobody counted the files."""
BATCH_FILES = 500
"""Freed as one: so many files are aside at most when the power goes."""
CLOCK_GRAIN = dt.timedelta(seconds=60)
CLOCK_GRAIN_NIGHTS = dt.timedelta(days=1)
"""Summer time and a drifting clock make no night younger than it is."""
STAMP = "%Y%m%dT%H%M%S.%fZ"


@dataclass(frozen=True, slots=True)
class PruneWishes:
    """What the person or the schedule wants: the plan alone, or that it is carried out."""

    free: bool = False
    progress: Callable[[str, int], None] = field(default=lambda what, files: None)


def prunable(instruments: Sequence[Instrument]) -> list[tuple[Instrument, Place, Retention]]:
    """Return every copy on which something may ever be freed, along the chains."""
    return [
        (instrument, place, retention)
        for instrument in instruments
        for chain in chains(instrument)
        for place in chain
        if (retention := retention_of(instrument, place)) is not None
    ]


def prune(workplace: Workplace, run: Run, asked: Asked, wishes: PruneWishes) -> list[PlacePruned]:
    """Say of every copy asked for what may be freed, and free it where that is wished; one after the other.

    What was freed on the first copy is looked at when the next one is judged.
    """
    found = []
    for instrument, place, retention in prunable(instruments_asked(workplace, asked)):
        pruned = PlacePruned(instrument.instrument, place)
        try:
            _Pruning(workplace, run, instrument, place, retention, wishes, pruned).work(asked)
        except (CouldNotTell, LockHeld, MailNotTaken, OSError) as error:
            pruned.unknown.append(str(error))
        found.append(pruned)
        log.info("pruned", extra={"instrument": pruned.instrument, "copy": place.name, "state": pruned.state.value})
    return found


def in_questions(nights: Mapping[dt.date, int]) -> Iterator[tuple[dt.date, ...]]:
    """Return some nights in parts that are asked about at once, by how many files they have. Pure; in their order.

    Of ten years most nights were freed long ago, or are small: twenty at a time a far host was asked 180 times.
    """
    return map(tuple, by_weight(nights, nights.__getitem__, NIGHTS_AT_ONCE, FILES_AT_ONCE))


class _Pruning:
    """One copy at work."""

    def __init__(
        self,
        workplace: Workplace,
        run: Run,
        instrument: Instrument,
        place: Place,
        retention: Retention,
        wishes: PruneWishes,
        pruned: PlacePruned,
    ) -> None:
        self._workplace, self._run, self._instrument, self._place = workplace, run, instrument, place
        self._retention, self._wishes, self._pruned = retention, wishes, pruned
        self._endpoint = workplace.endpoint(place.host)
        self._root = place.root.encode()
        self._holder = holder_of(workplace, instrument, place)
        self._present = workplace.present_night(instrument)
        self._others = Others(workplace, instrument, place)
        self._awaited = Awaited(workplace, instrument, place)
        self._began = workplace.ledger.began_lately(MOST_RUNS)
        self._aged: dict[int, dt.date] = {}
        self._hops = hops_from(instrument, place)

    def work(self, asked: Asked) -> None:
        """Do what is wished."""
        if not self._wishes.free:
            self._judge(asked)
            return
        shown = show_copy(self._workplace, self._instrument, self._place)
        if shown.error is not None or shown.state.is_absent:  # nothing is written to what may be an empty mount point
            self._refuse_unshown(shown.error)
            return
        with destination_lock(self._endpoint, self._root) as lease:
            self._settle()
            self._judge(asked, may_go_on=lambda: not lease.is_lost)

    def _refuse_unshown(self, error: CouldNotTell | None) -> None:
        if error is not None:
            raise error
        self._pruned.reason = f"the drive {self._place.name} is not there"

    # ---- what a dead run left

    def _settle(self) -> None:
        """Put back what a dead run set aside, and note of each of its files whether it is there."""
        back, left = settle_aside(self._workplace, self._instrument, self._place)
        if back:
            was = "was" if len(back) == 1 else "were"
            files = counted(len(back), "file")
            self._pruned.notes.append(f"{files} that an earlier prune had set aside {was} put back")
        self._pruned.unknown += left

    # ---- whether anything may go at all

    def _judge(self, asked: Asked, may_go_on: Callable[[], bool] = lambda: True) -> None:
        shown = show_copy(self._workplace, self._instrument, self._place)
        if shown.error is not None or shown.state.is_absent:
            self._refuse_unshown(shown.error)
            return
        self._pruned.reason = self._why_away()
        if self._pruned.reason is None and (doubt := self._why_doubtful(shown.state)) is not None:
            self._pruned.unknown.append(doubt)
        if self._pruned.reason is not None or self._pruned.unknown:
            return
        self._others.ask()
        self._pruned.unknown += [str(error) for error in self._others.errors]
        for nights in in_questions(self._nights(asked)):
            for night, decisions in self._decide(shown.state, nights):
                self._carry_out(shown.state, night, decisions, may_go_on)

    def _why_away(self) -> str | None:
        return away_now(self._workplace, self._instrument) if is_origin(self._instrument, self._place) else None

    def _why_doubtful(self, own: CopyState) -> str | None:
        """Return why nothing that is known of this copy can be believed now."""
        newest = self._workplace.ledger.newest_instant()
        if newest is not None and newest > self._workplace.now() + CLOCK_GRAIN:
            noted = f"something was noted at {newest:%Y-%m-%d %H:%M} UTC"
            return f"this machine's clock went back, or another's is ahead: {noted}. Set it"
        if (set_sentence := leapt(self._workplace)) is not None:
            return set_sentence
        return None if own.doubt is None else f"{own.name} {own.doubt}; nothing is freed there"

    def _nights(self, asked: Asked) -> dict[dt.date, int]:
        """Return the nights to look at and how many files to expect of each, ascending.

        Those asked for, else every one of which something was read or seen.
        """
        if asked.dates or asked.nights is not None:
            nights = nights_asked(self._workplace, asked, self._instrument)
            wanted = dict.fromkeys(nights, FILES_OF_ANY_NIGHT)
        else:
            read = self._workplace.ledger.evidence_nights(self._holder) - {ANY_NIGHT}
            wanted = dict.fromkeys(read, FILES_OF_ANY_NIGHT) | self._seen()
        shortest = _shortest(self._retention)
        kept = [night for night in wanted if why_night_stays(night, self._present, shortest) is not None]
        self._pruned.kept_nights = sorted(kept)
        return {night: wanted[night] for night in sorted(wanted.keys() - kept)}

    def _seen(self) -> dict[dt.date, int]:
        """Return every night that runs saw anywhere, and how many files it had here, less what was freed since."""
        found = {}
        for row in self._workplace.ledger.status(self._instrument.instrument):
            here = [hop.source_files for hop in row.hops if hop.hop in self._hops]
            found[row.night] = max(here, default=FILES_OF_ANY_NIGHT)
        return found

    # ---- what may go

    def _decide(self, own: CopyState, nights: tuple[dt.date, ...]) -> Iterator[tuple[dt.date, list[Freeable | Stay]]]:
        scope = scope_at(self._workplace, self._instrument, self._place, nights)
        listed = self._listed(scope)
        for night in nights:
            entries = listed.get(night, [])
            if entries:
                yield night, self._decide_night(own, scope, night, entries)
                self._wishes.progress(f"{self._instrument.instrument} {self._place.name}", len(entries))

    def _listed(self, scope: Scope) -> dict[dt.date, list[Entry]]:
        survey = self._endpoint.survey(scope.request)
        found: dict[dt.date, list[Entry]] = {}
        try:
            refuse_other_root(self._workplace, self._place, self._endpoint.name, survey.facts)
            for chunk in scope.asked_about(survey):
                for record in chunk[:-1].split(NUL):
                    if record[:1] == FILE and (named := name_of(scope, record[1 : record.index(b"//")])) is not None:
                        found.setdefault(named[0], []).append(decode_file(record))
        finally:
            survey.close()
        for trouble in survey.troubles:
            self._pruned.unknown.append(
                f"{self._endpoint.name}: {show(trouble.path) or 'the listing'}: {trouble.reason}"
            )
        return found

    def _why_unprocessed(self, night: dt.date) -> str | None:
        """Return why a night is still needed here: its steps may ask for any file of it until all of them are done."""
        if self._instrument.convert is None:
            return None
        from converters.pipeline import copy_name
        from nightferry.products.pending import steps_of

        wanted = {step.label for step in steps_of(self._instrument, self._place)}
        copy = copy_name(self._instrument, self._place)
        done, _ = self._workplace.ledger.nights_processed(self._instrument.instrument, copy).get(night, (set(), None))
        return f"its steps here are not complete ({', '.join(sorted(wanted - done))})" if wanted - done else None

    def _decide_night(
        self, own: CopyState, scope: Scope, night: dt.date, entries: Sequence[Entry]
    ) -> list[Freeable | Stay]:
        candidates = self._candidates(scope, night, entries)
        needed = self._why_unprocessed(night)
        if needed is not None:
            return [Stay(one, needed) for one in candidates]
        witnesses = self._others.witnesses(night, [one.name for one in candidates])
        upstream = self._others.still_upstream((night,), [one.path for one in candidates])
        reached = reached_by_datastores(self._workplace, self._place, [one.path for one in candidates])
        now = self._workplace.now()
        settle_s = self._instrument.settle_s
        decisions: list[Freeable | Stay] = []
        for one in candidates:
            rule = rule_of(self._retention, one.name.partition(b"/")[2])
            reason = self._why_too_soon(night, rule) or upstream.get(one.path) or reached.get(one.path)
            if reason is None and abs(now.timestamp() - one.looked.mtime_s) < settle_s:
                reason = "it is still being written, or its time is wrong"
            decisions.append(
                Stay(one, reason) if reason is not None else decide(one, own, witnesses[one.name], rule, now)
            )
        return self._awaited.kept(night, decisions)

    def _why_too_soon(self, night: dt.date, rule: Rule) -> str | None:
        """Return why a night's time has not come: by the clock, and by the runs, for a clock may have leapt ahead."""
        by_clock = why_night_stays(night, self._present, rule)
        if by_clock is not None:
            return by_clock
        if night - self._newest_aged(rule.keep_nights) <= CLOCK_GRAIN_NIGHTS:
            return None
        return f"kept for {rule.keep_nights} nights: they are over by this machine's clock, and not by the runs since"

    def _newest_aged(self, nights: int) -> dt.date:
        """Return the newest night that is so old by the runs; asked of every file, reckoned once."""
        if nights not in self._aged:
            before = aged(self._workplace.now(), self._began, dt.timedelta(days=nights))
            self._aged[nights] = self._workplace.clock_of(self._instrument).night_of(before)
        return self._aged[nights]

    def _candidates(self, scope: Scope, night: dt.date, entries: Sequence[Entry]) -> list[Candidate]:
        ledger = self._workplace.ledger
        known = ledger.evidence_of(self._holder, night)
        chain = chain_of(self._instrument, self._place)
        sums = references(held_by_chain(self._workplace, self._instrument, chain, night))
        said = self._said(night)
        looked = self._endpoint.stat(self._root, [entry.path for entry in entries])
        found = []
        for entry, facts in zip(entries, looked, strict=True):
            name = (name_of(scope, entry.path) or (night, b""))[1]
            reference = sums[name].sha256 if name in sums else None
            archives, is_listed = _confirmed(said, name, reference)
            reading = reading_of(known.get(entry.path))
            found.append(Candidate(entry.path, night, name, facts, reading, reference, archives, is_listed))
        return found

    def _said(self, night: dt.date) -> list[Confirmation]:
        """Return what archives confirmed and which manifests were sent: one that waits for a mail server was not."""
        said = self._workplace.ledger.confirmations(self._instrument.instrument, night)
        if not any(one.kind == MANIFEST for one in said):
            return list(said)
        from nightferry.reporting.letters import undelivered  # loads what mail needs

        waiting = undelivered(self._workplace, self._instrument)
        return [one for one in said if one.kind != MANIFEST or (one.night, one.archive) not in waiting]

    # ---- freeing

    def _carry_out(
        self, own: CopyState, night: dt.date, decisions: Sequence[Freeable | Stay], may_go_on: Callable[[], bool]
    ) -> None:
        told = NightPruned(night)
        self._pruned.nights.append(told)
        told.stays = staying(one for one in decisions if isinstance(one, Stay))
        may_go = [one for one in decisions if isinstance(one, Freeable)]
        told.may_go = going(may_go)
        if not self._wishes.free:
            return
        for batch in batched(may_go, BATCH_FILES):
            stamp = self._workplace.now().strftime(STAMP)
            journal = Journal(self._workplace, self._instrument, own, self._holder, self._hops, stamp, self._present)
            try:
                freed = free(
                    self._endpoint, self._root, stamp.encode(), batch, self._look_again(own), journal, may_go_on
                )
            finally:
                self._pruned.proofs += journal.proofs
            told.gone += going(freed.gone)
            told.failed += staying(freed.stays)

    def _look_again(self, own: CopyState) -> Callable[[Sequence[Freeable]], Sequence[Freeable | Stay]]:
        def look(files: Sequence[Freeable]) -> list[Freeable | Stay]:
            self._others.ask()
            found: dict[bytes, Freeable | Stay] = {}
            for night, group in groupby(files, key=lambda one: one.candidate.night):
                found |= self._look_at(own, night, list(group))
            return [found[one.candidate.path] for one in files]

        return look

    def _look_at(self, own: CopyState, night: dt.date, files: Sequence[Freeable]) -> dict[bytes, Freeable | Stay]:
        by_name = self._others.witnesses(night, [one.candidate.name for one in files])
        sums = self._others.reread([(witness, one.rule) for one in files for witness in by_name[one.candidate.name]])
        reached = reached_by_datastores(self._workplace, self._place, [one.candidate.path for one in files])
        now = self._workplace.now()
        return {
            one.candidate.path: Stay(one.candidate, reached[one.candidate.path])
            for one in files
            if one.candidate.path in reached
        } | {
            one.candidate.path: decide(
                one.candidate, own, [_with_sum(w, sums) for w in by_name[one.candidate.name]], one.rule, now, True
            )
            for one in files
            if one.candidate.path not in reached
        }


def _with_sum(witness: Witness, sums: dict[tuple[str, bytes], str | None]) -> Witness:
    """Return a witness with what was read of it just now; what should have been read and could not is no witness."""
    key = (witness.copy.name, witness.path)
    return replace(witness, reread=sums[key] or "unreadable") if key in sums else witness


def _shortest(retention: Retention) -> Rule:
    """Return the rule of the kind that is kept for the fewest nights."""
    nights = [retention.keep_nights]
    nights += [kind.keep_nights for kind in retention.kinds.values() if kind.free and kind.keep_nights is not None]
    return Rule(min(nights), 1, 1)


def _confirmed(said: Sequence[Confirmation], name: bytes, reference: str | None) -> tuple[tuple[str, ...], bool]:
    """Return which archives confirmed a file with these bytes, and whether a manifest of it was sent."""
    about = [one for one in said if reference is not None and one.files.get(name) == reference]
    archives = tuple(sorted({one.archive for one in about if one.kind == ARCHIVE}))
    return archives, any(one.kind == MANIFEST for one in about)
