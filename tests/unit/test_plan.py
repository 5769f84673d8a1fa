"""Every file of a source has one fate, with its reason, and nothing good is ever replaced by something worse."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from observatory.compare import merge
from observatory.counting import clock_words
from observatory.endpoints.contract import Inspection, RootFacts, Trouble
from observatory.ends import mass_loss
from observatory.records import BY_LINK, NUL, encode_file, encode_link, encode_other
from syncer.candidates import Candidates, Policy
from syncer.outcome import Failure, NightMoves
from syncer.plan import BEHIND_A_LINK, Answers, Move, Plan, decide, refuse_collisions, without_poisoned
from syncer.safety import moves_by_night, refuse_folded, why_refused
from tests.worlds import NIGHT, NOW_S, copies, records, scope_of

ONE, TWO = (b"2016/0907/SHA_%d.fits" % number for number in (1, 2))
OLD = NOW_S - 10**6
RECENT = NOW_S - 1000
YOUNG = NOW_S - 10
FAR = NOW_S + 10**8
POLICY = Policy(settle_s=300, settle_limit_s=86400)
Files = Mapping[bytes, tuple[int, float]]


def planned(
    here: Files,
    there: Files,
    answers: Answers = Answers(),  # noqa: B008 - frozen
    policy: Policy = POLICY,
    other: tuple[list[bytes], list[bytes]] = ([], []),
    **changes: Any,
) -> Plan:
    """Plan a hop from the files of both sides by size and time, and from other records."""
    candidates = Candidates(scope_of(symlinks=policy.symlinks, **changes), policy, NOW_S)
    sides = []
    for files, more in zip((here, there), other, strict=True):
        found = sorted([*b"".join(records(files)).split(NUL)[:-1], *more])
        sides.append([NUL.join(found) + NUL] if found else [])
    merge(sides[0], candidates.scope.in_source_names(sides[1]), candidates)
    return decide(candidates, answers)


def inspected(path: bytes, state: Any) -> Answers:
    """Return that one file was found to be so."""
    return Answers(inspections={path: Inspection(path, state, f"it is {state}")})


def moved(plan: Plan) -> list[bytes]:
    """Return what moves."""
    return [move.entry.path for move in plan.moves]


def test_what_is_not_there_moves_newest_night_first() -> None:
    """With its reason; what is alike on both sides is nobody's business."""
    older = b"2016/0906/SHA_1.fits"
    plan = planned(
        {ONE: (1, OLD), older: (2, OLD), TWO: (3, OLD)}, {TWO: (3, OLD)}, nights=(NIGHT, NIGHT.replace(day=6))
    )
    assert moved(plan) == [ONE, older]
    assert plan.moves[0].reason == "not on the destination"
    assert (plan.size_bytes, plan.counts) == (3, {NIGHT: 2, NIGHT.replace(day=6): 1})
    assert plan.wanted() == (ONE, older)


@pytest.mark.parametrize("mark_here", [b"", BY_LINK])
@pytest.mark.parametrize("waits", [False, True])
def test_nothing_is_replaced_behind_a_link_that_only_the_destination_has(mark_here: bytes, waits: bool) -> None:
    """What lies there may be another night's; where the source has the same link it is the same file."""
    mtime_s = int(YOUNG if waits else OLD)
    both = [[encode_file(ONE, size, mtime_s * 10**9, mark=mark)] for size, mark in ((3, mark_here), (2, BY_LINK))]
    long_ago = Answers(waiting_since_s={ONE: OLD})
    plan = planned({}, {}, long_ago, other=(both[0], both[1]))
    assert moved(plan) == ([ONE] if mark_here else [])
    assert plan.refused == (() if mark_here else (Failure(ONE, BEHIND_A_LINK),))


