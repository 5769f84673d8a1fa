"""What every endpoint says of a root: absent, empty, proven by its marker or by a night; clock and free space."""

from __future__ import annotations

import time

import pytest

from observatory.errors import RootNotProven
from tests.contract.endpoints.members import Member


def test_a_root_that_is_absent_is_not_proven(member: Member) -> None:
    """An absent root is never an empty one."""
    with pytest.raises(RootNotProven, match="does not exist"):
        member.endpoint.survey(member.request(root=member.path(b"absent")))


def test_a_root_that_is_a_file_is_not_proven(member: Member) -> None:
    """A file where the root should be is said to be one."""
    member.put(b"file")
    with pytest.raises(RootNotProven, match="not a folder"):
        member.endpoint.survey(member.request(root=member.path(b"file")))


def test_an_empty_root_lists_but_is_not_proven(member: Member) -> None:
    """An empty mount point shows neither marker nor night."""
    found, troubles, facts = member.survey(member.request())
    assert (found, troubles, facts.is_proven) == ([], [], False)


def test_a_marker_proves_a_root_and_its_content_is_stripped(member: Member) -> None:
    """The marker's content is the root's id."""
    member.put(b".nightferry/root", b" disk-7\n")
    facts = member.survey(member.request())[2]
    assert (facts.marker, facts.has_night, facts.is_proven) == ("disk-7", False, True)


def test_an_empty_marker_is_a_marker(member: Member) -> None:
    """The id may be empty."""
    member.put(b".nightferry/root")
    assert member.survey(member.request())[2].marker == ""


def test_any_night_of_the_layout_proves_a_root(member: Member) -> None:
    """The night found need not be one of those asked for."""
    member.put_folder(b"1999/0101")
    facts = member.survey(member.request())[2]
    assert (facts.has_night, facts.marker) == (True, None)


def test_a_file_named_like_a_night_proves_nothing(member: Member) -> None:
    """A night is a folder."""
    member.put(b"1999/0101")
    assert not member.survey(member.request())[2].is_proven


def test_a_name_proves_a_root_without_night_folders(member: Member) -> None:
    """Where nights are in names, a name three levels down proves the root, one deeper does not."""
    expression = b"_20[0-9]{6}T"
    member.put(b"a/b/c/raw_20160907T.fits")
    asked = member.request(b".", night_globs=(), night_name=expression)
    assert not member.survey(asked)[2].has_night
    member.put(b"a/b/raw_20160907T.fits")
    assert member.survey(asked)[2].has_night


def test_layouts_with_a_camera_are_found_below_any_camera(member: Member) -> None:
    """A star in the layout's pattern stands for one folder."""
    member.put_folder(b"red arm/2016-09-07")
    asked = member.request(b".", night_globs=(b"*/[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]",))
    assert member.survey(asked)[2].has_night


def test_the_clock_and_free_space_come_with_a_listing(member: Member) -> None:
    """The host's own clock is told where it has one, and its free space."""
    facts = member.survey(member.request())[2]
    assert abs(facts.clock_s - time.time()) < 5
    assert abs(facts.clock_ahead_s) < 2
    assert facts.clock_is_known is (member.kind != "sftp")
    if member.kind != "memory":
        assert facts.free_bytes is not None and facts.free_bytes > 0


def test_a_round_trip_is_told_by_every_member_often(member: Member) -> None:
    """Also where no program can be run; the channels it takes are given back."""
    times = [member.endpoint.round_trip_s() for _ in range(5)]
    assert all(0.0 <= seconds < 5.0 for seconds in times)


def test_free_space_is_told(member: Member) -> None:
    """A number of bytes."""
    assert member.endpoint.free_bytes(member.root) > 0
