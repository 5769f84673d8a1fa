r"""Mails on their way: written down first, handed over then, removed last.

A letter is a file in the spool from before it is sent until the server has taken it; what stays is sent by
the next run, oldest first. The form of a file: one line of JSON with the envelope, then the message as it goes
over the wire. Between the server's last word and the removal of the file a crash makes a mail arrive twice, with
the same Message-ID; the other order would lose it. Who hands over, and to whom, is an argument.

What must not be sent before something else has been noted is held: written down with a word of its owner's, and
sent only when that releases it. A crash in between leaves the word, by which the owner decides.

Several runs may work on one spool at once: a letter is claimed by a lock on its file, which the kernel gives
back when a run dies.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from observatory.errors import MailNotTaken, NightferryError
from observatory.files import made, os_fault, to_disk, write_whole
from reports.letter import Letter
from reports.mail import Delivery, Refusal

Deliver = Callable[[Letter], Delivery]
"""Hands a letter over; raises MailNotTaken or UsageError where nobody got it."""

_SUFFIX, _HELD = ".mail", ".held"
_HALF_WRITTEN_S = 86_400


@dataclass(frozen=True, slots=True)
class Flushed:
    """What a flush did.

    Attributes
    ----------
    sent : int
        Letters that at least one recipient's server took.
    refused : int
        Letters that were refused for good, in part or whole; they lie in ``refused/`` of the spool.
    waiting : int
        Letters that the next run tries again.
    sentences : tuple of str
        What a person should know, one sentence per fault.
    """

    sent: int = 0
    refused: int = 0
    waiting: int = 0
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Spool:
    """A folder of letters; made when the first one is put in."""

    folder: Path

    def put(self, letter: Letter) -> None:
        """Write a letter down; when this returns it survives a power cut.

        Raises
        ------
        MailNotTaken
            The spool cannot be written; the letter is not kept.
        """
        with _translated(self.folder):
            write_whole(self.folder / f"{letter.name}{_SUFFIX}", _encode(letter))

    def hold(self, letter: Letter, word: str) -> Path:
        """Write a letter down that `flush` leaves alone until it is released; return its file.

        Parameters
        ----------
        word : str
            What the owner will want to know of it after a crash.

        Raises
        ------
        MailNotTaken
            The spool cannot be written; the letter is not kept.
        """
        with _translated(self.folder):
            path = self.folder / f"{letter.name}{_HELD}"
            write_whole(path, _encode(letter, word))
            return path

    def held(self) -> list[tuple[Path, str]]:
        """Return the files of the letters that are held, oldest first, each with its word; empty if it cannot be read.

        Raises
        ------
        MailNotTaken
        """
        with _translated(self.folder):
            return [(path, _word_of(path)) for path in self._files(_HELD)]

    def release(self, path: Path) -> None:
        """Let a letter that was held go with the next flush.

        Raises
        ------
        MailNotTaken
        """
        with _translated(self.folder):
            path.rename(path.with_suffix(_SUFFIX))
            to_disk(self.folder)

    def undelivered(self) -> list[str]:
        """Return the words of the letters that their owners held once and that have not arrived everywhere.

        They wait, or lie in ``refused/``; of those that were never held there is no word.

        Raises
        ------
        MailNotTaken
            It cannot be told.
        """
        with _translated(self.folder):
            waiting = [*self._files(_SUFFIX), *self._files(_HELD)]
            refused = replace(self, folder=self.folder / "refused")._files(_SUFFIX)
            return [word for path in (*waiting, *refused) if (word := _word_if_there(path))]

    def refused(self, name: str) -> frozenset[str]:
        """Return the recipients to whom a letter was refused for good; none too where that cannot be read."""
        path = self.folder / "refused" / f"{name}{_SUFFIX}"
        with contextlib.suppress(OSError):
            letter = _decode(path, path.read_bytes())
            return frozenset(letter.recipients if letter else ())
        return frozenset()

    def drop(self, path: Path) -> None:
        """Forget a letter that was held.

        Raises
        ------
        MailNotTaken
        """
        with _translated(self.folder):
            path.unlink(missing_ok=True)

    def waiting(self) -> list[Path]:
        """Return the files of the letters that wait, oldest first."""
        with _translated(self.folder):
            return self._files(_SUFFIX)

    def _files(self, suffix: str) -> list[Path]:
        return sorted(path for path in self.folder.iterdir() if path.suffix == suffix) if _exists(self.folder) else []

    def flush(self, deliver: Deliver) -> Flushed:
        """Hand over what waits, oldest first; repeating is safe.

        A letter that is refused for good is moved to ``refused/`` and said; one that is refused for now, or that
        cannot be read (another account wrote it), stays, and the others are still tried. A fault of the server itself
        ends the flush: nothing else would pass.
        """
        self._sweep()
        sent, refused = 0, 0
        sentences: list[str] = []
        try:
            for path in self.waiting():
                outcome = self._try(path, deliver)
                if outcome is not None:
                    sent += outcome.sent
                    refused += outcome.refused
                    sentences += outcome.sentences
        except NightferryError as error:
            sentences.append(str(error))
        return Flushed(sent, refused, _count(self.folder), tuple(sentences))

    def _sweep(self) -> None:
        """Remove what a crash left half written; a day is longer than any writing takes."""
        with contextlib.suppress(OSError):
            for path in (*self.folder.glob(f".*{_SUFFIX}.*"), *self.folder.glob(f".*{_HELD}.*")):
                if time.time() - path.stat().st_mtime > _HALF_WRITTEN_S:
                    path.unlink(missing_ok=True)

    def _try(self, path: Path, deliver: Deliver) -> Flushed | None:
        """Hand over one letter; None where another run has it in hand."""
        try:
            with _claimed(path) as claimed:
                return None if claimed is None else self._hand_over(path, claimed, deliver)
        except OSError as error:
            return Flushed(sentences=(f"spool: {os_fault(error, path)}; this mail waits, the others are sent",))

    def _hand_over(self, path: Path, claimed: BinaryIO, deliver: Deliver) -> Flushed:
        letter = _decode(path, claimed.read())
        if letter is None:
            with _translated(self.folder):
                path.rename(made(self.folder / "refused") / path.name)
            return Flushed(refused=1, sentences=(f"spool: {path.name} is no letter of ours; moved to refused/",))
        try:
            delivery = deliver(letter)
        except MailNotTaken as error:
            if not error.is_about_mail:
                raise
            delivery = Delivery(dict.fromkeys(letter.recipients, Refusal(str(error), error.is_permanent)))
        with _translated(self.folder):
            return self._settle(path, letter, delivery)

    def _settle(self, path: Path, letter: Letter, delivery: Delivery) -> Flushed:
        """Write down what became of a letter: first what was refused, then what remains, then the removal."""
        for_good = tuple(
            one for one in letter.recipients if one in delivery.refused and delivery.refused[one].is_permanent
        )
        for_now = tuple(one for one in letter.recipients if one in delivery.refused and one not in for_good)
        word = _word_of(path) or None
        if for_good:
            before = self.refused(letter.name) - {*for_good}  # those who were refused while others waited
            kept = replace(letter, recipients=(*sorted(before), *for_good))
            write_whole(made(self.folder / "refused") / path.name, _encode(kept, word))
        if for_now != letter.recipients:
            if for_now:
                write_whole(path, _encode(replace(letter, recipients=for_now), word))
            else:
                path.unlink()
        sentences = [
            f"mail to {one} refused for good, kept in refused/: {delivery.refused[one].reason}" for one in for_good
        ]
        sentences += [
            f"mail to {one} refused for now, tried again later: {delivery.refused[one].reason}" for one in for_now
        ]
        is_sent = len(for_good) + len(for_now) < len(letter.recipients)
        return Flushed(sent=int(is_sent), refused=int(bool(for_good)), sentences=tuple(sentences))


def into_folder(folder: Path) -> Deliver:
    """Return what "hands over" by writing ``.eml`` files into a folder; a letter written twice is one file."""

    def deliver(letter: Letter) -> Delivery:
        with _translated(folder):
            write_whole(folder / f"{letter.name}.eml", letter.content)
        return Delivery()

    return deliver


@contextlib.contextmanager
def _claimed(path: Path) -> Iterator[BinaryIO | None]:
    """Give the open file of a letter that nobody else has in hand, else None."""
    try:
        opened = path.open("rb")
    except FileNotFoundError:
        yield None
        return
    with opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_ours = path.stat().st_ino == os.fstat(opened.fileno()).st_ino  # else sent or rewritten meanwhile
        except (BlockingIOError, FileNotFoundError):
            is_ours = False
        yield opened if is_ours else None


@contextlib.contextmanager
def _translated(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise MailNotTaken(f"mail folder {folder}", os_fault(error, folder), is_permanent=False) from error


def _exists(folder: Path) -> bool:
    """Whether it is there; a folder that may not be looked into is no empty one."""
    try:
        folder.stat()
    except FileNotFoundError:
        return False
    return True


def _count(folder: Path) -> int:
    with contextlib.suppress(OSError):
        return sum(path.suffix == _SUFFIX for path in folder.iterdir())
    return 0


def _encode(letter: Letter, word: str | None = None) -> bytes:
    envelope = {"sender": letter.sender, "recipients": letter.recipients} | ({} if word is None else {"word": word})
    return json.dumps(envelope).encode() + b"\n" + letter.content


def _word_of(path: Path) -> str:
    with path.open("rb") as opened:
        line = opened.readline()
    try:
        return str(json.loads(line)["word"])
    except (ValueError, KeyError, TypeError):
        return ""


def _word_if_there(path: Path) -> str:
    with contextlib.suppress(FileNotFoundError):  # it arrived while we looked
        return _word_of(path)
    return ""


def _decode(path: Path, content: bytes) -> Letter | None:
    line, newline, message = content.partition(b"\n")
    try:
        envelope = json.loads(line)
        recipients = tuple(str(recipient) for recipient in envelope["recipients"])
        letter = Letter(path.name.removesuffix(_SUFFIX), str(envelope["sender"]), recipients, message)
    except (ValueError, KeyError, TypeError):
        return None
    return letter if newline and recipients else None