@pytest.mark.parametrize(("mtime_s", "waits"), [(YOUNG, True), (NOW_S + 10, True), (OLD, False), (FAR, False)])
@pytest.mark.parametrize("there", [None, (1, OLD), (2, OLD)])
def test_a_young_file_waits_and_a_far_future_time_says_nothing(
    mtime_s: float, waits: bool, there: tuple[int, float] | None
) -> None:
    """By the source's clock, new or changed alike."""
    plan = planned({ONE: (2, mtime_s)}, {ONE: there} if there else {}, Answers(same_hash={ONE: False}))
    is_alike = there == (2, OLD) and mtime_s == OLD
    assert plan.in_progress == ((ONE,) if waits else ())
    assert moved(plan) == ([] if waits or is_alike else [ONE])


def test_a_young_file_that_is_alike_on_both_sides_is_done() -> None:
    """To two seconds: FAT keeps no more."""
    plan = planned({ONE: (2, YOUNG)}, {ONE: (2, YOUNG - 2)})
    assert (plan.in_progress, plan.moves, plan.counts) == ((), (), {NIGHT: 1})


@pytest.mark.parametrize("there", [None, (1, OLD)])
def test_what_waits_longer_than_the_limit_is_copied_as_it_is_and_listed(there: tuple[int, float] | None) -> None:
    """Not a second before."""
    other = {ONE: there} if there else {}
    waiting = Answers(waiting_since_s={ONE: NOW_S - 86399})
    assert planned({ONE: (2, YOUNG)}, other, waiting).in_progress == (ONE,)
    plan = planned({ONE: (2, YOUNG)}, other, Answers(waiting_since_s={ONE: NOW_S - 86400}))
    assert [(move.target, move.replaces) for move in plan.moves] == [(ONE, there is not None)]
    assert plan.stuck == (Failure(ONE, "still being written after 86400 s; copied as it is"),)
    assert plan.in_progress == ()


@pytest.mark.parametrize(
    ("here", "answers", "policy", "why"),
    [
        ((2, YOUNG), Answers(), POLICY, "the source is shorter (2 bytes against 5)"),
        ((9, YOUNG), inspected(ONE, "damaged"), POLICY, "the source is damaged: it is damaged"),
        ((9, YOUNG), inspected(ONE, "short"), POLICY, "the source is damaged: it is short"),
        ((9, YOUNG), Answers(), replace(POLICY, on_difference="keep"), "the destination has another file of this name"),
    ],
)
def test_a_file_that_never_settled_replaces_nothing_better(
    here: tuple[int, float], answers: Answers, policy: Policy, why: str
) -> None:
    """Being stuck is no right to overwrite."""
    plan = planned({ONE: here}, {ONE: (5, OLD)}, replace(answers, waiting_since_s={ONE: 0.0}), policy)
    assert (plan.moves, plan.stuck) == ((), ())
    assert plan.kept == (Failure(ONE, f"still being written after 86400 s, and {why}"),)


def test_a_shorter_source_replaces_nothing() -> None:
    """Whatever its time says."""
    for mtime_s in (OLD, RECENT, FAR):
        plan = planned({ONE: (4, mtime_s)}, {ONE: (5, OLD)})
        assert (plan.moves, plan.kept) == ((), (Failure(ONE, "the source is shorter (4 bytes against 5)"),))


@pytest.mark.parametrize("state", ["damaged", "short"])
def test_a_damaged_source_replaces_nothing(state: str) -> None:
    """Longer or with other content."""
    for there in ((1, OLD), (2, OLD - 100)):
        plan = planned({ONE: (2, OLD)}, {ONE: there}, replace(inspected(ONE, state), same_hash={ONE: False}))
        assert (plan.moves, plan.kept) == ((), (Failure(ONE, f"the source is damaged: it is {state}"),))


@pytest.mark.parametrize("state", ["whole", "unjudged", "unreadable"])
@pytest.mark.parametrize("on_difference", ["version", "replace", "keep"])
def test_a_longer_source_replaces_where_it_may(state: str, on_difference: str) -> None:
    """With ``keep``, and where several sources fill one copy, what is there stays."""
    policy = replace(POLICY, on_difference=on_difference)
    plan = planned({ONE: (2, OLD)}, {ONE: (1, OLD)}, inspected(ONE, state), policy)
    if on_difference == "keep":
        assert (plan.moves, [kept.path for kept in plan.kept]) == ((), [ONE])
    else:
        assert [(move.replaces, move.reason) for move in plan.moves] == [
            (True, "1 bytes on the destination, 2 on the source")
        ]


