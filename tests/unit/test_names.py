"""Names are bytes: whatever they hold harms nothing and can be told apart."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import unicodedata
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from observatory import names

name_bytes = st.one_of(
    st.binary(min_size=1, max_size=60),
    st.text(min_size=1, max_size=30).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.from_regex(rb"[A-Za-z_.]{1,6}[0-9]{1,5}\.fits", fullmatch=True),
)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (b"2016/0907/SHA_20160907.0122.fits", "2016/0907/SHA_20160907.0122.fits"),
        ("Größe µ 夜.fits".encode(), "Größe µ 夜.fits"),
        ("Größe.fits".encode("latin-1"), r"Gr\xf6\xdfe.fits"),
        (b"two\nlines\x1b[31m.fits", r"two\x0alines\x1b[31m.fits"),
        ("\u202egnp.fits".encode(), r"\xe2\x80\xaegnp.fits"),  # would show its end first
        ("a\u200bb\u2028c\u0085".encode(), r"a\xe2\x80\x8bb\xe2\x80\xa8c\xc2\x85"),
        (b"back\\slash", "back\\slash"),
        (b"\xed\xa0\x80", r"\xed\xa0\x80"),  # a surrogate is no UTF-8
        ("no\u00a0break".encode(), "no\u00a0break"),
    ],
)
def test_a_name_is_shown_as_one_visible_line(path: bytes, shown: str) -> None:
    """What is not text, or steers a terminal, is written as its bytes."""
    assert names.show(path) == shown


@given(name_bytes)
def test_nothing_that_steers_is_ever_shown(path: bytes) -> None:
    """No control, format or separator character, and nothing that cannot be encoded, gets through."""
    shown = names.show(path)
    shown.encode()
    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}


def test_json_holds_text_where_a_name_is_text_and_bytes_where_it_is_not() -> None:
    """The two forms of the interface."""
    assert names.to_json("夜.fits".encode()) == "夜.fits"
    assert names.to_json(b"a\nb") == {"bytes": "YQpi"}
    assert names.to_json(b"\xff") == {"bytes": "/w=="}


@given(name_bytes)
def test_every_name_comes_back_from_json(path: bytes) -> None:
    """Nothing is lost on the way through a document."""
    assert names.from_json(json.loads(json.dumps(names.to_json(path)))) == path


@pytest.mark.parametrize("value", [None, 7, [], {}, {"bytes": 7}, {"bytes": "*"}, {"bytes": "YQ==", "text": "a"}])
def test_json_that_is_no_name_is_refused(value: object) -> None:
    """A document of somebody else's making raises ValueError, nothing else."""
    with pytest.raises(ValueError, match="not"):
        names.from_json(value)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("sha_1.fits", "SHA_1.FITS"),
        ("caf\u00e9", "cafe\u0301"),
        ("CAF\u00c9", "cafe\u0301"),
        ("stra\u00dfe", "STRASSE"),
        ("\u03c3", "\u03c2"),
        ("\u212b", "\u00e5"),
    ],
)
def test_names_that_some_file_system_takes_for_one_share_a_key(one: str, other: str) -> None:
    """Case and Unicode form do not tell names apart there."""
    assert names.fold_key(one.encode()) == names.fold_key(other.encode())


def test_names_that_differ_in_more_keep_their_own_keys() -> None:
    """Accents, digits and bytes that are not UTF-8 do tell names apart."""
    paths = ["e", "é", "è", "1", "2", "a/b", "a"]
    keys = {names.fold_key(path.encode()) for path in paths} | {names.fold_key(b"\xe9"), names.fold_key(b"\xc9")}
    assert len(keys) == len(paths) + 2


@given(name_bytes)
def test_folding_twice_is_folding_once(path: bytes) -> None:
    """A key is its own key."""
    key = names.fold_key(path)
    assert names.fold_key(key) == key


@pytest.mark.parametrize(
    "path",
    [
        b"",
        b"/etc/passwd",
        b"../x",
        b"a/../b",
        b"a/..",
        b"./a",
        b"a//b",
        b"a/",
        b"a\0b",
        b".nightferry/root",
        b".nightferry",
        b".NightFerry/lock",
        b"x" * 256,
        b"x/" * 2049,
    ],
)
def test_a_path_that_leads_elsewhere_is_refused_with_a_reason(path: bytes) -> None:
    """A listing is somebody else's word."""
    assert names.is_safe(path)


@pytest.mark.parametrize(
    "path", [b"a", b"2016/0907/a.fits", b"-rf", b"...", b"a..b/..c", b"\xff\n", b"a/.nightferry.txt", b"x" * 255]
)
def test_a_path_that_is_merely_odd_is_safe(path: bytes) -> None:
    """Only what leads elsewhere is refused."""
    assert names.is_safe(path) is None


