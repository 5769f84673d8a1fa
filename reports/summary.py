"""The lines below the last block: per hop what was compared or moved, then steps, notes and problems.

Every state stands beside the counts that it rests on; a green line without a count would say nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence

from observatory.counting import counted
from reports.model import FrameCount, NightProcessed, Note, Report, StepRow
from reports.words import night_text, one_line, seconds_text, size_text
from syncer.outcome import HopOutcome
from verifier.verdict import HopVerdict

WIDTH = 80
"""Columns aimed at: what a terminal and a phone held sideways show."""

_RIGHT = {2, 3, 4, 5}
"""Columns that hold counts and so are set to the right; the last is a state and never padded."""


def summary_lines(report: Report) -> list[str]:
    """Return all lines; groups (hops compared and moved, steps, nights, notes, problems) stand one empty line apart."""
    report = report.in_order()
    groups = [
        _verdict_lines(report.verdicts),
        _outcome_lines(report.outcomes),
        list(_step_lines(report.steps)),
        processed_lines(report),
        [_sentence(note, "") for note in report.notes],
        [_sentence(note, "PROBLEM: ") for note in report.problems],
    ]
    filled = [group for group in groups if group]
    if not (report.instruments() or report.problems or report.is_idle):
        filled.append(["UNKNOWN: nothing was looked at"])
    elif not filled:
        filled.append(["nothing was to be done"])
    return [line for index, group in enumerate(filled) for line in ([""] if index else []) + group]


def summary_sentences(report: Report) -> list[str]:
    """Return notes, then problems, a line each."""
    return [_sentence(note, "") for note in report.notes] + [_sentence(note, "PROBLEM: ") for note in report.problems]


def verdict_cells(verdict: HopVerdict) -> tuple[str, ...]:
    """Return a hop's summary: instrument, hop, nights, compared and at which level, not comparable, state."""
    return (
        one_line(verdict.instrument),
        one_line(verdict.hop),
        counted(len(verdict.nights), "night"),
        f"{verdict.compared} by {verdict.level}",
        f"{verdict.not_comparable} not comparable",
        str(verdict.state),
    )


def outcome_cells(outcome: HopOutcome) -> tuple[str, ...]:
    """Return a moved hop's summary: instrument, hop, nights, moved of planned, bytes, time, state."""
    moved = f"{outcome.planned} planned" if outcome.dry_run else f"{outcome.transferred} of {outcome.planned} moved"
    return (
        one_line(outcome.instrument),
        one_line(outcome.hop),
        counted(len(outcome.nights), "night"),
        moved,
        size_text(outcome.planned_bytes if outcome.dry_run else outcome.moved_bytes),
        seconds_text(outcome.seconds),
        str(outcome.state),
    )


def _verdict_lines(verdicts: Sequence[HopVerdict]) -> list[str]:
    lines = []
    for verdict, line in zip(verdicts, _aligned([verdict_cells(verdict) for verdict in verdicts]), strict=True):
        lines.append(line)
        lines += [f"    {words}" for words in verdict_remarks(verdict)]
    return lines


def _outcome_lines(outcomes: Sequence[HopOutcome]) -> list[str]:
    lines = []
    for outcome, line in zip(outcomes, _aligned([outcome_cells(outcome) for outcome in outcomes]), strict=True):
        lines.append(line)
        lines += remark_lines(outcome)
    return lines


def remark_lines(outcome: HopOutcome) -> list[str]:
    """Return what is to be said of a moved hop as a whole, a line each, indented below the hop's own."""
    left = [f"{counted(outcome.postponed, 'file')} left for the next run"] if outcome.postponed else []
    return [f"    {one_line(remark)}" for remark in (*left, *outcome.remarks)]