def test_a_newer_file_of_one_size_is_asked_about_by_hash() -> None:
    """Same: done. Other: replaces. Not to be told: unclear, which is neither."""
    here, there = {ONE: (2, OLD)}, {ONE: (2, OLD - 3)}
    assert planned(here, there, Answers(same_hash={ONE: True})).left_open() == ()
    assert moved(planned(here, there, Answers(same_hash={ONE: True}))) == []
    other = planned(here, there, Answers(same_hash={ONE: False}))
    assert [(move.replaces, move.reason) for move in other.moves] == [(True, "other content on the destination")]
    closed = Failure(ONE, "Permission denied", "destination")
    nobody_asked = Failure(ONE, "could not be hashed on both sides")
    for answers, why in ((Answers(), nobody_asked), (Answers(same_hash={ONE: closed}), closed)):
        plan = planned(here, there, answers)
        assert (moved(plan), plan.left_open(), plan.refused) == ([], (ONE,), ())
        assert plan.unclear == (why,)


def test_an_older_source_of_one_size_is_left_alone_unless_every_hash_is_asked() -> None:
    """``--level checksum`` mends what such a verify found, equal records included."""
    here, there = {ONE: (2, OLD - 50), TWO: (2, OLD)}, {ONE: (2, OLD), TWO: (2, OLD)}
    answers = Answers(same_hash={ONE: False, TWO: False})
    assert moved(planned(here, there, answers)) == []
    assert moved(planned(here, there, answers, replace(POLICY, hash_all=True))) == [ONE, TWO]


def test_a_recent_file_whose_header_promises_more_waits_up_to_the_limit() -> None:
    """Then it is copied as it is, and said; damage of another kind blocks nothing and is the verifier's to tell."""
    assert planned({ONE: (2, RECENT)}, {}, inspected(ONE, "short")).in_progress == (ONE,)
    for mtime_s in (NOW_S - 90000, FAR):
        plan = planned({ONE: (2, mtime_s)}, {}, inspected(ONE, "short"))
        assert (moved(plan), plan.stuck) == ([ONE], (Failure(ONE, "it is short"),))
    for size, state in ((2, "damaged"), (0, "short")):
        plan = planned({ONE: (size, RECENT)}, {}, inspected(ONE, state))
        assert (moved(plan), plan.stuck, plan.in_progress) == ([ONE], (), ())


def test_a_damaged_source_replaces_what_is_no_better() -> None:
    """But nothing that is whole."""
    here, there = {ONE: (3, OLD)}, {ONE: (2, OLD)}
    answers = inspected(ONE, "damaged")
    assert (moved(planned(here, there, answers)), len(planned(here, there, answers).kept)) == ([], 1)
    assert moved(planned(here, there, replace(answers, not_whole_there=frozenset({ONE})))) == [ONE]


def test_what_is_asked_about_its_headers_is_recent_or_has_waited() -> None:
    """Old files that were never seen before are not opened one by one."""
    candidates = Candidates(scope_of(), POLICY, NOW_S)
    names = [b"2016/0907/SHA_%s.fits" % name for name in (b"new", b"old", b"pair", b"waited", b"young", b"youngpair")]
    times = (RECENT, OLD, RECENT, OLD, YOUNG, YOUNG)
    there = {names[2]: (1, OLD), names[5]: (1, OLD)}
    merge(records({name: (2, time) for name, time in zip(names, times, strict=True)}), records(there), candidates)
    assert sorted(entry.path for entry in candidates.settling()) == [names[0], names[2]]
    waited = {names[3], names[4], names[5]}
    assert sorted(entry.path for entry in candidates.settling(waited)) == [names[0], names[2], names[3], names[5]]


