"""Selections say the same to find as to our own matcher."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import assume, find, given
from hypothesis import strategies as st

from observatory.endpoints.contract import Selection
from observatory.endpoints.selections import Group, groups_of, normal_folder, path_expression
from observatory.names import matcher

letters = st.sampled_from(list(b"ab/.-[]^!*?\\x:"))
_parts = st.lists(st.sampled_from(list(b"ab.-[]^!*x:\n\xff")), min_size=1, max_size=4).map(bytes)
paths = st.tuples(_parts, _parts).filter(lambda parts: not {b".", b".."} & {*parts}).map(b"/".join)


@st.composite
def patterns(draw: st.DrawFn, path: bytes) -> bytes:
    """Draw a pattern of a path: any, or one that is made from it and mostly takes it."""
    if draw(st.booleans()):
        return b"/".join(draw(st.tuples(*2 * [st.lists(letters, max_size=4).map(bytes)])))
    return b"".join(
        draw(st.sampled_from([one, one, b"?", b"*", b"[%b]" % one, b"[!q]", b"\\" + one])) if one != b"/" else one
        for one in (path[at : at + 1] for at in range(len(path)))
    )


paths_and_patterns = paths.flatmap(lambda path: st.tuples(st.just(path), patterns(path)))


def asks(folder: Path, expression: bytes, name: bytes) -> bool:
    """Ask the real find whether a path has an expression."""
    completed = subprocess.run(
        [b"find", b"x/" + name, b"-regextype", b"posix-extended", b"-regex", b"x/" + expression, b"-printf", b"y"],
        cwd=folder,
        env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=True,
    )
    assert completed.stderr == b""
    return completed.stdout == b"y"


@given(paths_and_patterns)
def test_a_pattern_of_a_path_means_to_find_what_it_means_to_us(
    tmp_path_factory: pytest.TempPathFactory, both: tuple[bytes, bytes]
) -> None:
    """Sets, negations, escapes and odd bytes included."""
    path, pattern = both
    folder = tmp_path_factory.mktemp("find")
    file = folder / "x" / os.fsdecode(path)
    file.parent.mkdir(parents=True)
    file.touch()
    assert asks(folder, path_expression(pattern), path) is (matcher((pattern,))(path) == "taken")


@given(paths_and_patterns)
def test_an_expression_for_find_is_one_for_python_too(both: tuple[bytes, bytes]) -> None:
    """Where the two notations agree: a quick look at many more."""
    path, pattern = both
    assume(b"[" not in pattern)
    expected = matcher((pattern,))(path) == "taken"
    assert (re.fullmatch(path_expression(pattern), path, re.DOTALL) is not None) is expected


def test_of_the_patterns_that_are_drawn_some_take_their_path_and_some_do_not() -> None:
    """The two tests above are worth nothing without both."""
    for answer in ("taken", None):
        find(paths_and_patterns, lambda both: (matcher((both[1],))(both[0]) == "taken") is (answer == "taken"))  # noqa: B023


@pytest.mark.parametrize(("said", "normal"), [(b"a//b/", b"a/b"), (b"./a", b"a"), (b".", b"."), (b"", b".")])
def test_folders_are_written_one_way(said: bytes, normal: bytes) -> None:
    """So that no folder is walked twice."""
    assert normal_folder(said) == normal


@pytest.mark.parametrize("folder", [b"/etc", b"..", b"a/../../b"])
def test_a_folder_outside_the_root_is_refused(folder: bytes) -> None:
    """Whoever asks for it."""
    with pytest.raises(ValueError, match="below the root"):
        normal_folder(folder)


def test_each_folder_is_in_one_group_with_all_who_ask_for_it() -> None:
    """Walked once, whatever it is asked for."""
    one, two = Selection((b"a", b"b"), (b"x*",)), Selection((b"b", b"c"), (b"y*",))
    assert groups_of((one, two)) == (
        Group((b"a",), (one,), False),
        Group((b"b",), (one, two), False),
        Group((b"c",), (two,), False),
    )


def test_a_folder_inside_another_is_not_walked_again() -> None:
    """Where only names matter."""
    (group,) = groups_of((Selection((b"a", b"a/b", b"ab"), (b"*",)),))
    assert group.folders == (b"a", b"ab")


def test_no_patterns_take_nothing() -> None:
    """Everything is unrecognised then."""
    (group,) = groups_of((Selection((b"a",), ()),))
    assert group.tests() == ((b"(", b"-false", b")"), (b"-false",))
    assert group.matcher()(b"x") == "unrecognised"
