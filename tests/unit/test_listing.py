"""Which files a hop's nights are, by folder or by name, and what they are called at the other end."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observatory.endpoints.selections import groups_of
from observatory.listing import ANY_NIGHT, HopScope, count_by_night
from observatory.records import NUL, encode_file, encode_link, encode_other, path_of
from tests.worlds import NIGHT, copies, records, scope_of

DAY = dt.timedelta(days=1)
NEXT = NIGHT + DAY
CAMERAS = {"red": {"files": ["*r.fits"]}, "blue": {"files": ["*b.fits"]}}
UT: dict[str, Any] = {"night_in_name": r"_(?P<utc>\d{8}T\d{6})"}
NAMED: dict[str, Any] = {"night_in_name": r"_(?P<night>\d{8})"}


def listed(scope: HopScope, *paths: bytes) -> list[bytes]:
    """Return the paths that a source listing of some files keeps as files of the nights asked for."""
    chunks = scope.source.asked_about(records(dict.fromkeys(paths, (1, 0.0))))
    return [path_of(r) for chunk in chunks for r in chunk[:-1].split(NUL) if r[:1] == b"f"]


def test_a_night_is_its_folder() -> None:
    """One selection for the camera, one folder per night, its pattern to prove the root."""
    scope = scope_of((NIGHT, NEXT)).source
    assert scope.request.selections[0].folders == (b"2016/0907", b"2016/0908")
    assert scope.request.night_globs == (b"[0-9][0-9][0-9][0-9]/[0-9][0-9][0-9][0-9]",)
    assert scope.request.night_name == b""
    assert scope.night_of(b"2016/0908/deep/er/SHA_1.fits") == NEXT
    assert scope.night_of(b"2016/0906/SHA_1.fits") is None
    assert scope.night_of(b"2016") is None
    assert scope.camera_of(b"2016/0907/SHA_1.fits") == "sha"
    assert scope.camera_of(b"2016/0906/SHA_1.fits") is None


def test_each_camera_has_its_folders_where_the_layout_says_so() -> None:
    """The folder tells the camera, whatever the name."""
    scope = scope_of(layout="{camera}/%Y%m%d", cameras=CAMERAS).source
    assert [selection.folders for selection in scope.request.selections] == [(b"red/20160907",), (b"blue/20160907",)]
    assert scope.camera_of(b"blue/20160907/x_r.fits") == "blue"
    assert len(scope.request.night_globs) == 2


@pytest.mark.parametrize("count", [2, 3])
def test_cameras_that_share_a_folder_are_told_apart_by_name(count: int) -> None:
    """However many they are; what none of them takes is of no camera."""
    cameras = dict(list((CAMERAS | {"log": {"files": ["*.log"]}}).items())[:count])
    scope = scope_of(cameras=cameras).source
    assert scope.camera_of(b"2016/0907/x_b.fits") == "blue"
    assert scope.camera_of(b"2016/0907/x_r.fits") == "red"
    assert scope.camera_of(b"2016/0907/notes.txt") is None


def test_what_a_camera_excludes_is_not_its_own() -> None:
    """Another camera may take it."""
    cameras = {"all": {"files": ["*"], "exclude": ["*.log"]}, "log": {"files": ["*.log"]}}
    scope = scope_of(cameras=cameras).source
    assert scope.camera_of(b"2016/0907/a.log") == "log"
    assert scope.camera_of(b"2016/0907/sub/a.fits") == "all"


def test_files_of_a_camera_that_does_not_travel_are_not_unrecognised() -> None:
    """They are known, and not asked about; where the camera is not declared to be, they are strangers."""
    cameras = {"raw": {"files": ["raw/*.fits"], "exclude": ["*.tmp"]}, "made": {"files": ["*.fz"]}}
    hop = scope_of(cameras=cameras, copies=copies({}, {"cameras": ["made"]}))
    others = [one for one in hop.source.request.selections if not one.files]
    assert [(one.folders, one.exclude) for one in others] == [((b"2016/0907",), (b"raw/*.fits", b"*.tmp"))]
    assert all(one.files for one in hop.destination.request.selections)
    (group,) = groups_of(hop.source.request.selections)
    assert [group.matcher()(path) for path in (b"a.fz", b"raw/a.fits", b"a.fits")] == [
        "taken",
        "excluded",
        "unrecognised",
    ]


def test_a_tree_without_nights_is_asked_for_whole() -> None:
    """Its files are of no night that could grow old; its folder is its name, or its layout."""
    cameras: dict[str, Any] = {"sha": {"files": ["*"]}, "calib": {"files": ["*"], "nights": "none"}}
    scope = scope_of(cameras=cameras).source
    assert scope.request.selections[1].folders == (b"calib",)
    assert scope.night_of(b"calib/a/b") == ANY_NIGHT
    assert scope.camera_of(b"calib/a/b") == "calib"
    cameras["calib"]["layout"] = "cal/{camera}"
    assert scope_of(cameras=cameras).source.night_of(b"cal/calib/x") == ANY_NIGHT
    assert scope_of(cameras={"calib": cameras["calib"]}).source.request.night_globs == ()


def test_nights_in_names_alone_are_asked_of_the_root() -> None:
    """Names of other nights are dropped; a name proves the root."""
    scope = scope_of(layout=None, **NAMED)
    assert scope.source.request.selections[0].folders == (b".",)
    assert scope.source.request.night_name != b""
    assert scope.source.request.night_globs == ()
    assert listed(scope, b"SHA_20160907.fits", b"SHA_20160908.fits", b"in/SHA_20160907.fits") == [
        b"SHA_20160907.fits",
        b"in/SHA_20160907.fits",
    ]


def test_folders_of_ut_dates_are_asked_for_with_their_neighbours() -> None:
    """A night that begins at local noon lies in two folders; the name tells which of their files are its own."""
    scope = scope_of(layout="%Y%m%d", **UT)
    assert scope.source.request.selections[0].folders == (b"20160906", b"20160907", b"20160908")
    files = (b"20160907/SHA_20160907T095959.fits", b"20160907/SHA_20160907T100000.fits")
    late = (b"20160908/SHA_20160908T095959.fits", b"20160908/SHA_20160908T100000.fits")
    assert listed(scope, *files, *late) == [files[1], late[0]]


def test_a_file_whose_name_tells_no_night_is_said_and_not_lost() -> None:
    """It becomes unrecognised, in its place behind the files, where its folder is asked about or has no date."""
    for layout, folder in (("%Y%m%d", b"20160907/"), (None, b"")):
        scope = scope_of(layout=layout, **UT).source
        files = [b"f" + folder + b"SHA_odd.fits//1/0", b"f" + folder + b"SHA_20160907T120000.fits//1/0"]
        others = [b"l" + folder + b"z//x", b"u" + folder + b"A//1/0", b"u" + folder + b"Z//1/0"]
        chunks = [NUL.join(sorted(files)) + NUL, NUL.join(others) + NUL]
        kept = b"".join(scope.asked_about(chunks))[:-1].split(NUL)
        assert kept == sorted([files[1], *others, b"u" + files[0][1:]])


def test_a_nameless_file_in_a_neighbours_folder_is_not_of_this_night() -> None:
    """It is the neighbour's to say, when that night is asked for; nothing at all is left then."""
    scope = scope_of(layout="%Y%m%d", **UT).source
    assert list(scope.asked_about([b"f20160906/SHA_odd.fits//1/0\0"])) == []
    assert list(scope.asked_about([b"f20160101/SHA_odd.fits//1/0\0"])) == []


