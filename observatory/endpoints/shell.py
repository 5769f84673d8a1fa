r"""What any host with a shell is asked, here or far away: its capabilities, listings, hashes, judgements.

How a script is started is the endpoint's: it hands in a function. What the scripts say is script.py's and
farside.py's.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Literal

from observatory.endpoints import farside
from observatory.endpoints.contract import (
    MTIME_TOLERANCE_S,
    Capabilities,
    Completed,
    Facts,
    Hashed,
    Inspection,
    Promise,
    SurveyRequest,
)
from observatory.endpoints.running import ENDING_S, READ_BYTES, Running, complete
from observatory.endpoints.script import TOOLS_ARE_GNU, command, quote, survey_script
from observatory.endpoints.surveying import ScriptSurvey
from observatory.errors import CommandFailed, ProgramSilent
from observatory.formats import fits, whole, xrif
from observatory.names import show

Starter = Callable[[bytes, Iterable[bytes]], Running]
"""Starts a POSIX script with this on its standard input."""

PROBE_S = 30.0
"""The probe starts a dozen small programs; a loaded machine with its tools on NFS needed 8 s."""
ANSWER_S = 300.0
"""Silence allowed while files are hashed or judged: our helper gives a sign of life every 5 s, but a disk that
retries a bad sector blocks it for minutes."""
PLAIN_ANSWER_S = 3600.0
"""The same for sha256sum, which is silent for as long as one file takes: an hour is 360 GB at 100 MB/s."""
BATCH = 5000
"""Names per command where no Python helps."""

LONGEST_ANSWER_BYTES = 1 << 20
"""A reason or a judgement is a line or two: a far end that says more is broken, or lies."""
NAMES_PER_BLOCK = 1000
"""Named to the far helper at a time; with one a piece 100,000 names took it 3 s longer (2026-11-21)."""

_PROBE = (
    rb"""
say() { printf '%s\0' "$1"; }
say nightferry
LC_ALL=C; export LC_ALL
"""
    + TOOLS_ARE_GNU.lstrip()
    + rb""" && say gnu