def verdict_remarks(verdict: HopVerdict) -> list[str]:
    """Return what stands below a hop's own line: of what only sizes were asked, and what a person has accepted."""
    words = f"{verdict.unjudged} of these by size alone: of no format that can be judged"
    accepted = [f"{count} accepted: {one_line(reason)}" for reason, count in sorted(verdict.accepted.items())]
    return [words, *accepted] if verdict.unjudged else accepted


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Set rows in columns two blanks apart, or one where that is what makes them fit into 80."""
    if not rows:
        return []
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    gap = "  " if sum(widths) + 2 * (len(widths) - 1) <= WIDTH else " "
    return [gap.join(_padded(row, widths)).rstrip() for row in rows]


def _padded(row: tuple[str, ...], widths: Sequence[int]) -> Iterator[str]:
    for column, (cell, width) in enumerate(zip(row, widths, strict=True)):
        is_state = column == len(row) - 1
        pad: Callable[[int], str] = cell.rjust if column in _RIGHT and not is_state else cell.ljust
        yield pad(width)


def _step_lines(steps: Sequence[StepRow]) -> Iterator[str]:
    telling = telling_steps(steps)
    lines = _aligned([step_cells(step) for step in telling])
    for step, line in zip(telling, lines, strict=True):
        yield line
        yield from (f"    {one_line(reason)}" for reason in step.reasons)
    yield from quiet_lines(steps)


def _quiet_nights(steps: Sequence[StepRow]) -> dict[str, set[dt.date]]:
    """Return, by instrument, the nights in which every step was skipped; of an instrument with several such nights."""
    telling = {(step.instrument, step.night) for step in steps if step.done or step.reasons or not step.skipped}
    quiet: dict[str, set[dt.date]] = {}
    for step in steps:
        if (step.instrument, step.night) not in telling:
            quiet.setdefault(step.instrument, set()).add(step.night)
    return {name: nights for name, nights in quiet.items() if len(nights) > 1}


def telling_steps(steps: Sequence[StepRow]) -> list[StepRow]:
    """Return the steps to be shown one by one: every morning a month of nights is as it was the morning before."""
    quiet = _quiet_nights(steps)
    return [step for step in steps if step.night not in quiet.get(step.instrument, ())]


def quiet_lines(steps: Sequence[StepRow]) -> list[str]:
    """Return a line for each instrument of which nights were as they were."""
    return [
        f"{one_line(name)}: {len(nights)} nights are through their steps already"
        for name, nights in sorted(_quiet_nights(steps).items())
    ]


def step_cells(step: StepRow) -> tuple[str, ...]:
    """Return a step's summary: instrument, night and step, done, failed, skipped, time, state."""
    return (
        one_line(step.instrument),
        f"{night_text(step.night)} {one_line(step.step)}",
        f"{step.done} done",
        f"{step.failed} failed",
        f"{step.skipped} skipped",
        seconds_text(step.seconds),
        str(step.state),
    )


def processed_lines(report: Report) -> list[str]:
    """Return a line for each night of which frames were counted; what else was done stands with the steps."""
    return [_processed_line(night) for night in report.nights_processed() if night.frames is not None]


def _processed_line(night: NightProcessed) -> str:
    """Return e.g. ``vampires 20251106 processed in 12 s: 800 frames in, 790 out, 10 listed; 0.2 % dubious (A 400)``."""
    how = "processed" if night.is_whole else "processed in part"
    line = f"{one_line(night.instrument)} {night_text(night.night)} {how} in {seconds_text(night.seconds)}"
    return line if night.frames is None else f"{line}: {frames_words(night.frames)}"


def frames_words(frames: FrameCount) -> str:
    """Return how many frames went in and out, and of which kinds."""
    words = f"{counted(frames.taken, 'frame')} in, {frames.made} out"
    if frames.listed:
        words += f", {frames.listed} listed"
    if frames.made and frames.kinds:
        words += f"; {100 * frames.dubious / frames.made:.2g} % dubious"
    kinds = ", ".join(f"{one_line(kind)} {count}" for kind, count in sorted(frames.kinds.items()))
    return f"{words} ({kinds})" if kinds else words


def _sentence(note: Note, opening: str) -> str:
    whose = f"{one_line(note.instrument)}: " if note.instrument else ""
    return f"{opening}{whose}{one_line(note.sentence)}"
