"""Selections say the same to find as to our own matcher."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observatory.endpoints.contract import Selection
from observatory.endpoints.selections import Group, groups_of, normal_folder, path_expression
from observatory.names import matcher

letters = st.sampled_from(list(b"ab/.-[]^!*?\\x:"))
patterns = st.lists(letters, min_size=1, max_size=8).map(bytes)
paths = st.lists(st.sampled_from(list(b"ab.-[]^!*x:\n\xff")), min_size=1, max_size=4).map(bytes)


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


@given(pattern=patterns, name=paths)
def test_a_pattern_of_a_path_means_to_find_what_it_means_to_us(
    tmp_path_factory: pytest.TempPathFactory, pattern: bytes, name: bytes
) -> None:
    """Sets, negations, escapes and odd bytes included."""
    if name in (b".", b".."):
        return
    folder = tmp_path_factory.mktemp("find")
    (folder / "x").mkdir()
    Path(folder / "x" / name.decode("utf-8", "surrogateescape")).write_bytes(b"")
    with_slash = b"/" in pattern
    if not with_slash:
        return
    expected = matcher((pattern,))(name) == "taken"
    assert asks(folder, path_expression(pattern), name) is expected


@given(pattern=patterns, name=st.lists(st.sampled_from(list(b"ab/.-[]^!*x:")), min_size=1, max_size=6).map(bytes))
def test_an_expression_for_find_is_one_for_python_too(pattern: bytes, name: bytes) -> None:
    """Where the two notations agree: a quick look at many more."""
    if b"/" not in pattern or b"[" in pattern:
        return
    expected = matcher((pattern,))(name) == "taken"
    assert (re.fullmatch(path_expression(pattern), name, re.DOTALL) is not None) is expected


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
