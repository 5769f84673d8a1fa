r"""What rsync says, understood: its progress, its complaints by file, and its exit status.

Pure. Written for the messages of rsync 3.0 to 3.5 under ``LC_ALL=C``, where a byte that cannot be printed
is written ``\#ooo``. None of it is proof of anything: whether a file arrived is confirm.py's question.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from syncer.transfer.rounds import Ending, Remedy, refusal

ENDINGS = {
    1: Ending("rsync did not understand its options", Remedy.NOTHING),
    2: Ending("the two rsyncs do not understand each other (does a start-up file print there?)", Remedy.NOTHING),
    3: Ending("rsync could not use the folders it was given", Remedy.NOTHING),
    4: Ending("this rsync cannot do what was asked", Remedy.NOTHING),
    5: Ending("rsync could not start its conversation", Remedy.RETRY),
    10: Ending("the connection failed", Remedy.RETRY),
    11: Ending("reading or writing failed", Remedy.GO_ON),
    12: Ending("the connection broke off, or rsync at the far end was ended", Remedy.RETRY),
    13: Ending("rsync could not write its messages", Remedy.RETRY),
    14: Ending("rsync lost its other half", Remedy.RETRY),
    19: Ending("rsync was stopped by a signal", Remedy.RETRY),
    20: Ending("rsync was stopped by a signal", Remedy.RETRY),
    21: Ending("rsync lost its other half", Remedy.RETRY),
    22: Ending("there was too little memory", Remedy.RETRY),
    23: Ending("rsync could not transfer it", Remedy.NOTHING),
    24: Ending("vanished from the source while it was copied", Remedy.NOTHING),
    30: Ending("nothing came for too long", Remedy.RETRY),
    35: Ending("the far end did not answer in time", Remedy.RETRY),
    124: Ending("the ssh command failed", Remedy.RETRY),
    125: Ending("the ssh command was killed", Remedy.RETRY),
    126: Ending("the ssh command or rsync cannot be run", Remedy.NOTHING),
    127: Ending("the ssh command or rsync was not found", Remedy.NOTHING),
    255: Ending("ssh did not connect, or lost its connection", Remedy.RETRY),
}
NOT_STARTED = frozenset({1, 2, 4, 5, 12, 126, 127, 255})
"""Statuses that can mean that rsync never spoke with its other half."""

_FULL = re.compile(rb"No space left on device|Disk quota exceeded")
_HOLLOW = re.compile(rb"rsync error:|rsync: connection unexpectedly closed|rsync: .*Broken pipe")
_LINE = re.compile(rb"^(?:rsync|file has vanished|ssh|IO error|WARNING|ERROR|skipping|cannot|@ERROR)", re.IGNORECASE)
_ERRNO = re.compile(rb": ([A-Z][^:]*?) \((\d+)\)\s*$")
_QUOTED = re.compile(rb'"(.*?)"', re.DOTALL)
_ESCAPED = re.compile(rb"\\#([0-3][0-7]{2})")
_TEMPORARY = re.compile(rb"^\.?(.*)\.[A-Za-z0-9]{6}$", re.DOTALL)
_LISTED = re.compile(rb"(\d+) files\.\.\.")
_PROGRESS = re.compile(rb"(\d+)\s+\d+%\s+\S+\s+\S+(?: \(xfr#(\d+))?")


def listed_in(output: bytes) -> int | None:
    """Return how many names rsync has looked up, from the last that some output says of it; None without."""
    counts = _LISTED.findall(output)
    return int(counts[-1]) if counts else None


def ending_of(status: int, stderr: bytes) -> Ending:
    """Return what an exit status means; a negative one names the signal that ended the program."""
    if status < 0 or (status > 128 and status not in ENDINGS):
        number = -status if status < 0 else status - 128
        return Ending(f"rsync was ended by signal {number}", Remedy.RETRY)
    ending = ENDINGS.get(status, Ending(f"rsync ended with status {status}", Remedy.RETRY))
    if ending.remedy is Remedy.RETRY and (refused := refusal(stderr)) is not None:
        return Ending(refused, Remedy.NOTHING)
    return ending


def is_full(stderr: bytes) -> bool:
    """Say whether the destination's disk or quota ran out."""
    return _FULL.search(stderr) is not None


def last_words(stderr: bytes) -> str:
    """Return the line of standard error that says most: the last that is not rsync's surprise at a lost ssh."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    telling = [line for line in lines if not _HOLLOW.match(line)] or lines
    return telling[-1].decode("utf-8", "backslashreplace") if telling else ""


def unescape(text: bytes) -> bytes:
    r"""Turn ``\#ooo`` back into bytes."""
    return _ESCAPED.sub(lambda match: bytes([int(match[1], 8)]), text)


def complaints(stderr: bytes, known: Mapping[bytes, bytes]) -> dict[bytes, str]:
    """Return a reason for each file that rsync complained of.

    Parameters
    ----------
    stderr : bytes
    known : mapping
        From every path by which rsync may call a file (absolute on either side, or relative) to that file.

    Returns
    -------
    dict
        By the values of `known`. Of several complaints of one file the first stands: the others follow from it.
    """
    reasons: dict[bytes, str] = {}
    for line in stderr.splitlines():
        reason = _reason(line)
        if reason is None:
            continue
        for name in _names_in(line):
            file = known.get(name)
            if file is not None:
                reasons.setdefault(file, reason)
                break
    return reasons


def _names_in(line: bytes) -> Iterable[bytes]:
    """Yield what a line may call a file, likeliest first: quoted, or after WARNING, or a temporary's own name."""
    start, end = line.find(b'"'), line.rfind(b'"')
    quoted = [line[start + 1 : end]] if 0 <= start < end else []
    quoted += _QUOTED.findall(line)
    words = re.match(rb"(?:WARNING|ERROR): (.*) failed verification", line)
    if words:
        quoted.append(words[1])
    for text in quoted:
        yield unescape(text)
    for text in quoted:
        folder, slash, name = unescape(text).rpartition(b"/")
        temporary = _TEMPORARY.match(name)
        if temporary:
            yield folder + slash + temporary[1]


def _reason(line: bytes) -> str | None:
    if line.startswith(b"file has vanished"):
        return "vanished from the source while it was copied"
    if b"failed verification" in line:
        return "its bytes changed on the way or while they were read"
    if not _LINE.match(line):
        return None
    errno = _ERRNO.search(line)
    what = errno[1].decode("ascii", "replace") if errno else "rsync could not transfer it"
    if b"link_stat" in line and errno and errno[2] == b"2":
        return "vanished from the source while it was copied"
    return f"{_deed(line)}: {what}"


def _deed(line: bytes) -> str:
    if re.search(rb"send_files failed to open|link_stat|readlink|read errors mapping|\[sender\]", line):
        return "could not be read at the source"
    return "could not be written at the destination"


def progress_in(output: bytes) -> tuple[int, int] | None:
    """Return the bytes and files done so far from the last whole progress line of some output; None without."""
    lines = list(_PROGRESS.finditer(output))
    return (int(lines[-1][1]), int(lines[-1][2] or 0)) if lines else None
