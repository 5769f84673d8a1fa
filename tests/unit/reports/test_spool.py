"""The spool: written first, sent then, removed last; nothing is lost and nobody's mail holds up another's."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import threading
from pathlib import Path

import pytest

from observatory.errors import MailNotTaken, UsageError
from observatory.files import write_whole
from reports.letter import Letter
from reports.mail import Delivery, Refusal
from reports.spool import Spool, into_folder

PEOPLE = ("a@example.org", "b@example.org")


def letter(name: str, recipients: tuple[str, ...] = PEOPLE) -> Letter:
    """Return a small letter."""
    return Letter(name, "nightferry@example.org", recipients, b"Subject: " + name.encode() + b"\r\n\r\nhello\n\xff")


class Server:
    """A server's behaviour, letter by letter: what is not named in `answers` is taken."""

    def __init__(self, **answers: Delivery | Exception) -> None:
        self.answers = answers
        self.seen: list[Letter] = []

    def __call__(self, given: Letter) -> Delivery:
        """Take or refuse a letter."""
        self.seen.append(given)
        answer = self.answers.get(given.name, Delivery())
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """Return a spool with three letters, put in out of order."""
    made = Spool(tmp_path / "spool")
    for name in ("c", "a", "b"):
        made.put(letter(name))
    return made


def names(folder: Path) -> list[str]:
    """Return the files of a folder, hidden ones too."""
    return sorted(path.name for path in folder.iterdir() if path.is_file()) if folder.exists() else []


def test_letters_come_out_as_they_went_in_oldest_first(spool: Spool) -> None:
    """Envelope and every byte of the message; afterwards the spool is empty."""
    server = Server()
    flushed = spool.flush(server)
    assert server.seen == [letter("a"), letter("b"), letter("c")]
    assert (flushed.sent, flushed.waiting, flushed.sentences) == (3, 0, ())
    assert names(spool.folder) == []


def test_an_empty_or_absent_spool_is_nothing_to_do(tmp_path: Path) -> None:
    """The first run has no folder yet, and makes none."""
    flushed = Spool(tmp_path / "spool").flush(Server())
    assert flushed.sent == flushed.waiting == 0 and not (tmp_path / "spool").exists()


def test_a_server_that_is_away_keeps_everything_and_is_asked_once(spool: Spool) -> None:
    """Thirty letters do not wait thirty timeouts."""
    server = Server(a=MailNotTaken("mail server", "connection refused", is_permanent=False))
    flushed = spool.flush(server)
    assert (flushed.sent, flushed.waiting, len(server.seen)) == (0, 3, 1)
    assert "connection refused" in flushed.sentences[0] and "tried again" in flushed.sentences[0]
    assert spool.flush(Server()).sent == 3


def test_a_wrong_password_loses_nothing(spool: Spool) -> None:
    """A fault of the configuration is no fault of the letters."""
    assert spool.flush(Server(a=UsageError("mail.server: user is given, but no password_file"))).waiting == 3
    assert spool.flush(Server(a=MailNotTaken("server", "535 no", is_permanent=True))).waiting == 3


def test_a_poisoned_letter_is_set_aside_and_does_not_hold_up_the_others(spool: Spool) -> None:
    """Refused for good: kept in refused/, said once, the rest goes out."""
    server = Server(a=MailNotTaken("server", "554 spam", is_permanent=True, is_about_mail=True))
    flushed = spool.flush(server)
    assert (flushed.sent, flushed.refused, flushed.waiting) == (2, 1, 0)
    assert "554 spam" in flushed.sentences[0]
    assert names(spool.folder / "refused") == ["a.mail"]
    assert spool.flush(Server()).sentences == ()


def test_a_letter_refused_for_now_stays_and_the_others_go(spool: Spool) -> None:
    """A greylisting server takes it the next time."""
    server = Server(b=MailNotTaken("server", "451 later", is_permanent=False, is_about_mail=True))
    flushed = spool.flush(server)
    assert (flushed.sent, flushed.waiting) == (2, 1)
    assert names(spool.folder) == ["b.mail"]


def test_a_letter_that_cannot_be_read_is_said_and_does_not_hold_up_the_others(spool: Spool) -> None:
    """Somebody sent mail as root while the server was away: what he wrote down is closed to the schedule's account."""
    (spool.folder / "0.mail").symlink_to("0.mail")
    flushed = spool.flush(Server())
    assert (flushed.sent, flushed.refused, flushed.waiting) == (3, 0, 1)
    assert "0.mail" in flushed.sentences[0] and "this mail waits" in flushed.sentences[0]


