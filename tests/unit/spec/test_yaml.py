"""Strict YAML: scalars stay text, every key has its line, and nothing clever gets in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml as pyyaml
from hypothesis import given
from hypothesis import strategies as st

from observatory.spec import yaml


def test_scalars_stay_the_text_that_was_written() -> None:
    """PyYAML would read these as 10, 45000, False, 2016-09-07 and 1000.0."""
    document = yaml.parse(b"{a: 012, b: 12:30:00, c: NO, d: 2016-09-07, e: 1e3}", "x")
    assert document.value == {"a": "012", "b": "12:30:00", "c": "NO", "d": "2016-09-07", "e": "1e3"}


def test_an_empty_value_is_none_and_a_quoted_one_is_text() -> None:
    """Only plain scalars can be nothing."""
    document = yaml.parse(b"a:\nb: ''\nc: null\nd: 'null'\ne: ~\nf: '~'\n", "x")
    assert document.value == {"a": None, "b": "", "c": None, "d": "null", "e": None, "f": "~"}


def test_every_key_and_item_knows_its_line() -> None:
    """Lines count from 1; a path without a line of its own has that of the section around it."""
    document = yaml.parse(b"a:\n  b:\n    - x\n    - {c: y}\n\nd: z\n", "x")
    assert document.lines == {
        ("a",): 1,
        ("a", "b"): 2,
        ("a", "b", 0): 3,
        ("a", "b", 1): 4,
        ("a", "b", 1, "c"): 4,
        ("d",): 6,
    }
    assert document.line(("a", "b", 1, "missing")) == 4
    assert document.line(("nowhere",)) == 1


def test_duplicate_keys_are_each_a_problem_and_the_first_value_stands() -> None:
    """A second value must not win in silence, and the rest of the file can still be judged."""
    document = yaml.parse(b"a: 1\nb: {c: 1, c: 2}\na: {c: 3, c: 4}\n", "x")
    assert document.value == {"a": "1", "b": {"c": "1"}}
    assert [str(problem) for problem in document.problems] == [
        "x:2: b.c: stands twice; first on line 2",
        "x:3: a: stands twice; first on line 1",
        "x:3: a (repeated).c: stands twice; first on line 3",
    ]


def test_an_alias_repeats_its_value_and_keeps_the_line_where_it_is_used() -> None:
    """Anchors save typing; a fault in an aliased value is shown where it is used."""
    document = yaml.parse(b"a: &a {k: v}\nb:\n  c: *a\n", "x")
    assert document.value["b"]["c"] == {"k": "v"}
    assert document.line(("b", "c", "k")) == 3


REFUSED = {
    "a tag": (b"a: 1\nb: !!python/object/apply:os.system [ls]\n", 2, "tag"),
    "a harmless tag": (b"a: !!str 12\n", 1, "tag"),
    "a second document": (b"a: 1\n---\nb: 2\n", 2, "second document"),
    "an alias to nothing": (b"a: *b\n", 1, "stands for nothing"),
    "an alias to itself": (b"a: &a [*a]\n", 1, "stands for nothing"),
    "an alias as key": (b"a: &a b\n*a : c\n", 2, "key must be plain text"),
    "a list as key": (b"? [a]\n: b\n", 1, "key must be plain text"),
    "deep nesting": (b"[" * 60 + b"]" * 60, 1, "nested deeper"),
    "very deep nesting": (b"[" * 100_000, 1, "nested deeper"),
    "deep blocks": (b"".join(b" " * i + b"a:\n" for i in range(60)), 51, "nested deeper"),
    "a huge file": (b"#" * (yaml.MOST_BYTES + 1), 1, "1 MiB"),
    "a tab as indent": (b"a:\n\tb: 1\n", 2, "tabs"),
    "no UTF-8": (b"a: 1\nb: \xff\n", 2, "UTF-8"),
    "a control character": (b"a: 1\nb: \x07\n", 2, "does not allow"),
    "a NUL by escape": (b'a: "\\0"\n', 1, "NUL"),
    "half a character by escape": (b'a: "\\ud800"\n', 1, "surrogate"),
    "no character by escape": (b'a: "\\UFFFFFFFF"\n', 1, "not YAML"),
    "an open bracket": (b"a: [1\nb: 2\n", 2, "not YAML"),
    "a huge version": (b"%YAML 1." + b"9" * 5000 + b"\n---\na: 1\n", 1, "not YAML"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_person_writes_is_refused_with_its_line(name: str) -> None:
    """One problem, at its line, and no value that could be used by mistake."""
    data, line, words = REFUSED[name]
    document = yaml.parse(data, "x")
    assert document.value is None
    assert [problem.line for problem in document.problems] == [line]
    assert words in document.problems[0].reason
    assert "\n" not in str(document.problems[0])


def test_the_words_of_the_parser_are_not_cut_within_one() -> None:
    """What nobody does by mistake is said as PyYAML has it, to its end or to the end of a word."""
    (sign,) = yaml.parse(b"a: !<\n", "x").problems
    assert sign.reason.endswith("but found '\\n'")
    (long,) = yaml.parse(b"a: 1\n%" + b"k" * 500 + b" [\n", "x").problems
    assert len(long.reason) < 200


SLIPS = {
    "a tab": ("a:\n\tb: 1\n", 2, "a tab stands where spaces belong; indent with spaces, not tabs"),
    "a pattern without quotes": ("a: 1\nfiles: [*.fits]\n", 2, 'begins with * must stand in quotes, as in "*.fits"'),
    "a layout without quotes": ("layout: %Y/%m%d\n", 1, "begins with % must stand in quotes"),
    "an open brace": ("a: {b: 1\nc: {d: 1}\n", 2, "a } is missing"),
    "no space after a colon, met below": ("site:S\nb: 1\n", 2, "or the one before, lacks the space after its colon"),
    "no space after a colon, met at the end": ("a: 1\nb:2\n", 3, "or the one before, lacks the space after its colon"),
    "more indented": ("h:\n  a: 1\n   b: 2\n", 3, "not indented as its neighbours"),
    "less indented": ("h:\n  a: 1\n b: 2\n", 3, "not indented as its neighbours"),
    "a space from a web page": ("site:\u00a0S\nb: 1\n", 2, "a no-break space"),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_what_people_do_by_mistake_is_said_in_their_words(slip: str) -> None:
    """No word of a parser: which sign is missing or too many, where, and what belongs there."""
    text, line, words = SLIPS[slip]
    (problem,) = yaml.parse(text.encode(), "x").problems
    assert problem.line == line
    assert words in problem.reason
    assert "parsing" not in problem.reason and "scanning" not in problem.reason


def test_a_bomb_of_aliases_is_refused() -> None:
    """Nine lines would swell to 10^9 values."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    document = yaml.parse("\n".join(lines).encode(), "x")
    assert document.value is None
    assert "aliases counted out" in document.problems[0].reason


