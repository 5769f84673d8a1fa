"""Which sections a report has, in which order, and what stands in each: the same for text, mail and page.

A section's lines are made when they are asked for, so that a hop with a million files costs nothing until it
is written. How sections look is left to text.py and html.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from observatory.names import folded_runs, show
from observatory.truth import State
from reports.model import Report
from reports.words import gap_lines, one_line, with_slash
from syncer.outcome import Failure, HopOutcome
from verifier.verdict import Finding, HopVerdict


@dataclass(frozen=True, slots=True)
class Section:
    """One block of the report.

    Attributes
    ----------
    root : str
        With a trailing slash.
    title : str
        In capitals but for host names, which are case-sensitive to the eye.
    paths : sequence of bytes
        Files of which there is nothing more to say; they can be folded into runs.
    reasons : sequence of (path, reason)
        Files with what is to be said of each; those of which the same is said can be folded.
    remarks : sequence of str
        Ready lines: frame numbers.
    ending : str or None
        ``None``, ``UNKNOWN: reason``, ``AWAY: reason``; nothing in sections that only stand where there is
        something to say.
    is_terse : bool
        In the plain text, too, one cause is one line: a folder that is closed keeps all of its files from being moved.
    """

    root: str
    title: str
    paths: Sequence[bytes] = ()
    reasons: Sequence[tuple[bytes, str]] = ()
    remarks: Sequence[str] = ()
    ending: str | None = None
    is_terse: bool = False

    @property
    def count(self) -> int:
        """How many things the section lists."""
        return len(self.paths) + len(self.reasons) + len(self.remarks)

    def says_the_same_as(self, other: Section) -> bool:
        """Say whether not one line would differ."""
        mine, theirs = ((one.root, one.title, [*one.file_lines()], one.ending) for one in (self, other))
        return mine == theirs

    def file_lines(self) -> Iterator[str]:
        """Yield the lines without the ending, one a file; where the section is terse, one for what many share."""
        yield from map(show, self.paths)
        yield from _by_reason(self.reasons, MOST_ALIKE if self.is_terse else len(self.reasons))
        yield from self.remarks

    def folded_lines(self) -> Iterator[str]:
        """Yield the lines without the ending, runs of frame numbers folded into one, and what has one cause."""
        yield from folded_runs(self.paths)
        yield from _by_reason(self.reasons, 1)
        yield from self.remarks


MOST_ALIKE = 10
"""So many lines may say the same, before each folder becomes one."""


def _by_reason(reasons: Sequence[tuple[bytes, str]], most: int) -> Iterator[str]:
    """Yield a line a file; of more than `most` of which the same is said, one for each run, or else for each folder."""
    alike: dict[str, list[bytes]] = {}
    for path, why in reasons:
        alike.setdefault(why, []).append(path)
    if max(map(len, alike.values()), default=0) <= most:
        yield from (f"{show(path)}: {why}" for path, why in reasons)
        return
    for why, paths in alike.items():
        yield from (f"{line}: {why}" for line in (_folded(paths) if len(paths) > most else map(show, paths)))


def _folded(paths: Sequence[bytes]) -> Iterable[str]:
    runs = folded_runs(paths)
    return runs if len(runs) <= MOST_ALIKE else _by_folder(paths)


def _by_folder(paths: Iterable[bytes]) -> Iterator[str]:
    folders: dict[bytes, list[bytes]] = {}
    for path in paths:
        folders.setdefault(path.rpartition(b"/")[0], []).append(path)
    for folder, inside in folders.items():
        yield show(inside[0]) if len(inside) == 1 else f"{show(folder) or '.'}/, {len(inside)} files"


Said = Mapping[tuple[str, str], Sequence[Section]]
"""Sections by their roots and titles."""


def sections_of(report: Report) -> Iterator[Section]:
    """Yield every section: hop by hop what was found, then hop by hop what was not moved.

    What a run saw of a source both when it moved and when it verified, word for word, is said once.
    """
    report = report.in_order()
    for verdict in report.verdicts:
        yield from verdict_sections(verdict)
    said = said_of(report)
    for outcome in report.outcomes:
        yield from unsaid_sections(outcome, said)


def said_of(report: Report) -> Said:
    """Return what the verdicts of a report say, by root and title."""
    said: dict[tuple[str, str], list[Section]] = {}
    for verdict in report.verdicts:
        for section in verdict_sections(verdict):
            said.setdefault((section.root, section.title), []).append(section)
    return said


def unsaid_sections(outcome: HopOutcome, said: Said) -> Iterator[Section]:
    """Yield the sections of one hop that was moved, without those that a verdict has word for word."""
    for section in outcome_sections(outcome):
        if not any(section.says_the_same_as(one) for one in said.get((section.root, section.title), ())):
            yield section


def ends_of(hop: HopVerdict | HopOutcome) -> tuple[str, str]:
    """Return what both ends are called: by their hosts, and two copies on one host by their own names besides."""
    ends = one_line(hop.source), one_line(hop.destination)
    names = one_line(hop.hop).split("@")[0].split(":")
    if ends[0] != ends[1] or len(names) != len(ends):
        return ends
    source, destination = (end if name == end else f"{end} ({name})" for end, name in zip(ends, names, strict=True))
    return source, destination


def verdict_sections(verdict: HopVerdict) -> Iterator[Section]:
    """Yield the sections of one hop: what B lacks always, the others where there is something to say.

    Titles and order are the interface's. What is said of files on B stands below the root on B.
    """
    source, destination = ends_of(verdict)
    root, far_root = with_slash(verdict.source_root), with_slash(verdict.destination_root)
    missing = f"FILES ON {source} THAT ARE NOT ON {destination}"
    yield Section(root, missing, verdict.missing, ending=_ending(verdict))
    further = [
        Section(far_root, f"FILES ON {destination} THAT ARE NOT ON {source}", verdict.extra),
        Section(root, f"FILES THAT DIFFER IN SIZE BETWEEN {source} AND {destination}", verdict.size_differs),
        Section(root, f"FILES THAT DIFFER IN CONTENT BETWEEN {source} AND {destination}", verdict.checksum_differs),
        Section(root, f"DAMAGED FILES ON {source}", reasons=_findings(verdict.damaged, "source")),
        Section(far_root, f"DAMAGED FILES ON {destination}", reasons=_findings(verdict.damaged, "destination")),
        Section(root, f"FILES STILL BEING WRITTEN ON {source}", verdict.in_progress),
        Section(
            root, f"FRAME NUMBERS MISSING ON {source}", remarks=gap_lines(verdict.sequence_gaps, verdict.instrument)
        ),
        Section(root, f"UNRECOGNISED FILES ON {source}", verdict.unrecognised),
        Section(root, f"FILES THAT COULD NOT BE READ ON {source}", reasons=_findings(verdict.unreadable, "source")),
        Section(
            far_root,
            f"FILES THAT COULD NOT BE READ ON {destination}",
            reasons=_findings(verdict.unreadable, "destination"),
        ),
    ]
    yield from (section for section in further if section.count)


def outcome_sections(outcome: HopOutcome) -> Iterator[Section]:
    """Yield what people must know of one hop that was moved; nothing where all went well."""
    source, destination = ends_of(outcome)
    root, far_root = with_slash(outcome.source_root), with_slash(outcome.destination_root)
    not_moved = f"FILES THAT WERE NOT TRANSFERRED FROM {source} TO {destination}"
    first = Section(root, not_moved, (), _failures(outcome.failed), (), _outcome_ending(outcome), is_terse=True)
    if first.count or first.ending:
        yield first
    further = [
        Section(root, f"FILES TO BE TRANSFERRED FROM {source} TO {destination}", reasons=_failures(outcome.plan)),
        Section(far_root, f"FILES KEPT ON {destination}", reasons=_failures(outcome.kept)),
        Section(far_root, f"FILES REPLACED ON {destination}", outcome.replaced),
        Section(root, f"DAMAGED FILES ON {source}", reasons=_failures(outcome.stuck)),
        Section(root, f"FILES STILL BEING WRITTEN ON {source}", outcome.in_progress),
        Section(root, f"UNRECOGNISED FILES ON {source}", outcome.unrecognised),
        Section(root, f"FILES THAT COULD NOT BE READ ON {source}", reasons=_unread(outcome, "source")),
        Section(far_root, f"FILES THAT COULD NOT BE READ ON {destination}", reasons=_unread(outcome, "destination")),
    ]
    yield from (section for section in further if section.count)


def _ending(verdict: HopVerdict) -> str | None:
    if verdict.state is State.UNKNOWN:
        return f"UNKNOWN: {one_line(verdict.reason or '')}"
    if verdict.state is State.AWAY:
        return f"AWAY: {one_line(verdict.reason or '')}"
    return None if verdict.missing else "None"


def _outcome_ending(outcome: HopOutcome) -> str | None:
    if outcome.state is State.UNKNOWN:
        return f"UNKNOWN: {one_line(outcome.reason or '')}"
    if outcome.state is State.AWAY:
        return f"AWAY: {one_line(outcome.reason or '')}"
    return f"REFUSED: {one_line(outcome.refused_reason)}" if outcome.refused_reason is not None else None


def _findings(findings: Sequence[Finding], on: str) -> list[tuple[bytes, str]]:
    return [(found.path, one_line(found.reason)) for found in findings if found.on == on]


def _unread(outcome: HopOutcome, on: str) -> list[tuple[bytes, str]]:
    return _failures([failure for failure in outcome.unreadable if failure.on == on])


def _failures(failures: Sequence[Failure]) -> list[tuple[bytes, str]]:
    return [(failure.path, one_line(failure.reason)) for failure in failures]
