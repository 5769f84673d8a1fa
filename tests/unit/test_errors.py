"""The sentences of faults as a person reads them at breakfast: each ends once, and its remedy fits its cause."""

from __future__ import annotations

from observatory.errors import EndsNotSeen, HostUnreachable, LoginRefused, RootNotProven

OFF = HostUnreachable("sha", "port 22: Connection refused")
GONE = RootNotProven("archive", "/data/sha", "does not exist")


def test_both_ends_are_said_as_two_whole_sentences() -> None:
    """A question keeps its mark, a statement gets its stop, and neither gets two."""
    said = str(EndsNotSeen(OFF, GONE))
    assert "does `ssh` reach it from here? archive: /data/sha does not exist" in said
    assert str(EndsNotSeen(GONE, OFF)).startswith(f"{GONE}. sha: not reached")
    assert "?." not in said and ".." not in said


def test_one_end_alone_is_said_as_it_stands() -> None:
    """Nothing is added to the only sentence."""
    assert str(EndsNotSeen(None, GONE)) == str(GONE)
    assert str(EndsNotSeen(OFF, None)) == str(OFF)


def test_a_reason_that_ends_with_a_stop_gets_no_second_one() -> None:
    """Words of others come with and without."""
    assert "key. Is the public key" in str(LoginRefused("sha", "me", "no such key."))
    assert "key. Is the public key" in str(LoginRefused("sha", "me", "no such key"))
