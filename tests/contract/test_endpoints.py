"""What every endpoint promises, asked of each of them: this machine (by script and folder by folder), SSH with a
shell, SSH without GNU tools, SFTP alone, and memory.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from observatory import records
from observatory.endpoints.contract import Act, HostAccess, Promise, RootFacts, Selection, SurveyRequest, Trouble
from observatory.endpoints.local import LocalEndpoint
from observatory.endpoints.memory import MemoryEndpoint
from observatory.endpoints.ssh import SshEndpoint
from observatory.errors import CommandFailed, FileUnreadable, RootNotProven

MEMBERS = ("script", "scandir", "ssh", "plain", "sftp", "memory")
NIGHT = b"2016/0907"
GLOBS = (b"[0-9][0-9][0-9][0-9]/[0-9][0-9][0-9][0-9]",)
STAMP_S = 1473280496
_numbers = itertools.count()


@dataclass
class Member:
    """One endpoint with an empty root of its own, and a hand that places files there behind its back."""

    kind: str
    endpoint: Act
    root: bytes

    def path(self, below: bytes) -> bytes:
        """Return an absolute path."""
        return self.root + b"/" + below

    def put(self, below: bytes, data: bytes = b"", mtime_s: int = STAMP_S) -> None:
        """Place a file."""
        path = self.path(below)
        if isinstance(self.endpoint, MemoryEndpoint):
            self.endpoint.put(path, data, mtime_s)
            return
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
        with open(path, "wb") as stream:  # noqa: PTH123
            stream.write(data)
        os.utime(path, (mtime_s, mtime_s))

    def put_folder(self, below: bytes) -> None:
        """Place a folder."""
        if isinstance(self.endpoint, MemoryEndpoint):
            self.endpoint.put_folder(self.path(below))
        else:
            os.makedirs(self.path(below), exist_ok=True)  # noqa: PTH103

    def put_link(self, below: bytes, target: bytes) -> None:
        """Place a link."""
        if isinstance(self.endpoint, MemoryEndpoint):
            self.endpoint.put_other(self.path(below), "link", target)
        else:
            os.makedirs(os.path.dirname(self.path(below)), exist_ok=True)  # noqa: PTH103, PTH120
            os.symlink(target, self.path(below))  # noqa: PTH211

    def put_pipe(self, below: bytes) -> None:
        """Place a named pipe."""
        if isinstance(self.endpoint, MemoryEndpoint):
            self.endpoint.put_other(self.path(below))
        else:
            os.mkfifo(self.path(below))

    def request(self, *folders: bytes, **changes: object) -> SurveyRequest:
        """Return a question about some folders, every file taken."""
        said: dict[str, object] = {
            "root": self.root,
            "selections": (Selection(folders or (NIGHT,), (b"*",)),),
            "night_globs": GLOBS,
        }
        return SurveyRequest(**(said | changes))  # type: ignore[arg-type]

    def survey(self, request: SurveyRequest) -> tuple[list[bytes], list[Trouble], RootFacts]:
        """Return records, troubles and facts of a listing."""
        survey = self.endpoint.survey(request)
        chunks = list(survey)
        assert all(chunk.endswith(b"\0") for chunk in chunks)
        found = b"".join(chunks).split(b"\0")[:-1]
        keys = [records.key_of(record) for record in found]
        assert all(one < next_one for one, next_one in itertools.pairwise(keys))
        return found, survey.troubles, survey.facts

    def kinds(self, request: SurveyRequest) -> dict[bytes, bytes]:
        """Return kind by path; the listing must be whole."""
        found, troubles, _ = self.survey(request)
        assert troubles == []
        return {records.path_of(record): record[:1] for record in found}


def local(by_script: bool) -> LocalEndpoint:
    """Return this machine as an endpoint."""
    return LocalEndpoint(HostAccess("here", "here", is_local=True), by_script)


@pytest.fixture(scope="module")
def endpoints(request: pytest.FixtureRequest) -> Iterator[dict[str, tuple[Act, Path]]]:
    """Endpoints made so far, each with a folder for roots; connections are kept between tests."""
    made: dict[str, tuple[Act, Path]] = {}
    yield made
    for endpoint, _ in made.values():
        endpoint.close()


def _make(kind: str, request: pytest.FixtureRequest) -> tuple[Act, Path]:
    if kind in ("script", "scandir"):
        return local(kind == "script"), request.getfixturevalue("tmp_path_factory").mktemp(kind)
    fixture = "three_hosts" if kind == "ssh" else f"{kind}_host"
    found = request.getfixturevalue(fixture)
    host = found[0] if kind == "ssh" else found
    return SshEndpoint(host.access), host.root


@pytest.fixture(params=MEMBERS)
def member(request: pytest.FixtureRequest, endpoints: dict[str, tuple[Act, Path]]) -> Member:
    """One endpoint after the other, each with a new and empty root."""
    return fresh(request.param, request, endpoints)


def fresh(kind: str, request: pytest.FixtureRequest, endpoints: dict[str, tuple[Act, Path]]) -> Member:
    """Return a member with a new and empty root."""
    if kind == "memory":
        endpoint = MemoryEndpoint()
        endpoint.put_folder(b"/root")
        return Member(kind, endpoint, b"/root")
    if kind not in endpoints:
        endpoints[kind] = _make(kind, request)
    act, folder = endpoints[kind]
    root = folder / f"root {next(_numbers)}"
    root.mkdir()
    return Member(kind, act, os.fsencode(root))


# ---- roots


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


# ---- listings


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
    assert (found, troubles) == ([records.encode_file(NIGHT + b"/a.fits", 0, 0)], [])


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


# ---- links


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


# ---- names


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


# ---- looking at files


def test_a_file_shows_which_it_is_and_when_it_was_changed_where_programs_run(member: Member) -> None:
    """A hard link is the same file; bytes changed behind a kept time and size are a change all the same."""
    member.put(b"a", b"1234")
    before = next(member.endpoint.stat(member.root, [b"a"]))
    if member.kind in ("sftp", "plain", "memory"):  # these have nothing that could tell
        assert (before.identity, before.changed_s) == (None, None)
        return
    os.link(member.path(b"a"), member.path(b"b"))
    member.put(b"c", b"1234")
    same, other = member.endpoint.stat(member.root, [b"b", b"c"])
    assert before.identity == same.identity != other.identity
    time.sleep(0.02)
    member.put(b"a", b"1235")
    after = next(member.endpoint.stat(member.root, [b"a"]))
    assert (after.size_bytes, after.mtime_s) == (before.size_bytes, before.mtime_s)
    assert after.changed_s is not None and before.changed_s is not None and after.changed_s > before.changed_s


def test_stat_answers_each_path_in_the_order_asked(member: Member) -> None:
    """Absent is not unreadable, a folder is no file, and nothing outside the root is looked at."""
    member.put(b"a", b"12", STAMP_S)
    member.put_link(b"l", b"a")
    answers = list(member.endpoint.stat(member.root, [b"l", b"absent", b"a", b"../x", b"a/b"]))
    assert [answer.path for answer in answers] == [b"l", b"absent", b"a", b"../x", b"a/b"]
    link, absent, file, outside, _ = answers
    assert (link.is_file, absent.size_bytes, absent.reason) == (False, None, None)
    assert (file.size_bytes, file.mtime_s, file.is_file) == (2, STAMP_S, True)
    assert outside.reason is not None


def test_only_what_is_not_as_promised_is_told(member: Member) -> None:
    """By size, time and kind, in the order asked; what cannot be looked at is told too, never passed over."""
    for name in (b"kept", b"a line\nof two", b"longer", b"newer", b"linked"):
        member.put(name, b"12", STAMP_S)
    member.put_link(b"link", b"linked")
    promises = [
        Promise(b"kept", 2, STAMP_S + 1.5),
        Promise(b"longer", 1, STAMP_S),
        Promise(b"a line\nof two", 2, STAMP_S),
        Promise(b"newer", 2, STAMP_S - 3),
        Promise(b"absent", 2, STAMP_S),
        Promise(b"link", 2, STAMP_S),
    ]
    told = list(member.endpoint.differing(member.root, promises))
    assert [facts.path for facts in told] == [b"longer", b"newer", b"absent", b"link"]
    assert [facts.size_bytes for facts in told[:3]] == [2, 2, None]
    outside = [Promise(b"../x", 2, STAMP_S)]
    assert [facts.reason is None for facts in member.endpoint.differing(member.root, outside)] == [False]
    assert list(member.endpoint.differing(member.root, [])) == []


def test_hash_answers_each_path_in_the_order_asked_or_says_why_not(member: Member) -> None:
    """One answer per path, and a folder or pipe is no file."""
    member.put(b"a", b"x" * 3_000_000)
    member.put(b"empty")
    member.put_pipe(b"pipe")
    asked = [b"empty", b"absent", b"a", b"../a", b"pipe"]
    answers = list(member.endpoint.hash(member.root, asked))
    assert [answer.path for answer in answers] == asked
    assert [answer.sha256 for answer in answers] == [
        hashlib.sha256(b"").hexdigest(),
        None,
        hashlib.sha256(b"x" * 3_000_000).hexdigest(),
        None,
        None,
    ]
    assert all((answer.sha256 is None) == (answer.reason is not None) for answer in answers)


def test_inspect_judges_files_by_their_own_structure(member: Member) -> None:
    """Whole, short, absent, and what has no format."""
    card = b"SIMPLE  =                    T".ljust(80)
    header = (card + b"BITPIX  =                    8".ljust(80) + b"NAXIS   =                    1".ljust(80)
              + b"NAXIS1  =                  100".ljust(80) + b"END".ljust(80)).ljust(2880)  # fmt: skip
    member.put(b"whole.fits", header + bytes(2880))
    member.put(b"short.fits", header + bytes(50))
    member.put(b"words.txt", b"hello")
    asked = [b"whole.fits", b"short.fits", b"absent.fits", b"words.txt"]
    states = [answer.state for answer in member.endpoint.inspect(member.root, asked, True)]
    assert states == ["whole", "short", "unreadable", "unjudged"]


def test_no_questions_have_no_answers(member: Member) -> None:
    """Nothing asked, nothing said."""
    assert list(member.endpoint.hash(member.root, [])) == []
    assert list(member.endpoint.stat(member.root, [])) == []
    assert list(member.endpoint.inspect(member.root, [], False)) == []


def test_open_reads_every_byte_from_the_start(member: Member) -> None:
    """Larger than any buffer."""
    data = os.urandom(5_000_000)
    member.put(b"a\n'b", data)
    with member.endpoint.open(member.path(b"a\n'b")) as stream:
        assert stream.read() == data


@pytest.mark.parametrize("what", [b"absent", b"folder"])
def test_open_refuses_what_is_no_file(member: Member, what: bytes) -> None:
    """At once, not at the first byte."""
    member.put_folder(b"folder")
    with pytest.raises(FileUnreadable):
        member.endpoint.open(member.path(what))


def test_free_space_is_told(member: Member) -> None:
    """A number of bytes."""
    assert member.endpoint.free_bytes(member.root) > 0


# ---- acting


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


# ---- programs


@pytest.fixture
def shell_member(member: Member) -> Member:
    """A member that runs programs; the others have said that they do not."""
    if member.kind == "memory":
        member.endpoint = local(True)
        member.root = b"/tmp"
    return member


def test_a_program_gets_exactly_its_arguments(shell_member: Member) -> None:
    """No shell misreads them; without a shell, nothing is run."""
    words = [b"a b", b"'", b"\xff\n!$(id)`id`\\0101", b"-n", b"", b"*"]
    argv = [b"sh", b"-c", b'printf "%s\\0" "$@"', b"sh", *words]
    if not shell_member.endpoint.has_shell:
        with pytest.raises(CommandFailed, match="no programs"):
            shell_member.endpoint.run(argv)
        return
    assert shell_member.endpoint.run(argv).stdout.split(b"\0")[:-1] == words


def test_a_program_may_say_megabytes_on_both_its_outputs(shell_member: Member) -> None:
    """While it is fed megabytes: nothing waits for ever."""
    if not shell_member.endpoint.has_shell:
        return
    script = b"head -c 3000000 /dev/zero >&2; cat"
    completed = shell_member.endpoint.run([b"sh", b"-c", script], [b"x" * 1_000_000] * 3)
    assert (completed.status, len(completed.stdout)) == (0, 3_000_000)
    assert len(completed.stderr) >= 1_000_000


def test_a_program_that_takes_too_long_is_ended(shell_member: Member) -> None:
    """CommandFailed, and soon."""
    if not shell_member.endpoint.has_shell:
        return
    began_s = time.monotonic()
    with pytest.raises(CommandFailed, match="ended"):
        shell_member.endpoint.run([b"sleep", b"60"], timeout_s=1.0)
    assert time.monotonic() - began_s < 20


def test_the_status_of_a_program_is_told_and_that_of_a_signal_is_negative(shell_member: Member) -> None:
    """As Python's own."""
    if not shell_member.endpoint.has_shell:
        return
    assert shell_member.endpoint.run([b"sh", b"-c", b"exit 23"]).status == 23
    assert shell_member.endpoint.run([b"sh", b"-c", b"kill -TERM $$"]).status == -15
    assert shell_member.endpoint.run([b"no such program"]).status == 127


def test_output_can_be_seen_as_it_comes(shell_member: Member) -> None:
    """Then `stdout` is empty."""
    if not shell_member.endpoint.has_shell:
        return
    seen: list[bytes] = []
    completed = shell_member.endpoint.run([b"echo", b"hello"], on_output=seen.append)
    assert (completed.stdout, b"".join(seen)) == (b"", b"hello\n")


def test_a_closed_endpoint_may_be_closed_and_asked_again(member: Member) -> None:
    """It connects anew."""
    member.put(b"a")
    member.endpoint.close()
    member.endpoint.close()
    assert member.endpoint.list_folder(member.root) == [b"a"]


def test_permission_bits_are_not_mistaken_for_kinds() -> None:
    """A guard for the numbers that this suite itself uses."""
    assert stat.S_IMODE(0o100640) == 0o640
