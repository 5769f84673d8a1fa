"""What may be freed, with its proof: so many copies in so many places, each read, hashed and seen again. Pure.

A file is freed when its rule is met and enough witnesses hold the same bytes. Gathering what is known and looking is
nightferry/retention/pruning.py's, unlinking syncer/freeing.py's.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from observatory.endpoints.contract import Facts
from observatory.names import matcher
from observatory.spec.models import Kind, Retention

GRAIN_S = 1e-6
"""Times closer than this are one: as text and as a number they differ in their last digit."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What is demanded before a file of one kind may be freed; see `Retention`."""

    keep_nights: int
    copies: int
    within_days: int
    reread: bool = False
    count_absent: bool = False
    manifest: bool = False
    archives: tuple[str, ...] = ()
    free: bool = True


def rule_of(retention: Retention, below: bytes) -> Rule:
    """Return the rule of a file by its path below the night's folder: that of the first kind that takes it."""
    for kind in retention.kinds.values():
        if matcher([pattern.encode() for pattern in kind.files])(below) == "taken":
            return _merged(retention, kind)
    return _merged(retention, None)


def _merged(retention: Retention, kind: Kind | None) -> Rule:
    said = kind.model_dump(exclude_none=True) if kind else {}
    own = {"keep_nights", "copies", "within_days", "manifest"}
    values = {key: said.get(key, getattr(retention, key)) for key in own}
    archives = said.get("confirmed_by", retention.confirmed_by) or ()
    return Rule(
        **values,
        reread=retention.reread,
        count_absent=retention.count_absent,
        archives=tuple(archives),
        free=said.get("free", True),
    )


@dataclass(frozen=True, slots=True)
class Reading:
    """One file as it was read and hashed once on one copy, and how it looked then.

    Attributes
    ----------
    sha256 : str
    at_utc : datetime
    size_bytes : int
    mtime_s : float
    changed_s : float or None
        None where the far end cannot tell.
    identity : str or None
        Device and inode; None where the far end cannot tell.
    marker : str or None
        What the root bore when it was read.
    """

    sha256: str
    at_utc: dt.datetime
    size_bytes: int
    mtime_s: float
    changed_s: float | None = None
    identity: str | None = None
    marker: str | None = None


@dataclass(frozen=True, slots=True)
class CopyState:
    """One copy as it showed itself when it was asked now.

    Attributes
    ----------
    name, host, root, place : str
    marker : str or None
        What its root bears.
    kernel : str or None
        Tells one running machine from another; None where the far end cannot say.
    doubt : str or None
        Why nothing that lies there counts; None where it does.
    is_absent : bool
        A drive that comes and goes, and is not there.
    filled_by : str or None
        ``external`` where somebody else fills it: whether that deletes, nobody here knows.
    """

    name: str
    host: str
    root: str
    place: str
    marker: str | None = None
    kernel: str | None = None
    doubt: str | None = None
    is_absent: bool = False
    filled_by: str | None = None


@dataclass(frozen=True, slots=True)
class Witness:
    """One file on one other copy: what was read of it, and how it looks now.

    `reading` is None where it was never hashed, or is known to be gone; `looked` where it was not looked at;
    `reread` is what it was hashed as just now, where that was done.
    """

    copy: CopyState
    path: bytes
    reading: Reading | None
    looked: Facts | None = None
    reread: str | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """One file that might be freed.

    Attributes
    ----------
    path : bytes
        Relative to the root.
    night : date
    name : bytes
        As on every copy.
    looked : Facts
        How it looks now.
    reading : Reading or None
        What it was read as last.
    reference : str or None
        The hash that it had when it was made or first read.
    confirmed_by : tuple of str
        The archives that confirmed these bytes of it.
    in_manifest : bool
        A manifest with these bytes of it was sent.
    """

    path: bytes
    night: dt.date
    name: bytes
    looked: Facts
    reading: Reading | None = None
    reference: str | None = None
    confirmed_by: tuple[str, ...] = ()
    in_manifest: bool = False


@dataclass(frozen=True, slots=True)
class Freeable:
    """A file that may be freed, and what proves it."""

    candidate: Candidate
    rule: Rule
    witnesses: tuple[Witness, ...]

    @property
    def sha256(self) -> str:
        """What it holds, and what each witness holds."""
        return self.candidate.reference or ""


