"""When a night is safe on a copy: every file hashed there, against the hash of its birth, and none forgotten."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace

import pytest

from catalogue.evidence_records import Evidence, ReadFile, Reading, SafeNight, SafeState
from nightferry.retention.safe import Held, judge, references

NIGHT = dt.date(2016, 9, 7)
NOON = dt.datetime(2016, 9, 8, 12, tzinfo=dt.UTC)
LATER = NOON + dt.timedelta(hours=1)
LATEST = NOON + dt.timedelta(hours=2)


def evidence(name: str, sum_: str | None, first: str | None = None, at: dt.datetime = LATER) -> Evidence:
    """Return what was read of a file, first at noon and last later."""
    path = f"{name}.fits".encode()
    return Evidence(ReadFile(path, NIGHT, b"sha/" + path, sum_), Reading(at, "verify"), first or sum_ or "", NOON)


def held(number: int, sums: Mapping[str, str | None], **changes: object) -> Held:
    """Return a copy that is filled from the one before it."""
    rows = [evidence(name, sum_, first="aa") for name, sum_ in sums.items()]
    plain = Held(
        number,
        frozenset({"sha"}),
        frozenset(range(1, number)),
        {one.file.path: one for one in rows},
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def states(*chain: Held) -> list[SafeState | None]:
    """Return the state of each copy."""
    return [None if one is None else one.state for one in judge(chain)]


def test_every_file_hashed_and_as_it_was_is_safe() -> None:
    """With the instant of the oldest hash that it rests on."""
    first, second = held(1, {"a": "aa", "b": "aa"}), held(2, {"a": "aa", "b": "aa"})
    assert judge([first, second])[1] == SafeNight(SafeState.SAFE, 2, LATER)


def test_the_instant_is_that_of_hashes_and_of_no_file_that_could_not_be_read() -> None:
    """Where nothing was hashed at all it is that of the look."""
    unread = evidence("b", None, first="aa", at=NOON)
    first = held(1, {"a": "aa"})
    (judged,) = judge([replace(first, evidence={**first.evidence, unread.file.path: unread})])
    assert judged is not None and (judged.state, judged.files, judged.at_utc) == (SafeState.UNSAFE, 1, LATER)
    (judged,) = judge([replace(first, evidence={unread.file.path: unread})])
    assert judged is not None and (judged.files, judged.at_utc) == (0, NOON)


def test_a_copy_of_which_nothing_was_ever_read_is_not_judged() -> None:
    """Not read is neither safe nor unsafe."""
    assert states(held(1, {"a": "aa"}), held(2, {})) == [SafeState.SAFE, None]


def test_other_bytes_and_lost_files_are_unsafe_and_unread_ones_unknown() -> None:
    """Each is counted and one of them named."""
    first = held(1, {"a": "aa", "b": "aa", "c": "aa"})
    second = held(2, {"a": "xx", "b": None})
    found = judge([first, second])[1]
    assert found is not None and found.state is SafeState.UNSAFE
    assert found.reason == (
        "1 file is not what it was when first read (a.fits); 1 file is gone or unreadable (b.fits);"
        " 1 file is not hashed there yet (c.fits)"
    )
    assert states(first, held(2, {"a": "aa"})) == [SafeState.SAFE, SafeState.UNKNOWN]


def test_what_was_freed_or_belongs_elsewhere_is_not_missed() -> None:
    """Freed here on purpose, of a camera that is not carried, or made only further down the chain."""
    first = held(1, {"a": "aa"}, freed={b"sha/b.fits": "aa"})
    second = held(2, {"a": "aa", "b": "aa", "made": "aa"}, made={b"made.fits": "aa"})
    assert states(first, second) == [SafeState.SAFE, SafeState.SAFE]


def test_what_was_freed_is_held_against_what_it_was_then() -> None:
    """The copy that it was freed on has it no more; what is read elsewhere for the first time since is no measure."""
    chain = [held(1, {"a": "aa"}, freed={b"sha/b.fits": "aa"}), held(2, {"a": "aa", "b": "bb"})]
    assert references(chain)[b"sha/b.fits"].sha256 == "aa"
    assert states(*chain) == [SafeState.SAFE, SafeState.UNSAFE]


def test_a_file_that_no_copy_before_it_had_is_a_stranger() -> None:
    """Nobody knows what it should be. Where nothing is known of the copies before, none is called so."""
    found = judge([held(1, {"a": "aa"}), held(2, {"a": "aa", "x": "aa"})])[1]
    assert found is not None and found.state is SafeState.UNSAFE
    assert found.reason == "1 file is on no copy that it is filled from (x.fits)"
    assert states(held(1, {}), held(2, {"a": "aa"})) == [None, SafeState.SAFE]
    assert states(held(1, {"a": "aa"}), held(2, {"b": "aa"}, cameras=frozenset({"logs"}))) == [SafeState.SAFE] * 2


def test_a_product_is_held_against_the_hash_that_it_was_made_with() -> None:
    """Though somebody read it first when it had rotted already."""
    first = held(1, {"a": "aa"}, made={b"a.fits": "bb"})
    assert {name: (one.sha256, one.how) for name, one in references([first]).items()} == {b"sha/a.fits": ("bb", "made")}
    assert states(first) == [SafeState.UNSAFE]


def test_what_a_person_accepted_is_held_against_what_was_read_afterwards() -> None:
    """On the first copy that has it; until it was read again nothing is known of it."""
    vouched = {b"sha/a.fits": NOON + dt.timedelta(minutes=30)}
    first, second = held(1, {"a": "new"}, vouched=vouched), held(2, {"a": "new"}, vouched=vouched)
    assert states(first, second) == [SafeState.SAFE, SafeState.SAFE]
    assert states(first, held(2, {"a": "aa"}, vouched=vouched)) == [SafeState.SAFE, SafeState.UNSAFE]
    later = {b"sha/a.fits": LATEST}
    unread = held(1, {"a": "new"}, vouched=later)
    assert references([unread]) == {}
    assert states(unread) == [SafeState.UNKNOWN]


def test_of_two_paths_of_one_file_the_present_one_counts() -> None:
    """After its layout was changed a copy has read the same file under two."""
    old, new = evidence("old", None, first="aa"), evidence("new", "aa")
    name = new.file.name
    both = {b"old.fits": replace(old, file=replace(old.file, name=name)), b"new.fits": new}
    assert states(Held(1, frozenset({"sha"}), evidence=both)) == [SafeState.SAFE]


@pytest.mark.parametrize(
    ("read", "identity", "changed_s", "is_safe"),
    [
        (Reading(LATER, "status", "m2", "kernel a"), "1:77", 6.5, False),
        (Reading(LATER, "status", "m2", "kernel a"), "2:77", 5.5, True),
        (Reading(LATER, "status", None, "kernel b"), "9:77", 5.5, False),
        (Reading(LATER, "status", "m1", None), None, None, False),
        (Reading(LATER, "status", "m2", "kernel b"), "9:77", 6.5, True),
        (Reading(LATER, "status", "m2", "kernel b"), "9:78", 5.5, True),
        (Reading(LATER, "status", "m2", None), None, None, True),
    ],
    ids=[
        "one kernel",
        "another disk of it",
        "two machines, one server",
        "one marker",
        "another change",
        "another inode",
        "not told",
    ],
)
def test_the_very_file_of_another_copy_is_not_safe(
    read: Reading, identity: str | None, changed_s: float | None, is_safe: bool
) -> None:
    """However a second machine mounts the folder: there is one file, whatever two roots are declared."""
    first, second = held(1, {"a": "aa"}), held(2, {"a": "aa"})
    (here,), (there,) = first.evidence.values(), second.evidence.values()
    mine = replace(here, file=replace(here.file, identity="1:77", changed_s=5.5))
    mine = replace(mine, reading=Reading(NOON, "status", "m1", "kernel a"))
    its = replace(there, file=replace(there.file, identity=identity, changed_s=changed_s), reading=read)
    chain = [replace(first, evidence={here.file.path: mine}), replace(second, evidence={there.file.path: its})]
    assert states(*chain) == [SafeState.SAFE, SafeState.SAFE if is_safe else SafeState.UNSAFE]
