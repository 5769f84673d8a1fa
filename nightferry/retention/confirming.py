"""What an archive confirmed: a night, or the files of a list in whichever form the archive sends.

A confirmation is of bytes: it names files with the hashes that they had when it was given. What is demanded of it is
retention's.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import getpass
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nightferry.retention.evidence import chains, consumed_on, held_by_chain, name_of
from nightferry.retention.safe import references
from nightferry.retention.witnesses import scope_at
from nightferry.workplace import Workplace
from observatory.errors import UsageError
from observatory.manifests import read_manifest
from observatory.names import show
from observatory.nights import night_text
from observatory.spec.models import Instrument

ARCHIVE, MANIFEST = "archive", "manifest"
"""The two kinds: an archive said that it holds a file; we sent it a manifest that names the file."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a list: a base name or frame id, with its SHA-256 where the list tells it."""

    name: bytes
    sha256: str | None = None


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
    entries = None if list_ is None else read_list(_content(list_))
    chosen, strangers = (dict(known), []) if entries is None else chosen_of(known, entries)
    if not chosen:
        raise UsageError(f"{list_}: names no file of {instrument.instrument} {night_text(night)}; nothing was noted")
    note_confirmation(workplace, instrument, night, chosen, kind=ARCHIVE, archive=archive)
    yield f"{instrument.instrument} {night_text(night)}: {len(chosen)} of {len(known)} files confirmed by {archive}"
    if archive not in (asked := _archives_asked(instrument)):
        told = ", ".join(sorted(asked)) or "none"
        yield f"no retention of {instrument.instrument} asks for {archive} (asked for: {told})"
    if strangers:
        yield f"{len(strangers)} names of the list are of no file of that night ({show(strangers[0])})"


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


def note_manifest(
    workplace: Workplace, instrument: Instrument, night: dt.date, contents: Sequence[bytes], step: str
) -> None:
    """Note which files of a night stand in lists that were sent: retention may ask that a manifest names them."""
    known = known_sums(workplace, instrument, night)
    listed: dict[bytes, str] = {}
    for content in contents:
        with contextlib.suppress(UsageError):  # another file than was listed is not called sent: it stays
            listed |= chosen_of(known, read_list(content))[0]
    if listed:
        note_confirmation(workplace, instrument, night, listed, kind=MANIFEST, archive=step)


def note_confirmation(
    workplace: Workplace, instrument: Instrument, night: dt.date, files: Mapping[bytes, str], *, kind: str, archive: str
) -> None:
    """Note that an archive confirmed files, or that a manifest of them was sent to it."""
    at, by = workplace.now(), getpass.getuser()
    workplace.ledger.confirm(instrument.instrument, night, files, kind=kind, archive=archive, by=by, at_utc=at)


def chosen_of(known: Mapping[bytes, str], entries: list[Entry]) -> tuple[dict[bytes, str], list[bytes]]:
    """Return the files of a night that a list names, with their hashes, and the names that are none of them. Pure.

    Raises
    ------
    UsageError
        The list gives a file another hash than it has.
    """
    by_word: dict[bytes, list[bytes]] = {}
    for name in known:
        base = name.rpartition(b"/")[2]
        for word in {base, frame_of(base)}:
            by_word.setdefault(word, []).append(name)
    chosen: dict[bytes, str] = {}
    strangers = []
    for entry in entries:
        names = by_word.get(entry.name) or by_word.get(frame_of(entry.name)) or []
        if not names:
            strangers.append(entry.name)
        for name in names:
            if entry.sha256 is not None and entry.sha256 != known[name]:
                raise UsageError(
                    f"{show(entry.name)}: the list says {entry.sha256[:12]}..., it was read as {known[name][:12]}...;"
                    " nothing was noted. Look at it: one of the two is not what was sent"
                )
            chosen[name] = known[name]
    return chosen, strangers


def frame_of(name: bytes) -> bytes:
    """Return the frame id that a file's name begins with: what stands before ``.fits``, in capitals."""
    return re.split(rb"\.fits", name, maxsplit=1, flags=re.IGNORECASE)[0].upper()


def read_list(content: bytes) -> list[Entry]:
    """Read a list: sums and names as sha256sum writes them, ``FRAMEID|path|size[|sha256|md5]``, or bare names."""
    listed = read_manifest(content)
    unread = set(listed.unread_lines)
    sums = [Entry(_base(one.name), one.digest if one.algorithm == "sha256" else None) for one in listed.files]
    lines = (line.strip() for number, line in enumerate(content.split(b"\n"), 1) if number in unread)
    return [*sums, *(_entry(line) for line in lines)]


def _entry(line: bytes) -> Entry:
    fields = [field.strip() for field in line.split(b"|")]
    found = (field for field in fields[1:] if re.fullmatch(rb"[0-9a-fA-F]{64}", field))
    sum_ = next(found, None)
    name = fields[1] if len(fields) > 1 and b"." in fields[1] else fields[0]
    return Entry(_base(name), None if sum_ is None else sum_.decode().lower())


def _base(path: bytes) -> bytes:
    return path.rpartition(b"/")[2]


def _content(path: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: could not be read: {error.strerror}; nothing was noted") from error
