"""What may be freed: every way in which a copy is no copy, and whatever is decided a stranger's script agrees."""

from __future__ import annotations

import datetime as dt
import importlib.util
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from nightferry.retention.proof import proof_of
from observatory.endpoints.contract import Facts
from observatory.spec.models import Retention
from syncer.prune import (
    Candidate,
    CopyState,
    Freeable,
    Reading,
    Rule,
    Stay,
    Witness,
    decide,
    differs,
    rule_of,
    why_night_stays,
)

NIGHT = dt.date(2016, 9, 7)
PRESENT = dt.date(2016, 11, 20)
NOW = dt.datetime(2016, 11, 20, 12, tzinfo=dt.UTC)
YESTERDAY = NOW - dt.timedelta(days=1)
SUM, OTHER_SUM = "a" * 64, "b" * 64
PATH = b"2016/0907/a\xff.fits"
RULE = Rule(keep_nights=60, copies=2, within_days=30)


def reading(inode: int, **changes: Any) -> Reading:
    """Return what was read yesterday."""
    return replace(Reading(SUM, YESTERDAY, 10, 1.25, 2.5, f"1:{inode}", None), **changes)


def looked(inode: int, **changes: Any) -> Facts:
    """Return how such a file looks while nobody touched it."""
    return replace(Facts(PATH, 10, 1.25, 0o644, True, identity=f"1:{inode}", changed_s=2.5), **changes)


def copy(name: str, **changes: Any) -> CopyState:
    """Return a copy on a machine of its own."""
    return replace(CopyState(name, name, f"/data/{name}", name, f"id-{name}", f"kernel-{name}"), **changes)


def witness(name: str, inode: int = 2, **changes: Any) -> Witness:
    """Return a copy that holds the file as it should."""
    return replace(Witness(copy(name), PATH, reading(inode, marker=f"id-{name}"), looked(inode)), **changes)


OWN = copy("dome")
CANDIDATE = Candidate(PATH, NIGHT, b"sha/a\xff.fits", looked(1), reading(1), SUM)
HILL, CAPE = witness("hill", 2), witness("cape", 3)
"""Files of other inodes; that all were changed at one instant does not make them one."""


def verdict(*witnesses: Witness, candidate: Candidate = CANDIDATE, rule: Rule = RULE) -> Freeable | Stay:
    """Decide about the file."""
    return decide(candidate, OWN, witnesses, rule, NOW)


def reason(*witnesses: Witness, **changes: Any) -> str:
    """Return why the file stays."""
    found = verdict(*witnesses, **changes)
    assert isinstance(found, Stay)
    return found.reason


def test_two_whole_copies_in_two_other_places_are_enough() -> None:
    """And both are named."""
    found = verdict(HILL, CAPE)
    assert isinstance(found, Freeable)
    assert [one.copy.name for one in found.witnesses] == ["hill", "cape"]


