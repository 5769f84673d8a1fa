"""Whether a mail is sent: quiet days stay quiet, and a run that could not tell never is.

Pure: what was mailed last is an argument, and so is the clock. Composing and sending is left to mail.py.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from observatory.truth import State
from reports.model import Report, StepRow
from syncer.outcome import Failure, HopOutcome
from verifier.verdict import Finding, HopVerdict

When = Literal["always", "differences", "change"]

ALIVE_DAYS = 7
"""``alive: weekly``."""

_EARLY = dt.timedelta(hours=2)
"""A run of the same hour, days later, may begin a little earlier than the one before it, or lose an hour to
summer time; it still counts as that many days later."""


@dataclass(frozen=True, slots=True)
class LastMail:
    """The last mail that these people were sent.

    Attributes
    ----------
    sent_utc : datetime.datetime
    digest : str
        `digest` of the report that it carried.
    state : State
        Of that report.
    """

    sent_utc: dt.datetime
    digest: str
    state: State


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to send, and why (or why not), for the log."""

    send: bool
    why: str


def should_send(
    when: When,
    state: State,
    findings_digest: str,
    last: LastMail | None,
    now_utc: dt.datetime,
    repeat_days: int,
    alive: Literal["weekly"] | None = None,
) -> Decision:
    """Decide whether a report of this state and content is mailed.

    Parameters
    ----------
    when : str
        ``always``; ``differences``: whenever something differs; ``change``: when what differs is not what
        the last mail said, again after `repeat_days`, and once when all is well again.
    state : State
        Unknown is sent whatever `when` says, each time.
    findings_digest : str
        `digest` of the report.
    last : LastMail or None
        None where these people have never been sent one.
    now_utc : datetime.datetime
    repeat_days : int
        Days after which unchanged differences are said again.
    alive : str or None
        ``weekly``: all is well is said where nothing at all was said for a week.
    """
    if when == "always":
        return Decision(True, "every report is mailed")
    if state is State.UNKNOWN:
        return Decision(True, "the run could not tell")
    if state is State.DIFFERENT:
        return _about_differences(when, findings_digest, last, now_utc, repeat_days)
    return _about_all_well(when, last, now_utc, alive)


def _about_differences(
    when: When, findings_digest: str, last: LastMail | None, now_utc: dt.datetime, repeat_days: int
) -> Decision:
    if when == "differences":
        return Decision(True, "there are differences")
    if last is None or last.digest != findings_digest:
        return Decision(True, "the differences are not those of the last mail")
    if _is_days_later(last, now_utc, repeat_days):
        return Decision(True, f"the same differences were last mailed {repeat_days} days ago or more")
    return Decision(False, "the same differences were mailed already")


def _about_all_well(when: When, last: LastMail | None, now_utc: dt.datetime, alive: str | None) -> Decision:
    if when == "change" and last is not None and last.state in (State.DIFFERENT, State.UNKNOWN):
        return Decision(True, "all is well again")
    if alive == "weekly" and (last is None or _is_days_later(last, now_utc, ALIVE_DAYS)):
        return Decision(True, "nothing was said for a week: all is well")
    return Decision(False, "all is well")


def _is_days_later(last: LastMail, now_utc: dt.datetime, days: int) -> bool:
    """Whether so many days have passed. A mail of the future (a clock set back) counts as long ago."""
    passed = now_utc - last.sent_utc
    return passed >= dt.timedelta(days=days) - _EARLY or passed < -_EARLY


def state_to_tell(report: Report) -> State:
    """Return a report's state as mail takes it: where an urgent note stands, the day is no quiet one."""
    is_quiet = report.state in (State.OK, State.AWAY)
    return State.DIFFERENT if is_quiet and any(note.is_urgent for note in report.notes) else report.state


def digest(report: Report) -> str:
    """Return a hash of what was found and what failed: equal for equal findings, whenever they were made.

    Left out is what moves from night to night without a fault: times, windows, counts of files, files in
    progress, unrecognised files, notes that are not urgent.
    """
    report = report.in_order()
    found = [
        [_verdict_facts(verdict) for verdict in report.verdicts],
        [_outcome_facts(outcome) for outcome in report.outcomes],
        [_step_facts(step) for step in report.steps if step.failed or step.held],
        [[problem.instrument, problem.sentence] for problem in report.problems],
    ]
    urgent = [[note.instrument, note.sentence] for note in report.notes if note.is_urgent]
    found += [urgent] if urgent else []
    return hashlib.sha256(json.dumps(found).encode()).hexdigest()


def _verdict_facts(verdict: HopVerdict) -> list[Any]:
    gaps = sorted((str(gap.night), gap.camera, gap.numbers) for gap in verdict.sequence_gaps)
    lists = (verdict.missing, verdict.extra, verdict.size_differs, verdict.checksum_differs)
    return [
        verdict.instrument,
        verdict.hop,
        str(verdict.state),
        [_names(paths) for paths in lists],
        _findings(verdict.damaged),
        _findings(verdict.unreadable),
        gaps if verdict.gaps_fail else [],
    ]


def _outcome_facts(outcome: HopOutcome) -> list[Any]:
    lists = (outcome.failed, outcome.kept, outcome.unreadable, outcome.stuck)
    facts = [outcome.instrument, outcome.hop, str(outcome.state), [_names(_paths(failures)) for failures in lists]]
    return [*facts, outcome.refused_reason is not None, outcome.postponed > 0]


def _step_facts(step: StepRow) -> list[Any]:
    return [step.instrument, str(step.night), step.step, step.failed, step.held]


def _names(paths: Iterable[bytes]) -> list[str]:
    """Names as JSON can hold them; latin-1 maps every byte to one letter and back."""
    return [path.decode("latin-1") for path in sorted(paths)]


def _paths(failures: Iterable[Failure]) -> list[bytes]:
    return [failure.path for failure in failures]


def _findings(findings: Iterable[Finding]) -> list[list[str]]:
    return [[found.path.decode("latin-1"), found.on] for found in sorted(findings)]
