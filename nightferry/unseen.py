"""What a source holds while its destination cannot be looked at: remembered, or its loss would be nobody's.

Nothing can be compared then, and the run says so; but an archive may be down for weeks, and somebody may clear the
source meanwhile. What is concluded from it afterwards is vanished.py's and observatory/ends.py's.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import closing

from catalogue.records import HopNight, NightRecord
from nightferry.expectations import has_steps
from nightferry.runs import Run
from nightferry.workplace import Workplace
from observatory.compare import merge
from observatory.errors import CouldNotTell
from observatory.listing import ANY_NIGHT, HopScope
from observatory.records import RecordError
from verifier.tally import Tally


def note_source(workplace: Workplace, run: Run, scope: HopScope) -> None:
    """Note how many files each night has on a hop's source, and that its destination is not known to have them.

    Left out is what is being written: some of it never stays. A source that cannot be read to its end, that comes and
    goes, or on which steps put files in the place of others, tells nothing.
    """
    hop, name = scope.hop, scope.hop.instrument.instrument
    if hop.source.declared.removable or has_steps(hop.instrument, hop.source):
        return
    try:
        settled = _settled_files(workplace, scope)
        _await_no_more(workplace, scope, settled)
    except (CouldNotTell, RecordError):
        return  # the run could not tell, and says so already
    nights = map(scope.source.night_of, settled)
    found = Counter(night for night in nights if night is not None)
    known = workplace.ledger.hop_nights(name, hop.key, (*scope.nights, ANY_NIGHT))
    seen = _as_records(found, {one.night: one for one in known})
    workplace.ledger.record_nights(run.id, name, hop.key, seen, workplace.now())


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


def _settled_files(workplace: Workplace, scope: HopScope) -> frozenset[bytes]:
    source = workplace.endpoint(scope.hop.source.host)
    with closing(source.survey(scope.source.request)) as here:
        if not here.facts.is_proven:
            return frozenset()
        tally = Tally(scope, scope.hop.instrument.settle_s, here.facts.clock_s)
        merge(scope.source.asked_about(here), (), tally)
        if here.troubles:
            return frozenset()
    return frozenset(entry.path for entry in (*tally.missing, *tally.lost_links))


def _as_records(found: Mapping[dt.date, int], known: Mapping[dt.date, HopNight]) -> dict[dt.date, NightRecord]:
    """Return what is new of each night; pure. What the destination was seen to have it is taken to have still."""
    carried = {night: one.source_files - one.open_files for night, one in known.items()}
    return {
        night: NightRecord(
            max(files, known[night].source_files if night in known else 0), open_files=files - carried.get(night, 0)
        )
        for night, files in found.items()
        if files > carried.get(night, 0)
    }
