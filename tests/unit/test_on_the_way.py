"""Which absent frame numbers are on their way to a copy, and which are absent."""

from __future__ import annotations

from dataclasses import replace

from nightferry.on_the_way import OnTheWay
from observatory.listing import HopScope, hop_scope
from observatory.spec.chain import hops
from tests.worlds import CLOCK, NIGHT, instrument
from verifier.verdict import Finding, HopVerdict, SequenceGap

FOLDER = NIGHT.strftime("%Y/%m%d").encode()


def frame(number: int) -> bytes:
    """Return the path of a frame below a root."""
    return FOLDER + f"/SHA_{NIGHT:%Y%m%d}.{number:04}.fits".encode()


def scopes(*hosts: str) -> list[HopScope]:
    """Return the hops of a chain over some hosts, one night asked."""
    chain = instrument(
        sequence="SHA_{night}.{number}.fits", copies=[{"host": host, "root": f"/{host}"} for host in hosts]
    )
    return [hop_scope(hop, (NIGHT,), CLOCK) for hop in hops(chain)]


def verdict(*absent: int) -> HopVerdict:
    """Return a verdict with these frame numbers absent on the source."""
    blank = HopVerdict("sha", "a:b", "a", "b", "/a/", "/b/", "size", (NIGHT,))
    return replace(blank, sequence_gaps=(SequenceGap(NIGHT, "sha", absent),)) if absent else blank


def numbers(found: HopVerdict) -> list[tuple[int, ...]]:
    """Return the absent numbers that are left."""
    return [gap.numbers for gap in found.sequence_gaps]


def test_what_the_hop_before_has_not_brought_is_not_absent() -> None:
    """In progress, missing and unreadable on the source, each excuses its own number and no other."""
    first, second = scopes("a", "b", "c")
    chain = OnTheWay()
    unread = Finding(frame(5), "source", "permission denied")
    chain.passed(first, replace(verdict(), in_progress=(frame(3),), missing=(frame(4),), unreadable=(unread,)))
    assert numbers(chain.passed(second, verdict(3, 4, 5, 6))) == [(6,)]


def test_it_is_not_absent_further_down_the_chain_either() -> None:
    """The third hop's source waits for what the first one has not carried."""
    first, second, third = scopes("a", "b", "c", "d")
    chain = OnTheWay()
    chain.passed(first, replace(verdict(), missing=(frame(3),)))
    assert numbers(chain.passed(second, verdict(3))) == []
    assert numbers(chain.passed(third, verdict(3))) == []


def test_a_hop_looked_at_alone_keeps_its_holes() -> None:
    """Nothing is known of the hop before; nor does a fork's other arm excuse anything."""
    first, second = scopes("a", "b", "c")
    assert numbers(OnTheWay().passed(second, verdict(3))) == [(3,)]
    chain = OnTheWay()
    chain.passed(second, replace(verdict(), missing=(frame(3),)))
    assert numbers(chain.passed(first, verdict(3))) == [(3,)]


def test_what_is_unreadable_on_the_destination_excuses_nothing() -> None:
    """It is the destination's trouble, and says nothing of the source."""
    first, second = scopes("a", "b", "c")
    chain = OnTheWay()
    chain.passed(first, replace(verdict(), unreadable=(Finding(frame(3), "destination", "input/output error"),)))
    assert numbers(chain.passed(second, verdict(3))) == [(3,)]
