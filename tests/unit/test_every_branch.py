"""Branches of what decides that no other unit test goes through: plan, nights, the specification, the report model."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from pathlib import Path

import pytest
from pydantic import model_validator

from observatory.errors import SpecificationError, UsageError
from observatory.nights import NightClock
from observatory.records import encode_file
from observatory.spec import yaml
from observatory.spec.chain import hops, is_joined, places, retention_of, set_aside_days
from observatory.spec.judge import MOST_ROUNDS
from observatory.spec.load import find_folder, load_section, load_site
from observatory.spec.models import Retention, Section, Specification
from observatory.spec.owned import OwnedSection
from observatory.spec.show import effective_document
from observatory.truth import State
from reports.model import FrameCount, Report, StepRow
from syncer.candidates import Candidates, Policy
from tests.unit.spec.folders import SITE, problems, write
from tests.unit.spec.folders import instrument as instrument_text
from tests.unit.test_sync import ONE, THERE, World
from tests.worlds import NOW_S, OLD_S, instrument, scope_of

NIGHT = dt.date(2016, 9, 7)


def test_a_midnight_that_comes_twice_begins_its_night_the_first_time() -> None:
    """St John's, 7 November 2010: at one minute past midnight it was 23:01 again; that hour is the new night's."""
    clock = NightClock.from_spec("America/St_Johns", "00:00")
    again = dt.datetime(2010, 11, 7, 2, 40, tzinfo=dt.UTC)
    assert again.astimezone(zoneinfo.ZoneInfo("America/St_Johns")).date() == dt.date(2010, 11, 6)
    assert clock.night_of(again) == dt.date(2010, 11, 7)


@pytest.mark.parametrize("rest", ["/SHA_2.raw", "/deeper/SHA_2.raw"])
def test_what_would_lie_behind_a_link_of_the_destination_is_refused_and_its_neighbour_goes(rest: str) -> None:
    """A folder there is a link that leads out; the file beside it has nothing to do with that."""
    behind = b"2016/0907/sub" + rest.encode()
    world = World({ONE: b"1", behind: b"2"}, {})
    world.destination.put_folder(b"/elsewhere")
    world.destination.put_other(THERE + b"/2016/0907/sub", "link", b"/elsewhere")
    outcome = world.sync()
    assert ([one.path for one in outcome.failed], list(world.there())) == ([behind], [b"2016/0907/sub", ONE])
    assert "leads out of the root" in outcome.failed[0].reason


def test_a_file_that_never_settled_and_cannot_have_its_name_is_refused_and_not_called_stuck() -> None:
    """Cut short after its limit, and a folder stands where it should go: one reason, not two."""
    path = b"2016/0907/SHA_1.fits"
    cards = (b"SIMPLE  = %20s" % b"T", b"BITPIX  = %20d" % 8, b"NAXIS   = %20d" % 1, b"NAXIS1  = %20d" % 9000)
    header = b"".join(card.ljust(80) for card in cards)
    short = (header + b"END").ljust(2880)
    world = World({path: short}, {path + b"/SHA_9.fits": b"x"}, cameras={"sha": {"files": ["SHA_*.fits"]}})
    outcome = world.sync(waiting_since_s={path: 0.0})
    assert ([one.path for one in outcome.failed], list(outcome.stuck)) == ([path], [])
    assert outcome.state is State.DIFFERENT


def test_a_file_outside_every_night_counts_for_none() -> None:
    """A far end lists what it was not asked for."""
    candidates = Candidates(scope_of(), Policy(300.0, 86400.0), NOW_S)
    candidates.only_source(encode_file(b"elsewhere/SHA_1.fits", 1, round(OLD_S * 1e9)))
    candidates.only_source(encode_file(b"2016/0907/SHA_1.fits", 1, round(OLD_S * 1e9)))
    assert candidates.counts == {NIGHT: 1}


def test_a_variant_that_means_something_else_or_stands_twice_is_said(tmp_path: Path) -> None:
    """At its key, and at the word."""
    said = problems(write(tmp_path, sha=instrument_text(variants="{camera: [a, b], telescope: [74in, 74in]}")))
    assert any("means something else already" in one for one in said), said
    assert any("'74in' stands twice" in one for one in said), said


class Level(Section):
    """A section whose fault shows only when the one within it is whole."""

    inner: Level | None = None

    @model_validator(mode="after")
    def _never(self) -> Level:
        raise ValueError("is wrong")


def test_faults_behind_faults_are_looked_for_so_often_and_no_more(tmp_path: Path) -> None:
    """Twice as many levels as rounds: the outermost faults are left for the next look."""
    depth = 2 * MOST_ROUNDS
    (tmp_path / "instruments.d").mkdir()
    text = "top: " + "{inner: " * depth + "{}" + "}" * depth
    (tmp_path / "instruments.d" / "sha.yaml").write_text(text)
    with pytest.raises(SpecificationError) as refused:
        load_section(tmp_path, "sha", "top", Level)
    assert 1 <= len(refused.value.problems) <= MOST_ROUNDS


def test_a_step_that_is_no_word_and_a_folder_that_cannot_be_looked_into(tmp_path: Path) -> None:
    """One is said, the other is passed over for the next."""
    convert = "\n  steps:\n    - {step: [fpack]}"
    assert any("there is no step" in one for one in problems(write(tmp_path, sha=instrument_text(convert=convert))))
    with pytest.raises(UsageError, match="Name a folder"):
        find_folder(None, {}, tmp_path / "home", tmp_path / ("x" * 300), etc=tmp_path / "etc")


def test_a_copy_is_filled_neither_from_itself_nor_from_a_later_one(tmp_path: Path) -> None:
    """Both said, at their lines."""
    copies = """
  - {host: sha, root: /data/sha}
  - {host: astro.suth, root: /b, from: astro.suth}
  - {host: astro.cape, root: /c, name: c, from: [d]}
  - {host: astro.cape, root: /d, name: d}"""
    said = problems(write(tmp_path, sha=instrument_text(copies=copies)))
    assert any("cannot be filled from itself" in one for one in said)
    assert any("comes later in the chain" in one for one in said)


def test_a_number_that_is_none_and_bits_that_are_not_octal_are_said_in_words(tmp_path: Path) -> None:
    """What is needed, and what stands there."""
    said = problems(write(tmp_path, sha=instrument_text(settle_s="[1]", modes='{files: "0999"}')))
    assert any("a number is needed, not" in one for one in said), said
    assert any("octal, as 0440" in one for one in said), said


class Dated(Section):
    """A section whose value pydantic judges in words of its own."""

    begins: dt.date


def test_a_fault_that_only_the_validator_knows_is_said_in_its_words(tmp_path: Path) -> None:
    """Rather a foreign sentence than none."""
    folder = write(tmp_path, sha=instrument_text() + "export: {begins: never}\n")
    with pytest.raises(SpecificationError, match=r"export\.begins: input should be a valid date"):
        load_section(folder, "sha", "export", Dated)


def test_site_and_section_are_read_alone_and_refused_alone(tmp_path: Path) -> None:
    """For programs that need a host or one section, and no instrument."""
    folder = write(tmp_path, sha=instrument_text(retention="{keep_nights: 60}", verify="{level: deep}"))
    assert load_site(folder).site == "Sutherland"
    found = load_section(folder, "sha", "retention", Retention)
    assert found is not None and found.keep_nights == 60
    assert load_section(folder, "sha", "export", OwnedSection) is None
    assert load_section(folder, "shd", "export", OwnedSection) is None
    (folder / "instruments.d" / "shd.yaml").write_text("retention: {keep_nights: many}")
    with pytest.raises(SpecificationError, match="keep_nights"):
        load_section(folder, "shd", "retention", Retention)
    (folder / "site.yaml").write_text(SITE.replace("Africa/Johannesburg", "Africa/Nowhere"))
    with pytest.raises(SpecificationError, match="timezone"):
        load_site(folder)


def test_mails_are_sent_or_written_and_not_both(tmp_path: Path) -> None:
    """One way, or nobody knows which was taken."""
    mail = "mail: {from: a@b.test, folder: mail, server: {host: mail.test}}\n"
    assert any("either server or folder" in one for one in problems(write(tmp_path, SITE + mail)))


def test_what_is_effective_is_plain_data_too(tmp_path: Path) -> None:
    """By name, with the zone that is meant, and every copy a place."""
    declared = instrument()
    site = load_site(write(tmp_path))
    specification = Specification(folder=str(tmp_path), site=site, instruments={"sha": declared})
    assert effective_document(specification)["instruments"]["sha"]["instrument"] == "sha"
    assert specification.zone == zoneinfo.ZoneInfo("Africa/Johannesburg")
    assert [place.root for place in places(declared)] == ["/data/sha", "/archive/sha"]
    assert list(OwnedSection().faults(declared)) == []


def test_a_file_whose_name_no_disk_takes_could_not_be_read(tmp_path: Path) -> None:
    """A fault of the system is a problem of that file."""
    (problem,) = yaml.read(tmp_path / ("x" * 300), "x").problems
    assert "could not be read" in problem.reason
    assert list(yaml.walk({"a": [1]})) == [((), {"a": [1]}), (("a",), [1]), (("a", 0), 1)]


def test_a_night_that_steps_have_left_is_counted_once() -> None:
    """What the first step read and the last wrote; kinds by the last that told them; a night without work is none."""
    instant = dt.datetime(2016, 9, 8, 7, tzinfo=dt.UTC)
    steps = [
        StepRow("sha", NIGHT, "split", done=2, frames=FrameCount(10, 9, 1, kinds={"dark": 3})),
        StepRow("sha", NIGHT, "pack", done=9, frames=FrameCount(9, 9)),
        StepRow("shd", NIGHT, "pack", skipped=3),
        StepRow("shx", NIGHT, "pack", done=1),
    ]
    nights = Report("Sutherland", "run", instant, instant, steps=steps).nights_processed()
    assert [(night.instrument, night.is_whole, night.frames) for night in nights] == [
        ("sha", True, FrameCount(10, 9, 1, 0, {"dark": 3})),
        ("shx", True, None),
    ]


def test_a_copy_that_says_how_long_it_keeps_is_believed_and_the_instruments_word_is_of_the_first() -> None:
    """Of a copy without a word of its own, beyond the first, nothing is freed; what is set aside stays 30 days."""
    here, there = {"host": "sha", "root": "/data/sha"}, {"host": "archive", "root": "/archive/sha"}
    own = {"keep_nights": 9, "set_aside_days": 5}
    declared = instrument(copies=[here, there | {"retention": own}], retention={"keep_nights": 60})
    first, second = places(declared)
    kept = [retention_of(declared, place) for place in (first, second)]
    assert [one.keep_nights for one in kept if one] == [60, 9]
    assert set_aside_days(declared, second) == 5
    plain = instrument(copies=[here, there], retention={"keep_nights": 60})
    assert retention_of(plain, places(plain)[1]) is None
    assert set_aside_days(plain, places(plain)[1]) == 30


def test_an_archive_that_two_copies_fill_is_joined_and_one_that_one_fills_is_not() -> None:
    """What bears a file's name there may be the other source's."""
    origins = [{"host": name, "root": f"/data/{name}", "origin": True} for name in ("dome", "annex")]
    town, cape = ({"host": name, "root": f"/{name}/sha"} for name in ("town", "cape"))
    found = hops(instrument(copies=[*origins, town | {"from": ["dome", "annex"]}, cape]))
    assert [(hop.key, is_joined(hop)) for hop in found] == [
        ("dome:town", True),
        ("annex:town", True),
        ("town:cape", False),
    ]
