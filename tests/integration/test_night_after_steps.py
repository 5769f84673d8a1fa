"""`after`: a night travels when the step that the hop waits for is complete, on whichever copy that step works."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from catalogue.records import StepRecord, StepResult
from converters.outcome import ConvertOutcome
from nightferry.products.converting import Converted, complete_nights
from nightferry.workplace import Workplace
from observatory.spec.chain import hops
from tests.hosts import Host
from tests.observatory import Observatory, tree

NIGHT = dt.date(2016, 9, 7)


@pytest.fixture
def site(tmp_path: Path, three_hosts: tuple[Host, Host, Host], capsys: pytest.CaptureFixture[str]) -> Observatory:
    """Three hosts, nothing declared yet."""
    return Observatory(tmp_path, three_hosts, capsys)


@pytest.mark.parametrize(("program", "goes_on"), [("true", True), ("false", False)])
def test_a_hop_waits_for_a_step_of_a_copy_before_its_source(site: Observatory, program: str, goes_on: bool) -> None:
    """The step works where the data are born; what it comes to decides about the second hop."""
    alpha, _, gamma = site.hosts
    site.add_local("here")
    copies = [site.copy("here"), site.copy(alpha), site.copy(gamma, after="command")]
    step = {"step": "command", "run": [program, "{input}"], "inputs": ["*.fits"], "copy": "here"}
    site.declare("sha", copies=copies, convert={"steps": [step]})
    site.mark(alpha)
    site.mark(gamma)
    (name,) = site.expose(["here"], [1])
    answer = site.call("run")
    assert answer.status == (0 if goes_on else 1), answer
    assert list(tree(site.root(alpha))) == [name]
    assert list(tree(site.root(gamma))) == ([name] if goes_on else [])


def waiting(site: Observatory, roots: dict[str, str], **settings: object) -> Workplace:
    """Return a site of two copies and a third that waits for a step on the second, which is far away."""
    alpha, beta, gamma = (host.name for host in site.hosts)
    copies = [{"host": name, "root": root} for name, root in zip((alpha, beta, gamma), roots.values(), strict=True)]
    copies[2]["after"] = "pack"
    step = {"step": "command", "name": "pack", "run": ["true", "{input}"], "inputs": ["*.fits"], "copy": beta}
    site.declare("sha", copies=copies, convert={"steps": [step]}, **settings)
    return Workplace.at(site.config)


def test_what_a_run_made_below_the_same_root_of_another_machine_lets_nothing_pass(site: Observatory) -> None:
    """Roots are called alike on many machines, and by many instruments."""
    with waiting(site, {"a": "/data", "b": "/data", "c": "/archive"}) as workplace:
        (first, second) = hops(workplace.instruments["sha"])
        made = ConvertOutcome("sha", first.source.name, [NIGHT])
        for instrument, host in (("sha", first.source.host), ("shd", second.source.host)):
            fresh = Converted(by_place={(instrument, host, "/data"): made})
            assert not complete_nights(workplace, second, "pack", [NIGHT], fresh)
        fresh = Converted(by_place={("sha", second.source.host, "/data"): made})
        assert complete_nights(workplace, second, "pack", [NIGHT], fresh) == {NIGHT}


def test_a_step_taken_elsewhere_lets_a_night_of_a_variant_pass(site: Observatory) -> None:
    """Copies of variants share their names, and the ledger tells them by their roots."""
    roots = {"a": "/data/{telescope}", "b": "/raid/{telescope}", "c": "/archive/{telescope}"}
    with waiting(site, roots, variants={"telescope": ["40in", "74in"]}) as workplace:
        second = [hop for hop in hops(workplace.instruments["sha"]) if hop.source.root.startswith("/raid")]
        copy = f"{second[0].source.name}@/raid/40in"
        record = ("sha", copy, "pack", NIGHT, b"2016/0907/a.fits", "0" * 64, StepResult.DONE, workplace.now())
        workplace.ledger.record_step(StepRecord(*record))
        ready = [complete_nights(workplace, hop, "pack", [NIGHT], Converted()) for hop in second]
    assert ready == [{NIGHT}, frozenset()]
