"""The two ends of a hop before anything is compared: both are asked at once, each proves that it is what it seems.

Shared by syncer and verifier, so that both believe, doubt and excuse the same. A root is proven by its marker or by
a night of its layout; everything else may be a disk that is not mounted, and what a source must not lose unseen is
counted. Does no I/O of its own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from observatory.endpoints.contract import RootFacts, Survey
from observatory.errors import CouldNotTell, EndsNotSeen, RootNotProven

NO_SIGN = "holds neither its marker (.nightferry/root) nor any night of its layout"
ABSENT = "does not exist"
OTHER_DRIVE = "bears another marker than this drive's: is it another drive?"
SAME_FOLDER = "is one and the same folder as the source: that is no second copy"
LOOK_FOR_DISK = "look on that host whether its disk is mounted"
CLOCK_TOLERANCE_S = 60.0
"""Two clocks further apart than this cannot be used to judge ages (INTERFACE: more than a minute)."""

Ask = Callable[[], Survey]


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is known of one end beforehand.

    Attributes
    ----------
    marker : str or None
        The id that a removable drive's marker must show.
    is_vouched : bool
        A person said that this is the root although it shows no sign of it.
    away : str or None
        Said instead of UNKNOWN where the end cannot be looked at at all: the host may be off.
    drive_away : str or None
        Said where the host answers and the root is not there: the drive comes and goes.
    last_seen : str or None
        The date on which the root bore its marker: where it shows none now, nobody is told to make it one.
    held_files : bool
        Earlier runs saw files below the root: where it shows none now, nobody is told to mark it either.
    other_bearer : callable
        Asked with the id of the root's marker: which other copy bears the very same now, None where none is seen to.
    bearer_of_new : callable
        The same of an id that was given to the root just now, of which nothing can be known beforehand.
    """

    marker: str | None = None
    is_vouched: bool = False
    away: str | None = None
    drive_away: str | None = None
    last_seen: str | None = None
    held_files: bool = False
    other_bearer: Callable[[str], str | None] = field(default=lambda marker: None, compare=False)
    bearer_of_new: Callable[[str], str | None] = field(default=lambda marker: None, compare=False)

    def remedy(self, if_new: str) -> str:
        """Return what to do about a root without a sign: of one that is known its disk is looked for first."""
        if self.last_seen is not None:
            return f"It bore its marker on {self.last_seen}: {LOOK_FOR_DISK}"
        return f"Earlier runs saw files below it: {LOOK_FOR_DISK}" if self.held_files else if_new

    def excuse(self, error: CouldNotTell) -> str | None:
        """Return why it is no alarm that this end was not seen; None where it is one."""
        if self.away is not None:
            return self.away
        return self.drive_away if isinstance(error, RootNotProven) else None


Expectations = tuple[Expectation, Expectation]
"""Of the source and of the destination."""

NOTHING_EXPECTED: Expectations = (Expectation(), Expectation())


def excuse(expected: Expectations, error: Exception) -> str | None:
    """Return why it is no alarm that a hop could not be looked at: every end that failed must have its excuse."""
    if not isinstance(error, EndsNotSeen):
        return None
    said = [end.excuse(why) for end, why in zip(expected, error.ends, strict=True) if why is not None]
    return said[0] if said and all(said) else None


def is_source_alone(error: Exception) -> bool:
    """Say whether the source answered, and the destination alone could not be looked at."""
    return isinstance(error, EndsNotSeen) and error.ends[0] is None


def ask_both(source: Ask, destination: Ask) -> tuple[Survey, Survey]:
    """Begin both listings at once; where one cannot be begun the other is closed.

    Raises
    ------
    EndsNotSeen
        With the reason of each end that could not be asked.
    """
    with ThreadPoolExecutor(max_workers=2) as pool:
        asked = (pool.submit(source), pool.submit(destination))
    errors = [_could_not(future) for future in asked]
    if any(errors):
        for future, error in zip(asked, errors, strict=True):
            if error is None:
                future.result().close()
        raise EndsNotSeen(*errors)
    return asked[0].result(), asked[1].result()


def _could_not(asked: Future[Survey]) -> CouldNotTell | None:
    error = asked.exception()
    if error is None or isinstance(error, CouldNotTell):
        return error
    raise error