def test_names_that_cannot_be_had_are_refused() -> None:
    """Unsafe, taken by something that is no file, or another file's place; stuck or new alike."""
    unsafe, taken = b"2016/0907/" + b"x" * 256 + b".fits", b"2016/0907/SHA_9.fits"
    stuck = Answers(waiting_since_s={taken: 0.0})
    plan = planned(
        {unsafe: (1, OLD), taken: (1, YOUNG)}, {}, stuck, other=([], [encode_link(taken, b"/x"), encode_other(ONE)])
    )
    assert {failure.path: failure.reason for failure in plan.refused} == {
        unsafe: "a part of the path is longer than 255 bytes",
        taken: "the destination has something else than a file of this name",
    }
    assert (plan.moves, plan.stuck) == ((), ())


def test_what_stands_in_the_way_is_seen_where_layouts_differ() -> None:
    """Under the name that it has over there."""
    changes: dict[str, Any] = {"copies": copies({}, {"layout": "%Y%m%d"})}
    plan = planned({ONE: (1, OLD)}, {}, other=([], [encode_other(b"20160907/SHA_1.fits")]), **changes)
    assert [failure.path for failure in plan.refused] == [ONE]


def test_two_files_for_one_place_are_both_refused_unless_one_owns_it() -> None:
    """Before a byte moves, and every time: also when the first is there already."""
    cameras = {"a": {"files": ["*"]}, "b": {"files": ["*"]}}
    changes: dict[str, Any] = {
        "cameras": cameras,
        "copies": copies({"layout": "{camera}/%Y%m%d"}, {"layout": "%Y%m%d"}),
    }
    mine, theirs = b"a/20160907/x", b"b/20160907/x"
    plan = planned({mine: (1, OLD), theirs: (2, OLD)}, {}, **changes)
    assert (moved(plan), [failure.path for failure in plan.refused]) == ([mine], [theirs])
    again = planned({mine: (1, OLD), theirs: (2, OLD)}, {b"20160907/x": (1, OLD)}, **changes)
    assert (moved(again), [failure.path for failure in again.refused]) == ([], [theirs])


def test_moves_that_would_meet_are_refused_all() -> None:
    """Whichever came first."""
    moves = list(planned({ONE: (1, OLD), TWO: (1, OLD)}, {}).moves)
    meeting = [move._replace(target=b"same") for move in moves]
    alone, refused = refuse_collisions([*meeting, moves[0]._replace(target=b"other")])
    assert ([move.target for move in alone], len(refused)) == ([b"other"], 2)


def test_names_that_fold_into_one_are_refused_all() -> None:
    """Among themselves, and with what is there; a file that replaces itself is no collision."""
    first = planned({ONE: (1, OLD)}, {}).moves[0]

    def move(target: bytes, replaces: bool = False) -> Move:
        return first._replace(target=target, replaces=replaces)

    fine, refused = refuse_folded(
        [move(b"a.fits"), move(b"A.fits"), move(b"b"), move(b"c"), move(b"D", True)], [b"C", b"d"]
    )
    assert [one.target for one in fine] == [b"b", b"D"]
    assert len(refused) == 3
    composed, decomposed = "é".encode(), "e\u0301".encode()
    assert refuse_folded([move(composed), move(decomposed)], [])[0] == []


def test_links_are_carried_refused_or_listed_as_the_specification_says() -> None:
    """Never over anything that is there."""
    names = [b"2016/0907/%s" % name for name in (b"new", b"elsewhere", b"taken", b"same")]
    here = [encode_link(name, b"x") for name in names]
    there = [encode_link(names[1], b"y"), encode_link(names[3], b"x"), encode_other(names[2])]
    both = (here, there)
    carried = planned({}, {}, policy=replace(POLICY, symlinks="copy"), other=both)
    assert carried.links == ((names[0], b"x"),)
    assert [kept.path for kept in carried.kept] == [names[1]]
    assert [failure.path for failure in carried.refused] == [names[2]]
    assert (carried.counts, carried.wanted()) == ({NIGHT: 4}, (names[0],))
    refused = planned({}, {}, policy=replace(POLICY, symlinks="refuse"), other=both)
    assert (len(refused.refused), refused.links) == (3, ())
    listed = planned({}, {}, policy=POLICY, other=both)
    assert (listed.unrecognised, listed.refused, listed.counts) == (tuple(sorted(names[:3])), (), {})


