"""What every job shares: the run in the ledger, and which roots it saw.

What a run does is syncing.py's, verifying.py's and nightly.py's.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypedDict

from catalogue.evidence_records import SafeNight, SafeState
from catalogue.records import HopRecord, RootRecord
from nightferry.renamed import see_moved
from nightferry.workplace import Workplace
from observatory.forking import is_alive
from observatory.spec.chain import Hop, Place, hops
from observatory.spec.models import Instrument
from observatory.truth import State
from reports.model import Note

if TYPE_CHECKING:
    from syncer.outcome import HopOutcome
    from verifier.verdict import HopVerdict


_SAME_RUN = dt.timedelta(seconds=2)
_LONGEST_LOOK = dt.timedelta(days=1)
"""Nights are noted as of the begin of a look, roots as of its end."""


class NamedEnds(TypedDict):
    """What a verdict and an outcome both say of which hop they are about."""

    instrument: str
    hop: str
    source: str
    destination: str
    source_root: str
    destination_root: str


def named_ends(workplace: Workplace, hop: Hop) -> NamedEnds:
    """Return how a hop at which nothing could be done is called in a report."""
    return NamedEnds(
        instrument=hop.instrument.instrument,
        hop=hop.key,
        source=workplace.access(hop.source.host).address,
        destination=workplace.access(hop.destination.host).address,
        source_root=hop.source.root.rstrip("/") + "/",
        destination_root=hop.destination.root.rstrip("/") + "/",
    )


class Run:
    """One run in the ledger: begun, filled, finished; one that is never finished is one that crashed."""

    def __init__(self, workplace: Workplace, kind: str, instruments: Sequence[str], dry_run: bool = False) -> None:
        self.workplace = workplace
        self.kind = kind
        self.started_utc = workplace.now()
        self._instruments = instruments
        self._dry_run = dry_run
        self._id: int | None = None

    @property
    def id(self) -> int:
        """The run's number; asking for it first begins the run in the ledger."""
        if self._id is None:
            workplace = self.workplace
            self._id = workplace.ledger.start_run(
                self.kind, self._instruments, self.started_utc, workplace.hostname, os.getpid()
            )
        return self._id

    @property
    def keeps_records(self) -> bool:
        """False on a dry run, which leaves no trace."""
        return not self._dry_run

    def finish(self, state: State) -> None:
        """Note the run's state; a run that never gets here is one that crashed."""
        if self.keeps_records:
            self.workplace.ledger.finish_run(self.id, state, self.workplace.now())


def crashes(workplace: Workplace) -> Iterator[str]:
    """Yield a sentence for each earlier run on this machine that never came to its end, once.

    What it moved and recorded counts; what it did not record is looked at again.
    """
    for run in workplace.ledger.unfinished_runs():
        if run.host == workplace.hostname and not is_alive(run.pid):
            workplace.ledger.record_crash(run.id, workplace.now())
            began = f"{run.started_utc:%Y-%m-%d %H:%M} UTC"
            yield f"the {run.kind} begun at {began} did not come to its end; this run goes on from there"


def forgotten(workplace: Workplace) -> Iterator[Note]:
    """Yield a note where reports of runs lie here that the ledger does not know: it was deleted, replaced or put back.

    It is mailed on a quiet day too: what was open on the older nights is nobody's finding any more.
    """
    began = (_began(path.parent.name) for path in (workplace.state / "reports").glob("*/record.json"))
    reported = max(filter(None, began), default=None)
    if reported is None:
        return
    newest = workplace.ledger.newest_instant()
    if newest is None:
        knows = "the ledger knows no run, but earlier reports lie here: it was deleted, or replaced; "
    elif newest < reported - _SAME_RUN:
        knows = (
            f"the ledger knows nothing after {newest:%Y-%m-%d %H:%M} UTC, but the run of {reported:%Y-%m-%d %H:%M} UTC"
            " left its report here: it was put back from an older copy; what people said since is to be said again, "
        )
    else:
        return
    yield Note(
        f"{knows}nights older than the window are not looked at unless you ask: nightferry verify -d FIRST..LAST",
        is_urgent=True,
    )


