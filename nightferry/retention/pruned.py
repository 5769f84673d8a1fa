"""What was found of freeing space, in words and as JSON: what may go or went, and why not the rest.

Finding it is pruning.py's; printing it the command line's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from nightferry.retention.outcome import Going, NightPruned, PlacePruned, Staying
from observatory.counting import counted
from observatory.names import show, to_json
from observatory.nights import night_text
from observatory.truth import State, worst
from reports.model import Note, StepRow
from reports.words import one_line, size_text


def state_of(found: Sequence[PlacePruned]) -> State:
    """Return the worst state of some copies; of none at all it is ok that nothing was to be done."""
    return worst(one.state for one in found) if found else State.OK


def size_of(files: Sequence[Going]) -> int:
    """Return the bytes of some files."""
    return sum(one.size_bytes for one in files)


def lines(found: Sequence[PlacePruned], is_free: bool) -> Iterator[str]:
    """Yield plain lines: a heading per copy, a line per night and reason, and what to do next."""
    for one in found:
        yield heading(one)
        yield from (f"  {text}" for text in remarks(one))
        yield from (f"  {night_text(night.night)}: {text}" for night in one.nights for text in night_lines(night))
    yield closing(found, is_free)


def heading(one: PlacePruned) -> str:
    """Return the line above a copy's own."""
    return f"{one.instrument} on {one.place.name}, {one.place.root}/"


def remarks(one: PlacePruned) -> Iterator[str]:
    """Yield what is to be said of a copy as a whole."""
    if one.reason is not None:
        yield f"nothing is freed: {one_line(one.reason)}"
    yield from (f"UNKNOWN: {one_line(why)}" for why in one.unknown)
    yield from one.notes
    if one.kept_nights:
        whose = "its" if len(one.kept_nights) == 1 else "their"
        yield f"{counted(len(one.kept_nights), 'night')} kept: {whose} time has not come"


def night_lines(night: NightPruned) -> Iterator[str]:
    """Yield a line for what may go or went, and one for each reason why others stay."""
    done = night.gone or []
    if done:
        yield f"{_files(done)} freed, proven on {_places(done)}"
    elif night.may_go and not night.failed:
        yield f"{_files(night.may_go)} may be freed, proven on {_places(night.may_go)}"
    for word, stays in (("were not freed", night.failed), ("stay", night.stays)):
        for reason, count, example in grouped(stays):
            yield f"{counted(count, 'file')} {word if count > 1 else _singular(word)}: {reason} ({example})"


def _singular(word: str) -> str:
    return {"were not freed": "was not freed", "stay": "stays"}[word]


def grouped(stays: Sequence[Staying]) -> Iterator[tuple[str, int, str]]:
    """Yield each reason once, with how many files it is about and the first of them; the commonest first."""
    counts = Counter(one_line(one.reason) for one in stays)
    for reason, count in counts.most_common():
        first = min(one.path for one in stays if one_line(one.reason) == reason)
        yield reason, count, show(first)


def _files(files: Sequence[Going]) -> str:
    return f"{counted(len(files), 'file')}, {size_text(size_of(files))},"


def _places(files: Sequence[Going]) -> str:
    """Return the copies on which all of some files are proven, or on which some are."""
    names = sorted({name for one in files for name in one.copies})
    return " and ".join(names)


def closing(found: Sequence[PlacePruned], is_free: bool) -> str:
    """Return the last line: what was freed, or what would be."""
    gone = [one for place in found for night in place.nights for one in night.gone]
    may_go = [one for place in found for night in place.nights for one in night.may_go]
    if is_free:
        return f"{counted(len(gone), 'file')} freed, {size_text(size_of(gone))}"
    if not may_go:
        return "nothing may be freed"
    words = f"{counted(len(may_go), 'file')}, {size_text(size_of(may_go))}"
    return f"nothing was freed; the same command with `--yes` frees {words}"


def document_of(found: Sequence[PlacePruned]) -> dict[str, Any]:
    """Return the JSON document."""
    return {"state": state_of(found).value, "copies": [_place(one) for one in found]}


def _place(one: PlacePruned) -> dict[str, Any]:
    return {
        "instrument": one.instrument,
        "copy": one.place.name,
        "host": one.place.host,
        "root": one.place.root,
        "state": one.state.value,
        "reason": one.reason,
        "unknown": list(one.unknown),
        "notes": list(one.notes),
        "kept_nights": [night_text(night) for night in one.kept_nights],
        "proofs": [str(path) for path in one.proofs],
        "nights": [_night(night) for night in one.nights],
    }


def _night(night: NightPruned) -> dict[str, Any]:
    return {
        "night": night_text(night.night),
        "may_be_freed": [_file(one) for one in night.may_go],
        "freed": [to_json(one.path) for one in night.gone],
        "freed_bytes": size_of(night.gone),
        "stays": [_stay(one) for one in night.stays],
        "failed": [_stay(one) for one in night.failed],
    }


def _file(one: Going) -> dict[str, Any]:
    return {
        "path": to_json(one.path),
        "size_bytes": one.size_bytes,
        "sha256": one.sha256,
        "copies": list(one.copies),
    }


def _stay(one: Staying) -> dict[str, Any]:
    return {"path": to_json(one.path), "reason": one_line(one.reason)}


def step_rows(found: Sequence[PlacePruned]) -> list[StepRow]:
    """Return a row per night for the report: what was freed, what failed, what stays."""
    return [
        StepRow(
            one.instrument,
            night.night,
            f"prune on {one.place.name}",
            done=len(night.gone),
            failed=len(night.failed),
            skipped=len(night.stays),
            reasons=[f"{example}: {reason}" for reason, _, example in grouped(night.failed)],
        )
        for one in found
        for night in one.nights
        if night.gone or night.failed
    ]


def notes(found: Sequence[PlacePruned]) -> list[Note]:
    """Return what the report says of copies as a whole."""
    said = ((one, text) for one in found for text in (*([one.reason] if one.reason else []), *one.notes))
    return [Note(f"{one.place.name}: {text}", one.instrument) for one, text in said]


def problems(found: Sequence[PlacePruned]) -> list[Note]:
    """Return what could not be looked at."""
    return [Note(one_line(why), one.instrument) for one in found for why in one.unknown]
