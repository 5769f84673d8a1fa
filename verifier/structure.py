"""Whether files are whole by their own format, asked where the bytes lie.

Reads only, through no mode that could rewrite. The formats themselves are observatory/formats.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from observatory.endpoints.contract import Look
from verifier.verdict import Finding

BATCH_FILES = 2000
"""Files per question."""


@dataclass(frozen=True, slots=True)
class Damage:
    """What inspecting showed on one side; `unjudged` counts the files of no format that we can judge."""

    damaged: tuple[Finding, ...]
    unreadable: tuple[Finding, ...]
    unjudged: int


def find_damage(
    endpoint: Look, root: bytes, paths: Sequence[bytes], side: str, progress: Callable[[int], None]
) -> Damage:
    """Inspect some files of one side, checksum cards included; files of no known format pass unjudged, and are counted.

    Whatever is not said to be whole or of no known format has not been judged: it is unreadable.
    """
    damaged: list[Finding] = []
    unreadable: list[Finding] = []
    unjudged = 0
    for start in range(0, len(paths), BATCH_FILES):
        asked = paths[start : start + BATCH_FILES]
        answers = {answer.path: answer for answer in endpoint.inspect(root, asked, sums=True)}
        for path in asked:
            answer = answers.get(path)
            if answer is None or answer.state == "unreadable":
                unreadable.append(Finding(path, side, answer.reason if answer else "nothing was answered about it"))
            elif answer.state in ("short", "damaged"):
                damaged.append(Finding(path, side, answer.reason))
            unjudged += answer is not None and answer.state == "unjudged"
        progress(min(start + BATCH_FILES, len(paths)))
    return Damage(tuple(damaged), tuple(unreadable), unjudged)


def still_short(endpoint: Look, root: bytes, paths: Sequence[bytes]) -> frozenset[bytes]:
    """Return those of some recent files whose headers promise more bytes than there are."""
    if not paths:
        return frozenset()
    return frozenset(answer.path for answer in endpoint.inspect(root, paths, sums=False) if answer.state == "short")