@dataclass(frozen=True, slots=True)
class Stay:
    """A file that stays, and why."""

    candidate: Candidate
    reason: str


def age_nights(night: dt.date, present: dt.date) -> int:
    """Return how many nights ago a night was; 0 is the present one."""
    return (present - night).days


def why_night_stays(night: dt.date, present: dt.date, rule: Rule) -> str | None:
    """Return why nothing of a night may be freed yet whatever was proven; None where its time has come."""
    if age_nights(night, present) < 1:
        return "the night is not over"
    if age_nights(night, present) < rule.keep_nights:
        return f"kept for {rule.keep_nights} nights"
    return None


def decide(
    candidate: Candidate,
    own: CopyState,
    witnesses: Iterable[Witness],
    rule: Rule,
    now: dt.datetime,
    is_last_look: bool = False,
) -> Freeable | Stay:
    """Decide about one file; its night's time has come.

    Parameters
    ----------
    own : CopyState
        The copy that it would be freed on.
    witnesses : iterable of Witness
        The file on the other copies.
    now : datetime
    is_last_look : bool
        The file goes by this very decision: of a copy that only shows size and time it is not enough to have looked.
    """
    reason = _why_stays(candidate, rule)
    if reason is not None:
        return Stay(candidate, reason)
    counted, doubts = _count(candidate, own, witnesses, rule, now, is_last_look)
    if len(counted) >= rule.copies and any(not witness.copy.is_absent for witness in counted):
        return Freeable(candidate, rule, tuple(counted))
    said = f"proven on {len(counted)} of {rule.copies} other places"
    words = "; ".join(doubts)
    return Stay(candidate, f"{said}: {words}" if words else said)


def _why_stays(candidate: Candidate, rule: Rule) -> str | None:
    if not rule.free:
        return "files of this kind are never freed"
    if candidate.looked.reason is not None:
        return f"it could not be looked at: {candidate.looked.reason}"
    if not candidate.looked.is_file:
        return "it is no regular file of its own"
    if candidate.reading is None or candidate.reference is None:
        return "it was never hashed here: `nightferry verify --level checksum`"
    # what moved it or changed its mode does not count here: it is hashed once more before it goes
    if candidate.reading.sha256 != candidate.reference:
        return "it is not what it was when it was first read: look at it, and `nightferry accept` it if it may be so"
    if (why := differs(candidate.reading, replace(candidate.looked, identity=None, changed_s=None))) is not None:
        return f"it {why} since it was hashed here: `nightferry verify --level checksum`"
    absent = [archive for archive in rule.archives if archive not in candidate.confirmed_by]
    if absent:
        return f"{', '.join(absent)} has not confirmed it: `nightferry confirm`"
    if rule.manifest and not candidate.in_manifest:
        return "no manifest of it was sent"
    return None


def _count(
    candidate: Candidate,
    own: CopyState,
    witnesses: Iterable[Witness],
    rule: Rule,
    now: dt.datetime,
    is_last_look: bool,
) -> tuple[list[Witness], list[str]]:
    """Return the witnesses that count, one a place and each a file of its own, and why others do not."""
    counted: list[Witness] = []
    doubts: list[str] = []
    for witness in witnesses:
        why = _why_not(witness, candidate.reference, rule, now) or _why_same(witness, candidate, own, counted)
        if why is None and is_last_look and must_be_read(witness, rule) and witness.reread is None:
            why = "was not read again, and nothing else shows that nobody touched it"
        if why is None:
            counted.append(witness)
        else:
            doubts.append(f"{witness.copy.name} {why}")
    return counted, doubts


def _why_not(witness: Witness, sha256: str | None, rule: Rule, now: dt.datetime) -> str | None:
    """Return why one witness does not count by itself; None where it does."""
    if witness.copy.doubt is not None and not (witness.copy.is_absent and rule.count_absent):
        return witness.copy.doubt
    reading = witness.reading
    if reading is None:
        return "was never hashed: `nightferry verify --level checksum`"
    if reading.sha256 != sha256:
        return "holds other bytes"
    age = now - reading.at_utc
    if age < dt.timedelta(0):
        return "was hashed in the future: a clock is wrong"
    if age > dt.timedelta(days=rule.within_days):
        return f"was hashed {age.days} days ago: `nightferry verify --level checksum`"
    if reading.marker and reading.marker != witness.copy.marker:
        return "bears another marker than when it was hashed"
    return None if witness.copy.is_absent else _why_not_live(reading, witness.looked, witness.reread)


