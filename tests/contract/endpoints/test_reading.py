"""What every endpoint says of single files: which and how old they are, their hashes, their structure, their bytes."""

from __future__ import annotations

import hashlib
import os
import time

import pytest

from observatory.endpoints.contract import Promise
from observatory.errors import FileUnreadable
from tests.contract.endpoints.members import STAMP_S, Member


def test_a_file_shows_which_it_is_and_when_it_was_changed_where_programs_run(member: Member) -> None:
    """A hard link is the same file; bytes changed behind a kept time and size are a change all the same."""
    member.put(b"a", b"1234")
    before = next(member.endpoint.stat(member.root, [b"a"]))
    if member.kind in ("sftp", "plain", "memory"):  # these have nothing that could tell
        assert (before.identity, before.changed_s) == (None, None)
        return
    os.link(member.path(b"a"), member.path(b"b"))
    member.put(b"c", b"1234")
    same, other = member.endpoint.stat(member.root, [b"b", b"c"])
    assert before.identity == same.identity != other.identity
    time.sleep(0.02)
    member.put(b"a", b"1235")
    after = next(member.endpoint.stat(member.root, [b"a"]))
    assert (after.size_bytes, after.mtime_s) == (before.size_bytes, before.mtime_s)
    assert after.changed_s is not None and before.changed_s is not None and after.changed_s > before.changed_s


def test_stat_answers_each_path_in_the_order_asked(member: Member) -> None:
    """Absent is not unreadable, a folder is no file, and nothing outside the root is looked at."""
    member.put(b"a", b"12", STAMP_S)
    member.put_link(b"l", b"a")
    answers = list(member.endpoint.stat(member.root, [b"l", b"absent", b"a", b"../x", b"a/b"]))
    assert [answer.path for answer in answers] == [b"l", b"absent", b"a", b"../x", b"a/b"]
    link, absent, file, outside, _ = answers
    assert (link.is_file, absent.size_bytes, absent.reason) == (False, None, None)
    assert (file.size_bytes, file.mtime_s, file.is_file) == (2, STAMP_S, True)
    assert outside.reason is not None


def test_only_what_is_not_as_promised_is_told(member: Member) -> None:
    """By size, time and kind, in the order asked; what cannot be looked at is told too, never passed over."""
    for name in (b"kept", b"a line\nof two", b"longer", b"newer", b"linked"):
        member.put(name, b"12", STAMP_S)
    member.put_link(b"link", b"linked")
    promises = [
        Promise(b"kept", 2, STAMP_S + 1.5),
        Promise(b"longer", 1, STAMP_S),
        Promise(b"a line\nof two", 2, STAMP_S),
        Promise(b"newer", 2, STAMP_S - 3),
        Promise(b"absent", 2, STAMP_S),
        Promise(b"link", 2, STAMP_S),
    ]
    told = list(member.endpoint.differing(member.root, promises))
    assert [facts.path for facts in told] == [b"longer", b"newer", b"absent", b"link"]
    assert [facts.size_bytes for facts in told[:3]] == [2, 2, None]
    outside = [Promise(b"../x", 2, STAMP_S)]
    assert [facts.reason is None for facts in member.endpoint.differing(member.root, outside)] == [False]
    assert list(member.endpoint.differing(member.root, [])) == []


def test_hash_answers_each_path_in_the_order_asked_or_says_why_not(member: Member) -> None:
    """One answer per path, and a folder or pipe is no file."""
    member.put(b"a", b"x" * 3_000_000)
    member.put(b"empty")
    member.put_pipe(b"pipe")
    asked = [b"empty", b"absent", b"a", b"../a", b"pipe"]
    answers = list(member.endpoint.hash(member.root, asked))
    assert [answer.path for answer in answers] == asked
    assert [answer.sha256 for answer in answers] == [
        hashlib.sha256(b"").hexdigest(),
        None,
        hashlib.sha256(b"x" * 3_000_000).hexdigest(),
        None,
        None,
    ]
    assert all((answer.sha256 is None) == (answer.reason is not None) for answer in answers)


def test_inspect_judges_files_by_their_own_structure(member: Member) -> None:
    """Whole, short, absent, and what has no format."""
    card = b"SIMPLE  =                    T".ljust(80)
    header = (card + b"BITPIX  =                    8".ljust(80) + b"NAXIS   =                    1".ljust(80)
              + b"NAXIS1  =                  100".ljust(80) + b"END".ljust(80)).ljust(2880)  # fmt: skip
    member.put(b"whole.fits", header + bytes(2880))
    member.put(b"short.fits", header + bytes(50))
    member.put(b"words.txt", b"hello")
    asked = [b"whole.fits", b"short.fits", b"absent.fits", b"words.txt"]
    states = [answer.state for answer in member.endpoint.inspect(member.root, asked, True)]
    assert states == ["whole", "short", "unreadable", "unjudged"]


def test_no_questions_have_no_answers(member: Member) -> None:
    """Nothing asked, nothing said."""
    assert list(member.endpoint.hash(member.root, [])) == []
    assert list(member.endpoint.stat(member.root, [])) == []
    assert list(member.endpoint.inspect(member.root, [], False)) == []


def test_open_reads_every_byte_from_the_start(member: Member) -> None:
    """Larger than any buffer."""
    data = os.urandom(5_000_000)
    member.put(b"a\n'b", data)
    with member.endpoint.open(member.path(b"a\n'b")) as stream:
        assert stream.read() == data


@pytest.mark.parametrize("what", [b"absent", b"folder"])
def test_open_refuses_what_is_no_file(member: Member, what: bytes) -> None:
    """At once, not at the first byte."""
    member.put_folder(b"folder")
    with pytest.raises(FileUnreadable):
        member.endpoint.open(member.path(what))