@given(st.binary(max_size=80))
def test_a_safe_path_stays_below_its_root(path: bytes) -> None:
    """Joined and normalised it is still where it was said to be."""
    if names.is_safe(path) is None:
        assert os.path.normpath(b"/root/" + path) == b"/root/" + path


def test_patterns_say_what_is_taken_excluded_and_unrecognised() -> None:
    """Whole names without a slash, whole paths with one; what is excluded is not taken back."""
    match = names.matcher([b"SHA_*.fits", b"guide/*.fit"], [b"*_test*"])
    assert match(b"SHA_1.fits") == "taken"
    assert match(b"deep/er/SHA_1.fits") == "taken"
    assert match(b"guide/a/b.fit") == "taken"
    assert match(b"b.fit") == "unrecognised"
    assert match(b"other/guide/b.fit") == "unrecognised"
    assert match(b"SHA_1.fits.gz") == "unrecognised"
    assert match(b"SHA_test.fits") == "excluded"
    assert match(b"notes_test.txt") == "excluded"


def test_no_pattern_takes_nothing() -> None:
    """Without `files` every name is unrecognised."""
    assert names.matcher([])(b"a") == "unrecognised"


def test_a_leading_dot_or_newline_is_nothing_special() -> None:
    """A star stands for any bytes."""
    match = names.matcher([b"*"])
    assert {match(b".hidden"), match(b"a\nb"), match(b"\xff")} == {"taken"}


def test_many_stars_take_no_time() -> None:
    """A pattern of thirty stars over a name that just fails is answered at once."""
    match = names.matcher([b"*a" * 30 + b"b"])
    assert match(b"a" * 250) == "unrecognised"


PATTERNS = (
    b"* ? a* *a a? [ab]* [!a]* [^a]* [a-c] []a] [!]a] [a a] [a-] [-a] \\* \\a a\\ \\\\ [\\]] [[:digit:]]".split()
    + b"[![:digit:]]* [[:upper:][:digit:]] .* *.* ** *a*b* [*] [?] [c-a] [!c-a] [] [!] []-a] {a,b} (a)".split()
    + b"a|b ^a a$ + # ~ [&&] [a||b] [a--] [[a] [[] -*".split()
    + [b"", b"\n", b"[\n]", b"?\xff", b"[\xfe-\xff]"]
)
NAMES = [
    *b"a b c ab ba abc A 1 .a a.b * ? [ ] [a a] - \\ a\\ \\a ! ^a a$ {a,b} (a) a|b | & + # ~ -a \\* [] [!]".split(),
    *(b"\xff", b"\xfe", b"a\xff", b"\n", b"a\nb"),
]


def found(folder: Path, predicate: str, pattern: bytes) -> set[bytes]:
    """Return what GNU find takes in a folder, as paths below it."""
    argv = [b"find", b".", b"-type", b"f", predicate.encode(), pattern, b"-printf", rb"%P\0"]
    done = subprocess.run(
        argv, cwd=folder, env={"LC_ALL": "C", "PATH": os.environ["PATH"]}, capture_output=True, check=True
    )
    return set(done.stdout.split(b"\0")) - {b""}


def make_files(folder: Path, paths: list[bytes]) -> None:
    """Create empty files of these names."""
    for path in paths:
        target = Path(os.fsdecode(os.fsencode(folder) + b"/" + path))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()


def test_names_match_as_gnu_find_matches_them(tmp_path: Path) -> None:
    """Each of the patterns takes the same names here and there."""
    make_files(tmp_path, NAMES)
    for pattern in PATTERNS:
        match = names.matcher([pattern])
        assert {name for name in NAMES if match(name) == "taken"} == found(tmp_path, "-name", pattern), pattern


def test_paths_match_as_gnu_find_matches_them(tmp_path: Path) -> None:
    """A pattern with a slash is held against the whole path, and a star crosses slashes."""
    paths = [b"a/b", b"a/b.fits", b"a/c/b.fits", b"b.fits", b"x/a/b.fits", b"a/.b.fits"]
    make_files(tmp_path, [*paths, b"a_"])
    for pattern in [b"a/*", b"a/*.fits", b"*/b.fits", b"a/?.fits", b"*/*/*", b"a[/]b", b"/a", b"a/"]:
        match = names.matcher([pattern])
        mine = {path for path in paths if match(path) == "taken"}
        assert mine == found(tmp_path, "-path", b"./" + pattern) - {b"a_"}, pattern


