"""The report as JSON documents for programs: verify, sync and run.

The keys are the interface's and always there; further ones come after them. Written in ASCII, so that no
terminal, mail relay or log can spoil a name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from observatory.names import to_json
from reports.model import FrameCount, NightProcessed, Note, Report, StepRow
from reports.words import instant_text, night_text, with_slash
from syncer.outcome import Failure, HopOutcome
from verifier.verdict import Finding, HopVerdict, SequenceGap

Document = dict[str, Any]
"""A JSON object; the one place where plain dictionaries travel, on their way out."""


def dumps(document: Document) -> str:
    """Return a document as indented ASCII, keys in the interface's order, ending in a newline."""
    return json.dumps(document, indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def document_of(report: Report) -> Document:
    """Return the document of the report's own kind."""
    return {"verify": verify_document, "sync": sync_document, "run": run_document, "prune": run_document}[report.kind](
        report
    )


def verify_document(report: Report) -> Document:
    """Return what ``verify --json`` prints."""
    report = report.in_order()
    return {**_frame(report), "hops": [_verdict(verdict) for verdict in report.verdicts], **_remarks(report)}


def sync_document(report: Report) -> Document:
    """Return what ``sync --json`` prints: the same frame, with what was moved of each hop."""
    report = report.in_order()
    return {**_frame(report), "hops": [_outcome(outcome) for outcome in report.outcomes], **_remarks(report)}


def run_document(report: Report) -> Document:
    """Return what ``run --json`` prints: `hops` as verify has them, `transfers` as sync has them, and `steps`."""
    report = report.in_order()
    return {
        **_frame(report),
        "hops": [_verdict(verdict) for verdict in report.verdicts],
        "transfers": [_outcome(outcome) for outcome in report.outcomes],
        "steps": [_step(step) for step in report.steps],
        "nights_processed": [_processed(night) for night in report.nights_processed()],
        **_remarks(report),
    }


def _frame(report: Report) -> Document:
    return {
        "state": str(report.state),
        "started_utc": instant_text(report.started_utc),
        "finished_utc": instant_text(report.finished_utc),
    }


def _remarks(report: Report) -> Document:
    return {
        "site": report.site,
        "kind": report.kind,
        "notes": [_note(note) for note in report.notes],
        "problems": [_note(note) for note in report.problems],
    }


def _verdict(verdict: HopVerdict) -> Document:
    return {
        "instrument": verdict.instrument,
        "source": verdict.source,
        "destination": verdict.destination,
        "source_root": with_slash(verdict.source_root),
        "destination_root": with_slash(verdict.destination_root),
        "state": str(verdict.state),
        "reason": verdict.reason,
        "level": verdict.level,
        "nights": [night_text(night) for night in sorted(verdict.nights)],
        "source_files": verdict.source_files,
        "destination_files": verdict.destination_files,
        "compared": verdict.compared,
        "not_comparable": verdict.not_comparable,
        "missing": _paths(verdict.missing),
        "extra": _paths(verdict.extra),
        "size_differs": _paths(verdict.size_differs),
        "checksum_differs": _paths(verdict.checksum_differs),
        "damaged": _findings(verdict.damaged),
        "unreadable": _findings(verdict.unreadable),
        "in_progress": _paths(verdict.in_progress),
        "unrecognised": _paths(verdict.unrecognised),
        "sequence_gaps": [_gap(gap) for gap in sorted(verdict.sequence_gaps, key=lambda gap: (gap.night, gap.camera))],
        "hop": verdict.hop,
        "gaps_fail": verdict.gaps_fail,
        "accepted": dict(sorted(verdict.accepted.items())),
        "unjudged": verdict.unjudged,
    }


def _outcome(outcome: HopOutcome) -> Document:
    return {
        "instrument": outcome.instrument,
        "source": outcome.source,
        "destination": outcome.destination,
        "source_root": with_slash(outcome.source_root),
        "destination_root": with_slash(outcome.destination_root),
        "state": str(outcome.state),
        "reason": outcome.reason,
        "nights": [night_text(night) for night in sorted(outcome.nights)],
        "source_files": outcome.source_files,
        "planned": outcome.planned,
        "transferred": outcome.transferred,
        "bytes": outcome.moved_bytes,
        "seconds": round(outcome.seconds, 3),
        "failed": _failures(outcome.failed),
        "in_progress": _paths(outcome.in_progress),
        "kept": _paths([failure.path for failure in outcome.kept]),
        "replaced": _paths(outcome.replaced),
        "hop": outcome.hop,
        "engine": outcome.engine,
        "planned_bytes": outcome.planned_bytes,
        "kept_reasons": _failures(outcome.kept),
        "unreadable": [{**_failure(one), "on": one.on} for one in sorted(outcome.unreadable)],
        "stuck": _failures(outcome.stuck),
        "postponed": outcome.postponed,
        "unrecognised": _paths(outcome.unrecognised),
        "remarks": list(outcome.remarks),
        "dry_run": outcome.dry_run,
        "plan": _failures(outcome.plan),
    }


def _step(step: StepRow) -> Document:
    return {
        "instrument": step.instrument,
        "night": night_text(step.night),
        "step": step.step,
        "done": step.done,
        "failed": step.failed,
        "skipped": step.skipped,
        "seconds": round(step.seconds, 3),
        "reasons": list(step.reasons),
        "held": step.held,
        "waiting": step.waiting,
        "frames": _frames(step.frames),
    }


def _processed(night: NightProcessed) -> Document:
    return {
        "instrument": night.instrument,
        "night": night_text(night.night),
        "is_whole": night.is_whole,
        "seconds": round(night.seconds, 3),
        "frames": _frames(night.frames),
    }


def _frames(frames: FrameCount | None) -> Document | None:
    if frames is None:
        return None
    kinds = dict(sorted(frames.kinds.items()))
    counts = {"in": frames.taken, "out": frames.made, "listed": frames.listed, "dubious": frames.dubious}
    return counts | {"kinds": kinds}


def _note(note: Note) -> Document:
    return {"instrument": note.instrument, "sentence": note.sentence}


def _gap(gap: SequenceGap) -> Document:
    return {"night": night_text(gap.night), "numbers": list(gap.numbers), "camera": gap.camera}


def _paths(paths: Iterable[bytes]) -> list[Any]:
    """Sort as bytes, as the text report does, whatever form each name takes."""
    return [to_json(path) for path in sorted(paths)]


def _findings(findings: Sequence[Finding]) -> list[Document]:
    return [{"path": to_json(found.path), "on": found.on, "reason": found.reason} for found in sorted(findings)]


def _failures(failures: Sequence[Failure]) -> list[Document]:
    return [_failure(failure) for failure in sorted(failures)]


def _failure(failure: Failure) -> Document:
    return {"path": to_json(failure.path), "reason": failure.reason}
