"""Copies and rules that lie close to those that count: what a slightly wrong decision would free, or keep for ever."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from observatory.endpoints.contract import Facts
from observatory.spec.models import Retention
from syncer.prune import Candidate, CopyState, Freeable, Reading, Rule, Stay, Witness, decide, must_be_read, rule_of

NOW = dt.datetime(2016, 11, 20, 12, tzinfo=dt.UTC)
SUM, PATH = "a" * 64, b"2016/0907/a.fits"
RULE = Rule(keep_nights=60, copies=1, within_days=30)


def copy(name: str, **changes: Any) -> CopyState:
    """Return a copy on a machine of its own."""
    return replace(CopyState(name, name, f"/data/{name}", name, f"id-{name}", f"kernel-{name}"), **changes)


def looked(inode: int, **changes: Any) -> Facts:
    """Return how a file looks while nobody touched it."""
    return replace(Facts(PATH, 10, 1.25, 0o644, True, identity=f"1:{inode}", changed_s=2.5), **changes)


def reading(inode: int, **changes: Any) -> Reading:
    """Return what was read yesterday."""
    return replace(Reading(SUM, NOW - dt.timedelta(days=1), 10, 1.25, 2.5, f"1:{inode}", None), **changes)


OWN = copy("dome")
CANDIDATE = Candidate(PATH, dt.date(2016, 9, 7), b"sha/a.fits", looked(1), reading(1), SUM)


def witness(inode: int = 2, *, of: CopyState | None = None, **facts: Any) -> Witness:
    """Return a file on another copy that looks as it did when it was read."""
    told = {key: value for key, value in facts.items() if key in ("identity", "changed_s", "mtime_s")}
    return Witness(of or copy("hill"), PATH, reading(inode, **told), looked(inode, **told))


def verdict(one: Witness, own: CopyState = OWN, rule: Rule = RULE, **changes: Any) -> Freeable | Stay:
    """Decide at the last look, by one other copy."""
    return decide(replace(CANDIDATE, **changes), own, [one], rule, NOW, is_last_look=True)


def test_a_doubt_about_a_copy_that_is_there_stands_though_absent_ones_may_count() -> None:
    """The wish is for drives on a shelf; an unproven root is none."""
    wished = replace(RULE, count_absent=True, copies=2)
    doubtful = replace(witness(3), copy=copy("cape", doubt="shows no sign of being the root"))
    found = decide(CANDIDATE, OWN, [witness(2), doubtful], wished, NOW)
    assert isinstance(found, Stay) and "cape shows no sign" in found.reason


def test_a_drive_on_a_shelf_counts_at_the_last_look_too_where_that_is_wished() -> None:
    """It cannot be read again; its last hash is what is wished to be enough."""
    away = copy("cape", doubt="is a drive that is not there", is_absent=True, kernel=None)
    shelf = Witness(away, PATH, reading(3, marker="id-cape"))
    wished = replace(RULE, count_absent=True, copies=2, reread=True)
    read_again = replace(witness(2), reread=SUM)
    assert isinstance(decide(CANDIDATE, OWN, [read_again, shelf], wished, NOW, is_last_look=True), Freeable)


@pytest.mark.parametrize("ago", [dt.timedelta(0), dt.timedelta(seconds=30), dt.timedelta(days=30)])
def test_a_hash_counts_from_the_instant_it_was_made_through_its_last_day(ago: dt.timedelta) -> None:
    """A prune may follow a verification at once."""
    one = witness()
    assert isinstance(verdict(replace(one, reading=reading(2, at_utc=NOW - ago))), Freeable)


def test_a_candidate_that_was_moved_or_given_another_mode_is_still_what_was_read() -> None:
    """It is hashed once more before it goes; size and time are what may not have changed."""
    assert isinstance(verdict(witness(), looked=looked(7, changed_s=9.0)), Freeable)
    assert isinstance(verdict(witness(), looked=looked(1, size_bytes=11)), Stay)


def test_what_was_read_over_sftp_may_be_looked_at_through_a_shell() -> None:
    """What was not told then cannot be held against the file; whole seconds are compared as such. It is read again."""
    shy = reading(2, identity=None, changed_s=None, mtime_s=1.0)
    one = replace(witness(), reading=shy)
    assert must_be_read(one, RULE)
    assert isinstance(verdict(one), Stay)
    assert isinstance(verdict(replace(one, reread=SUM)), Freeable)
    assert isinstance(decide(CANDIDATE, OWN, [one], RULE, NOW), Freeable)


@pytest.mark.parametrize("what", ["reading", "looked"])
def test_what_was_never_hashed_or_seen_is_not_read_for_a_last_look(what: str) -> None:
    """It does not count anyhow."""
    assert not must_be_read(replace(witness(), **{what: None}), replace(RULE, reread=True))


def test_on_one_machine_device_and_inode_tell_files_apart_and_nothing_else_does() -> None:
    """The time of change is not needed for it, and does not matter to it."""
    here = copy("hill", kernel="kernel-dome")
    link = verdict(replace(witness(1, of=here, changed_s=None), reread=SUM))
    assert isinstance(link, Stay) and "the very file of dome" in link.reason
    assert isinstance(verdict(witness(of=here, identity="9:1")), Freeable)


def test_on_two_machines_one_inode_is_one_file_only_with_one_time_of_change() -> None:
    """Numbers of inodes are given anew on every disk."""
    assert isinstance(verdict(witness(1, changed_s=3.5)), Freeable)
    assert isinstance(verdict(replace(witness(1, changed_s=None), reread=SUM)), Freeable)
    assert isinstance(verdict(witness(1)), Stay)


def test_files_of_which_no_inode_is_told_are_not_one_for_that() -> None:
    """Different markers tell the folders apart."""
    nameless = replace(witness(of=copy("hill", kernel="kernel-dome"), identity=None), reread=SUM)
    assert isinstance(verdict(nameless, looked=looked(1, identity=None)), Freeable)
    assert isinstance(verdict(nameless), Freeable)
    assert isinstance(verdict(witness(), looked=looked(1, identity=None)), Freeable)


def test_copies_without_a_marker_are_told_apart_by_their_machines_and_inodes_alone() -> None:
    """Where neither is told, a copy may be the same folder."""
    bare = copy("hill", marker=None)
    assert isinstance(verdict(witness(of=bare), copy("dome", marker=None)), Freeable)
    shy = verdict(replace(witness(of=bare, identity=None), reread=SUM))
    assert isinstance(shy, Stay) and "cannot show that it is a folder of its own" in shy.reason


def test_a_rule_keeps_what_the_retention_says_where_no_kind_takes_the_file() -> None:
    """Absent drives included; and what no kind takes may be freed."""
    said = Retention.model_validate(
        {"keep_nights": 60, "count_absent": True, "kinds": {"logs": {"files": ["*.log"], "free": False}}}
    )
    assert rule_of(said, b"a.fits") == Rule(60, 2, 30, count_absent=True, free=True)
    assert rule_of(said, b"a.log").free is False