@pytest.mark.parametrize("stamp", [b"19700101T000000", b"20160905T120000", b"20380119T031408"])
def test_a_file_whose_name_tells_a_night_far_from_its_folders_is_of_its_folders_date(stamp: bytes) -> None:
    """A camera's clock began anew: of the night in its name nobody would look for it here, and it would be lost."""
    scope = scope_of(layout="%Y%m%d", **UT)
    odd = b"SHA_" + stamp + b".fits"
    assert listed(scope, b"20160907/" + odd, b"20160908/" + odd) == [b"20160907/" + odd]


def test_listings_by_folder_pass_as_they_are() -> None:
    """Not even taken apart."""
    chunks = [b"anything"]
    assert list(scope_of().source.asked_about(chunks)) == chunks
    assert list(scope_of().in_source_names(chunks)) == chunks


HOPS: dict[str, dict[str, Any]] = {
    "one layout": {},
    "other folders": {"copies": copies({}, {"layout": "%Y%m%d"})},
    "cameras apart on the source": {
        "cameras": CAMERAS,
        "copies": copies({"layout": "{camera}/%Y%m%d"}, {"layout": "%Y/%j"}),
    },
    "cameras apart on the destination": {"cameras": CAMERAS, "copies": copies({}, {"layout": "%Y%m%d/{camera}"})},
    "a camera's own layout": {"cameras": {"red": CAMERAS["red"] | {"layout": "%y/%b/%d"}, "blue": CAMERAS["blue"]}},
    "with a tree without nights": {
        "cameras": CAMERAS | {"calib": {"files": ["*"], "nights": "none"}},
        "copies": copies({}, {"layout": "%Y%m%d"}),
    },
    "names to folders of UT dates": {"layout": None, "copies": copies({}, {"layout": "%Y%m%d"}), **UT},
    "folders of UT dates to names": {"layout": None, "copies": copies({"layout": "%Y%m%d"}, {}), **UT},
    "folders of UT dates to others": {"layout": "%Y%m%d", "copies": copies({}, {"layout": "%Y/%m%d"}), **UT},
    "names to folders of nights": {"layout": None, "copies": copies({}, {"layout": "%Y%m%d"}), **NAMED},
    "folders to names of nights": {"layout": None, "copies": copies({"layout": "%Y%m%d"}, {}), **NAMED},
}
TIMES = st.integers(0, 24 * 3600 - 1)
STEMS = st.lists(st.sampled_from([b"a", b"SHA_x", b"-", b"\xff", b"\n"]), min_size=1, max_size=3).map(b"/".join)


