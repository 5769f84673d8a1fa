r"""The answer to the listing script: preamble, statuses, sorted records, and complaints made into troubles.

Reads what script.py makes a shell print. Records pass through as bytes, in chunks that end where records end;
only the few that the script itself adds are looked into.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from observatory.endpoints.contract import RootFacts, SurveyRequest, Trouble
from observatory.endpoints.running import ENDING_S, READ_BYTES, Running
from observatory.endpoints.script import FOLDER
from observatory.errors import CouldNotTell, ListingBroken, ProgramSilent, RootNotProven
from observatory.names import show
from observatory.records import NUL

SILENCE_S = 900.0
"""While find walks nothing is printed; ten million files on a slow NFS disk took others ten minutes."""
PREAMBLE_S = 60.0
"""The preamble opens a few folders; a disk that spins up takes half of this."""
LONGEST_RECORD_BYTES = 1 << 16
"""PATH_MAX twice (a link and its target) and some: a longer record is no record."""
LONGEST_PREAMBLE_BYTES = 1 << 18
LONGEST_LISTING_BYTES = 1 << 38
"""256 GiB: beyond that no root's window goes; an end that never comes is one that lies."""


class OtherTools(CouldNotTell):
    """The tools of a host are not GNU's: it has to be listed in another way."""

    def __init__(self, host: str) -> None:
        super().__init__(f"{host}: its tools are not GNU's")


@dataclass(slots=True)
class _Asked:
    sent_s: float
    answered_s: float = 0.0


