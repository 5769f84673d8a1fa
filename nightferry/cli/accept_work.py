"""What ``accept`` notes and takes back: each name as the one file that is meant, and doubts where it may be a slip."""

from __future__ import annotations

import datetime as dt
import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from catalogue.records import Acceptance
from nightferry.named import MOST_AT_ONCE, FilesOfNight, NamedFile
from nightferry.reporting.mentions import Mentions, mentions
from nightferry.workplace import Workplace
from observatory.accounts import account
from observatory.counting import counted
from observatory.errors import UsageError
from observatory.listing import ANY_NIGHT, EVERYWHERE, takes
from observatory.names import folded_runs, show, typed
from observatory.nights import night_text
from observatory.spec.chain import hops
from observatory.spec.models import Instrument

MOST_DIGITS = 18
"""Of a frame number; what is longer is no number that a program counts with."""


@dataclass(frozen=True, slots=True)
class Word:
    """What a person said of a night: of some frames and files, or of all of it."""

    night: dt.date
    frames: tuple[int, ...]
    names: tuple[str, ...]
    reason: str = ""
    until: dt.date | None = None

    def __post_init__(self) -> None:
        """Refuse an empty name: without any, the whole night is meant."""
        if not all(self.names):
            raise UsageError("FILE is empty, and no file is called so; nothing was noted")


def frame_numbers(text: str | None) -> tuple[int, ...]:
    """Return the numbers, of ranges as reports write them too (``140,143-145``).

    An empty list is a slip of whoever filled it in: without one the whole night is meant.
    """
    if text is None:
        return ()
    runs = [_run(word.strip()) for word in text.split(",") if word.strip()]
    if not runs or not all(0 < len(run) <= MOST_AT_ONCE for run in runs):
        raise UsageError(
            f"--frames {text}: numbers, or ranges such as 143-145, with commas between them; nothing was noted"
        )
    return tuple(sorted({number for run in runs for number in run}))


def _run(word: str) -> range:
    """Return the numbers of one word; none of what is no number and no range that runs forwards."""
    found = re.fullmatch(rf"([0-9]{{1,{MOST_DIGITS}}})(?:-([0-9]{{1,{MOST_DIGITS}}}))?", word)
    return range(0) if found is None else range(int(found[1]), int(found[2] or found[1]) + 1)


def check_nights(word: Word, present: dt.date) -> None:
    """Refuse a word that says nothing now, and one that would hide what nobody can know yet."""
    if word.night > present:
        raise UsageError(
            f"{night_text(word.night)} has not begun: nobody knows what it lacks. Off the telescope? `away`"
        )
    if word.until is not None and word.until < present:
        raise UsageError(f"--until {night_text(word.until)} lies before the present night, {night_text(present)}")


def note(workplace: Workplace, instrument: Instrument, word: Word) -> tuple[list[str], list[str]]:
    """Note what a person said; return what was noted, and what of it may be a slip, a line each.

    Raises
    ------
    UsageError
        A name may stand for several files, or for none. Nothing was noted.
    """
    said = mentions(workplace, instrument, word.night)
    names = FilesOfNight(instrument, word.night, workplace.clock_of(instrument), said.files)
    quotes = "" if " " in word.reason else ". Does a reason of several words stand in quotes?"
    known = [one for one in workplace.ledger.acceptances(instrument.instrument) if one.night == word.night]
    files = list(dict.fromkeys(file for name in word.names for file in names.meant(name, quotes)))
    for night in sorted({file.night for file in files} | ({word.night} if word.frames or not files else set())):
        workplace.ledger.accept(
            instrument.instrument,
            night,
            frames=word.frames if night == word.night else (),
            files=[file.name for file in files if file.night == night],
            reason=word.reason,
            by=account(),
            at_utc=workplace.now(),
            until=word.until,
        )
    whose = f"{instrument.instrument} {night_text(word.night)}"
    noted = [
        f"{whose}: {_counted(word, files)} accepted: {word.reason}",
        *(f"    {line}" for line in folded_runs(file.path for file in files)),
    ]
    return noted, list(_doubts(instrument, word, files, said, known))


