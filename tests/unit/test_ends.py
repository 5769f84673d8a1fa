"""What is said of a root without a sign: where it is known its disk is looked for, else it may be marked."""

from __future__ import annotations

import pytest

from observatory.endpoints.contract import RootFacts
from observatory.ends import Expectation, Expectations, new_root_words, prove_both, with_remedies
from observatory.errors import EndsNotSeen, HostUnreachable

BARE = RootFacts(0.0, 0.0, marker=None, has_night=False, free_bytes=None)
SOUND = RootFacts(0.0, 0.0, marker="", has_night=True, free_bytes=None)
NOTHING = Expectation()
HELD = Expectation(held_files=True)


def said_of_source(expected: Expectation) -> str:
    """Return what is said of a source that shows no sign."""
    with pytest.raises(EndsNotSeen) as caught:
        prove_both((BARE, SOUND), ("sha", "archive"), ("/data", "/archive"), (expected, NOTHING))
    return str(caught.value)


def test_a_source_of_which_nothing_is_known_may_be_marked() -> None:
    """Only a person can tell a new folder from an unmounted disk."""
    assert "If this is the root: `mkdir -p /data/.nightferry && touch " in said_of_source(NOTHING)


def test_nobody_is_told_to_mark_a_source_that_held_files() -> None:
    """At breakfast the command would be copied and run, and the empty mount point be taken for the root."""
    said = said_of_source(HELD)
    assert "Earlier runs saw files below it: look on that host whether its disk is mounted" in said
    assert "touch" not in said and "mkdir" not in said


def test_the_date_of_the_marker_says_more_than_that_files_were_seen() -> None:
    """One reason is enough."""
    said = said_of_source(Expectation(last_seen="2016-09-06", held_files=True))
    assert "It bore its marker on 2016-09-06" in said and "Earlier runs" not in said


def test_only_roots_get_a_roots_remedy() -> None:
    """A host that is off is not to be marked, and what is no fault of ends stays what it is."""
    off = HostUnreachable("sha", "port 22: Connection refused")
    known: Expectations = (HELD, HELD)
    assert str(with_remedies(EndsNotSeen(off, None), known, new_root_words("archive", "/archive"))) == str(off)
    fault = ValueError("x")
    assert with_remedies(fault, known) is fault