def _began(folder: str) -> dt.datetime | None:
    """Return when the run began that left a report, by the name of its folder; None where it is another's."""
    try:
        return dt.datetime.strptime(folder.partition("-")[0], "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=dt.UTC)
    except ValueError:
        return None


def see_roots(workplace: Workplace, run: Run, hop: Hop, told: HopOutcome | HopVerdict) -> bool:
    """Remember when each root was last there, and as which; return whether one is another disk than it was.

    To be called before the nights are recorded: what was proven on another disk is open again, and so in the window.
    """
    has_looked = told.state in (State.OK, State.DIFFERENT)
    for place, shown in zip((hop.source, hop.destination), told.markers, strict=True):
        if shown is not None or has_looked:
            workplace.notes.extend(see_moved(workplace.instruments, workplace.ledger, place, shown))
    is_new = (told.markers[1] is not None or has_looked) and _is_elsewhere(workplace, run, hop, told)
    if is_new:
        _believe_nothing_of(workplace, hop.destination)
    for place, shown in zip((hop.source, hop.destination), told.markers, strict=True):
        is_another = (shown is not None or has_looked) and _is_another_disk(workplace, place, shown)
        if is_another:
            _believe_nothing_of(workplace, place)
        if is_another or shown is not None:
            _remember(workplace, place, shown)
        is_new = is_new or is_another
    return is_new


def _remember(workplace: Workplace, place: Place, shown: str | None) -> None:
    ledger = workplace.ledger
    known = ledger.root(place.host, place.root)
    ledger.record_root_seen(place.host, place.root, workplace.now(), shown or "")
    if shown is None and known is not None and known.is_vouched:  # a person's word for a root that shows no sign holds
        ledger.vouch_root(place.host, place.root, "", workplace.now())


def _believe_nothing_of(workplace: Workplace, place: Place) -> None:
    """Open the nights that were proven below a root, and doubt those that hashes once showed to be safe there.

    Those of every instrument that keeps files there: whoever looks first is the only one to see that the disk changed.
    """
    from nightferry.retention.holders import known_holder  # loaded only where a disk was replaced

    ledger = workplace.ledger
    for instrument in workplace.instruments.values():
        into = _hops_into(instrument, place)
        ledger.reopen(instrument.instrument, [one.key for one in into])
        for kept in {one.destination.name: one.destination for one in into}.values():
            holder = known_holder(workplace, instrument, kept)
            if holder is not None:
                safe = {night: _doubted(one, workplace.now()) for night, one in ledger.safe_nights(holder).items()}
                ledger.record_safe(holder, safe)


def _hops_into(instrument: Instrument, place: Place) -> list[Hop]:
    return [one for one in hops(instrument) if _is_kept_at(one.destination, place)]


def _is_kept_at(one: Place, place: Place) -> bool:
    """Say whether a copy lies below the same root as another, and stays there: each of several drives keeps its own."""
    return (one.host, one.root) == (place.host, place.root) and not one.declared.removable


def _doubted(safe: SafeNight, at_utc: dt.datetime) -> SafeNight:
    return SafeNight(SafeState.UNKNOWN, safe.files, at_utc, "its disk was replaced by another since")


def _is_another_disk(workplace: Workplace, place: Place, shown: str | None) -> bool:
    """Say whether a root bears another marker than the one of earlier runs; where it bore an id, also none.

    A marker that was empty from the first and was given an id tells the same disk. Of drives that travel one after the
    other, each keeps what was proven on it.
    """
    known = workplace.ledger.root(place.host, place.root)
    if place.declared.removable or known is None:
        return False
    return known.identity != shown if known.identity else bool(shown) and _had_lost_its_id(workplace, place, known)


def _had_lost_its_id(workplace: Workplace, place: Place, known: RootRecord) -> bool:
    """Say whether a root without an id was one with an id before: then the disk that shows one now may be that one.

    It was not mounted, and what was proven meanwhile lies beneath it. Nights that were seen there longer ago than the
    root is known as it was last tell.
    """
    before = known.first_seen_utc - _LONGEST_LOOK
    instruments = workplace.instruments.values()
    into = ((one.instrument, hop.key) for one in instruments for hop in _hops_into(one, place))
    rows = (row for name, key in into for row in workplace.ledger.hop_nights(name, key))
    return any(row.first_seen_utc is not None and row.first_seen_utc < before for row in rows)


def _is_elsewhere(workplace: Workplace, run: Run, hop: Hop, told: HopOutcome | HopVerdict) -> bool:
    """Say whether a destination that was never seen lies at another place than the one earlier runs looked at.

    A marker that was carried along to another place tells the same disk.
    """
    marker = told.markers[1] or ""
    if hop.destination.declared.removable or workplace.ledger.root(hop.destination.host, hop.destination.root):
        return False
    before = workplace.ledger.last_destination(told.instrument, told.hop, run.id)
    if before is None or workplace.ledger.is_known_marker(marker):
        return False
    return before[1] != told.destination_root or bool(marker and before[0] != told.destination)


def onward_of(hop: Hop) -> tuple[str, ...]:
    """Return the keys of the hops that leave a hop's destination."""
    return tuple(one.key for one in hops(hop.instrument) if one.source == hop.destination)


def hop_record(told: HopOutcome | HopVerdict) -> HopRecord:
    """Return what is noted of a hop whatever was done with it; what belongs to one kind of job is left to that."""
    return HopRecord(
        told.instrument,
        told.hop,
        told.source,
        told.destination,
        told.state,
        told.reason,
        told.source_root,
        told.destination_root,
        source_files=told.source_files,
    )
