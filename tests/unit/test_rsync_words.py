"""What rsync says is understood by file: complaints, progress and exit statuses, from messages it really wrote."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.transfer.rounds import Remedy
from syncer.transfer.rsync_words import complaints, ending_of, is_full, last_words, progress_in, unescape


def _escaped(name: bytes) -> bytes:
    """Write a name as rsync does under LC_ALL=C."""
    shown = bytearray()
    for position, byte in enumerate(name):
        looks_escaped = byte == 0x5C and name[position + 1 : position + 2] == b"#"
        shown += b"\\#%03o" % byte if byte < 32 or byte > 126 or looks_escaped else bytes([byte])
    return bytes(shown)


@given(st.binary(min_size=1).filter(lambda name: b"\0" not in name))
def test_any_name_that_rsync_escaped_is_read_back(name: bytes) -> None:
    """A name of any bytes comes back as it was."""
    assert unescape(_escaped(name)) == name


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'rsync: [sender] send_files failed to open "/s/n/a": Permission denied (13)', "Permission denied"),
        (b'rsync: [sender] link_stat "/s/n/a" failed: No such file or directory (2)', "vanished"),
        (b'file has vanished: "/s/n/a"', "vanished"),
        (b'rsync: [receiver] write failed on "/d/n/a": File too large (27)', "File too large"),
        (b'rsync: [receiver] mkstemp "/d/.nightferry/tmp/a.Ab12Cd" failed: Read-only file system (30)', "Read-only"),
        (b'rsync: [receiver] rename "/d/.nightferry/tmp/a.Ab12Cd" -> "n/a": Is a directory (21)', "Is a directory"),
        (b"WARNING: n/a failed verification -- update discarded.", "changed"),
    ],
)
def test_a_complaint_is_given_to_its_file(line: bytes, reason: str) -> None:
    """Whatever rsync calls a file, its reason reaches that file and no other."""
    known = {b"/s/n/a": b"n/a", b"/d/n/a": b"n/a", b"n/a": b"n/a", b"/d/.nightferry/tmp/a": b"n/a", b"/s/n/b": b"n/b"}
    found = complaints(line + b"\nrsync error: some files could not be transferred (code 23) at main.c(1)\n", known)
    assert set(found) == {b"n/a"}
    assert reason in found[b"n/a"]


def test_the_first_complaint_of_a_file_stands() -> None:
    """What follows from the first fault does not hide it."""
    text = b'rsync: [sender] read errors mapping "/s/a": Input/output error (5)\nWARNING: a failed verification -- x'
    assert complaints(text, {b"/s/a": b"a", b"a": b"a"}) == {
        b"a": "could not be read at the source: Input/output error"
    }


def test_a_name_with_quotes_is_found_between_the_outer_ones() -> None:
    """Quotes inside a name are not its end."""
    text = b'rsync: [sender] send_files failed to open "/s/q"uo"te": Permission denied (13)'
    assert set(complaints(text, {b'/s/q"uo"te': b'q"uo"te'})) == {b'q"uo"te'}


@pytest.mark.parametrize("status", [5, 10, 12, 20, 30, 35, 255, -9, -15, 137])
def test_faults_of_line_and_time_are_worth_a_retry(status: int) -> None:
    """A retry can mend them."""
    assert ending_of(status, b"").remedy is Remedy.RETRY


@pytest.mark.parametrize("status", [1, 2, 4, 23, 24, 126, 127])
def test_faults_of_files_and_options_are_not_tried_again(status: int) -> None:
    """A retry would meet the same."""
    assert ending_of(status, b"").remedy is Remedy.NOTHING


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"Host key verification failed.", "its host key is not in the known_hosts"),
        (b"Unknown cipher type 'aes512'\nrsync: connection unexpectedly closed", "see `transfer.cipher`"),
        (b"o@h: Permission denied (publickey).", "login refused"),
        (b"ssh: Could not resolve hostname h", "does not know that name"),
    ],
)
@pytest.mark.parametrize("status", [12, 255])
def test_ssh_that_refuses_is_not_asked_again(said: bytes, words: str, status: int) -> None:
    """A key that is refused once is refused the next minute too; it is no connection that broke off."""
    ending = ending_of(status, said)
    assert ending.remedy is Remedy.NOTHING
    assert words in ending.words and "broke off" not in ending.words
    assert ending_of(255, b"Connection reset by peer").remedy is Remedy.RETRY


def test_a_file_fault_that_stops_a_session_lets_the_others_go_on() -> None:
    """Status 11 ends the whole session, though one file was to blame."""
    assert ending_of(11, b"").remedy is Remedy.GO_ON
    assert is_full(b'rsync: [receiver] write failed on "/d/a": No space left on device (28)')
    assert not is_full(b'rsync: [receiver] write failed on "/d/a": File too large (27)')


def test_an_unknown_status_still_says_its_number() -> None:
    """Nothing is passed over in silence."""
    assert "77" in ending_of(77, b"").words
    assert "signal 9" in ending_of(-9, b"").words


def test_the_telling_line_is_not_the_closing_one() -> None:
    """ssh's own words say more than rsync's summary."""
    text = b"ssh: connect to host h port 22: Connection refused\nrsync error: unexplained error (code 255) at io.c(1)\n"
    assert last_words(text) == "ssh: connect to host h port 22: Connection refused"
    assert last_words(b"") == ""


def test_progress_is_the_last_whole_line() -> None:
    """Bytes and files of all that the session did."""
    text = b"\r   1  12%    0.00kB/s    0:00:00  \r   32768  50%  1.9MB/s    0:00:01 (xfr#3, to-chk=5/11)"
    assert progress_in(text) == (32768, 3)
    assert progress_in(b"sending incremental file list\n") is None