def test_a_link_and_a_file_for_one_place_do_not_meet() -> None:
    """The file moves; the link, which holds no data, does not."""
    cameras = {"a": {"files": ["*"]}, "b": {"files": ["*"]}}
    changes: dict[str, Any] = {"cameras": cameras, "copies": copies({}, {"layout": "%Y%m%d"})}
    plan = planned(
        {b"2016/0907/x": (1, OLD)},
        {},
        policy=replace(POLICY, symlinks="copy"),
        other=([encode_link(b"2016/0907/x", b"y")], []),
        **changes,
    )
    assert (moved(plan), plan.links, len(plan.refused)) == ([b"2016/0907/x"], (), 1)


def test_what_no_pattern_takes_is_listed_and_stays() -> None:
    """And what is neither file nor link is not even that."""
    notes = [encode_file(b"2016/0907/notes", 1, 0, b"u"), encode_file(b"2016/0907/two", 1, 0, b"u")]
    other = [encode_file(b"2016/0907/two", 2, 0, b"u")]
    plan = planned({}, {}, other=([*notes, encode_other(b"2016/0907/pipe")], other))
    assert (plan.unrecognised, plan.moves) == ((b"2016/0907/notes", b"2016/0907/two"), ())


FATES = st.dictionaries(
    st.sampled_from([b"2016/0907/SHA_%d.fits" % number for number in range(8)]),
    st.tuples(st.integers(0, 3), st.sampled_from([OLD, OLD - 1, OLD - 9, RECENT, YOUNG, NOW_S + 5, FAR])),
)
STATES: st.SearchStrategy[Any] = st.sampled_from(["whole", "short", "damaged", "unreadable", "unjudged"])


@settings(max_examples=300)
@given(FATES, FATES, st.booleans(), st.sampled_from(["version", "keep", "replace"]), st.data())
def test_every_file_has_exactly_one_fate(
    here: dict[bytes, tuple[int, float]],
    there: dict[bytes, tuple[int, float]],
    hash_all: bool,
    on_difference: str,
    data: st.DataObject,
) -> None:
    """Same, moved, in progress, kept, refused or unclear; and what replaces is neither shorter nor damaged."""
    answers = Answers(
        {path: data.draw(st.sampled_from([True, False, None])) for path in here},
        {path: Inspection(path, data.draw(STATES), "why") for path in here if data.draw(st.booleans())},
        {path: NOW_S - data.draw(st.sampled_from([10, 10**6])) for path in here if data.draw(st.booleans())},
    )
    policy = replace(POLICY, hash_all=hash_all, on_difference=on_difference)
    plan = planned(here, there, answers, policy)
    fates = [*moved(plan), *plan.left_open()]
    assert len(fates) == len(set(fates))
    assert set(fates) <= here.keys()
    for path in here.keys() - set(fates):
        assert there[path][0] == here[path][0]
    for move in plan.moves:
        assert move.replaces == (move.entry.path in there)
        if move.replaces:
            assert on_difference != "keep"
            assert here[move.entry.path][0] >= there[move.entry.path][0]
            inspection = answers.inspections.get(move.entry.path)
            assert inspection is None or inspection.state not in ("short", "damaged")
    assert {failure.path for failure in plan.stuck} <= set(moved(plan))
    assert sum(plan.counts.values()) == len(here)


FACTS = RootFacts(NOW_S, 0.0, "", True, 10_000)


def test_a_plan_that_cannot_end_well_is_refused_before_a_byte_moves() -> None:
    """Too little space, with what files take beside their bytes; clocks more than a minute apart, either way."""
    names = ("here", "there")
    plan = planned({ONE: (5904, OLD)}, {})
    assert why_refused(plan, FACTS, FACTS, names) is None
    assert why_refused(plan, FACTS, replace(FACTS, free_bytes=None), names) is None
    assert "there: 10,000 bytes are needed and 9,999 are free" in str(
        why_refused(plan, FACTS, replace(FACTS, free_bytes=9999), names)
    )
    assert why_refused(planned({}, {}), FACTS, replace(FACTS, free_bytes=0), names) is None
    assert why_refused(plan, replace(FACTS, clock_ahead_s=60.0), FACTS, names) is None
    assert "here: its clock is 61 s ahead of" in str(
        why_refused(plan, replace(FACTS, clock_ahead_s=61.0), FACTS, names)
    )
    assert "there: its clock is 61 s behind" in str(
        why_refused(plan, FACTS, replace(FACTS, clock_ahead_s=-61.0), names)
    )


