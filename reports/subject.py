"""The subject of a mail: site, the worst instruments and their counts, in one short line.

Whoever reads only subjects must be able to trust them: what could not be told says so, and ok never stands
without the number of files that it rests on.
"""

from __future__ import annotations

from collections import Counter

from observatory.counting import counted
from observatory.truth import State, worst
from reports.model import Report
from reports.words import one_line

MOST_INSTRUMENTS = 4
"""So many are named; the rest are counted. A telephone shows some sixty letters."""


def subject_of(report: Report) -> str:
    """Return e.g. ``nightferry Sutherland: sha 42 missing; shd unknown``; one line, no control characters."""
    return f"nightferry {one_line(report.site)}: {told(report)}"


def told(report: Report) -> str:
    """Return what the subject says after the site: ``sha 42 missing; shd unknown``."""
    parts = {name: report.part(name) for name in report.instruments()}
    states = {name: part.state for name, part in parts.items()}
    named = _most_urgent({name: part for name, part in parts.items() if states[name] not in (State.OK, State.AWAY)})
    words = [f"{one_line(name)} {_of_instrument(parts[name])}" for name in named]
    unnamed = sum(state not in (State.OK, State.AWAY) for state in states.values()) - len(named)
    if unnamed:
        words.append(f"{unnamed} more")
    if any(problem.instrument is None for problem in report.problems) or not (parts or report.is_idle):
        words.append(f"unknown, the {report.kind} made no report" if report.problems and not parts else "unknown")
    if not words:
        words.append(_all_well(report))
    urgent = sum(note.is_urgent for note in report.notes)
    if urgent:
        words.append("read the note" if urgent == 1 else "read the notes")
    away = [one_line(name) for name, state in states.items() if state is State.AWAY]
    return "; ".join([*words, *([f"{', '.join(away)} away"] if away and len(away) < len(parts) else [])])


def _most_urgent(parts: dict[str, Report]) -> list[str]:
    """Return the names to be named, sorted: unknown before different, more before fewer."""
    ranked = sorted(
        parts, key=lambda name: (parts[name].state is not State.UNKNOWN, -sum(_counts(parts[name]).values()))
    )
    return sorted(ranked[:MOST_INSTRUMENTS])


def _of_instrument(part: Report) -> str:
    counts = ", ".join(f"{count} {words}" for words, count in _counts(part).items() if count)
    if part.state is State.UNKNOWN:
        return f"unknown, {counts}" if counts else "unknown"
    return counts or "different"


def _counts(part: Report) -> Counter[str]:
    counts: Counter[str] = Counter()
    for verdict in part.verdicts:
        counts["missing"] += len(verdict.missing)
        counts["of other size"] += len(verdict.size_differs)
        counts["of other content"] += len(verdict.checksum_differs)
    _count_once(counts, part)
    counts["extra"] += sum(len(verdict.extra) for verdict in part.verdicts)
    for outcome in part.outcomes:
        counts["not transferred"] += len(outcome.failed)
        counts["kept"] += len(outcome.kept)
        counts["stuck"] += len(outcome.stuck)
        counts["left for the next run"] += outcome.postponed
        counts["refused"] += outcome.refused_reason is not None
    failed_steps = sum(step.failed > 0 for step in part.steps)
    counts["held for review"] += sum(step.held > 0 for step in part.steps)
    counts["step failed" if failed_steps == 1 else "steps failed"] += failed_steps
    return counts


def _count_once(counts: Counter[str], part: Report) -> None:
    """Count what shows on every copy: a file that is damaged on three of them is one, and so is a lost frame."""
    counts["damaged"] += len({finding.path for verdict in part.verdicts for finding in verdict.damaged})
    gaps = (gap for verdict in part.verdicts if verdict.gaps_fail for gap in verdict.sequence_gaps)
    absent = len({(gap.night, gap.camera, number) for gap in gaps for number in gap.numbers})
    counts["frame absent" if absent == 1 else "frames absent"] += absent


def _all_well(report: Report) -> str:
    state = worst(row.state for rows in (report.verdicts, report.outcomes) for row in rows)
    word = "away" if state is State.AWAY and not any(row.state is State.OK for row in report.verdicts) else "ok"
    if report.verdicts:
        return f"{word}, {counted(sum(verdict.compared for verdict in report.verdicts), 'file')} compared"
    if report.outcomes and all(outcome.dry_run for outcome in report.outcomes):
        return f"{word}, {counted(sum(outcome.planned for outcome in report.outcomes), 'file')} to be transferred"
    if report.outcomes:
        return f"{word}, {counted(sum(outcome.transferred for outcome in report.outcomes), 'file')} transferred"
    return f"{word}, nothing was to be done" if report.is_idle and not report.steps else word