def name_of(second: int, stem: bytes, suffix: bytes) -> bytes:
    """Return a name that bears an instant of the night asked for and stems of all sorts."""
    instant = dt.datetime(2016, 9, 7, 10, tzinfo=dt.UTC) + dt.timedelta(seconds=second)
    return stem + f"_{instant:%Y%m%dT%H%M%S}".encode() + suffix


def paths_of(scope: HopScope, second: int, stem: bytes) -> list[bytes]:
    """Return a path for every folder of the source that a file of the night may lie in."""
    found = []
    for folder, (date, camera) in scope.source.folders.items():
        suffix = {"red": b"_r.fits", "blue": b"_b.fits"}.get(camera, b"_b.fits")
        if scope.source.by_name is None:
            name = stem + suffix
        elif "utc" in (scope.hop.instrument.night_in_name or ""):
            name = name_of(second, stem, suffix)
        else:
            name = stem + b"_20160907" + suffix
        path = name if folder == b"." else folder + b"/" + name
        belongs = scope.source.folder_date(path) if scope.source.by_name and scope.source.folder_date else date
        if folder == b"." or belongs == date:
            found.append(path)
    return found


@pytest.mark.parametrize("name", HOPS)
def test_a_hop_knows_whether_names_change(name: str) -> None:
    """Only where some camera's folders differ."""
    assert scope_of(**HOPS[name]).is_renamed == (name not in ("one layout", "a camera's own layout"))


@pytest.mark.parametrize("name", HOPS)
@given(second=TIMES, stem=STEMS)
def test_a_place_on_the_destination_leads_back_to_its_source(name: str, second: int, stem: bytes) -> None:
    """Every file of the source has the name in a destination listing that it has in a source listing."""
    scope = scope_of(**HOPS[name])
    paths = paths_of(scope, second, stem)
    assert paths
    for path in paths:
        target = scope.target_of(path)
        assert scope.source_of(target) == path
        assert b"".join(scope.in_source_names(records({target: (5, 1.0)}))) == b"".join(records({path: (5, 1.0)}))
        if scope.destination.by_name is not None:
            assert list(scope.destination.asked_about(records({target: (5, 1.0)})))


def test_two_files_that_would_share_a_name_are_not_taken_for_one_another() -> None:
    """What lies in the wrong camera's folder is nobody's copy."""
    scope = scope_of(cameras=CAMERAS, copies=copies({}, {"layout": "{camera}/%Y%m%d"}))
    right, wrong = b"red/20160907/x_r.fits", b"blue/20160907/x_r.fits"
    named = b"".join(scope.in_source_names(records({right: (1, 0.0), wrong: (9, 0.0)})))
    assert named == b"".join(records({b"2016/0907/x_r.fits": (1, 0.0), wrong: (9, 0.0)}))
    assert scope.source_of(wrong) is None