def joined(pieces: st.SearchStrategy[bytes], most: int) -> st.SearchStrategy[bytes]:
    """Return texts of up to so many pieces."""
    return st.lists(pieces, max_size=most).map(b"".join)


letters = st.sampled_from([bytes([byte]) for byte in b"ab1-]\\[!*?^.:"])
members = st.sampled_from(
    [b"a", b"b", b"1", b"-", b"!", b"*", b"^", b"[", b"\\]", b"\\\\", b"a-b", b"1-a", b"[:alpha:]"]
)
brackets = st.builds(
    lambda negation, first, rest: b"[" + negation + first + rest + b"]",
    st.sampled_from([b"", b"!", b"^"]),
    st.sampled_from([b"", b"]", b"-", b"a"]),
    joined(members, 4),
)
patterns = joined(st.one_of(st.sampled_from([b"a", b"b", b"*", b"?", b"-", b"]", b"\\[", b"\\*"]), brackets), 5)


@settings(max_examples=100)
@given(patterns, st.lists(joined(letters, 4).filter(bool), max_size=30))
def test_any_pattern_matches_as_gnu_find_matches_it(pattern: bytes, some: list[bytes]) -> None:
    """Brackets, ranges, negations and backslashes, in any disorder that check-config lets pass."""
    assume(not names.has_range_to_a_class(pattern))
    some = [name for name in some if name not in (b".", b"..")]
    with tempfile.TemporaryDirectory() as folder:
        make_files(Path(folder), some)
        match = names.matcher([pattern])
        assert {name for name in some if match(name) == "taken"} == found(Path(folder), "-name", pattern)


def test_runs_of_frame_numbers_are_folded() -> None:
    """The SAAO mail of 42 lines becomes one."""
    paths = [b"2016/0907/SHA_20160907.%04d.fits" % number for number in range(122, 164)]
    assert names.folded_runs(paths) == ["2016/0907/SHA_20160907.[0122-0163].fits, 42 files"]


def test_only_neighbours_of_one_folder_and_one_width_are_folded() -> None:
    """Whatever does not run is shown as it is."""
    paths = [b"a/x9.fits", b"a/x10.fits", b"b/x11.fits", b"b/x13.fits", b"notes.txt", b"a/x9.fits.gz"]
    shown = ["a/x10.fits", "a/x9.fits", "a/x9.fits.gz", "b/x11.fits", "b/x13.fits", "notes.txt"]
    assert names.folded_runs(paths) == shown


def test_suffixes_and_later_numbers_do_not_hide_the_frame_number() -> None:
    """Companions fold beside their frames; a camera's own number after the frame number stays."""
    paths = [b"n%03d%s" % (number, suffix) for number in (1, 2, 3) for suffix in (b".fits.fz", b".h5", b"_b1.fits")]
    assert names.folded_runs(paths) == [
        "n[001-003].fits.fz, 3 files",
        "n[001-003].h5, 3 files",
        "n[001-003]_b1.fits, 3 files",
    ]


def test_a_number_may_end_a_name() -> None:
    """Names without a suffix fold too."""
    assert names.folded_runs([b"run.0001", b"run.0002"]) == ["run.[0001-0002], 2 files"]


@given(st.lists(name_bytes, unique=True))
def test_folding_counts_every_file_once(paths: list[bytes]) -> None:
    """The lines stand for as many files as there are, and none holds what steers."""
    lines = names.folded_runs([path.replace(b", ", b"") for path in paths])
    counted = sum(
        int(line.rpartition(", ")[2].split()[0]) if line.endswith(" files") and "-" in line else 1 for line in lines
    )
    assert counted == len({path.replace(b", ", b"") for path in paths})


def test_a_name_copied_from_a_report_is_found_again() -> None:
    """As it stands, or with what stands for its bytes read back."""
    for name in (b"plain.fits", b"caf\xe9 \n.fits", b"\xff\x00"[:1]):
        assert name in names.typed(names.show(name))
    assert names.typed("plain.fits") == (b"plain.fits",)
    assert names.typed("\\x41") == (b"\\x41", b"A")


@given(
    st.lists(
        st.lists(st.sampled_from([b"", b".", b"..", b"a", b"\0", b".nightferry", b"x" * 300, b"2016"]), min_size=1)
    )
)
def test_many_paths_are_judged_as_each_alone(paths: list[list[bytes]]) -> None:
    """Remembering folders changes no verdict, whatever came before."""
    judge = names.SafePaths()
    for parts in paths:
        path = b"/".join(parts)
        assert judge(path) == names.is_safe(path)