def test_a_file_that_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    """A FIFO with the name of an instrument would hold the nightly run for ever."""
    os.mkfifo(tmp_path / "a.yaml")
    (tmp_path / "b.yaml").mkdir()
    reasons = [yaml.read(tmp_path / name, name).problems[0].reason for name in ("a.yaml", "b.yaml", "c.yaml")]
    assert reasons == ["is no regular file", "is no regular file", "does not exist"]


YAMLISH = st.text(st.sampled_from("ab01:-{}[],&*!|>'\"%@#? \n\t~\\u.<=") | st.characters(), max_size=80)


@given(YAMLISH)
def test_no_text_escapes_as_anything_but_problems(text: str) -> None:
    """Whatever is in a file, reading it ends in a document."""
    document = yaml.parse(text.encode("utf-8", "surrogatepass"), "x")
    assert document.value is None or not document.problems or "stands twice" in document.problems[0].reason


@given(st.binary(max_size=200))
def test_no_bytes_escape_as_anything_but_problems(data: bytes) -> None:
    """Nor any bytes."""
    yaml.parse(data, "x")


PLAIN = st.recursive(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc ü:#'\"", max_size=4), inner, max_size=3),
    max_leaves=12,
)


@given(PLAIN)
def test_what_was_dumped_is_read_back(value: object) -> None:
    """Any tree of texts survives being written by PyYAML."""
    data = pyyaml.safe_dump(value, allow_unicode=True).encode()
    assert yaml.parse(data, "x").value == value
