"""Which copy can give which file of a night: those that were read and are what they were, file by file.

Reading and carrying are bringing.py's; what a file should be is retention/safe.py's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from catalogue.evidence_records import Evidence
from nightferry.retention.evidence import consumed_on, held_by_chain
from nightferry.retention.safe import by_name, references
from nightferry.workplace import Workplace
from observatory.listing import ANY_NIGHT, name_of, scope_of
from observatory.names import show
from observatory.nights import night_text
from observatory.spec.chain import Place
from observatory.spec.models import Instrument


@dataclass(frozen=True, slots=True)
class Known:
    """What is remembered of a night on the copies of a chain.

    Attributes
    ----------
    references : mapping of name to hash
        What each file was when it was made or first read.
    rows : mapping of copy to (mapping of name to Evidence)
        The last reading of each file.
    freed : frozenset of bytes
        Names of what was freed on some copy: on the word of others that hold it.
    consumed : frozenset of bytes
        Names of what nobody misses: steps put something else in its place.
    vouched : frozenset of bytes
        Names of what a person vouched for: nobody misses it where no copy holds it as it should be.
    """

    references: Mapping[bytes, str]
    rows: Mapping[str, Mapping[bytes, Evidence]]
    freed: frozenset[bytes] = frozenset()
    consumed: frozenset[bytes] = frozenset()
    vouched: frozenset[bytes] = frozenset()

    def good_on(self, copy: str, cameras: Collection[str]) -> dict[bytes, bytes]:
        """Return the files of some cameras that a copy held as they were when it was read last: paths by name."""
        return {
            name: row.file.path
            for name, row in self.rows[copy].items()
            if camera_of(name) in cameras and row.file.sha256 == self.references.get(name, "")
        }

    def belongs(self, cameras: Collection[str]) -> set[bytes]:
        """Return the names of all files of some cameras that the night is known to have."""
        there = {name for rows in self.rows.values() for name, row in rows.items() if row.file.sha256 is not None}
        held = set[bytes]().union(*(self.good_on(copy, cameras) for copy in self.rows))
        known = (there | self.freed) - (self.vouched - held) - self.consumed
        return {name for name in known if camera_of(name) in cameras}

    def why_not(self, copy: str, name: bytes) -> str:
        """Return why a copy that was read cannot give a file."""
        row = self.rows[copy].get(name)
        if row is None:
            return f"{copy} does not have it"
        if row.file.sha256 is None:
            return f"{copy} does not verify: it is gone or unreadable there"
        if row.file.sha256 != self.references.get(name):
            return f"{copy} does not verify: it is not what it was when first read"
        return f"it lies whole on {copy}, and did not arrive"


def camera_of(name: bytes) -> str:
    """Return the camera of a file by the name that it has on every copy."""
    return name.partition(b"/")[0].decode()


def below_night(name: bytes) -> bytes:
    """Return a file's path below its night's folder, by the name that it has on every copy."""
    return name.partition(b"/")[2]


def known_of(workplace: Workplace, instrument: Instrument, chain: Sequence[Place], night: dt.date) -> Known:
    """Return what is remembered of a night on a chain, and of the trees without nights that come with it."""
    found: dict[bytes, str] = {}
    rows: dict[str, dict[bytes, Evidence]] = {place.name: {} for place in chain}
    freed: set[bytes] = set()
    vouched: set[bytes] = set()
    for one in (night, ANY_NIGHT):
        held = held_by_chain(workplace, instrument, chain, one)
        found |= {name: reference.sha256 for name, reference in references(held).items()}
        for place, copy in zip(chain, held, strict=True):
            rows[place.name] |= by_name(copy.evidence)
            freed |= copy.freed.keys()
            vouched |= copy.vouched.keys()
    consumed = {name for place in chain for name in _consumed(workplace, instrument, place, night)}
    return Known(found, rows, frozenset(freed), frozenset(consumed), frozenset(vouched))


def _consumed(workplace: Workplace, instrument: Instrument, place: Place, night: dt.date) -> Iterator[bytes]:
    taken = consumed_on(workplace, instrument, place, night)
    if not taken:
        return
    scope = scope_of(instrument, place, instrument.cameras, (night,), workplace.clock_of(instrument))
    for path, _ in taken:
        if (named := name_of(scope, path)) is not None:
            yield named[1]


@dataclass(frozen=True, slots=True)
class Lack:
    """What a night still lacks after copies were tried.

    Attributes
    ----------
    instrument : str
    night : date
    names : tuple of bytes
        Of the files, ascending.
    tried : tuple of str
        The copies that were read for them.
    to : str or None
        The copy that gets the night, where it was named.
    """

    instrument: str
    night: dt.date
    names: tuple[bytes, ...]
    tried: tuple[str, ...]
    to: str | None = None

    def words(self, known: Known, others: Sequence[str], cameras: Collection[str]) -> str:
        """Return a sentence: how many files, an example, why no copy gave it, and the command that may.

        Parameters
        ----------
        others : sequence of str
            Copies that were not tried, the nearest first.
        """
        example = self.names[0]
        count = "1 file is" if len(self.names) == 1 else f"{len(self.names)} files are"
        why = "; ".join(known.why_not(copy, example) for copy in self.tried)
        head = f"{count} not back ({show(below_night(example))}): {why}"
        remedies = list(self._remedies(known, others, cameras))
        if not remedies and not any(example in known.good_on(copy, cameras) for copy in self.tried):
            remedies = ["no other copy is known to hold it as it was"]
        return "; ".join([head, *remedies])

    def _remedies(self, known: Known, others: Iterable[str], cameras: Collection[str]) -> Iterator[str]:
        left = set(self.names)
        for copy in others:
            there = left & known.good_on(copy, cameras).keys()
            if there:
                left -= there
                to = "" if self.to is None else f" --to {self.to}"
                asked = f"nightferry restore -i {self.instrument} -d {night_text(self.night)} --from {copy}{to}"
                held = "it" if len(self.names) == 1 else f"{len(there)} of them"
                yield f"{copy} held {held} when it was read last: `{asked}`"
        if left and left != set(self.names):
            yield f"of {len(left)} no copy is known to hold them as they were"