BAD = {
    "a doubt about its root": (replace(CAPE, copy=copy("cape", doubt="is off")), "is off"),
    "never hashed": (replace(CAPE, reading=None), "was never hashed"),
    "other bytes": (replace(CAPE, reading=reading(3, sha256=OTHER_SUM)), "holds other bytes"),
    "hashed long ago": (
        replace(CAPE, reading=reading(3, at_utc=NOW - dt.timedelta(days=30, seconds=1))),
        "was hashed 30 days ago",
    ),
    "hashed in the future": (replace(CAPE, reading=reading(3, at_utc=NOW + dt.timedelta(seconds=1))), "in the future"),
    "another drive": (replace(CAPE, reading=reading(3, marker="id-other")), "bears another marker"),
    "not looked at": (replace(CAPE, looked=None), "was not looked at"),
    "unreadable now": (replace(CAPE, looked=Facts(PATH, reason="Input/output error")), "Input/output error"),
    "gone": (replace(CAPE, looked=Facts(PATH)), "does not hold it any more"),
    "a link by now": (replace(CAPE, looked=looked(3, is_file=False)), "a link is no copy"),
    "another size": (replace(CAPE, looked=looked(3, size_bytes=11)), "has another size"),
    "modified": (replace(CAPE, looked=looked(3, mtime_s=1.5)), "was modified"),
    "a bit flipped, its time set back": (replace(CAPE, looked=looked(3, changed_s=3.5)), "was changed"),
    "replaced by another file": (replace(CAPE, looked=looked(4)), "was replaced"),
    "read again and rotten": (replace(CAPE, reread=OTHER_SUM), "other bytes than when it was hashed"),
    "in the place of the first": (replace(CAPE, copy=copy("cape", place="dome")), "is in the same place (dome)"),
    "in the place of another": (replace(CAPE, copy=copy("cape", place="hill")), "is in the place of another (hill)"),
    "the folder of another": (replace(CAPE, copy=copy("cape", marker="id-hill"), reading=reading(3)), "of hill"),
    "the folder of the first": (replace(CAPE, copy=copy("cape", marker="id-dome"), reading=reading(3)), "of dome"),
    "a hard link of another": (
        replace(witness("cape", 2), copy=copy("cape", kernel="kernel-hill")),
        "the very file of hill",
    ),
    "a hard link of the first": (
        replace(witness("cape", 1), copy=copy("cape", kernel="kernel-dome")),
        "the very file of dome",
    ),
    "a file of the other's server, mounted on two machines": (
        replace(CAPE, reading=reading(2, identity="9:2"), looked=looked(2, identity="9:2")),
        "the very file of hill",
    ),
    "no marker and no shell": (
        replace(CAPE, copy=copy("cape", marker=None, kernel=None), reading=reading(3)),
        "cannot show that it is a folder of its own",
    ),
    "a drive that is away": (
        replace(CAPE, copy=copy("cape", doubt="is a drive that is not there", is_absent=True), looked=None),
        "is a drive that is not there",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_copy_that_is_none_does_not_count(name: str) -> None:
    """One good copy is left then, and two are asked for; the reason is said."""
    bad, words = BAD[name]
    said = reason(HILL, bad)
    assert said.startswith("proven on 1 of 2 other places: cape ")
    assert words in said


def test_a_drive_that_is_away_counts_by_its_last_hash_only_where_that_is_wished() -> None:
    """Never alone: one copy must have been seen; and in time, as any."""
    away = copy("cape", doubt="is a drive that is not there", is_absent=True, kernel=None)
    shelf = replace(CAPE, copy=away, looked=None)
    wished = replace(RULE, count_absent=True)
    assert isinstance(verdict(HILL, shelf, rule=wished), Freeable)
    assert "proven on 1 of 1" in reason(shelf, rule=replace(wished, copies=1))
    old = replace(shelf, reading=reading(3, marker="id-cape", at_utc=NOW - dt.timedelta(days=31)))
    assert "31 days ago" in reason(HILL, old, rule=wished)


STAYING = {
    "never read": ({"reading": None}, "never hashed here"),
    "no first hash": ({"reference": None}, "never hashed here"),
    "not what it was": ({"reading": reading(1, sha256=OTHER_SUM)}, "not what it was when it was first read"),
    "modified since": ({"looked": looked(1, mtime_s=9.5)}, "was modified since it was hashed here"),
    "a link": ({"looked": looked(1, is_file=False)}, "no regular file"),
    "unreadable": ({"looked": Facts(PATH, reason="denied")}, "denied"),
}


@pytest.mark.parametrize("name", STAYING)
def test_a_file_that_is_not_what_was_read_stays(name: str) -> None:
    """Whatever the copies hold."""
    changes, words = STAYING[name]
    assert words in reason(HILL, CAPE, candidate=replace(CANDIDATE, **changes))


def test_what_archives_must_confirm_stays_until_all_of_them_did() -> None:
    """And so does what must stand in a manifest."""
    asked = replace(RULE, archives=("STARS", "SMOKA"))
    assert "SMOKA has not confirmed it" in reason(
        HILL, CAPE, candidate=replace(CANDIDATE, confirmed_by=("STARS",)), rule=asked
    )
    both = replace(CANDIDATE, confirmed_by=("SMOKA", "STARS"))
    assert isinstance(verdict(HILL, CAPE, candidate=both, rule=asked), Freeable)
    listed = replace(RULE, manifest=True)
    assert "no manifest of it was sent" in reason(HILL, CAPE, rule=listed)
    assert isinstance(verdict(HILL, CAPE, candidate=replace(CANDIDATE, in_manifest=True), rule=listed), Freeable)


def test_a_kind_that_is_never_freed_stays() -> None:
    """However well it is proven."""
    assert reason(HILL, CAPE, rule=replace(RULE, free=False)) == "files of this kind are never freed"


def test_the_present_night_and_those_that_are_kept_stay() -> None:
    """The present night and the 59 before it are 60 nights; with none kept the present one stays all the same."""
    assert why_night_stays(PRESENT - dt.timedelta(days=59), PRESENT, RULE) == "kept for 60 nights"
    assert why_night_stays(PRESENT - dt.timedelta(days=60), PRESENT, RULE) is None
    none = replace(RULE, keep_nights=0)
    assert why_night_stays(PRESENT, PRESENT, none) == "the night is not over"
    assert why_night_stays(PRESENT + dt.timedelta(days=1), PRESENT, none) == "the night is not over"
    assert why_night_stays(PRESENT - dt.timedelta(days=1), PRESENT, none) is None


def test_the_first_kind_that_takes_a_file_rules_it() -> None:
    """What a kind does not say is as for the others."""
    raw = {"files": ["vcam*/*"], "keep_nights": 30, "copies": 1}
    rest = {"files": ["*.fits.fz"], "confirmed_by": "STARS", "manifest": True}
    said = Retention.model_validate(
        {
            "keep_nights": 60,
            "reread": True,
            "kinds": {"raw": raw, "packed": rest, "logs": {"files": ["*"], "free": False}},
        }
    )
    assert rule_of(said, b"vcam1/a.fits.fz") == Rule(30, 1, 30, reread=True)
    assert rule_of(said, b"vgen2/a.fits.fz") == Rule(60, 2, 30, reread=True, manifest=True, archives=("STARS",))
    assert rule_of(said, b"a.log").free is False


def test_a_kind_that_names_no_archive_waits_for_those_of_all() -> None:
    """What is asked of every file is asked of a kind's too, unless it says otherwise."""
    kinds = {"raw": {"files": ["vcam*/*"]}, "logs": {"files": ["*.log"], "confirmed_by": ["SMOKA"]}}
    said = Retention.model_validate({"keep_nights": 60, "confirmed_by": ["STARS"], "kinds": kinds})
    asked = [rule_of(said, path).archives for path in (b"vcam1/a.fits.fz", b"a.log", b"a.fits")]
    assert asked == [("STARS",), ("SMOKA",), ("STARS",)]


def test_whole_seconds_are_compared_as_such_and_device_numbers_not_at_all() -> None:
    """SFTP tells no more, and a device may be numbered anew when its machine is started."""
    assert differs(reading(1), looked(1, mtime_s=1.0, changed_s=None, identity=None)) is None
    assert differs(reading(1), looked(1, mtime_s=2.0, changed_s=None, identity=None)) == "was modified"
    assert differs(reading(1), looked(1, identity="7:1")) is None
    assert differs(reading(1), looked(1, mtime_s=1.2500000001)) is None


# ---- whatever is decided, a script that shares no line with us agrees


def checker() -> Any:
    """Return tools/check_proof.py as a module."""
    path = Path(__file__).resolve().parents[2] / "tools" / "check_proof.py"
    spec = importlib.util.spec_from_file_location("check_proof", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CHECKER = checker()
_MARKERS = (None, "id-hill", "id-dome", "id-other")
_IDENTITIES = (None, "1:1", "1:2", "2:3")
_INSTANTS = (NOW, NOW + dt.timedelta(hours=1), NOW - dt.timedelta(days=31))
_SPOILS: tuple[tuple[str, dict[str, Any] | None], ...] = (
    *(("copy", {"place": place}) for place in ("dome", "hill")),
    *(("copy", {"marker": marker}) for marker in _MARKERS),
    *(("copy", {"kernel": kernel}) for kernel in (None, "kernel-dome", "kernel-hill")),
    ("copy", {"doubt": "is off"}),
    ("copy", {"doubt": "is a drive that is not there", "is_absent": True}),
    ("reading", None),
    ("looked", None),
    *(("reading", {"at_utc": instant}) for instant in _INSTANTS),
    *(("reading", {"marker": marker}) for marker in _MARKERS),
    *(("reading", change) for change in ({"sha256": OTHER_SUM}, {"mtime_s": 1.0})),
    *(("looked", change) for change in ({"size_bytes": 11}, {"size_bytes": None}, {"mtime_s": 1.0})),
    *(("looked", change) for change in ({"is_file": False}, {"reason": "denied"})),
    *((part, {"identity": identity}) for part in ("reading", "looked") for identity in _IDENTITIES),
    *((part, {"changed_s": seconds}) for part in ("reading", "looked") for seconds in (None, 3.5)),
)
"""What of a whole copy may be otherwise: one of its three parts is absent, or says another thing."""


def spoilt(one: Witness, part: str, changes: dict[str, Any] | None) -> Witness:
    """Change one part of a witness."""
    whole = getattr(one, part)
    return replace(one, **{part: whole and changes and replace(whole, **changes)})


def copies_of_every_kind() -> Iterator[Witness]:
    """Yield a copy of which any two things are otherwise (or one), looked at alone and read again."""
    for first, second in product(_SPOILS, repeat=2):
        for reread in (None, SUM, OTHER_SUM):
            yield replace(spoilt(spoilt(CAPE, *first), *second), reread=reread)


@pytest.mark.parametrize("count_absent", [False, True])
def test_nothing_is_freed_that_a_strangers_script_would_refuse(count_absent: bool) -> None:
    """The two share no line; whatever they disagree about is a fault of one of them."""
    rule = replace(RULE, count_absent=count_absent)
    found = [decide(CANDIDATE, OWN, [HILL, cape], rule, NOW, is_last_look=True) for cape in copies_of_every_kind()]
    freed = [one for one in found if isinstance(one, Freeable)]
    assert 100 < len(freed) < len(found) - 100
    for one in freed:
        assert list(CHECKER.faults_of(proof_of("sha", OWN, PRESENT, [one], NOW))) == []


def test_a_copy_that_shows_size_and_time_alone_is_read_again_before_a_file_goes() -> None:
    """An account with SFTP alone tells no more; what a person may have set back proves nothing."""
    sftp = copy("cape", kernel=None)
    shy = replace(CAPE, copy=sftp, looked=looked(3, identity=None, changed_s=None))
    assert isinstance(verdict(HILL, shy), Freeable)
    last = decide(CANDIDATE, OWN, [HILL, shy], RULE, NOW, is_last_look=True)
    assert isinstance(last, Stay) and "was not read again" in last.reason
    again = [HILL, replace(shy, reread=SUM)]
    assert isinstance(decide(CANDIDATE, OWN, again, RULE, NOW, is_last_look=True), Freeable)
    always = decide(CANDIDATE, OWN, [HILL, CAPE], replace(RULE, reread=True), NOW, is_last_look=True)
    assert isinstance(always, Stay)


def test_the_script_finds_what_is_no_proof() -> None:
    """Every claim that a proof makes is looked at."""
    found = verdict(HILL, CAPE)
    assert isinstance(found, Freeable)
    good = proof_of("sha", OWN, PRESENT, [found], NOW)
    assert list(CHECKER.faults_of(good)) == []
    for change in ("present_night", "made_utc"):
        spoilt = good | {change: {"present_night": "20161101", "made_utc": "2016-12-30T00:00:00+00:00"}[change]}
        assert len(list(CHECKER.faults_of(spoilt))) >= 2
    lonely = proof_of("sha", OWN, PRESENT, [replace(found, witnesses=(HILL,))], NOW)
    assert list(CHECKER.faults_of(lonely)) == ["2016/0907/a\\xff.fits: 1 copies prove it, 2 are asked for"]
    for name, (bad, _) in BAD.items():
        if name != "a doubt about its root":  # a doubt keeps a copy out of the proof altogether
            assert list(CHECKER.faults_of(proof_of("sha", OWN, PRESENT, [replace(found, witnesses=(HILL, bad))], NOW)))
