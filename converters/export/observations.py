"""Observations: who observed what from when until when, as the telemetry of one device tells.

Pure: a state machine over records in the order of their times, whatever files and roots they came from. Reading
those is search.py's; which observations somebody wants is asked here too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from converters.stamps import NS_PER_S

LONGEST_SILENCE_NS = 3600 * NS_PER_S
"""The telemetry comes every 10 s. A record older than this says nothing about when an observation began."""


@dataclass(frozen=True, slots=True)
class ObserverState:
    """What the observers' device says at one moment; text as the telemetry has it, empty where it has none."""

    email: str
    title: str
    target: str
    is_observing: bool


@dataclass(frozen=True, slots=True)
class ObserverRecord:
    """One record: a state at an instant (nanoseconds since 1970, UTC)."""

    at_ns: int
    state: ObserverState


@dataclass(frozen=True, slots=True)
class Observation:
    """One observation: the same observer, title and target while "observing" was on.

    Attributes
    ----------
    email, title, target : str
    begin_ns : int
        The last record before it was switched on, for data begin to be written a second before the record that
        says so; after a change of observer, title or target the record that says so.
    end_ns : int or None
        The first record that says another thing, which is no part of it; None while it goes on.
    """

    email: str
    title: str
    target: str
    begin_ns: int
    end_ns: int | None

    @property
    def is_open(self) -> bool:
        """Whether it still goes on, as far as the telemetry reaches."""
        return self.end_ns is None


def observations(
    records: Iterable[ObserverRecord], longest_silence_ns: int = LONGEST_SILENCE_NS
) -> Iterator[Observation]:
    """Yield observations in the order of their beginnings; the last one may still go on.

    Parameters
    ----------
    records : iterable of ObserverRecord
        Ascending in time. Repeated ones do no harm; of two at one instant the later one counts.
    longest_silence_ns : int
        A record that is older than this at the rise does not count as the one before it.
    """
    last_ns: int | None = None
    current: Observation | None = None
    for record in records:
        state = record.state
        if current is not None and not _continues(current, state):
            yield replace(current, end_ns=record.at_ns)
            begin_ns, current = record.at_ns, None
        else:
            is_recent = last_ns is not None and record.at_ns - last_ns <= longest_silence_ns
            begin_ns = last_ns if is_recent and last_ns is not None else record.at_ns
        if current is None and state.is_observing:
            current = Observation(state.email, state.title, state.target, begin_ns, None)
        last_ns = record.at_ns
    if current is not None:
        yield current


def _continues(current: Observation, state: ObserverState) -> bool:
    said = (state.email, state.title, state.target)
    return state.is_observing and said == (current.email, current.title, current.target)


@dataclass(frozen=True, slots=True)
class Wish:
    """Which observations are asked for; what is None is not asked.

    Attributes
    ----------
    title : str or None
        The whole title, or with `is_partial` any part of it.
    target : str or None
        The whole name of the object.
    email : str or None
        A part of the observer's address. Upper and lower case are one in all three.
    begin_ns, end_ns : int or None
        The observation lies between them, whole; one that goes on has no end that could lie beyond.
    begins_before_ns : int or None
        It begins before this instant: how a semester ends, that an observation may outlast.
    """

    title: str | None = None
    is_partial: bool = False
    target: str | None = None
    email: str | None = None
    begin_ns: int | None = None
    end_ns: int | None = None
    begins_before_ns: int | None = None

    @property
    def names_something(self) -> bool:
        """Whether a title, object or observer is named: then nothing found is an answer that nobody hoped for."""
        return any(text is not None for text in (self.title, self.target, self.email))

    def takes(self, one: Observation) -> bool:
        """Say whether an observation is asked for."""
        return self._takes_time(one) and self._takes_words(one)

    def _takes_time(self, one: Observation) -> bool:
        if self.begin_ns is not None and one.begin_ns < self.begin_ns:
            return False
        if self.begins_before_ns is not None and one.begin_ns >= self.begins_before_ns:
            return False
        if self.end_ns is None:
            return True
        return one.begin_ns <= self.end_ns and (one.end_ns is None or one.end_ns <= self.end_ns)

    def _takes_words(self, one: Observation) -> bool:
        title, wanted = one.title.casefold(), None if self.title is None else self.title.casefold()
        if wanted is not None and (wanted not in title if self.is_partial else wanted != title):
            return False
        if self.target is not None and self.target.casefold() != one.target.casefold():
            return False
        return self.email is None or self.email.casefold() in one.email.casefold()