class ScriptSurvey:
    """One listing on its way; see `contract.Survey`.

    Parameters
    ----------
    running : Running
        The script of `script.survey_script`, just started.
    request : SurveyRequest
    host : str
        The host's name for sentences.
    statuses : int
        How many ``walked`` records must come before the listing is believed.
    now : callable
        Our clock, Unix seconds.
    sent_s : float
        Our clock when the script was sent.

    Raises
    ------
    RootNotProven
        The root is absent, no folder, or cannot be listed.
    CouldNotTell
        The far end was lost or made no sense before it came to the listing.
    """

    def __init__(
        self,
        running: Running,
        request: SurveyRequest,
        host: str,
        statuses: int,
        sent_s: float,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._running, self._request, self._host = running, request, host
        self._statuses, self._now = statuses, now
        self._rest = b""
        self._device = b""
        self._walk_failed = False
        self._at_end = False
        self.troubles: list[Trouble] = []
        self.folders: dict[bytes, str] = {}
        try:
            self.facts: RootFacts = self._read_preamble(_Asked(sent_s))
        except BaseException:
            running.kill()
            raise

    def close(self) -> None:
        """Stop reading and end the far program."""
        self._at_end = True
        self._running.kill()

    # ---- the preamble

    def _read_preamble(self, asked: _Asked) -> RootFacts:
        data = b""
        start = -1
        while b"begin\0" not in data:
            block = self._read(PREAMBLE_S, "looking at " + show(self._request.root))
            data += block
            start = data.find(b"nightferry\0")
            if start >= 0 and not asked.answered_s and b"clock " in data[start:]:
                asked.answered_s = self._now()
            if not block or len(data) > LONGEST_PREAMBLE_BYTES:
                break
        if start < 0:
            raise self._broken("the script did not start" + self._last_words())
        said, _, self._rest = data[start:].partition(b"begin\0")
        facts = dict(_split(record) for record in said.split(NUL) if record)
        if b"other-tools" in facts:
            raise OtherTools(self._host)
        if b"no-root" in facts:
            raise RootNotProven(self._host, show(self._request.root), _why_not(facts[b"no-root"]))
        if b"begin\0" not in data:
            raise self._broken("it ended before it began" + self._last_words())
        return self._facts(facts, asked)

    def _facts(self, said: dict[bytes, bytes], asked: _Asked) -> RootFacts:
        self._device = said.get(b"device", b"")
        try:
            clock_s = float(said[b"clock"])
        except (KeyError, ValueError) as error:
            raise self._broken("its clock made no sense") from error
        marker = said.get(b"marker")
        return RootFacts(
            clock_s=clock_s,
            clock_ahead_s=clock_s - (asked.sent_s + asked.answered_s) / 2,
            marker=None if marker is None else marker.decode("utf-8", "replace").strip(),
            has_night=b"night" in said,
            free_bytes=_product(said.get(b"free", b"")),
            identity=_identity(said.get(b"identity", b"")),
        )

    def _read(self, wait_s: float, doing: str) -> bytes:
        try:
            return self._running.read(READ_BYTES, wait_s)
        except TimeoutError as error:
            raise ProgramSilent(self._host, doing, wait_s) from error

    def _broken(self, why: str) -> ListingBroken:
        return ListingBroken(self._host, show(self._request.root), why)

    def _last_words(self) -> str:
        """Return what the far end said on standard error, where that is to be had."""
        try:
            _, stderr = self._running.finish(ENDING_S)
        except TimeoutError:
            return ""
        words = stderr.decode("utf-8", "replace").strip().splitlines()
        return f": {words[-1][:200]}" if words else ""

    # ---- the listing

    def __iter__(self) -> Iterator[bytes]:
        """Yield chunks of whole records; what goes wrong becomes a trouble."""
        try:
            yield from self._chunks()
        except CouldNotTell as error:
            self._poison(str(error))
        finally:
            self.close()

    def _chunks(self) -> Iterator[bytes]:
        last, total = b"", 0
        for chunk in self._without_ours(self._aligned()):
            total += len(chunk)
            if total > LONGEST_LISTING_BYTES:
                raise self._broken("it does not end")
            if chunk[: chunk.index(NUL)] <= last:
                raise self._broken("its records are not in order")
            last = chunk[chunk.rfind(NUL, 0, -1) + 1 : -1]
            yield chunk

    def _aligned(self) -> Iterator[bytes]:
        """Yield what comes, cut after the last record but one: the last of all is the trailer."""
        kept = self._rest
        for block in self._blocks():
            kept += block
            if len(kept) < READ_BYTES:
                continue
            cut = kept.rfind(NUL, 0, max(kept.rfind(NUL), 0)) + 1
            if len(kept) - cut > 2 * LONGEST_RECORD_BYTES:
                raise self._broken("a record does not end")
            if cut:
                yield kept[:cut]
                kept = kept[cut:]
        end = kept.rfind(NUL) + 1
        cut = kept.rfind(NUL, 0, max(end - 1, 0)) + 1
        if not kept.startswith(b"zend ", cut):
            cut = end  # it was cut short: then the last whole record is a file's
        if cut:
            yield kept[:cut]
        self._read_trailer(kept[cut:])

    def _blocks(self) -> Iterator[bytes]:
        doing = "listing " + show(self._request.root)
        while True:
            try:
                block = self._read(SILENCE_S, doing)
            except CouldNotTell as error:
                self._poison(str(error))
                self._running.kill()
                return
            if not block:
                return
            yield block

    def _without_ours(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Take the statuses and the folders' records off the front: all of them come first."""
        for chunk in chunks:
            start = 0
            while chunk.startswith((b"walked ", FOLDER), start):
                end = chunk.index(NUL, start)
                self._take_ours(chunk[start:end])
                start = end + 1
            if start < len(chunk):
                yield chunk[start:]
                break
        yield from chunks

    def _take_ours(self, record: bytes) -> None:
        if record.startswith(b"walked "):
            self._statuses -= 1
            status = record[7:]
            self._walk_failed |= status != b"0"
            if status not in (b"0", b"123"):
                self._poison(f"a program of the listing ended with status {status.decode('ascii', 'replace')}")
            return
        path, _, numbers = record[1:].partition(b"//")
        device, _, identity = numbers.partition(b"/")
        self.folders[path] = identity.decode("ascii", "replace")
        if self._request.one_file_system and device != self._device:
            reason = "lies on another file system (one_file_system), which was not entered"
            self.troubles.append(Trouble(path, reason))

    def _read_trailer(self, trailer: bytes) -> None:
        if trailer != b"zend 0\0":
            self._poison(_ending(trailer))
        if self._statuses > 0:
            self._poison("not every walk said how it ended")
        try:
            status, stderr = self._running.finish(ENDING_S)
        except (TimeoutError, CouldNotTell) as error:
            self._poison(f"it did not end: {error}")
            return
        if status != 0:
            self._poison(f"the script ended with status {status}")
        self._take_complaints(stderr)

    def _take_complaints(self, stderr: bytes) -> None:
        _, _, ours = stderr.partition(b"nightferry\n")
        complaints = ours.splitlines()
        self.troubles += [trouble for line in complaints if (trouble := trouble_of(line)) is not None]
        if self._walk_failed and not complaints:
            self._poison("find failed without saying why")

    def _poison(self, reason: str) -> None:
        self.troubles.append(Trouble(b"", reason))


def _identity(said: bytes) -> str | None:
    """Without the running kernel's own id, device and inode tell nothing: they repeat from machine to machine."""
    return None if said.startswith(b":") or not said else said.decode("ascii", "replace")


def _split(record: bytes) -> tuple[bytes, bytes]:
    key, _, value = record.partition(b" ")
    return key, value


def _product(words: bytes) -> int | None:
    numbers = words.split()
    if len(numbers) != 2 or not all(number.isdigit() for number in numbers):
        return None
    return int(numbers[0]) * int(numbers[1])


def _ending(trailer: bytes) -> str:
    if trailer.startswith(b"zend "):
        return f"sort ended with status {trailer[5:-1].decode('ascii', 'replace')}"
    return "the listing ended without saying that it was done"


def _why_not(complaint: bytes) -> str:
    reason = complaint.strip().rpartition(b": ")[2].decode("utf-8", "replace")
    return {
        "No such file or directory": "does not exist",
        "Not a directory": "is not a folder",
        "Permission denied": "may not be listed by this account",
    }.get(reason, f"cannot be listed ({reason})")


_COMPLAINT = re.compile(rb"find: '((?:[^'\\]|\\.)*)': (.*)", re.DOTALL)
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_ESCAPES = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v"}
_GONE = b"No such file or directory"


def trouble_of(line: bytes) -> Trouble | None:
    """Return the trouble that one line of standard error speaks of; None for a folder or file that is gone.

    Parameters
    ----------
    line : bytes
        As GNU find prints it in the C locale: ``find: 'name': reason``, odd bytes as ``\\ooo``.
    """
    match = _COMPLAINT.fullmatch(line.strip())
    if match is None:
        return Trouble(b"", line.decode("utf-8", "replace").strip()[:300]) if line.strip() else None
    if match[2] == _GONE:
        return None
    path = _ESCAPE.sub(_unescape, match[1]).removeprefix(b"./")
    return Trouble(b"" if path == b"." else path, match[2].decode("utf-8", "replace"))


def _unescape(found: re.Match[bytes]) -> bytes:
    code = found[1]
    return bytes([int(code, 8) & 0xFF]) if len(code) == 3 else _ESCAPES.get(code, code)
