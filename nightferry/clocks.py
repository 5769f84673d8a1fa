"""Whether this machine's clock can be believed: that it was set, and how long ago something is by the runs since.

A clock that leaps ahead makes young things old. What waits for its time is told here by more than the clock; what is
done about hosts whose clocks differ from ours is syncer/safety.py's.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from nightferry.workplace import Workplace
from observatory.counting import clock_words
from observatory.files import write_whole
from reports.model import Note

LEAP_S = 12 * 3600.0
"""A clock that was set by more than this mixes up nights; summer time and a drifting clock are less."""
MOST_RUNS = 100_000
"""So many runs are looked back over: one every minute for two months."""
_NIGHTLY = dt.timedelta(days=2)
"""A pause between two nightly runs, one of them left out: it counts whole, as far as half of what is waited for."""
_DAY_S = 86400.0
_FILE = "clock.json"
_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Running:
    """Since when this machine has been running, as its clock shows it.

    Attributes
    ----------
    boot : str
        Which boot it is.
    began_s : float
        Its beginning by the clock, Unix seconds: the same for as long as nobody sets the clock.
    noted_s : float
        What the clock showed when this was noted, Unix seconds.
    """

    boot: str
    began_s: float
    noted_s: float


def running() -> Running | None:
    """Return since when this machine has been running; None where the system does not tell."""
    try:
        boot = _BOOT.read_text(encoding="ascii").strip()
        up_s = time.clock_gettime(time.CLOCK_BOOTTIME)  # goes on while the machine sleeps, and nobody sets it
    except (OSError, ValueError, AttributeError):
        return None
    now_s = time.time()
    return Running(boot, now_s - up_s, now_s)


def leapt(workplace: Workplace, now: Running | None = None) -> str | None:
    """Return a sentence where this machine's clock was set by more than half a day while it was running.

    Also where it shows a time before the one that it showed when the machine ran last, as without its battery it does.
    What was noted before stays noted until the clock is right again or a person takes the note away: which of the two
    times is the right one nobody here knows.
    """
    found = _leap(workplace, now)
    if found is None:
        return None
    before, ahead_s, is_one_boot = found
    noted = f"{dt.datetime.fromtimestamp(before.noted_s, dt.UTC):%Y-%m-%d %H:%M} UTC"
    if is_one_boot:
        what = (
            f"was set while it was running: it is {clock_words(ahead_s)} what it showed at {noted}"
            " and the time that has passed since (or it stood still, as virtual machines do)"
        )
    else:
        what = f"went back while it was off: it is {clock_words(ahead_s)} {noted}, which it showed before"
    return (
        f"this machine's clock {what}."
        f" Nothing is freed. Set it (chrony or ntpd); if it is right now: rm {workplace.state / _FILE}"
    )


def _leap(workplace: Workplace, now: Running | None) -> tuple[Running, float, bool] | None:
    """Return what was noted before the clock was set, by how many seconds, and whether the machine has run since.

    How long a machine was off no clock tells; but no time is before one that was.
    """
    present, before = now or running(), _noted(workplace.state / _FILE)
    if present is None or before is None:
        return None
    is_one_boot = before.boot == present.boot
    ahead_s = present.began_s - before.began_s if is_one_boot else min(present.noted_s - before.noted_s, 0.0)
    return (before, ahead_s, is_one_boot) if abs(ahead_s) > LEAP_S else None


def doubt_of_nights(workplace: Workplace) -> str | None:
    """Return why nights that are counted back from now may not be the last ones; None where the clock is believed.

    One that is ahead leaves none out: the window reaches back to the last look.
    """
    found = _leap(workplace, None)
    if found is None or found[1] > 0:
        return None
    return (
        "this machine's clock was set back; which nights are the last cannot be told."
        " Set it (chrony or ntpd), or name the nights with -d"
    )


def clock_notes(workplace: Workplace) -> Iterator[Note]:
    """Yield an urgent note where the clock was set; where it was not, remember how long this machine has been up."""
    sentence = leapt(workplace)
    if sentence is not None:
        yield Note(sentence, is_urgent=True)
    else:
        _remember(workplace)


def old_before(workplace: Workplace) -> Callable[[int], dt.datetime | None]:
    """Return a function that says before which instant something is so many days old; None: nothing is.

    By the clock, and by the runs in between: a clock that is a month ahead makes nothing a month older.
    """

    def ask(days: int) -> dt.datetime | None:
        if leapt(workplace) is not None:
            return None
        return lived_through(workplace.now(), workplace.ledger.began_lately(MOST_RUNS), dt.timedelta(days=days))

    return ask


def lived_through(now: dt.datetime, began: Iterable[dt.datetime], wanted: dt.timedelta) -> dt.datetime | None:
    """Return the instant before which something is as old as `wanted`; pure.

    Parameters
    ----------
    now : datetime
        What the clock shows.
    began : iterable of datetime
        When the runs began, the last one first, as the clock showed it then. A long pause between two of them may have
        been one, or a leap of the clock: it counts for no more than a quarter of what is waited for, or two days.
    wanted : timedelta

    Returns
    -------
    datetime or None
        None where the runs do not reach back so far.
    """
    begun, passed = _passed(now, began, wanted)
    return min(begun + (passed - wanted), now - wanted) if passed >= wanted else None


def aged(now: dt.datetime, began: Iterable[dt.datetime], wanted: dt.timedelta) -> dt.datetime:
    """Return the instant before which something with a date of its own is as old as `wanted`; pure.

    As `lived_through`, but what was before the first run is as old as its date says: a night was there before us.
    """
    begun, passed = _passed(now, began, wanted)
    return min(begun + (passed - wanted), now - wanted)


def _passed(now: dt.datetime, began: Iterable[dt.datetime], wanted: dt.timedelta) -> tuple[dt.datetime, dt.timedelta]:
    """Return when the run began since which so much has passed, else the first one; and how much has."""
    begun, passed = now, dt.timedelta(0)
    longest = max(wanted / 4, min(_NIGHTLY, wanted / 2))
    for instant in began:
        passed += min(max(begun - instant, dt.timedelta(0)), longest)
        begun = instant
        if passed >= wanted:
            break
    return begun, passed


def _noted(path: Path) -> Running | None:
    try:
        return Running(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def _remember(workplace: Workplace) -> None:
    """Note since when this machine has been up, once a day and once a boot: a note costs waiting for the disk."""
    present, path = running(), workplace.state / _FILE
    before = _noted(path)
    is_known = present is not None and before is not None and before.boot == present.boot
    if present is None or (is_known and before is not None and abs(present.noted_s - before.noted_s) < _DAY_S):
        return
    with contextlib.suppress(OSError):  # a state folder that takes no file is told by what has to be written there
        write_whole(path, json.dumps(asdict(present)).encode())
