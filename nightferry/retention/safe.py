"""When a night is safe on a copy: every file hashed there, and as it was when it was made or first read. Pure.

Reading is evidence.py's; what `status` makes of it archive_log.py's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from catalogue.evidence_records import Evidence, SafeNight, SafeState
from observatory.names import show

FREED, FIRST_READ = "freed", "first read"
_RANKS = {FREED: 1, FIRST_READ: 2}
"""What was made or accepted counts before either."""


@dataclass(frozen=True, slots=True)
class Held:
    """Everything that is remembered of one night on one copy.

    Attributes
    ----------
    holder : int
        The copy's number in the ledger.
    cameras : frozenset of str
        Whose files belong there.
    upstream : frozenset of int
        The copies that it is filled from, directly or over others: what they hold belongs there too.
    evidence : mapping of path to Evidence
    made : mapping of path to str
        The hash that each product of a step had when it was made there.
    freed : mapping of name to str
        What was freed there on purpose, with the hash that was proven then.
    vouched : mapping of name to datetime
        Files that a person accepted as they are, and when.
    """

    holder: int
    cameras: frozenset[str]
    upstream: frozenset[int] = frozenset()
    evidence: Mapping[bytes, Evidence] = field(default_factory=dict)
    made: Mapping[bytes, str] = field(default_factory=dict)
    freed: Mapping[bytes, str] = field(default_factory=dict)
    vouched: Mapping[bytes, dt.datetime] = field(default_factory=dict)


def by_name(evidence: Mapping[bytes, Evidence]) -> dict[bytes, Evidence]:
    """Return evidence by the name of its file; where a layout was changed, that of the path where the file is now."""
    ordered = sorted(evidence.values(), key=lambda one: (one.file.sha256 is not None, one.reading.at_utc))
    return {one.file.name: one for one in ordered}


@dataclass(frozen=True, slots=True)
class Reference:
    """The hash that a file had when it was made or first read: what every copy of it is held against."""

    sha256: str
    how: str
    at_utc: dt.datetime


def references(chain: Sequence[Held]) -> dict[bytes, Reference]:
    """Return the hash of every file of a night by name: of a product the one it was made with, else the first read.

    Of a file that a person accepted as it is, what was read of it afterwards counts instead, on the first copy that has
    it; where none has it any more, what it was freed as, never what was first read somewhere since.
    """
    found: dict[bytes, Reference] = {}
    for held in chain:
        for name, sha256 in held.freed.items():
            found.setdefault(name, Reference(sha256, FREED, dt.datetime.min.replace(tzinfo=dt.UTC)))
    for held in chain:
        for path, one in held.evidence.items():
            candidate, known = _candidate(held, path, one), found.get(one.file.name)
            if candidate is not None and (known is None or _rank(candidate) < _rank(known)):
                found[one.file.name] = candidate
    return found


def _candidate(held: Held, path: bytes, one: Evidence) -> Reference | None:
    vouched = held.vouched.get(one.file.name)
    if vouched is not None and one.first_utc <= vouched:
        is_newer = one.file.sha256 is not None and one.reading.at_utc > vouched
        return Reference(one.file.sha256 or "", "accepted", vouched) if is_newer else None
    made = held.made.get(path)
    if made is not None:
        return Reference(made, "made", one.first_utc)
    return Reference(one.first_sha256, FIRST_READ, one.first_utc)


def _rank(reference: Reference) -> tuple[int, dt.datetime]:
    return _RANKS.get(reference.how, 0), reference.at_utc


def judge(chain: Sequence[Held]) -> list[SafeNight | None]:
    """Judge one night on every copy of a chain; None where no file of it was ever read on a copy."""
    expected, named = references(chain), [by_name(held.evidence) for held in chain]
    return [
        _judge_one(held, _belongs(held, chain), expected, _strangers(held, chain), _linked(named[index], named[:index]))
        for index, held in enumerate(chain)
    ]


def _linked(mine: Mapping[bytes, Evidence], others: Sequence[Mapping[bytes, Evidence]]) -> list[bytes]:
    """Return the names under which a copy holds the very file of a copy before it: a hard link, or the same folder."""
    return sorted(name for name, one in mine.items() if any(_is_same_file(one, other.get(name)) for other in others))


def _is_same_file(one: Evidence, other: Evidence | None) -> bool:
    """Say whether two readings were of one file, as far as that can be told.

    Below one marker lies one folder. Within one running kernel device and inode tell; of a folder that two machines
    mount from a server, inode and time of change are the server's, and two files do not agree in both.
    """
    if other is None or one.file.sha256 is None or other.file.sha256 is None:
        return False
    if one.reading.marker and one.reading.marker == other.reading.marker:
        return True
    mine, its = one.file.identity, other.file.identity
    if mine is None or its is None:
        return False
    if one.reading.kernel is not None and one.reading.kernel == other.reading.kernel:
        return mine == its
    changed = one.file.changed_s
    is_one_inode = mine.rpartition(":")[2] == its.rpartition(":")[2]
    return is_one_inode and changed is not None and changed == other.file.changed_s


def _strangers(held: Held, chain: Sequence[Held]) -> list[bytes]:
    """Return the names of what was read on a copy, and on none of those that it is filled from.

    Of a stranger nobody knows what it should be. Where nothing is remembered of the copies before it none is found.
    """
    before = [one for one in chain if one.holder in held.upstream]
    known = {one.file.name for source in before for one in source.evidence.values()}
    known = known.union(*(source.freed for source in before))
    if not known:
        return []
    read = {
        one.file.name for path, one in held.evidence.items() if one.file.sha256 is not None and path not in held.made
    }
    return sorted(name for name in read - known - set(held.vouched) if name.partition(b"/")[0].decode() in held.cameras)


def _belongs(held: Held, chain: Sequence[Held]) -> frozenset[bytes]:
    """Return the names of what a copy should hold: what it held, and what those hold that it is filled from."""
    filled = (one for one in chain if one.holder == held.holder or one.holder in held.upstream)
    names = {one.file.name for source in filled for one in source.evidence.values()}
    return frozenset(name for name in names if name.partition(b"/")[0].decode() in held.cameras) - held.freed.keys()


def _judge_one(
    held: Held,
    belongs: frozenset[bytes],
    expected: Mapping[bytes, Reference],
    strangers: Collection[bytes],
    linked: Collection[bytes],
) -> SafeNight | None:
    rows = by_name(held.evidence)
    if not rows:
        return None
    read = {name: one for name, one in rows.items() if one.file.sha256 is not None}
    differing = [name for name, one in read.items() if name in expected and one.file.sha256 != expected[name].sha256]
    anew = {name for name, one in rows.items() if one.is_carried_since}
    absent = [name for name in rows if name in belongs and name not in read and name not in anew]
    lost = [name for name in absent if name not in held.vouched]
    given_up = [name for name in absent if name in held.vouched]
    never = [name for name in belongs if name not in rows or name in anew or (name in read and name not in expected)]
    reason = "; ".join(_reasons(differing, lost, given_up, never, strangers, linked)) or None
    is_unsafe = differing or lost or strangers or linked
    state = SafeState.UNSAFE if is_unsafe else SafeState.UNKNOWN if never or given_up else SafeState.SAFE
    instants = [one.reading.at_utc for one in read.values()] or [one.reading.at_utc for one in rows.values()]
    return SafeNight(state, len(read), min(instants), reason)


def _reasons(
    differing: Collection[bytes],
    lost: Collection[bytes],
    given_up: Collection[bytes],
    never: Collection[bytes],
    strangers: Collection[bytes],
    linked: Collection[bytes],
) -> Iterator[str]:
    words = (
        (differing, "not what it was when first read", "not what they were when first read"),
        (lost, "gone or unreadable", "gone or unreadable"),
        (given_up, "gone or unreadable, and accepted", "gone or unreadable, and accepted"),
        (never, "not hashed there yet", "not hashed there yet"),
        (strangers, "on no copy that it is filled from", "on no copy that it is filled from"),
        (linked, "the very file of another copy", "the very files of another copy"),
    )
    for names, one, many in words:
        if names:
            example = show(min(names).partition(b"/")[2])
            verb = f"file is {one}" if len(names) == 1 else f"files are {many}"
            yield f"{len(names)} {verb} ({example})"
