"""Hosts, roots, copies and instruments that bear another name than they did: what is known of them goes with them.

A host is the same under another key where it has the address that runs saw that very root at; a root is the same
elsewhere where it bears the same marker; an instrument only where its file says so (`formerly`). How the ledger's pages
change their names is catalogue/renames.py's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from observatory.spec.chain import Place, hops, places
from observatory.spec.models import Instrument
from reports.model import Note

if TYPE_CHECKING:
    from catalogue.ledger import Ledger
    from catalogue.renames import KnownCopy, MovedPlace, NewName
    from observatory.endpoints.contract import HostAccess

HostRoot = tuple[str, str]
Instruments = Mapping[str, Instrument]
"""By name, as declared today."""
_UNSEEN = (
    "By its marker, which goes with a disk, and with files that are copied to another one: whether all older nights"
    " are there nobody has looked: nightferry verify -d FIRST..LAST"
)


@dataclass(frozen=True, slots=True)
class _Known:
    """What the ledger knows, beside what is declared.

    Attributes
    ----------
    copies : sequence of KnownCopy
    markers : mapping of (host, root) to marker
    declared : mapping of (host, root) to Place
    """

    copies: Sequence[KnownCopy]
    markers: Mapping[HostRoot, str]
    declared: Mapping[HostRoot, Place]

    @property
    def _met(self) -> frozenset[HostRoot]:
        return frozenset(self.markers) | {(one.host, one.root) for one in self.copies}

    @property
    def gone(self) -> list[HostRoot]:
        """Roots that the ledger knows and nobody declares any more."""
        return sorted(self._met - self.declared.keys())

    @property
    def new(self) -> list[HostRoot]:
        """Roots that are declared and were never seen."""
        return sorted(self.declared.keys() - self._met)


def catch_up(instruments: Instruments, access_to: Callable[[str], HostAccess], ledger: Ledger) -> Iterator[Note]:
    """Give the ledger's pages the names of today's specification, and yield what is to be said of it.

    To be called when the ledger is opened, before anybody asks it.

    Parameters
    ----------
    instruments : mapping of name to Instrument
    access_to : callable
        Tells how a declared host is reached.
    ledger : Ledger
    """
    yield from _instruments(instruments, ledger)
    known = _known(instruments, ledger)
    yield from _not_said(instruments, known)
    moved = list(_other_hosts(access_to, ledger, known))
    if moved or _may_be_called_otherwise(instruments, known):
        _take_over(instruments, ledger, known, moved)
    yield from map(_told, moved)


def _take_over(instruments: Instruments, ledger: Ledger, known: _Known, moved: Sequence[MovedPlace]) -> None:
    ledger.take_over(moved, [_names(one, known, moved) for one in instruments.values()])


def see_moved(instruments: Instruments, ledger: Ledger, place: Place, marker: str | None) -> Iterator[Note]:
    """Take over what is known of a root that bears the marker of one that is declared no more, or say what may be it.

    To be called when a root was looked at, before it is noted as seen.
    """
    if ledger.root(place.host, place.root) is not None:
        return
    known, here = _known(instruments, ledger), (place.host, place.root)
    same = [before for before in known.gone if marker and known.markers.get(before) == marker]
    if here in known.new and len(same) == 1:
        from catalogue.renames import MovedPlace

        moved = MovedPlace(same[0], here)
        _take_over(instruments, ledger, known, [moved])
        yield replace(_told(moved), sentence=f"{_told(moved).sentence}. {_UNSEEN}", is_urgent=True)
    elif here in known.new:
        yield from _doubt(known, place)


def _known(instruments: Instruments, ledger: Ledger) -> _Known:
    declared = {(place.host, place.root): place for one in instruments.values() for place in places(one)}
    return _Known(ledger.known_copies(), ledger.known_roots(), declared)


# ---- hosts and roots


def _other_hosts(access_to: Callable[[str], HostAccess], ledger: Ledger, known: _Known) -> Iterator[MovedPlace]:
    """Yield the roots whose host has another key now: the path and the address are what they were."""
    gone = known.gone
    same = [one for one in known.new if _is_one_path(one, gone) and _is_one_host(access_to(one[0]), ledger, one, gone)]
    for here in same:
        before = [one for one in gone if _is_one_path(here, [one])]
        if len(before) == 1 and not _is_one_path(here, [one for one in same if one != here]):
            from catalogue.renames import MovedPlace  # hosts are seldom renamed

            yield MovedPlace(before[0], here)


def _is_one_path(here: HostRoot, others: Iterable[HostRoot]) -> bool:
    return here[1].rstrip("/") in {root.rstrip("/") for _, root in others}


def _is_one_host(access: HostAccess, ledger: Ledger, here: HostRoot, gone: Iterable[HostRoot]) -> bool:
    """Say whether runs looked at this root at the address of a host; this machine without one goes by its key."""
    seen = ledger.addresses_at(here[1])
    is_without = access.is_local and access.address == here[0]
    return access.address in seen or (is_without and any(host in seen for host, _ in gone))


def _doubt(known: _Known, place: Place) -> Iterator[Note]:
    """Yield what is not taken over by itself: a root of the same path or name is declared no more, and may be it."""
    labels = {(one.host, one.root): one.copy for one in known.copies}
    for host, root in known.gone:
        if _is_one_path((host, root), [(place.host, place.root)]) or labels.get((host, root)) == place.name:
            yield Note(
                f"{place.host}:{place.root} is new to the ledger, and {host}:{root} is declared no more. What was freed"
                " there, and its hashes, are known under the old name alone: if the two are one, name it as before, let"
                " a run look at it where it is now, and rename it then",
                is_urgent=True,
            )


def _told(moved: MovedPlace) -> Note:
    before, after = (":".join(one) for one in (moved.before, moved.after))
    return Note(f"{before} is {after} now: what is known of it, its proofs and what was freed there, was taken over")


# ---- copies and hops


def _may_be_called_otherwise(instruments: Instruments, known: _Known) -> bool:
    """Say whether copies were known where some are declared, by names alone that no copy bears any more."""
    labels = {name: _labels(one) for name, one in instruments.items()}
    names: dict[tuple[str, str, str], set[str]] = {}
    for one in known.copies:
        if one.instrument in labels and (one.host, one.root) in known.declared:
            names.setdefault((one.instrument, one.host, one.root), set()).add(one.copy)
    return any(not there & labels[instrument] for (instrument, _, _), there in names.items())


def _labels(instrument: Instrument) -> frozenset[str]:
    return frozenset(copy.label for copy in instrument.copies)


def _names(instrument: Instrument, known: _Known, moved: Sequence[MovedPlace]) -> NewName:
    """Return what copies and hops of an instrument were called, and are called now."""
    from catalogue.renames import NewName

    origins = {one.after: one.before for one in moved}
    before: dict[str, str] = {}
    of_copies: list[tuple[str, str]] = []
    for place in places(instrument):
        host, root = origins.get((place.host, place.root), (place.host, place.root))
        old = _old_label(instrument, known, place, host, root)
        before.setdefault(place.name, old)
        if instrument.variants and (old, root) != (place.name, place.root):
            of_copies.append((f"{old}@{root}", f"{place.name}@{place.root}"))
    of_copies += [(old, new) for new, old in before.items() if old != new]
    return NewName(instrument.instrument, tuple(of_copies), tuple(_hop_names(instrument, before)))


def _old_label(instrument: Instrument, known: _Known, place: Place, host: str, root: str) -> str:
    """Return the name that a copy had when it was seen at a root; its own where nothing tells another."""
    there = [
        one.copy for one in known.copies if (one.instrument, one.host, one.root) == (instrument.instrument, host, root)
    ]
    unnamed = [name for name in there if name not in _labels(instrument)]
    if place.name in there:
        return place.name
    if unnamed:
        return unnamed[-1]
    return host if place.declared.name is None else place.name  # a copy without a name bears its host's


def _hop_names(instrument: Instrument, before: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    declared = {hop.key for hop in hops(instrument)}
    for hop in hops(instrument):
        old = f"{before[hop.source.name]}:{before[hop.destination.name]}" + hop.key[len(hop.name) :]
        if old not in declared:
            yield old, hop.key


# ---- instruments


def _instruments(instruments: Instruments, ledger: Ledger) -> Iterator[Note]:
    """Give the pages of instruments their new names, where their files say which they had."""
    renamed = {
        name: one.formerly for name, one in instruments.items() if one.formerly and one.formerly not in instruments
    }
    known = ledger.known_instruments() if renamed else frozenset()
    for name, before in renamed.items():
        if before in known:
            ledger.rename_instrument(before, name)
            yield Note(f"{before} is {name} now: what is known of it was taken over", name)


def _not_said(instruments: Instruments, known: _Known) -> Iterator[Note]:
    """Yield a note for each new instrument that has the roots of one that is declared no more."""
    met = {one.instrument for one in known.copies}
    for name in sorted(instruments.keys() - met):
        roots = {(place.host, place.root) for place in places(instruments[name])}
        there = {one.instrument for one in known.copies if (one.host, one.root) in roots}
        for before in sorted(there - instruments.keys()):
            sentence = (
                f"{before} is declared no more, and {name} has its roots. If it is the same instrument under a new"
                f" name, say `formerly: {before}` in instruments.d/{name}.yaml: else its proven nights, what was"
                " accepted and what was freed are not known any more"
            )
            yield Note(sentence, name, is_urgent=True)
