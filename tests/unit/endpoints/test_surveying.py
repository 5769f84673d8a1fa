"""What a listing is believed: only one that says that it is done, in order, and without complaint."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observatory import records
from observatory.endpoints.contract import SurveyRequest, Trouble
from observatory.endpoints.script import glob_word, quote, wrapped
from observatory.endpoints.surveying import ScriptSurvey, trouble_of
from observatory.endpoints.walk import chunks
from observatory.errors import CouldNotTell, HostUnreachable, ListingBroken, RootNotProven

BEGIN = b"nightferry\0clock 100.5\0device 7\0begin\0"
GOOD = BEGIN + b"walked 0\0walked 0\0fa//1/1.0\0fb//1/1.0\0zend 0\0"


class Tape:
    """A program that says what it was given, in pieces, and may be lost on the way."""

    def __init__(
        self, said: bytes, stderr: bytes = b"nightferry\n", status: int = 0, piece: int = 7, lost: bool = False
    ) -> None:
        self._said, self._stderr, self._status, self._piece, self._lost = said, stderr, status, piece, lost
        self.is_killed = False

    def read(self, size: int, wait_s: float) -> bytes:
        """Give the next piece."""
        block, self._said = self._said[: self._piece], self._said[self._piece :]
        if not block and self._lost:
            raise HostUnreachable("far", "the connection was lost")
        return block

    def finish(self, wait_s: float) -> tuple[int, bytes]:
        """Give the end."""
        return self._status, self._stderr

    def kill(self) -> None:
        """Note it."""
        self.is_killed = True


def survey(tape: Tape) -> ScriptSurvey:
    """Return a listing from a tape that must tell two statuses."""
    return ScriptSurvey(tape, SurveyRequest(b"/data", ()), "far", 2, 99.0, now=lambda: 101.0)


def poisons(tape: Tape) -> list[Trouble]:
    """Return the troubles of a listing that make all of it unknown."""
    answer = survey(tape)
    list(answer)
    return [trouble for trouble in answer.troubles if trouble.path == b""]


@pytest.mark.parametrize("piece", [1, 7, 4096])
def test_a_whole_listing_is_whole_however_it_is_cut(piece: int) -> None:
    """Pieces of a stream end anywhere."""
    answer = survey(Tape(b"login noise\n" + GOOD, piece=piece))
    assert b"".join(answer) == b"fa//1/1.0\0fb//1/1.0\0"
    assert answer.troubles == []
    assert (answer.facts.clock_s, answer.facts.clock_ahead_s) == (100.5, 0.5)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (GOOD[:-8], "without saying"),
        (GOOD[:-3], "without saying"),
        (GOOD.replace(b"zend 0", b"zend 2"), "sort ended with status 2"),
        (GOOD.replace(b"walked 0\0", b"", 1), "not every walk"),
        (GOOD.replace(b"walked 0\0", b"walked 125\0", 1), "status 125"),
        (GOOD.replace(b"walked 0\0", b"walked 123\0", 1), "without saying why"),
        (BEGIN, "without saying"),
    ],
)
def test_a_listing_that_is_not_whole_is_never_believed(said: bytes, why: str) -> None:
    """A far end that dies poisons all."""
    assert any(why in trouble.reason for trouble in poisons(Tape(said)))


@pytest.mark.parametrize("cut", range(len(BEGIN), len(GOOD)))
def test_wherever_the_stream_ends_it_is_seen(cut: int) -> None:
    """At any byte."""
    assert poisons(Tape(GOOD[:cut]))


def test_a_connection_that_is_lost_keeps_what_came_and_poisons_the_rest() -> None:
    """What came before it is still true."""
    answer = survey(Tape(GOOD[:-8], lost=True))
    assert b"".join(answer).startswith(b"fa//")
    assert any("lost" in trouble.reason for trouble in answer.troubles)


def test_records_out_of_order_are_not_believed() -> None:
    """A stream that repeats itself never ends."""
    record = b"f" + b"x" * 300 + b"//1/1.0\0"
    tape = Tape(BEGIN + b"walked 0\0walked 0\0" + record * 3000 + b"zend 0\0", piece=1 << 18)
    assert any("not in order" in trouble.reason for trouble in poisons(tape))


def test_a_record_that_does_not_end_is_not_believed() -> None:
    """Noise is no listing, and fills no memory."""
    tape = Tape(BEGIN + b"walked 0\0walked 0\0" + b"x" * 3_000_000, piece=1 << 18)
    assert any("does not end" in trouble.reason for trouble in poisons(tape))


def test_a_status_other_than_0_of_the_script_itself_poisons() -> None:
    """Whatever it printed."""
    assert any("status 137" in trouble.reason for trouble in poisons(Tape(GOOD, status=137)))


@pytest.mark.parametrize("said", [b"", b"Permission denied\n", b"nightferry\0clock 1.0\0", b"nightferry\0begin\0"])
def test_a_far_end_that_makes_no_sense_is_an_error_at_once(said: bytes) -> None:
    """And the program is ended."""
    tape = Tape(said)
    with pytest.raises(ListingBroken):
        survey(tape)
    assert tape.is_killed


def test_a_root_that_is_not_there_is_told_with_its_reason() -> None:
    """In plain words."""
    said = b"nightferry\0clock 1.0\0no-root ls: cannot access '/data/.': No such file or directory\0"
    with pytest.raises(RootNotProven, match="does not exist"):
        survey(Tape(said))


def test_a_folder_on_another_file_system_is_a_trouble() -> None:
    """Each folder tells its device."""
    answer = survey(Tape(BEGIN + b"dx//7\0dx/y//8\0".join((b"walked 0\0walked 0\0", b"fa//1/1.0\0zend 0\0"))))
    assert b"".join(answer) == b"fa//1/1.0\0"
    assert [trouble.path for trouble in answer.troubles] == [b"x/y"]


def test_each_folder_tells_its_inode_and_its_last_change() -> None:
    """By these it is known again on whatever machine it is seen."""
    answer = survey(Tape(BEGIN + b"dx//7/12:5.25\0dx/y//7/13:6.5\0walked 0\0walked 0\0fx/a//1/1.0\0zend 0\0"))
    assert (b"".join(answer), answer.troubles) == (b"fx/a//1/1.0\0", [])
    assert answer.folders == {b"x": "12:5.25", b"x/y": "13:6.5"}


def test_complaints_are_troubles_of_their_folders() -> None:
    """Those before the script began are the login shell's."""
    complaints = b"find: 'a b': Permission denied\nfind: 'gone': No such file or directory\n"
    stderr = b"bash: warning: setlocale\nnightferry\n" + complaints
    said = GOOD.replace(b"walked 0\0", b"walked 123\0", 1)
    answer = survey(Tape(said, stderr))
    list(answer)
    assert answer.troubles == [Trouble(b"a b", "Permission denied")]


