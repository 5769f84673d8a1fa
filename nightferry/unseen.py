"""What a source holds while its destination cannot be looked at: remembered, or its loss would be nobody's.

Nothing can be compared then, and the run says so; but an archive may be down for weeks, and somebody may clear the
source meanwhile. What is concluded from it afterwards is vanished.py's and observatory/ends.py's.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing

from catalogue.records import HopNight, NightRecord
from nightferry.expectations import has_steps
from nightferry.runs import Run
from nightferry.uncarried import note_settled
from nightferry.workplace import Workplace
from observatory.compare import merge
from observatory.errors import CouldNotTell
from observatory.listing import ANY_NIGHT, HopScope
from observatory.records import Entry, RecordError
from verifier.tally import Tally


def note_source(workplace: Workplace, run: Run, scope: HopScope) -> None:
    """Note which files, and how many, each night has on a hop's source, and its destination is not known to have.

    Left out is what is being written: some of it never stays. A source that cannot be read to its end, that comes and
    goes, or on which steps put files in the place of others, tells nothing.
    """
    hop, name = scope.hop, scope.hop.instrument.instrument
    if hop.source.declared.removable or has_steps(hop.instrument, hop.source):
        return
    known = {one.night: one for one in workplace.ledger.hop_nights(name, hop.key, (*scope.nights, ANY_NIGHT))}
    carried = {night: one.source_files - one.open_files for night, one in known.items()}
    try:
        files, links = _settled(workplace, scope)
        _await_no_more(workplace, scope, {entry.path for entry in files})
        note_settled(workplace, scope, files)
    except (CouldNotTell, RecordError):
        return  # the run could not tell, and says so already
    nights = (scope.source.night_of(entry.path) for entry in (*files, *links))
    found = Counter(night for night in nights if night is not None)
    workplace.ledger.record_nights(run.id, name, hop.key, _as_records(found, known, carried), workplace.now())


def _await_no_more(workplace: Workplace, scope: HopScope, settled: Collection[bytes]) -> None:
    """Take files that were in progress before, and are whole now, for such as stay: their loss is one from here on."""
    name, hop = scope.hop.instrument.instrument, scope.hop.key
    waiting = workplace.ledger.waiting_since(name, hop)
    asked = sorted(waiting.keys() & settled)
    if not asked:
        return
    source = workplace.endpoint(scope.hop.source.host)
    answers = source.inspect(scope.source.request.root, asked, sums=False)
    whole = {answer.path for answer in answers if answer.state not in ("short", "unreadable")}
    workplace.ledger.record_waiting(name, hop, waiting.keys() - whole, workplace.now())


def _settled(workplace: Workplace, scope: HopScope) -> tuple[Sequence[Entry], Sequence[Entry]]:
    """Return the files of the source that nobody is writing, and the links that are carried as links."""
    source = workplace.endpoint(scope.hop.source.host)
    with closing(source.survey(scope.source.request)) as here:
        if not here.facts.is_proven:
            return (), ()
        tally = Tally(scope, scope.hop.instrument.settle_s, here.facts.clock_s)
        merge(scope.source.asked_about(here), (), tally)
        return ((), ()) if here.troubles else (tally.missing, tally.lost_links)


def _as_records(
    found: Mapping[dt.date, int], known: Mapping[dt.date, HopNight], carried: Mapping[dt.date, int]
) -> dict[dt.date, NightRecord]:
    """Return what is new of each night; pure. What the destination was seen to have it is taken to have still."""
    return {
        night: NightRecord(
            max(files, known[night].source_files if night in known else 0), open_files=files - carried.get(night, 0)
        )
        for night, files in found.items()
        if files > carried.get(night, 0)
    }
