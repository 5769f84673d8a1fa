"""Nights that hashes once showed to be unsafe on a copy: said in each report until they are mended or accepted.

A night whose file rotted is found by reading it; the next comparison of sizes finds nothing, nor does one of contents
where an original was altered and carried on. Neither is to be taken for its cure. What is read is
retention/evidence.py's, how it is judged retention/safe.py's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from catalogue.evidence_records import SafeNight, SafeState
from nightferry.retention.holders import known_holder
from nightferry.selection import Asked, acceptances, hops_asked
from nightferry.workplace import Workplace
from observatory.counting import counted, is_or_are
from observatory.nights import night_text
from observatory.spec.chain import Hop, Place
from reports.model import Note
from verifier.options import includes
from verifier.verdict import HopVerdict


def notes_of_unsafe(workplace: Workplace, asked: Asked, verdicts: Iterable[HopVerdict]) -> Iterator[Note]:
    """Yield an urgent note for each copy of which earlier hashes showed nights to be unsafe; old nights, too.

    Left out are what a person accepted, and nights of which this very report says by their hashes what is wrong.
    """
    hashed = {
        (verdict.instrument, verdict.hop, night)
        for verdict in verdicts
        if includes(verdict.level, "checksum")
        for night, count in verdict.per_night.items()
        if count.open_files
    }
    for into in _by_destination(hops_asked(workplace, asked)):
        place, instrument = into[0].destination, into[0].instrument.instrument
        said = {night for hop in into for name, key, night in hashed if (name, key) == (instrument, hop.key)}
        unsafe = {night: one for night, one in _unsafe_nights(workplace, into[0]).items() if night not in said}
        if unsafe:
            yield Note(_sentence(workplace, place, instrument, unsafe), instrument, is_urgent=True)


def _by_destination(hops: Iterable[Hop]) -> Collection[Sequence[Hop]]:
    """Return the hops in groups that fill one copy each."""
    into: dict[tuple[str, str, str], list[Hop]] = {}
    for hop in hops:
        into.setdefault((hop.instrument.instrument, hop.variant, hop.destination.name), []).append(hop)
    return into.values()


def _unsafe_nights(workplace: Workplace, hop: Hop) -> dict[dt.date, SafeNight]:
    holder = known_holder(workplace, hop.instrument, hop.destination)
    unsafe = {} if holder is None else workplace.ledger.unsafe_nights(holder)
    words = acceptances(workplace, hop) if unsafe else ()
    given_up, in_part = ({one.night for one in words if one.whole_night is is_whole} for is_whole in (True, False))
    now = {night: _judged_now(workplace, hop, night) if night in in_part else one for night, one in unsafe.items()}
    return {night: one for night, one in now.items() if one and one.state is SafeState.UNSAFE and night not in given_up}


def _judged_now(workplace: Workplace, hop: Hop, night: dt.date) -> SafeNight | None:
    """Judge a night of which a person accepted something: what is wrong with its other files is no less wrong."""
    from nightferry.retention.evidence import chain_of, held_by_chain  # loaded only where something is unsafe
    from nightferry.retention.safe import judge

    chain = chain_of(hop.instrument, hop.destination)
    held = held_by_chain(workplace, hop.instrument, chain, night)
    others = [{path: row for path, row in one.evidence.items() if row.file.name not in one.vouched} for one in held]
    judged = judge([replace(one, evidence=left) for one, left in zip(held, others, strict=True)])
    return judged[chain.index(hop.destination)]


def _sentence(workplace: Workplace, place: Place, instrument: str, unsafe: Mapping[dt.date, SafeNight]) -> str:
    newest = max(unsafe)
    older = len(unsafe) - 1
    others = f", and so {is_or_are(older)} {counted(older, 'older night')}" if older else ""
    return (
        f"{workplace.access(place.host).address}: the night {night_text(newest)} is not what it should be there, as"
        f" hashes showed: {unsafe[newest].reason}{others}. Neither sizes show it, nor copies that changed alike:"
        f" nightferry status -i {instrument} -d {night_text(newest)} --safe. If it may be so:"
        f" nightferry accept -i {instrument} -d {night_text(newest)} --reason TEXT FILE"
    )
