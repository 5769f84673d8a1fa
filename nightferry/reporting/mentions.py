"""Whether the last report says anything of what a person is about to accept: a slip of the pen is silent otherwise.

What an acceptance does to a verdict is verifier/accepted.py's, and asked of it here too.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator

from nightferry.reporting import delivery
from nightferry.workplace import Workplace
from observatory.errors import NightferryError
from observatory.listing import HopScope, hop_scope
from observatory.names import show
from observatory.spec.chain import hops
from observatory.spec.models import Instrument
from verifier.accepted import Acceptance, is_accepted
from verifier.verdict import HopVerdict


def unmentioned(
    workplace: Workplace, instrument: Instrument, night: dt.date, frames: Collection[int], files: Collection[bytes]
) -> list[str]:
    """Return those frames and files of a night that the last report does not find fault with, as they are shown.

    None are returned where there is no report, or none that looked at that night of the instrument.
    """
    looked = list(_looked_at(workplace, instrument, night))
    if not looked:
        return []
    absent = {
        number for verdict, _ in looked for gap in verdict.sequence_gaps if gap.night == night for number in gap.numbers
    }
    numbers = [str(number) for number in sorted(frames) if number not in absent]
    return numbers + [show(file) for file in files if not any(_says(verdict, scope, file) for verdict, scope in looked)]


def _looked_at(workplace: Workplace, instrument: Instrument, night: dt.date) -> Iterator[tuple[HopVerdict, HopScope]]:
    try:
        verdicts = delivery.last(workplace).verdicts
    except (NightferryError, OSError):
        return
    known = {hop.key: hop for hop in hops(instrument)}
    for verdict in verdicts:
        if verdict.instrument == instrument.instrument and night in verdict.nights and verdict.hop in known:
            yield verdict, hop_scope(known[verdict.hop], (night,), workplace.clock_of(instrument))


def _says(verdict: HopVerdict, scope: HopScope, file: bytes) -> bool:
    found = (*verdict.damaged, *verdict.unreadable)
    lists = (verdict.missing, verdict.size_differs, verdict.checksum_differs, verdict.in_progress, verdict.extra)
    paths = (*(one.path for one in found), *(path for paths in lists for path in paths))
    word = (Acceptance(scope.nights[0], "", files=frozenset({file})),)
    return any(is_accepted(word, scope, path) for path in paths)