def prove_both(
    facts: tuple[RootFacts, RootFacts],
    hosts: tuple[str, str],
    roots: tuple[str, str],
    expected: Expectations,
    accepts_new: Callable[[], bool] = lambda: False,
) -> None:
    """Refuse ends that may be empty mount points, other drives, or the same folder twice.

    Parameters
    ----------
    accepts_new : callable
        Asked where the destination shows no sign of being the root.

    Raises
    ------
    EndsNotSeen
    """
    here = _why_unproven(facts[0], hosts[0], roots[0], expected[0], lambda: False)
    there = _why_unproven(facts[1], hosts[1], roots[1], expected[1], accepts_new)
    if here is None and there is None and _is_same(*facts):
        there = RootNotProven(hosts[1], roots[1], SAME_FOLDER)
    if there is None and facts[1].marker and (other := expected[1].other_bearer(facts[1].marker)):
        there = borne_twice(hosts[1], roots[1], other)
    if here is not None or there is not None:
        raise EndsNotSeen(here, there)


def borne_twice(host: str, root: str, other: str) -> RootNotProven:
    """Return what is said of a root whose marker another copy bears too."""
    why = f"bears the marker of {other}, which bears it too: one folder is no two copies"
    remedy = (
        f"If it is a folder of its own, and the marker was copied with the files: `rm {root}/.nightferry/root` there"
    )
    return RootNotProven(host, root, why, remedy)


def _why_unproven(
    facts: RootFacts, host: str, root: str, expected: Expectation, accepts: Callable[[], bool]
) -> RootNotProven | None:
    if expected.marker is not None and facts.marker != expected.marker:
        return RootNotProven(host, root, OTHER_DRIVE if facts.marker is not None else NO_SIGN)
    if facts.is_proven or expected.is_vouched or accepts():
        return None
    if_new = f"If this is the root: `mkdir -p {root}/.nightferry && touch {root}/.nightferry/root` on that host"
    return RootNotProven(host, root, NO_SIGN, expected.remedy(if_new))


def new_root_words(host: str, root: str) -> str:
    """Return what to do where a destination is new; the host as site.yaml names it."""
    return f"If this is a new root: `nightferry sync --new-root {host}:{root}`"


def with_remedies(error: Exception, expected: Expectations, if_new: str = "") -> Exception:
    """Return a fault of two ends with what is known of roots that are gone, or of a destination without a sign.

    Parameters
    ----------
    if_new : str
        What to do about a destination of which nothing is known; empty: as the fault has it.
    """
    if not isinstance(error, EndsNotSeen):
        return error
    source, destination = error.ends
    reasons = (ABSENT, NO_SIGN) if if_new else (ABSENT,)
    return EndsNotSeen(
        _remedied(source, expected[0], "", (ABSENT,)), _remedied(destination, expected[1], if_new, reasons)
    )


def _remedied(
    error: CouldNotTell | None, end: Expectation, if_new: str, reasons: tuple[str, ...]
) -> CouldNotTell | None:
    if not isinstance(error, RootNotProven) or error.why not in reasons:
        return error
    return RootNotProven(error.host, error.root, error.why, end.remedy(if_new))


def _is_same(here: RootFacts, there: RootFacts) -> bool:
    has_one_marker = bool(here.marker) and here.marker == there.marker
    has_one_place = bool(here.identity) and here.identity == there.identity
    return has_one_marker or has_one_place


def mass_loss(
    now: Mapping[dt.date, int], before: Mapping[dt.date, int], unfinished: Collection[dt.date] = ()
) -> tuple[int, int] | None:
    """Return how many files there were and are, where a source lost more than half since the last run.

    Parameters
    ----------
    now, before : mapping of night to number of files
        `before` less what `prune` freed since. Nights that the last run did not see do not count.
    unfinished : collection of date
        Nights that lay nowhere but there: each of these may not lose more than half, however many others are whole.
    """
    expected = sum(before.values())
    found = sum(now.get(night, 0) for night in before)
    is_lost = found * 2 < expected or any(now.get(night, 0) * 2 < before.get(night, 0) for night in unfinished)
    return (expected, found) if is_lost else None


def loss_words(name: str, host: str, root: str, loss: tuple[int, int]) -> str:
    """Return the sentence for a root that suddenly lost many files: how many it held, and holds in the same nights."""
    return (
        f"{name}: {root} held {loss[1]} files in nights where an earlier run saw {loss[0]}; what is there is copied,"
        f" and nothing is freed until `nightferry sync --accept-loss {host}:{root}` says that it may be so"
    )
