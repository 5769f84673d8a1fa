"""What an archive confirmed: a night, or the files of a list in whichever form the archive sends.

A confirmation is of bytes: it names files with the hashes that they had when it was given. Lists are read by
archive_list.py; what is demanded of a confirmation is retention's.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from nightferry.retention.archive_list import Chosen, choose, read_list
from nightferry.retention.evidence import chains, consumed_on, held_by_chain
from nightferry.retention.safe import references
from nightferry.retention.witnesses import scope_at
from nightferry.workplace import Workplace
from observatory.accounts import account
from observatory.counting import counted
from observatory.errors import UsageError
from observatory.listing import name_of
from observatory.names import show
from observatory.nights import night_text
from observatory.spec.models import Instrument

ARCHIVE, MANIFEST = "archive", "manifest"
"""The two kinds: an archive said that it holds a file; we sent it a manifest that names the file."""


def confirm_night(
    workplace: Workplace, instrument: Instrument, night: dt.date, archive: str, list_: Path | None
) -> Iterator[str]:
    """Note what an archive confirmed, and yield what to tell the person.

    Raises
    ------
    UsageError
        Nothing of the night was ever hashed, the list cannot be read, names nothing of the night, or contradicts
        what is known; nothing is noted then.
    """
    known = known_sums(workplace, instrument, night)
    if not known:
        raise UsageError(
            f"{instrument.instrument} {night_text(night)}: nothing of it was ever hashed, so it is not known what is"
            f" confirmed. Run `nightferry verify --level checksum -i {instrument.instrument} -d {night_text(night)}`"
        )
    entries = [] if list_ is None else read_list(_content(list_))
    sizes = _known_sizes(workplace, instrument, night, known)
    found = Chosen(dict(known)) if list_ is None else choose(known, entries, sizes)
    chosen, strangers = found.files, found.strangers
    if not chosen:
        raise UsageError(f"{list_}: names no file of {instrument.instrument} {night_text(night)}; nothing was noted")
    note_confirmation(workplace, instrument, night, chosen, kind=ARCHIVE, archive=archive)
    count = f"{len(chosen)} of {counted(len(known), 'file')}"
    yield f"{instrument.instrument} {night_text(night)}: {count} confirmed by {archive}"
    if archive not in (asked := _archives_asked(instrument)):
        told = ", ".join(sorted(asked)) or "none"
        yield f"no retention of {instrument.instrument} asks for {archive} (asked for: {told})"
    if strangers:
        count = counted(len(strangers), "line of the list names", "lines of the list name")
        yield f"{count} no file of that night ({show(strangers[0])})"
    if others := sum(entry.has_other_sum for entry in entries):
        yield f"{counted(others, 'sum of the list is', 'sums of the list are')} not SHA-256 and not compared"


def _archives_asked(instrument: Instrument) -> set[str]:
    """Return the archives whose word any retention of an instrument demands."""
    said = [one for one in (instrument.retention, *(copy.retention for copy in instrument.copies)) if one is not None]
    return {
        archive
        for retention in said
        for names in (retention.confirmed_by, *(kind.confirmed_by for kind in retention.kinds.values()))
        for archive in names or ()
    }


def known_sums(workplace: Workplace, instrument: Instrument, night: dt.date) -> dict[bytes, str]:
    """Return the hash of every file of a night, on any copy, by the name that it has on all.

    Of what steps made and nobody has read since, it is the one that they made it with; what later steps consumed is
    no file any more.
    """
    found: dict[bytes, str] = {}
    for chain in chains(instrument):
        held = held_by_chain(workplace, instrument, chain, night)
        for place, one in zip(chain, held, strict=True):
            scope = scope_at(workplace, instrument, place, (night,))
            gone = consumed_on(workplace, instrument, place, night)
            made = ((name_of(scope, path), sum_) for path, sum_ in one.made.items() if (path, sum_) not in gone)
            found |= {named[1]: sum_ for named, sum_ in made if named is not None}
        found |= {name: reference.sha256 for name, reference in references(held).items()}
    return found


def _known_sizes(
    workplace: Workplace, instrument: Instrument, night: dt.date, known: Mapping[bytes, str]
) -> dict[bytes, int]:
    """Return how many bytes those files of a night have that were read with the hash that is known of them."""
    return {
        one.file.name: one.file.size_bytes
        for chain in chains(instrument)
        for held in held_by_chain(workplace, instrument, chain, night)
        for one in held.evidence.values()
        if one.file.sha256 is not None and one.file.sha256 == known.get(one.file.name)
    }


def note_manifest(
    workplace: Workplace, instrument: Instrument, night: dt.date, contents: Sequence[bytes], step: str
) -> None:
    """Note which files of a night stand in lists that were sent: retention may ask that a manifest names them."""
    known = known_sums(workplace, instrument, night)
    sizes = _known_sizes(workplace, instrument, night, known)
    listed: dict[bytes, str] = {}
    for content in contents:
        with contextlib.suppress(UsageError):  # another file than was listed is not called sent: it stays
            listed |= choose(known, read_list(content), sizes).files
    if listed:
        note_confirmation(workplace, instrument, night, listed, kind=MANIFEST, archive=step)


def note_confirmation(
    workplace: Workplace, instrument: Instrument, night: dt.date, files: Mapping[bytes, str], *, kind: str, archive: str
) -> None:
    """Note that an archive confirmed files, or that a manifest of them was sent to it."""
    at, by = workplace.now(), account()
    workplace.ledger.confirm(instrument.instrument, night, files, kind=kind, archive=archive, by=by, at_utc=at)


def _content(path: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: could not be read: {error.strerror}; nothing was noted") from error
