"""What every endpoint does to a root: creates, renames, links and removes, and never over something that is there."""

from __future__ import annotations

import os
import stat

import pytest

from observatory import records
from observatory.errors import CommandFailed
from tests.contract.endpoints.members import Member


def test_what_is_created_is_there_once_closed_and_synced(member: Member) -> None:
    """With the mode asked for."""
    data = os.urandom(3_000_000)
    with member.endpoint.create(member.path(b"new\xff"), 0o640) as stream:
        stream.write(data)
        member.endpoint.sync_file(stream)
    member.endpoint.sync(member.root)
    with member.endpoint.open(member.path(b"new\xff")) as stream:
        assert stream.read() == data
    assert next(member.endpoint.stat(member.root, [b"new\xff"])).mode == 0o640


def test_create_never_touches_what_is_there(member: Member) -> None:
    """FileExistsError, and the old bytes stay."""
    member.put(b"a", b"old")
    with pytest.raises(FileExistsError):
        member.endpoint.create(member.path(b"a"))
    with member.endpoint.open(member.path(b"a")) as stream:
        assert stream.read() == b"old"


def test_create_in_a_folder_that_is_absent_is_our_own_kind_of_error(member: Member) -> None:
    """No errno escapes for a fault of the far end."""
    with pytest.raises(CommandFailed):
        member.endpoint.create(member.path(b"absent/a"))


def test_folders_are_made_with_their_parents_and_again_without_harm(member: Member) -> None:
    """Each with the mode asked for."""
    for _ in range(2):
        member.endpoint.make_folders(member.root, [b"a/b c/d", b"a/\xff"], 0o750)
    assert member.endpoint.list_folder(member.path(b"a")) == [b"b c", b"\xff"]
    modes = [facts.mode for facts in member.endpoint.stat(member.root, [b"a", b"a/b c", b"a/b c/d"])]
    assert modes == [0o750] * 3


def test_folders_are_not_made_where_the_root_is_absent(member: Member) -> None:
    """A disk that is not mounted is not written beside."""
    with pytest.raises(CommandFailed):
        member.endpoint.make_folders(member.path(b"absent"), [b"a"])
    assert member.endpoint.list_folder(member.root) == []


def test_folders_are_not_made_outside_the_root(member: Member) -> None:
    """A path that climbs out is a mistake of ours."""
    with pytest.raises(ValueError, match="below the root"):
        member.endpoint.make_folders(member.root, [b"../a"])


def test_rename_replaces_what_bears_the_new_name(member: Member) -> None:
    """At once."""
    member.put(b"old", b"1")
    member.put(b"new", b"2")
    member.endpoint.rename(member.path(b"old"), member.path(b"new"))
    assert member.endpoint.list_folder(member.root) == [b"new"]
    with member.endpoint.open(member.path(b"new")) as stream:
        assert stream.read() == b"1"


def test_time_and_mode_are_set(member: Member) -> None:
    """Whole seconds everywhere; their parts where the far end can."""
    member.put(b"a")
    member.endpoint.set_attributes(member.path(b"a"), 1_000_000_000 * 10**9, 0o444)
    facts = next(member.endpoint.stat(member.root, [b"a"]))
    assert (facts.mtime_s, facts.mode) == (1_000_000_000, 0o444)


def test_links_are_made_and_never_over_something(member: Member) -> None:
    """The target is any bytes."""
    member.endpoint.link(b"to/\xff nowhere", member.path(b"l"))
    found = member.survey(member.request(b"."))[0]
    assert found == [records.encode_link(b"l", b"to/\xff nowhere")]
    with pytest.raises(FileExistsError):
        member.endpoint.link(b"x", member.path(b"l"))


def test_remove_takes_files_and_empty_folders_and_forgives_absence(member: Member) -> None:
    """A folder that holds something stays."""
    member.put(b"a/b")
    with pytest.raises(CommandFailed):
        member.endpoint.remove(member.path(b"a"))
    member.endpoint.remove(member.path(b"a/b"))
    member.endpoint.remove(member.path(b"a/b"))
    member.endpoint.remove(member.path(b"a"))
    assert member.endpoint.list_folder(member.root) == []


def test_an_absent_folder_has_no_names(member: Member) -> None:
    """And a file is no folder."""
    assert member.endpoint.list_folder(member.path(b"absent")) == []
    member.put(b"a")
    with pytest.raises(CommandFailed):
        member.endpoint.list_folder(member.path(b"a"))


def test_a_closed_endpoint_may_be_closed_and_asked_again(member: Member) -> None:
    """It connects anew."""
    member.put(b"a")
    member.endpoint.close()
    member.endpoint.close()
    assert member.endpoint.list_folder(member.root) == [b"a"]


def test_permission_bits_are_not_mistaken_for_kinds() -> None:
    """A guard for the numbers that this suite itself uses."""
    assert stat.S_IMODE(0o100640) == 0o640
