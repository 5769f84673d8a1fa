"""What every endpoint lists: the files of the folders asked for, taken, left out or unrecognised, under any name."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from observatory import records
from observatory.endpoints.contract import Act, Selection
from tests.contract.endpoints.members import NIGHT, STAMP_S, Member, fresh


def test_a_listing_tells_size_and_time(member: Member) -> None:
    """A record is the one that every endpoint writes for the same file."""
    member.put(NIGHT + b"/a.fits", b"12345")
    found, troubles, _ = member.survey(member.request())
    assert found == [records.encode_file(NIGHT + b"/a.fits", 5, STAMP_S * 10**9)]
    assert troubles == []


def test_where_names_are_enough_no_size_and_time_are_told(member: Member) -> None:
    """Every endpoint writes the same record then, so that two sides agree whatever the files hold."""
    member.put(NIGHT + b"/a.fits", b"12345")
    found, troubles, _ = member.survey(member.request(names_only=True))
    assert (found, troubles) == ([records.encode_name(NIGHT + b"/a.fits")], [])


def test_a_night_that_is_absent_holds_nothing_and_is_no_trouble(member: Member) -> None:
    """Only what cannot be looked at is a trouble."""
    member.put(NIGHT + b"/a.fits")
    assert set(member.kinds(member.request(NIGHT, b"2016/0908", b"2017/0101"))) == {NIGHT + b"/a.fits"}


def test_only_the_folders_asked_for_are_listed(member: Member) -> None:
    """The window bounds the work."""
    for night in (b"2016/0906", NIGHT, b"2016/0908"):
        member.put(night + b"/sub/a.fits")
    assert set(member.kinds(member.request())) == {NIGHT + b"/sub/a.fits"}


def test_taken_excluded_and_unrecognised_are_told_apart(member: Member) -> None:
    """What is excluded is dropped, what no pattern takes is unrecognised; a leading dot is nothing special."""
    for name in (b"a.fits", b".hidden.fits", b"b.txt", b"tmp.fits", b"core"):
        member.put(NIGHT + b"/" + name)
    chosen = (Selection((NIGHT,), (b"*.fits",), (b"tmp*", b"core")),)
    kinds = member.kinds(member.request(selections=chosen))
    assert kinds == {NIGHT + b"/a.fits": b"f", NIGHT + b"/.hidden.fits": b"f", NIGHT + b"/b.txt": b"u"}


def test_a_file_is_taken_if_either_selection_takes_it(member: Member) -> None:
    """Cameras share folders: what one excludes another may take, and what one does not know another may."""
    for name in (b"r1.fits", b"b1.fits", b"x1.fits", b"x1.tmp"):
        member.put(NIGHT + b"/" + name)
    chosen = (Selection((NIGHT,), (b"r*",), (b"b*", b"*.tmp")), Selection((NIGHT, b"2016/0908"), (b"b*",)))
    kinds = member.kinds(member.request(selections=chosen))
    assert kinds == {NIGHT + b"/r1.fits": b"f", NIGHT + b"/b1.fits": b"f", NIGHT + b"/x1.fits": b"u"}


def test_a_pattern_with_a_slash_is_matched_against_the_path_below_the_folder(member: Member) -> None:
    """``raw/*.fits`` takes what lies in the night's folder raw, and deeper, but not another night's."""
    for name in (b"raw/a.fits", b"raw/deep/b.fits", b"other/raw/c.fits", b"a.fits", b"raw/[x].dat"):
        member.put(NIGHT + b"/" + name)
    chosen = (
        Selection(
            (NIGHT,),
            (b"raw/*.fits", rb"raw/\[x].d[!b]t"),
        ),
    )
    kinds = member.kinds(member.request(selections=chosen))
    taken = {path.removeprefix(NIGHT + b"/") for path, kind in kinds.items() if kind == b"f"}
    assert taken == {b"raw/a.fits", b"raw/deep/b.fits", b"raw/[x].dat"}


def test_our_own_folder_and_lost_and_found_are_never_listed(member: Member) -> None:
    """At whatever depth."""
    for name in (b".nightferry/x", b"lost+found/x", b"sub/.nightferry/x", b"sub/lost+found/x", b"sub/x"):
        member.put(name)
    assert set(member.kinds(member.request(b"."))) == {b"sub/x"}


def test_the_root_itself_may_be_the_folder(member: Member) -> None:
    """A dot is the root, and paths do not begin with it."""
    member.put(b"a")
    member.put(b"-b/-c")
    assert set(member.kinds(member.request(b"."))) == {b"a", b"-b/-c"}


def test_a_folder_whose_name_looks_like_an_option_is_a_folder(member: Member) -> None:
    """Every name is data."""
    member.put(b"-delete/(x)")
    member.put(b"!/a")
    assert set(member.kinds(member.request(b"-delete", b"!"))) == {b"-delete/(x)", b"!/a"}


def test_what_is_neither_file_nor_folder_is_listed_as_such(member: Member) -> None:
    """A pipe is not waited for."""
    member.put(NIGHT + b"/a")
    member.put_pipe(NIGHT + b"/pipe")
    assert member.kinds(member.request())[NIGHT + b"/pipe"] == records.OTHER


names = st.binary(min_size=1, max_size=60).map(lambda raw: raw.replace(b"\0", b"0").replace(b"/", b"_"))
good_names = names.filter(lambda name: name not in (b".", b"..", b".nightferry", b"lost+found"))


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(found=st.sets(good_names, min_size=1, max_size=8))
def test_any_name_is_listed_hashed_and_looked_at_as_it_is(
    member: Member, request: pytest.FixtureRequest, endpoints: dict[str, tuple[Act, Path]], found: set[bytes]
) -> None:
    """Any bytes but NUL and the slash."""
    one = fresh(member.kind, request, endpoints)
    for name in found:
        one.put(NIGHT + b"/" + name, name)
    paths = sorted(NIGHT + b"/" + name for name in found)
    assert sorted(one.kinds(one.request())) == paths
    hashes = {answer.path: answer.sha256 for answer in one.endpoint.hash(one.root, paths)}
    assert hashes == {path: hashlib.sha256(path[len(NIGHT) + 1 :]).hexdigest() for path in paths}
    assert [facts.size_bytes for facts in one.endpoint.stat(one.root, paths)] == [
        len(path) - len(NIGHT) - 1 for path in paths
    ]
    if one.kind != "memory":
        shutil.rmtree(os.fsdecode(one.root))