def _counted(word: Word, files: Sequence[NamedFile]) -> str:
    counts = [(len(word.frames), "frame"), (len(files), "file")]
    return " and ".join(counted(count, what) for count, what in counts if count) or "the whole night"


def _doubts(
    instrument: Instrument, word: Word, files: Sequence[NamedFile], said: Mentions, known: Sequence[Acceptance]
) -> Iterator[str]:
    """Yield what speaks for a slip of the pen: that no report finds fault with it, or that none has looked."""
    if not hops(instrument):
        return  # of one copy alone there is nothing to compare
    is_whole = not (word.frames or files)
    is_looked_at = said.is_compared if is_whole or word.frames else said.is_seen
    if not is_looked_at:
        night = night_text(word.night)
        yield (
            "noted unchecked: no verification has looked at that night yet;"
            f" `nightferry verify -i {instrument.instrument} -d {night}` shows what it lacks"
        )
        return
    accepted = {accepted for one in known for accepted in (*one.frames, *one.files)}
    silent = [str(number) for number in word.frames if number not in said.frames and number not in accepted]
    unsaid = (file for file in files if not (file.is_told or said.speaks_of(file.path) or file.name in accepted))
    silent += map(show, (file.path for file in unsaid))
    if silent:
        yield (
            f"the last report finds no fault with {', '.join(silent)} in that night; are the name and the night right"
            + ("?" if not files or " " in word.reason else ", and does a reason of several words stand in quotes?")
        )
    yield from _of_other_cameras(instrument, word, said)
    if is_whole and not said.is_open:
        yield "the last report finds no fault with that night; is it the one that was meant?"


def _of_other_cameras(instrument: Instrument, word: Word, said: Mentions) -> Iterator[str]:
    """Yield which cameras' frames are accepted with those that are absent: numbers alone tell no camera."""
    absent = [number for number in word.frames if number in said.frames]
    numbered = (name for name in instrument.cameras if _is_numbered(instrument, name, word.night))
    others = sorted(set(numbered).difference(*(said.frames[number] for number in absent)))
    if absent and others:
        yield (
            f"a number is that of every camera's frame: of {', '.join(others)} the last report does not miss"
            f" {', '.join(map(str, absent))}, and a loss would be accepted too"
        )


def _is_numbered(instrument: Instrument, camera: str, night: dt.date) -> bool:
    """Say whether a camera's files are of the sequence: logs and telemetry are cameras too."""
    if instrument.sequence is None:
        return False
    facts = {"{night}": night_text(night), "{camera}": camera, "{number}": "0001"}
    name = functools.reduce(lambda text, fact: text.replace(*fact), facts.items(), instrument.sequence.pattern)
    return takes(instrument.cameras[camera], name.encode())


def take_back(workplace: Workplace, instrument: Instrument, word: Word) -> int:
    """Take back what was accepted of a night; with frames or names, the words in which one of them stands."""
    ledger, name, now = workplace.ledger, instrument.instrument, workplace.now()
    nights = (word.night, ANY_NIGHT) if word.names else (word.night,)
    names = FilesOfNight(instrument, word.night, workplace.clock_of(instrument), {})
    noted = {file for one in ledger.acceptances(name) if one.night in nights for file in one.files}
    forms = {form for text in word.names for form in typed(text)}
    called = {file for file in noted if _is_called(file, forms)}
    called |= {EVERYWHERE + key[1] for form in forms for key in names.may_be(form)}
    return sum(ledger.revoke(name, night, now, word.frames, called | forms) for night in nights)


def _is_called(file: bytes, forms: Iterable[bytes]) -> bool:
    return any(file == form or file.endswith(b"/" + form) for form in forms)