def _why_not_live(reading: Reading, looked: Facts | None, reread: str | None) -> str | None:
    if looked is None:
        return "was not looked at"
    if looked.reason is not None:
        return f"could not be looked at: {looked.reason}"
    if looked.size_bytes is None:
        return "does not hold it any more"
    if not looked.is_file:
        return "holds no regular file of that name: a link is no copy"
    if reread is not None:
        return None if reread == reading.sha256 else "holds other bytes than when it was hashed"
    why = differs(reading, looked)
    return None if why is None else f"{why} since it was hashed: `nightferry verify --level checksum`"


def differs(reading: Reading | Facts, looked: Facts) -> str | None:
    """Return how a file looks other than when it was read; None where nothing shows that anybody touched it."""
    if looked.size_bytes != reading.size_bytes:
        return "has another size"
    if not _is_same_instant(reading.mtime_s, looked.mtime_s):
        return "was modified"
    if reading.identity and looked.identity and _inode(reading.identity) != _inode(looked.identity):
        return "was replaced"
    if reading.changed_s is None or looked.changed_s is None:
        return None
    return None if abs(reading.changed_s - looked.changed_s) < GRAIN_S else "was changed"


def _inode(identity: str) -> str:
    """Return the inode alone: a device may have another number after its machine was started anew."""
    return identity.rpartition(":")[2]


def _is_same_instant(one: float, other: float) -> bool:
    """Say whether two times agree; SFTP tells whole seconds only."""
    if one.is_integer() or other.is_integer():
        return math.floor(one) == math.floor(other)
    return abs(one - other) < GRAIN_S


def must_be_read(witness: Witness, rule: Rule) -> bool:
    """Say whether a look alone does not show that nobody touched a file since it was hashed.

    Size and time of modification can be set back, the time of the last change cannot. Where that is not told, only
    reading the file again shows it. A drive that is not there cannot be read.
    """
    reading, looked = witness.reading, witness.looked
    if witness.copy.is_absent or reading is None or looked is None:
        return False
    return rule.reread or None in (reading.changed_s, looked.changed_s, reading.identity, looked.identity)


def _why_same(witness: Witness, candidate: Candidate, own: CopyState, counted: Sequence[Witness]) -> str | None:
    """Return why a witness is no copy of its own: the same folder, the same file, or the same place as another."""
    if witness.copy.place == own.place:
        return f"is in the same place ({own.place})"
    others = [(own, candidate.looked), *((one.copy, one.looked) for one in counted)]
    for copy, looked in others:
        if witness.copy.marker and witness.copy.marker == copy.marker:
            return f"bears the marker of {copy.name}: one folder under two names"
        if _is_same_file(witness, copy, looked):
            return f"holds the very file of {copy.name}: a hard link is no copy"
    if any(one.copy.place == witness.copy.place for one in counted):
        return f"is in the place of another ({witness.copy.place})"
    if not _tells_itself_apart(witness):
        return "cannot show that it is a folder of its own: it has neither a marker with an id nor a shell"
    return None


def _is_same_file(witness: Witness, copy: CopyState, looked: Facts | None) -> bool:
    """Say whether two names lead to one file.

    On one machine device and inode tell. Over NFS each machine has its own device number; inode and time of change
    are the server's, and two files that agree in both to the last digit there are not.
    """
    mine = witness.looked
    if mine is None or looked is None or not mine.identity or not looked.identity:
        return False
    if witness.copy.kernel is not None and witness.copy.kernel == copy.kernel:
        return mine.identity == looked.identity
    if mine.changed_s is None or looked.changed_s is None:
        return False
    return _inode(mine.identity) == _inode(looked.identity) and abs(mine.changed_s - looked.changed_s) < GRAIN_S


def _tells_itself_apart(witness: Witness) -> bool:
    if witness.copy.marker:
        return True
    return witness.copy.kernel is not None and witness.looked is not None and witness.looked.identity is not None