[ "$(printf '/dev/null\0' | xargs -0 stat --printf='%f' -- 2>/dev/null)" ] && say stat
python3 -I -S -c 'import sys, hashlib; sys.exit(sys.version_info < (3, 6))' </dev/null >/dev/null 2>&1 &&
say python || {
[ "$(sha256sum -z -- /dev/null 2>/dev/null | tr '\0' '.')" = \
 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  /dev/null.' ] && say 'hash sha256sum -z --'
sha256sum /dev/null >/dev/null 2>&1 && say 'hash sha256sum --'
shasum -a 256 /dev/null >/dev/null 2>&1 && say 'hash shasum -a 256 --'
}
sync --help 2>&1 | grep -q -e --file-system && say sync
timeout 5 true >/dev/null 2>&1 && say timeout
"""
)
"""What only a host without Python is asked for (sha256sum and its like) is not tried on others: each try costs."""


def probe(start: Starter, host: str, rsync: str | None = None) -> Capabilities:
    """Ask a host what it can do; one that does not answer as a shell would has none.

    Parameters
    ----------
    rsync : str or None
        What is called for rsync there, as a shell reads it, e.g. ``sudo -n rsync``.
    """
    called = (rsync or "rsync").encode()
    script = _PROBE + b'say "rsync $(' + called + b' --version 2>/dev/null </dev/null | head -n 1)"\nsay end\n'
    completed = complete(start(script, ()), host, "the first command", PROBE_S)
    said = completed.stdout.split(b"nightferry\0", 1)
    if len(said) < 2 or not said[1].endswith(b"end\0"):
        return Capabilities()
    return _capabilities(said[1].decode("utf-8", "replace").split("\0"))


def _capabilities(said: Sequence[str]) -> Capabilities:
    programs = [words[5:] for words in said if words.startswith("hash ")]
    rsync = next((words for words in said if words.startswith("rsync ")), "")
    version = re.search(r"version v?(\d+(?:\.\d+)+)", rsync)
    return Capabilities(
        has_shell=True,
        has_gnu_tools="gnu" in said,
        has_python="python" in said,
        hash_program=tuple(programs[0].split()) if programs else (),
        has_stat="stat" in said,
        has_sync_file_system="sync" in said,
        has_time_limit="timeout" in said,
        rsync_version=tuple(int(part) for part in version[1].split(".")) if version else None,
    )


def survey(start: Starter, request: SurveyRequest, host: str, tries_tools: bool = False) -> ScriptSurvey:
    """Start one listing; see `contract.Look.survey`.

    Raises
    ------
    OtherTools
        With `tries_tools`: the tools there are not GNU's.
    """
    script, stdin, statuses = survey_script(request, tries_tools)
    sent_s = time.time()
    return ScriptSurvey(start(script, (stdin,)), request, host, statuses, sent_s)


def is_below(path: bytes) -> bool:
    """Say whether a relative path stays below its root by its own parts."""
    return bool(path) and not path.startswith(b"/") and b".." not in path.split(b"/") and b"\0" not in path


NOT_BELOW = "is not a path below the root"


def _reason(answer: bytes) -> str:
    return answer[1:].decode("utf-8", "replace")


def answers(
    start: Starter, host: str, root: bytes, paths: Sequence[bytes], program: bytes, doing: str
) -> Iterator[bytes]:
    """Yield the far helper's answer to each path, in order.

    Raises
    ------
    CommandFailed
        It ended before it had answered all.
    ProgramSilent
    """
    script = command((b"exec", b"python3", *farside.ALONE, program, root))
    running = start(script, _in_blocks(paths))
    try:
        left = len(paths)
        for answer in _records(running, host, doing, ANSWER_S):
            if answer == farside.ALIVE:
                continue
            if answer == b"end" or left == 0:
                break
            left -= 1
            yield answer
        if left:
            raise CommandFailed(host, doing, _last_words(running))
    finally:
        running.kill()


def _in_blocks(paths: Sequence[bytes]) -> Iterator[bytes]:
    """Yield names, NUL after each, many at a time: over SSH each piece is a packet of its own."""
    for start in range(0, len(paths), NAMES_PER_BLOCK):
        yield b"\0".join(paths[start : start + NAMES_PER_BLOCK]) + b"\0"


def _records(running: Running, host: str, doing: str, wait_s: float) -> Iterator[bytes]:
    rest = b""
    while True:
        try:
            block = running.read(READ_BYTES, wait_s)
        except TimeoutError as error:
            raise ProgramSilent(host, doing, wait_s) from error
        if not block:
            return
        *whole_records, rest = (rest + block).split(b"\0")
        yield from whole_records
        if len(rest) > LONGEST_ANSWER_BYTES:
            raise CommandFailed(host, doing, "it said more than any answer holds")


def _last_words(running: Running) -> str:
    try:
        status, stderr = running.finish(ENDING_S)
    except TimeoutError:
        return "it stopped answering"
    words = stderr.decode("utf-8", "replace").strip().splitlines()
    return f"status {status}, {words[-1][:200]}" if words else f"status {status}"


def hash_by_python(start: Starter, host: str, root: bytes, paths: Sequence[bytes]) -> Iterator[Hashed]:
    """Hash files by the far helper; see `contract.Look.hash`."""
    program = farside.program("do_hash")
    for path, answer in _only_below(paths, lambda asked: answers(start, host, root, asked, program, "hashing files")):
        if answer.startswith(b"="):
            yield Hashed(path, answer[1:].decode())
        else:
            yield Hashed(path, None, _reason(answer))


def _only_below(
    paths: Sequence[bytes], ask: Callable[[Sequence[bytes]], Iterator[bytes]]
) -> Iterator[tuple[bytes, bytes]]:
    """Pair each path with its answer; one that leaves the root is answered here."""
    asked = ask([path for path in paths if is_below(path)])
    for path in paths:
        yield path, (next(asked) if is_below(path) else b"!" + NOT_BELOW.encode())
    next(asked, None)


def inspect_by_python(
    start: Starter, host: str, root: bytes, paths: Sequence[bytes], sums: bool
) -> Iterator[Inspection]:
    """Judge files by the far helper; see `contract.Look.inspect`."""
    modules = {module.__name__: module for module in (fits, xrif, whole)}
    program = farside.program(f"lambda name: do_inspect(name, {sums})", modules)
    for path, answer in _only_below(paths, lambda asked: answers(start, host, root, asked, program, "judging files")):
        yield inspection(path, answer)


_STATES: tuple[Literal["whole", "short", "damaged", "unreadable", "unjudged"], ...] = (
    "whole",
    "short",
    "damaged",
    "unreadable",
    "unjudged",
)


def inspection(path: bytes, answer: bytes) -> Inspection:
    """Return the judgement that an answer stands for; one of another form says nothing about the file."""
    state, _, reason = answer[1:].decode("utf-8", "replace").partition(" ")
    for known in _STATES:
        if answer.startswith(b"=") and state == known:
            return Inspection(path, known, reason)
    return Inspection(path, "unreadable", _reason(answer))


def stat_by_python(start: Starter, host: str, root: bytes, paths: Sequence[bytes]) -> Iterator[Facts]:
    """Look at files by the far helper; see `contract.Look.stat`."""
    program = farside.program("do_stat")
    for path, answer in _only_below(
        paths, lambda asked: answers(start, host, root, asked, program, "looking at files")
    ):
        yield _facts(path, answer)


def differing_by_python(start: Starter, host: str, root: bytes, promises: Sequence[Promise]) -> Iterator[Facts]:
    """Look at files by the far helper; see `contract.Look.differing`.

    Raises
    ------
    CommandFailed
        It ended before it had looked at all.
    ProgramSilent
    """
    doing = "looking at files"
    words = (b"exec", b"python3", *farside.ALONE, farside.differing_program(MTIME_TOLERANCE_S), root)
    running = start(command(words), _promised(promises))
    try:
        for answer in _records(running, host, doing, ANSWER_S):
            if answer == b"end":
                return
            if answer != farside.ALIVE:
                number, _, said = answer.partition(b" ")
                yield _facts(promises[int(number)].path, said)
        raise CommandFailed(host, doing, _last_words(running))
    finally:
        running.kill()


def _promised(promises: Sequence[Promise]) -> Iterator[bytes]:
    """Yield promises as the far helper reads them; written down while it starts."""
    for start in range(0, len(promises), NAMES_PER_BLOCK):
        some = promises[start : start + NAMES_PER_BLOCK]
        yield b"".join(b"%d %.9f %s\0" % (size, mtime_s, path) for path, size, mtime_s in some)


def differing_by_stat(found: Iterable[Facts], promises: Sequence[Promise]) -> Iterator[Facts]:
    """Give those of the facts, one for each promise, that do not keep it."""
    return (facts for facts, promise in zip(found, promises, strict=True) if not promise.is_kept_by(facts))


def _facts(path: bytes, answer: bytes) -> Facts:
    if answer == b"-":
        return Facts(path)
    if not answer.startswith(b"="):
        return Facts(path, reason=_reason(answer))
    mode, size, mtime, identity, changed = answer[1:].split()
    return facts_of(path, int(mode), int(size), float(mtime), identity.decode(), float(changed))


def facts_of(
    path: bytes, mode: int, size_bytes: int, mtime_s: float, identity: str | None = None, changed_s: float | None = None
) -> Facts:
    """Return the facts of a path that is there; `mode` with the bits that tell its kind."""
    is_file = mode & 0o170000 == 0o100000
    return Facts(path, size_bytes, mtime_s, mode & 0o7777, is_file, identity=identity, changed_s=changed_s)


# ---- without Python: one program per batch, its answers matched by name


def hash_by_program(
    start: Starter, host: str, root: bytes, paths: Sequence[bytes], program: Sequence[str]
) -> Iterator[Hashed]:
    """Hash files by sha256sum or its like; see `contract.Look.hash`."""
    words = command(word.encode() for word in program)
    for batch in _batches(paths):
        found, complaints = _by_name(start, host, root, batch, words, _sum_and_name, "hashing files")
        for path in batch:
            if path in found:
                yield Hashed(path, found[path].decode())
            else:
                yield Hashed(path, None, complaints.get(path, "it could not be read"))


def stat_by_program(start: Starter, host: str, root: bytes, paths: Sequence[bytes]) -> Iterator[Facts]:
    """Look at files by GNU stat; see `contract.Look.stat`."""
    words = command((b"stat", b"--printf=%f %s %.9Y %d:%i %.9Z %n\\0", b"--"))
    for batch in _batches(paths):
        found, complaints = _by_name(start, host, root, batch, words, _stat_and_name, "looking at files")
        for path in batch:
            if path in found:
                mode, size, mtime, identity, changed = found[path].split()
                yield facts_of(path, int(mode, 16), int(size), float(mtime), identity.decode(), float(changed))
            else:
                yield _not_there(path, complaints.get(path, "it could not be looked at"))


def _not_there(path: bytes, reason: str) -> Facts:
    if reason in ("No such file or directory", "Not a directory"):
        return Facts(path)
    return Facts(path, reason=reason)


def _batches(paths: Sequence[bytes]) -> Iterator[list[bytes]]:
    left = iter(paths)
    while batch := list(islice(left, BATCH)):
        yield batch


def _by_name(
    start: Starter,
    host: str,
    root: bytes,
    paths: Sequence[bytes],
    words: bytes,
    split: Callable[[bytes], tuple[bytes, bytes]],
    doing: str,
) -> tuple[dict[bytes, bytes], dict[bytes, str]]:
    asked = {b"./" + path: path for path in paths if is_below(path)}
    script = b"LC_ALL=C; export LC_ALL; cd " + quote(root) + b" && xargs -0 " + words
    running = start(script, (b"".join(name + b"\0" for name in asked),))
    completed = complete(running, host, doing, PLAIN_ANSWER_S) if asked else complete(running, host, doing, PROBE_S)
    if completed.status not in (0, 123, 1):
        raise CommandFailed(host, doing, completed.stderr.decode("utf-8", "replace").strip()[-200:])
    closing = b"\0" if b"\0" in completed.stdout else b"\n"
    found = {}
    for record in completed.stdout.split(closing)[:-1]:
        value, name = split(record)
        if name in asked:
            found[asked[name]] = value
    complaints = {path: NOT_BELOW for path in paths if not is_below(path)}
    for line in completed.stderr.splitlines():
        complaints.update(_complaint(line, asked))
    return found, complaints


def _sum_and_name(record: bytes) -> tuple[bytes, bytes]:
    r"""Split a line of sha256sum; before a name with newline or backslash it puts a backslash and doubles them."""
    is_escaped = record.startswith(b"\\")
    value, _, name = record[is_escaped:].partition(b"  ")
    if is_escaped:
        name = re.sub(rb"\\([n\\r])", lambda found: {b"n": b"\n", b"r": b"\r"}.get(found[1], b"\\"), name)
    return value, name


def _stat_and_name(record: bytes) -> tuple[bytes, bytes]:
    *facts, name = record.split(b" ", 5)
    return b" ".join(facts), name


_PLAINT = re.compile(rb"\w+: (?:cannot stat |cannot statx )?'?(\./.*?)'?: ([^:]+)", re.DOTALL)


def _complaint(line: bytes, asked: dict[bytes, bytes]) -> dict[bytes, str]:
    match = _PLAINT.fullmatch(line)
    if match is None or match[1] not in asked:
        return {}
    return {asked[match[1]]: match[2].decode("utf-8", "replace")}


def free_in(completed: Completed, host: str, root: bytes) -> int:
    """Return the bytes free for an ordinary user that ``df -Pk`` told of a root.

    Raises
    ------
    CommandFailed
    """
    lines = completed.stdout.splitlines()
    words = lines[-1].rsplit(b"%", 1)[0].split() if completed.status == 0 and len(lines) > 1 else []
    if len(words) < 3 or not words[-2].isdigit():
        raise CommandFailed(host, f"df {show(root)}", first_line(completed.stderr) or "no answer")
    return int(words[-2]) * 1024


_OF_A_LOGIN = re.compile(rb"Could not chdir to home directory |\S+: warning: setlocale: ")
"""What sshd and bash say before any program does: it explains no program's failure."""


def first_line(text: bytes) -> str:
    """Return the first line of what a program said, fit for a sentence; what a login says stands behind it."""
    lines = sorted(text.strip().splitlines(), key=lambda line: _OF_A_LOGIN.match(line) is not None)
    return show(lines[0])[:300] if lines else ""
