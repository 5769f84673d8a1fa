"""A disk that was replaced: whoever sees it first, nothing that was proven on the old one is believed any more.

Words of looks go in as verdicts; the flow over real folders is tests/faults' (N20).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalogue.evidence_records import SafeNight, SafeState
from catalogue.records import NightRecord, NightState
from nightferry.runs import Run, see_roots
from nightferry.workplace import Workplace
from observatory.spec.chain import Hop, hops
from tests.unit.spec.folders import instrument, write
from verifier.verdict import HopVerdict

NOW = dt.datetime(2016, 9, 7, 18, 0, tzinfo=dt.UTC)
OLD = dt.date(2016, 1, 1)
CHAIN = """
  - {host: sha, root: /data/both}
  - {host: astro.suth, root: /archive/both}
  - {host: astro.cape, root: /cape/both}
"""
PROVEN = NightRecord(2, 0, NightState.PROVEN, "size")


@pytest.fixture
def workplace(tmp_path: Path) -> Iterator[Workplace]:
    """Two instruments with names of their own below the same roots; an old night of each is proven on every hop."""
    folder = write(tmp_path, sha=instrument("sha", copies=CHAIN), shd=instrument("shd", copies=CHAIN))
    with Workplace.at(folder, lambda: NOW) as opened:
        run = Run(opened, "verify", ["sha", "shd"])
        for name in ("sha", "shd"):
            for hop in hops(opened.instruments[name]):
                look(opened, hop, (hop.source.host, hop.destination.host))
                opened.ledger.record_nights(run.id, name, hop.key, {OLD: PROVEN}, NOW)
        yield opened


def look(workplace: Workplace, hop: Hop, markers: tuple[str | None, str | None], unknown: str | None = None) -> None:
    """Tell of one look at a hop what the two roots bore."""
    name, roots = hop.instrument.instrument, (hop.source.root, hop.destination.root)
    ends = (hop.source.host, hop.destination.host)
    told = HopVerdict(name, hop.key, *ends, *roots, "size", (OLD,), unknown_reason=unknown, markers=markers)
    see_roots(workplace, Run(workplace, "verify", [name]), hop, told)


def is_proven(workplace: Workplace) -> dict[str, list[bool]]:
    """Say for each instrument on which of its hops the old night is proven."""
    return {
        name: [workplace.ledger.hop_nights(name, hop.key)[0].state is NightState.PROVEN for hop in hops(declared)]
        for name, declared in workplace.instruments.items()
    }


def hop_of(workplace: Workplace, number: int, name: str = "sha") -> Hop:
    """Return one hop of an instrument."""
    return hops(workplace.instruments[name])[number]


def test_the_disk_of_two_instruments_is_another_for_both(workplace: Workplace) -> None:
    """The second of them finds the new marker known already, and nothing of its own on that disk."""
    look(workplace, hop_of(workplace, 0), ("sha", "new"))
    assert is_proven(workplace) == {"sha": [False, True], "shd": [False, True]}
    look(workplace, hop_of(workplace, 0, "shd"), ("sha", "new"))
    assert is_proven(workplace) == {"sha": [False, True], "shd": [False, True]}


@pytest.mark.parametrize("unknown", [None, "it holds fewer files than it did"])
def test_a_new_disk_seen_as_a_source_is_a_new_destination_too(workplace: Workplace, unknown: str | None) -> None:
    """The hop that fills it may be one that nobody can look at that day."""
    look(workplace, hop_of(workplace, 1), ("new", "astro.cape"), unknown)
    assert is_proven(workplace) == {"sha": [False, True], "shd": [False, True]}


@pytest.mark.parametrize("marker", ["", None])
def test_a_root_that_lost_its_id_is_another_disk_once(workplace: Workplace, marker: str | None) -> None:
    """Its empty marker was made by hand, or its nights were brought back without one; the id given next is no news."""
    hop = hop_of(workplace, 1)
    look(workplace, hop, ("astro.suth", marker))
    assert is_proven(workplace) == {"sha": [True, False], "shd": [True, False]}
    for name in ("sha", "shd"):
        workplace.ledger.record_nights(Run(workplace, "sync", [name]).id, name, hop.key, {OLD: PROVEN}, NOW)
    look(workplace, hop, ("astro.suth", marker))
    look(workplace, hop, ("astro.suth", "given"))
    assert is_proven(workplace) == {"sha": [True, True], "shd": [True, True]}


def test_a_disk_that_comes_back_is_not_what_lay_beneath_it(tmp_path: Path) -> None:
    """It was not mounted for longer than the window is; what others brought to the mount point meanwhile is hidden."""
    now = [NOW]
    folder = write(tmp_path, sha=instrument("sha", copies=CHAIN))
    with Workplace.at(folder, lambda: now[0]) as opened:
        hop = hops(opened.instruments["sha"])[0]
        believed = []
        for marker in ("disk", None, None, "disk", "disk"):
            look(opened, hop, ("sha", marker))
            believed += [one.state is NightState.PROVEN for one in opened.ledger.hop_nights("sha", hop.key)]
            run = Run(opened, "verify", ["sha"])
            opened.ledger.record_nights(run.id, "sha", hop.key, {OLD: PROVEN}, now[0])
            now[0] += dt.timedelta(days=10)
    assert believed == [False, True, False, True]


@pytest.mark.parametrize("marker", ["new", "", None])
def test_a_root_that_a_person_calls_new_is_another_disk_too(workplace: Workplace, marker: str | None) -> None:
    """`--new-root` was given while the hop that fills it could not be looked at; the word for it holds."""
    place = hop_of(workplace, 0).destination
    workplace.ledger.vouch_root(place.host, place.root, "", NOW)
    for _ in range(2):
        look(workplace, hop_of(workplace, 1), (marker, "astro.cape"))
        assert is_proven(workplace) == {"sha": [False, True], "shd": [False, True]}
        known = workplace.ledger.root(place.host, place.root)
        assert known is not None
        assert known.is_vouched is (marker is None)


def test_a_root_that_was_not_seen_is_no_other_disk(workplace: Workplace) -> None:
    """Without a look there is no marker to tell by."""
    for number in (0, 1):
        look(workplace, hop_of(workplace, number), (None, None), "its host cannot be reached")
    assert is_proven(workplace) == {"sha": [True, True], "shd": [True, True]}


def test_what_hashes_showed_on_the_old_disk_is_doubted_for_every_instrument(workplace: Workplace) -> None:
    """Safe is what was read there, and there it is no more."""
    ledger, place = workplace.ledger, hop_of(workplace, 0).destination
    holders = [ledger.holder(name, place.name, place.host, place.root) for name in ("sha", "shd")]
    for holder in holders:
        ledger.record_safe(holder, {OLD: SafeNight(SafeState.SAFE, 2, NOW, None)})
    look(workplace, hop_of(workplace, 1), ("new", "astro.cape"))
    assert [ledger.safe_nights(holder)[OLD].state for holder in holders] == [SafeState.UNKNOWN] * 2