@pytest.mark.parametrize(
    ("before", "now", "loss"),
    [
        ({}, {}, None),
        ({NIGHT: 0}, {}, None),
        ({NIGHT: 10}, {NIGHT: 5}, None),
        ({NIGHT: 10}, {NIGHT: 4}, (10, 4)),
        ({NIGHT: 3}, {}, (3, 0)),
        ({NIGHT: 10}, {NIGHT: 4, NIGHT + dt.timedelta(days=1): 99}, (10, 4)),
    ],
)
def test_more_than_half_gone_is_a_loss(
    before: dict[dt.date, int], now: dict[dt.date, int], loss: tuple[int, int] | None
) -> None:
    """In the nights that the last run saw; new nights make up for nothing."""
    assert mass_loss(now, before) == loss


@pytest.mark.parametrize(("files", "loss"), [(2, None), (1, (104, 101)), (0, (104, 100))])
def test_a_night_that_lay_nowhere_else_is_lost_by_itself(files: int, loss: tuple[int, int] | None) -> None:
    """Whole nights beside it make up for nothing; of one that had arrived its source may be cleared."""
    whole = NIGHT - dt.timedelta(days=1)
    before, now = {whole: 100, NIGHT: 4}, {whole: 100, NIGHT: files}
    assert mass_loss(now, before, [NIGHT]) == loss
    assert mass_loss(now, before, [whole]) is None


def test_a_hop_is_summed_up_by_night() -> None:
    """What moved, its bytes, and what is still open; a night with nothing on the source has no row."""
    plan = planned({ONE: (1, OLD), TWO: (2, OLD)}, {})
    found = moves_by_night(scope_of(), plan, {ONE: 1}, [TWO, b"elsewhere/x"])
    assert found == {NIGHT: NightMoves(2, 1, 1, 1)}
    assert moves_by_night(scope_of(), plan, {b"elsewhere/x": 5}, []) == {NIGHT: NightMoves(2)}


@pytest.mark.parametrize(
    ("ahead_s", "said"),
    [
        (61.4, "61 s ahead of"),
        (-119.0, "119 s behind"),
        (120.0, "2 min ahead of"),
        (-7199.0, "120 min behind"),
        (118370.0, "33 h ahead of"),
        (-86400.0 * 365, "365 days behind"),
    ],
)
def test_a_wrong_clock_is_said_in_a_unit_that_can_be_read(ahead_s: float, said: str) -> None:
    assert clock_words(ahead_s) == said


def test_what_lies_behind_a_folder_that_could_not_be_looked_at_is_refused() -> None:
    """It may be there already; a folder whose name only begins alike hides nothing."""
    plan = planned({ONE: (2880, OLD), TWO: (2880, OLD)}, {})
    troubles = [Trouble(b"2016/0907", "Permission denied"), Trouble(b"2016/090", "Permission denied")]
    left = without_poisoned(plan, troubles, lambda path: path)
    assert (moved(left), [failure.path for failure in left.refused]) == ([], [ONE, TWO])
    assert left.refused[0].reason == "2016/0907 on the destination could not be looked at: Permission denied"
    assert without_poisoned(plan, troubles[1:], lambda path: path) == plan
    assert moved(without_poisoned(plan, [Trouble(ONE, "Input/output error")], lambda path: path)) == [TWO]


def test_what_was_read_and_found_right_takes_any_place() -> None:
    """A restore's source was just proven: it replaces the longer file that stands there, and does not wait."""
    proven = replace(POLICY, is_proven=True)
    plan = planned({ONE: (2880, YOUNG)}, {ONE: (5760, OLD)}, policy=proven)
    assert [(move.entry.path, move.replaces) for move in plan.moves] == [(ONE, True)]
    assert (plan.kept, plan.in_progress) == ((), ())