def test_a_stray_file_never_passes_for_a_source_file_of_its_name() -> None:
    """A destination path that reads like a source path, and is none's place, is shown from the root."""
    cameras = {"a": {"files": ["*.a"]}, "b": {"files": ["*.b"]}}
    scope = scope_of(cameras=cameras, copies=copies({"layout": "%Y%m%d"}, {"layout": "%Y%m%d/%Y%m%d/{camera}"}))
    stray = b"20160907/20160907/a/x.b"
    assert b"".join(scope.in_source_names(records({stray: (1, 0.0)}))) == b"f./" + stray + b"//1/0.0000000000\0"


def test_what_is_no_file_and_has_no_place_is_dropped_from_a_renamed_listing() -> None:
    """Two like-named notes in two cameras' folders do not make the listing contradict itself; an empty one is empty."""
    scope = scope_of(cameras=CAMERAS, copies=copies({"layout": "{camera}/%Y%m%d"}, {"layout": "%Y%m%d"}))
    notes = [encode_file(b"20160907/notes", 1, 0, b"u"), encode_file(b"20160907/other", 1, 0, b"u")]
    assert list(scope.in_source_names([NUL.join(notes) + NUL]))
    back = scope_of(cameras=CAMERAS, copies=copies({}, {"layout": "{camera}/%Y%m%d"}))
    both = [encode_file(camera + b"/20160907/notes", 1, 0, b"u") for camera in (b"blue", b"red")]
    assert list(back.in_source_names([NUL.join(both) + NUL])) == []
    assert list(back.in_source_names([])) == []


def test_what_is_no_file_and_has_a_place_stands_in_its_way_under_the_sources_name() -> None:
    """So that the planner sees it."""
    scope = scope_of(copies=copies({}, {"layout": "%Y%m%d"}))
    chunk = encode_link(b"20160907/SHA_1.fits", b"/x") + NUL
    assert list(scope.in_source_names([chunk])) == [encode_link(b"2016/0907/SHA_1.fits", b"/x") + NUL]


def naive_counts(scope: HopScope, block: bytes) -> dict[dt.date, int]:
    """Count file by file."""
    counts: dict[dt.date, int] = {}
    for record in block[:-1].split(NUL):
        night = scope.source.night_of(path_of(record)) if record[:1] == b"f" else None
        if night is not None:
            counts[night] = counts.get(night, 0) + 1
    return counts


TREES: dict[str, dict[str, Any]] = {
    "by folder": {"cameras": {"a": {"files": ["*"]}}},
    "nested": {
        "cameras": {
            "a": {"files": ["*"]},
            "calib": {"files": ["*"], "nights": "none", "layout": "2016"},
            "sub": {"files": ["*"], "layout": "%Y/%m%d/sub"},
        }
    },
    "by name": {"cameras": {"a": {"files": ["*"]}}, "layout": None, **NAMED},
    "the root": {"cameras": {"a": {"files": ["*"]}}, "layout": "%Y%m%d", **NAMED},
}
FOLDERS = st.sampled_from(
    [b"2016/0907/", b"2016/0908/", b"2016/0907/sub/", b"2016/0907-/", b"2016/0907x", b"2016/", b"", b"20160907/"]
)
FILES = st.builds(
    lambda folder, name: folder + name,
    FOLDERS,
    st.sampled_from([b"a", b"b\n", b"\xff", b"x_20160907", b"x_20160908", b"x_20150101", b"-", b"0"]),
)
ENTRIES = st.sets(st.tuples(st.sampled_from([b"f", b"u", b"l", b"o"]), FILES), min_size=1, max_size=25)


def made(kind: bytes, path: bytes) -> bytes:
    """Write the record of any kind of thing."""
    if kind == b"l":
        return encode_link(path, b"t")
    return encode_other(path) if kind == b"o" else encode_file(path, 1, 0, kind)


@pytest.mark.parametrize("name", TREES)
@given(entries=ENTRIES)
def test_counting_by_night_is_counting_file_by_file(name: str, entries: set[tuple[bytes, bytes]]) -> None:
    """Whatever lies between and beside the nights' folders."""
    scope = scope_of((NIGHT, NEXT), **TREES[name])
    block = NUL.join(sorted(made(kind, path) for kind, path in entries)) + NUL
    counts: dict[dt.date, int] = {}
    count_by_night(scope.source, block, counts)
    assert counts == naive_counts(scope, block)
