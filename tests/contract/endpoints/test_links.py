"""What every endpoint does with links: followed inside the root or listed as links, and never taken for nothing."""

from __future__ import annotations

import pytest

from observatory import records
from tests.contract.endpoints.members import NIGHT, Member


def _links(member: Member) -> None:
    member.put(b"2016/0906/old.fits", b"old")
    member.put(NIGHT + b"/a.fits", b"abc")
    member.put_link(NIGHT + b"/inside.fits", b"a.fits")
    member.put_link(NIGHT + b"/yesterday", b"../0906")
    member.put_link(NIGHT + b"/outside", b"/etc")
    member.put_link(NIGHT + b"/dangling", b"nowhere\n")
    member.put_link(NIGHT + b"/self", b".")
    member.put_link(NIGHT + b"/ours", b"../../.nightferry")
    member.put(b".nightferry/replaced/x.fits")


def test_links_that_stay_inside_are_followed_and_the_others_listed(member: Member) -> None:
    """A file's link is that file, a folder's link holds that folder's files, and circles end."""
    _links(member)
    found, troubles, _ = member.survey(member.request())
    by_path = {records.path_of(record): record for record in found}
    links = {path.removeprefix(NIGHT + b"/") for path, record in by_path.items() if record[:1] == records.LINK}
    assert links == {b"outside", b"dangling", b"self", b"ours"}
    assert records.decode_file(by_path[NIGHT + b"/inside.fits"]).size_bytes == 3
    by_link = {path for path, record in by_path.items() if record.endswith(records.BY_LINK)}
    assert by_link == {NIGHT + b"/inside.fits", NIGHT + b"/yesterday/old.fits"}
    assert by_path[NIGHT + b"/yesterday/old.fits"][:1] == records.FILE
    assert records.target_of(by_path[NIGHT + b"/dangling"]) == b"nowhere\n"
    assert troubles == []


@pytest.mark.parametrize("policy", ["copy", "refuse"])
def test_links_are_links_where_they_are_not_followed(member: Member, policy: str) -> None:
    """Each comes with its target."""
    _links(member)
    kinds = member.kinds(member.request(symlinks=policy))
    assert {kind for path, kind in kinds.items() if path != NIGHT + b"/a.fits"} == {records.LINK}
    assert len(kinds) == 7


def test_a_night_that_is_a_link_inside_the_root_is_followed(member: Member) -> None:
    """The folder asked for may itself be a link."""
    member.put(b"disk2/a.fits")
    member.put_link(NIGHT, b"../disk2")
    assert set(member.kinds(member.request())) == {NIGHT + b"/a.fits"}


@pytest.mark.parametrize("broken", [b"2016", NIGHT], ids=["year", "night"])
def test_a_night_behind_a_link_that_leads_nowhere_is_not_an_empty_one(member: Member, broken: bytes) -> None:
    """The disk that the link leads to is not mounted: nobody looked there."""
    member.put_link(broken, b"/not-mounted/disk2")
    _, troubles, _ = member.survey(member.request())
    assert [(trouble.path, "leads nowhere" in trouble.reason) for trouble in troubles] == [(broken, True)]


def test_a_night_that_is_a_link_out_of_the_root_was_not_looked_at(member: Member) -> None:
    """It is not followed, and so is no empty night."""
    member.put_link(NIGHT, b"/")
    _, troubles, _ = member.survey(member.request())
    assert [(trouble.path, "out of the root" in trouble.reason) for trouble in troubles] == [(NIGHT, True)]


@pytest.mark.parametrize("policy", ["copy", "refuse"])
def test_a_night_that_is_a_link_where_links_are_not_followed_was_not_looked_at(member: Member, policy: str) -> None:
    """Its files would be neither carried nor compared."""
    member.put(b"disk2/a.fits")
    member.put_link(NIGHT, b"../disk2")
    _, troubles, _ = member.survey(member.request(symlinks=policy))
    assert [(trouble.path, "is a link" in trouble.reason) for trouble in troubles] == [(NIGHT, True)]


def test_two_folders_that_link_to_each_other_end(member: Member) -> None:
    """A way that has been in a folder does not enter it again."""
    member.put_link(b"x/to-y", b"../y")
    member.put_link(b"y/to-x", b"../x")
    member.put(b"x/a")
    member.put(b"y/b")
    kinds = member.kinds(member.request(b"x"))
    assert kinds == {b"x/a": b"f", b"x/to-y/b": b"f", b"x/to-y/to-x": b"l"}