def test_who_got_a_letter_does_not_get_it_again(tmp_path: Path) -> None:
    """One of three taken, one refused for now, one for good: each is written down on its own."""
    spool = Spool(tmp_path)
    spool.put(letter("a", ("got@x.org", "later@x.org", "never@x.org")))
    answer = Delivery({"later@x.org": Refusal("450 busy", False), "never@x.org": Refusal("550 unknown", True)})
    flushed = spool.flush(Server(a=answer))
    assert (flushed.sent, flushed.refused, flushed.waiting) == (1, 1, 1)
    assert any("later@x.org" in sentence for sentence in flushed.sentences)
    assert any("never@x.org" in sentence and "550" in sentence for sentence in flushed.sentences)
    again = Server()
    spool.flush(again)
    assert again.seen == [letter("a", ("later@x.org",))]
    set_aside = Server()
    (tmp_path / "refused" / "a.mail").rename(tmp_path / "a.mail")
    spool.flush(set_aside)
    assert set_aside.seen == [letter("a", ("never@x.org",))]


def test_a_letter_in_another_run_s_hands_is_left_alone(spool: Spool) -> None:
    """Two runs at once send each letter once."""
    with (spool.folder / "a.mail").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        server = Server()
        assert spool.flush(server).waiting == 1
        assert [given.name for given in server.seen] == ["b", "c"]
    assert spool.flush(Server()).sent == 1


def test_many_runs_at_once_send_each_letter_once(tmp_path: Path) -> None:
    """Eight at a time over forty letters."""
    spool = Spool(tmp_path)
    for number in range(40):
        spool.put(letter(f"{number:02d}"))
    server = Server()
    runs = [threading.Thread(target=spool.flush, args=(server,)) for _ in range(8)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert sorted(given.name for given in server.seen) == [f"{number:02d}" for number in range(40)]
    assert spool.waiting() == []


@pytest.mark.parametrize(
    "content", [b"", b"not a letter", b"{}\nx", b'{"sender": "a@b", "recipients": []}\nx', b"\xff\n"]
)
def test_what_is_no_letter_is_set_aside_and_said(spool: Spool, content: bytes) -> None:
    """A spoilt file does not stop the mail."""
    (spool.folder / "0.mail").write_bytes(content)
    flushed = spool.flush(Server())
    assert (flushed.sent, flushed.refused) == (3, 1)
    assert "no letter of ours" in flushed.sentences[0]
    assert (spool.folder / "refused" / "0.mail").read_bytes() == content


def test_only_the_owner_may_read_what_waits(spool: Spool) -> None:
    """Reports name hosts and paths."""
    assert stat.S_IMODE(spool.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((spool.folder / "a.mail").stat().st_mode) == 0o600


def test_a_spool_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    """The letter is not kept, and whoever asked knows."""
    (tmp_path / "spool").write_bytes(b"a file where the folder should be")
    with pytest.raises(MailNotTaken, match="spool"):
        Spool(tmp_path / "spool").put(letter("a"))
    assert Spool(tmp_path / "spool").flush(Server()).sentences


def test_a_letter_half_written_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk leaves the old state; the patch stands in for a disk that fills at fsync."""

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("reports.spool.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(tmp_path / "x", b"content")
    assert names(tmp_path) == []


def test_what_a_crash_left_half_written_is_swept_a_day_later(spool: Spool) -> None:
    """It is never sent, and does not stay for ever; what is being written now is left alone."""
    for name in (".old.mail.0", ".new.mail.0"):
        (spool.folder / name).write_bytes(b"half")
    os.utime(spool.folder / ".old.mail.0", (0, 0))
    assert spool.flush(Server()).sent == 3
    assert names(spool.folder) == [".new.mail.0"]


def test_a_mail_folder_gets_files_that_any_mail_program_opens(tmp_path: Path, spool: Spool) -> None:
    """One .eml a letter; a letter that is handed over twice is still one."""
    deliver = into_folder(tmp_path / "mails")
    spool.flush(deliver)
    deliver(letter("a"))
    assert names(tmp_path / "mails") == ["a.eml", "b.eml", "c.eml"]
    assert (tmp_path / "mails" / "a.eml").read_bytes() == letter("a").content