@pytest.mark.parametrize(
    ("line", "trouble"),
    [
        (rb"find: 'd\'\n\377': Permission denied", Trouble(b"d'\n\xff", "Permission denied")),
        (b"find: './-x': Input/output error", Trouble(b"-x", "Input/output error")),
        (b"find: '2016/0907': No such file or directory", None),
        (b"find: '.': Permission denied", Trouble(b"", "Permission denied")),
        (b"xargs: sh: terminated by signal 9", Trouble(b"", "xargs: sh: terminated by signal 9")),
        (b"", None),
    ],
)
def test_a_complaint_is_read_as_find_writes_it(line: bytes, trouble: Trouble | None) -> None:
    """Odd bytes come as escapes; what cannot be read poisons all."""
    assert trouble_of(line) == trouble


@given(st.sets(st.tuples(st.sampled_from([b"f", b"l", b"o", b"u"]), st.binary(min_size=1, max_size=12)), max_size=40))
def test_records_sorted_as_lines_are_sorted_by_their_keys(drawn: set[tuple[bytes, bytes]]) -> None:
    """What sort does at the far end is the order that comparing needs."""
    lines = set()
    for kind, raw in drawn:
        path = b"/".join(part for part in raw.replace(b"\0", b"").split(b"/") if part)
        if path:
            lines.add(kind + path + b"//" + b"%d/1.0" % len(path))
    keys = [records.key_of(line) for line in sorted(lines)]
    assert keys == sorted(keys)
    assert b"".join(chunks(sorted(lines), 10)).split(b"\0")[:-1] == sorted(lines)


@given(st.binary(max_size=80).filter(lambda word: b"\0" not in word))
def test_a_wrapped_script_has_nothing_that_a_login_shell_could_misread(word: bytes) -> None:
    """Neither newline nor exclamation mark, and quotes only its own."""
    line = wrapped(b"printf %s " + quote(word))
    assert b"\n" not in line
    assert b"!" not in line
    assert line.count(b"'") == 4


def test_a_nul_cannot_be_quoted() -> None:
    """No argument can hold one."""
    with pytest.raises(ValueError, match="NUL"):
        quote(b"a\0b")


def test_only_the_wildcards_of_a_pattern_are_left_bare() -> None:
    """Everything else is data."""
    assert glob_word(b"raw $(id)/[0-9]*") == b"raw' $(id)/'[0-9]*".replace(b"raw' $(id)/'", b"'raw $(id)/'")


def test_closing_early_ends_the_far_program() -> None:
    """And is no error."""
    tape = Tape(GOOD)
    answer = survey(tape)
    answer.close()
    assert tape.is_killed
    assert issubclass(ListingBroken, CouldNotTell)
