"""From an instrument's copies to hops: who is filled from whom.

Variants, default names and the default `from` are settled here once; nobody else reads `copies`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from observatory.spec.models import SET_ASIDE_DAYS, Camera, Copy, Instrument, Retention


@dataclass(frozen=True, slots=True)
class Place:
    """One copy of one variant of an instrument, with everything filled in.

    Attributes
    ----------
    name : str
        The copy's name within the instrument's chain.
    host : str
        Key below ``hosts``.
    root : str
        Absolute, variants filled in.
    layout : str or None
        The copy's own layout, else the instrument's.
    declared : Copy
        The rest of its keys.
    """

    name: str
    host: str
    root: str
    layout: str | None
    declared: Copy = field(hash=False)  # its retention may hold a mapping


@dataclass(frozen=True, slots=True)
class Hop:
    """From one copy to the next.

    Attributes
    ----------
    instrument : Instrument
    variant : str
        The variant's words joined by ``,``; empty without variants.
    source, destination : Place
    cameras : mapping of camera name to Camera
        Those that travel over this hop.
    """

    instrument: Instrument
    variant: str
    source: Place
    destination: Place
    cameras: Mapping[str, Camera]

    @property
    def name(self) -> str:
        """What ``--hop`` and the records call it: ``A:B`` by the names of the copies."""
        return f"{self.source.name}:{self.destination.name}"

    @property
    def key(self) -> str:
        """The hop's identity in records, unique within the instrument."""
        return f"{self.name}@{self.variant}" if self.variant else self.name


def variants(instrument: Instrument) -> Iterator[dict[str, str]]:
    """Yield each combination of the instrument's variants; one empty one where it has none."""
    keys = list(instrument.variants)
    for values in itertools.product(*instrument.variants.values()):
        yield dict(zip(keys, values, strict=True))


def fill(text: str, words: Mapping[str, str]) -> str:
    """Replace ``{key}`` by its word for the keys given; any other braces stay."""
    for key, word in words.items():
        text = text.replace("{" + key + "}", word)
    return text


def _place(instrument: Instrument, copy: Copy, words: Mapping[str, str]) -> Place:
    layout = copy.layout or instrument.layout
    return Place(
        name=copy.label,
        host=copy.host,
        root=fill(copy.root, words),
        layout=None if layout is None else fill(layout, words),
        declared=copy,
    )


def sources_of(instrument: Instrument, index: int) -> tuple[str, ...]:
    """Return the names of the copies that fill copy number `index`; none for an origin."""
    copy = instrument.copies[index]
    if copy.from_ is not None:
        return copy.from_
    if copy.origin or index == 0:
        return ()
    return (instrument.copies[index - 1].label,)


def is_joined(hop: Hop) -> bool:
    """Say whether several copies fill a hop's destination: what bears a file's name there may be another's."""
    index = [copy.label for copy in hop.instrument.copies].index(hop.destination.name)
    return len(sources_of(hop.instrument, index)) > 1


def _cameras(instrument: Instrument, source: Copy, destination: Copy) -> dict[str, Camera]:
    return {
        name: camera
        for name, camera in instrument.cameras.items()
        if all(copy.cameras is None or name in copy.cameras for copy in (source, destination))
    }


def retention_of(instrument: Instrument, place: Place) -> Retention | None:
    """Return what may be freed on a copy; the instrument's own words are about the first one."""
    if place.declared.retention is not None:
        return place.declared.retention
    return instrument.retention if place.name == instrument.copies[0].label else None


def set_aside_days(instrument: Instrument, place: Place) -> int:
    """Return for how many days a copy keeps what was set aside there."""
    retention = retention_of(instrument, place)
    return SET_ASIDE_DAYS if retention is None else retention.set_aside_days


def place_of(copy: Copy) -> str:
    """Return in which place a copy stands, as places are compared: capitals and blanks tell none from another."""
    return copy.host if copy.place is None else " ".join(copy.place.casefold().split())


def places(instrument: Instrument) -> tuple[Place, ...]:
    """Return every copy of an instrument, variant by variant, along the chain in the order declared."""
    return tuple(_place(instrument, copy, words) for words in variants(instrument) for copy in instrument.copies)


def hops(instrument: Instrument) -> tuple[Hop, ...]:
    """Return every hop of an instrument, variant by variant, along the chain in the order declared."""
    by_name = {copy.label: copy for copy in instrument.copies}
    found = []
    for words in variants(instrument):
        for index, copy in enumerate(instrument.copies):
            for name in sources_of(instrument, index):
                source = by_name[name]
                found.append(
                    Hop(
                        instrument=instrument,
                        variant=",".join(words.values()),
                        source=_place(instrument, source, words),
                        destination=_place(instrument, copy, words),
                        cameras=_cameras(instrument, source, copy),
                    )
                )
    return tuple(found)
