"""Years go by, and things get other names: what was proven and freed under the old ones is not forgotten."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from nightferry.workplace import Workplace
from tests.observatory import Observatory
from tests.retention import BACK, COPIES, RETENTION, carried, chain_of_three


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """A chain of three, of whose first copy an old night was freed."""
    made = chain_of_three(tmp_path, capsys, retention=RETENTION)
    carried(made, backs=(BACK, 1))
    assert made.call("prune", "--yes").status == 0
    return made


def rename_hosts(site: Observatory, names: dict[str, str], address: str | None = None) -> None:
    """Give hosts other keys, and where that is wished one of them another address."""
    copies = []
    for old in COPIES:
        declared = site.site["hosts"].pop(old)
        is_moved = old in names and address is not None
        site.site["hosts"][names.get(old, old)] = declared | ({"address": address} if is_moved else {})
        copies.append(site.copy(old) | {"host": names.get(old, old)})
    site.write_site()
    site.declare(copies=copies, retention=RETENTION)


def proven(site: Observatory) -> set[str]:
    """Return how many copies of each night are proven, and safe, as `status` shows it."""
    return {
        f"{night['proven_copies']}/{night['declared_copies']}, {sum(one['is_safe'] for one in night['safe'])} safe"
        for night in site.call("status", "--json").document["nights"]
    }


def missed_when_lost(site: Observatory) -> bool:
    """Lose on the second copy what was freed on the first, of which nobody else knows, and verify."""
    night = site.night(BACK)
    path = f"{night:%Y/%m%d}/SHA_{night:%Y%m%d}.0001.fits"
    assert not site.path("dome", path).exists()
    site.path("hill", path).unlink()
    answer = site.call("verify", "-n", "30", "--json")
    return bool(answer.document["hops"][0]["missing"] == [path])


def test_hosts_with_other_keys_keep_their_nights(site: Observatory) -> None:
    """Same addresses, same roots: all that is known goes with them, said once by the next report."""
    names = {"dome": "kuppel", "hill": "archive-1", "cape": "kap"}
    rename_hosts(site, names)
    said = site.call("verify", "-n", "30").out
    assert [f"{old}:{site.root(old)} is {new}:{site.root(old)} now" in said for old, new in names.items()] == [True] * 3
    again = site.call("verify", "-n", "30")
    assert (again.status, " now: what is known" in again.out) == (0, False)
    assert proven(site) == {"2/2, 2 safe"}
    assert site.call("prune").out.count("never hashed") == 0
    assert missed_when_lost(site)


def test_a_key_and_an_address_that_change_together_are_told_by_the_marker(site: Observatory) -> None:
    """The archive got a new name in the DNS, and a new disk: it bears the id that the first sync wrote."""
    moved = site.root("hill").with_name("sha-new")
    shutil.copytree(site.root("hill"), moved)
    rename_hosts(site, {"hill": "archive-1"}, address="archive-1.example")
    copies = [site.copy("dome"), {"host": "archive-1", "root": str(moved)}, site.copy("cape")]
    site.declare(copies=copies, retention=RETENTION)
    answer = site.call("run", "-n", "30")
    assert (answer.status, f"is archive-1:{moved} now" in answer.out) == (0, True)
    (note,) = (line for line in answer.out.splitlines() if f"is archive-1:{moved} now" in line)
    assert note.endswith("whether all older nights are there nobody has looked: nightferry verify -d FIRST..LAST")
    with Workplace.at(site.config) as workplace:
        known = {(one.host, one.root) for one in workplace.ledger.known_copies()}
    assert known == {(name, str(site.root(name))) for name in ("dome", "cape")} | {("archive-1", str(moved))}


def test_what_nothing_tells_is_said_with_a_way_that_leads_there(site: Observatory) -> None:
    """The first root bears no id; looked at by its old key where it is now, it may be renamed then."""
    site.path("dome", ".nightferry/root").unlink(missing_ok=True)
    rename_hosts(site, {"dome": "kuppel"}, address="kuppel.example")
    copied = site.state.with_name("var-before")
    shutil.copytree(site.state, copied)
    assert f"is new to the ledger, and dome:{site.root('dome')} is declared no more" in site.call("verify").out
    assert "is new to the ledger" not in site.call("verify").out
    shutil.rmtree(site.state)
    copied.rename(site.state)
    site.site["hosts"]["dome"] = site.site["hosts"].pop("kuppel")
    rename_hosts(site, {})
    assert site.call("verify").status == 0
    rename_hosts(site, {"dome": "kuppel"})
    assert missed_when_lost(site)


def test_what_is_done_is_done_once(site: Observatory) -> None:
    """Each program asks the ledger whether something is called otherwise: after the first, nothing is."""
    rename_hosts(site, {"hill": "archive-1"})
    for notes in (1, 0):
        with Workplace.at(site.config) as workplace:
            known = {one.copy for one in workplace.ledger.known_copies()}
            assert (known, len(workplace.notes)) == ({"dome", "archive-1", "cape"}, notes)


def rename_instrument(site: Observatory, name: str, **settings: object) -> None:
    """Give the instrument another name; its files and folders stay what they are."""
    for file in (site.config / "instruments.d").iterdir():
        file.unlink()
    copies = [site.copy(host) for host in COPIES]
    site.declare(name, copies=copies, cameras={"sha": {"files": ["SHA_*.fits"]}}, retention=RETENTION, **settings)


def test_an_instrument_that_says_what_it_was_keeps_everything(site: Observatory) -> None:
    """Nights, what was freed, and what a person said; one that does not say it may be another, and is asked."""
    night = f"{site.night(1):%Y%m%d}"
    assert site.call("accept", "-i", "sha", "-d", night, "--frames", "9", "--reason", "never taken").status == 0
    rename_instrument(site, "shoc")
    assert "say `formerly: sha` in instruments.d/shoc.yaml" in site.call("doctor").out
    rename_instrument(site, "shoc", formerly="sha")
    assert proven(site) == {"2/2, 2 safe"}
    with Workplace.at(site.config) as workplace:
        assert [one.reason for one in workplace.ledger.acceptances("shoc")] == ["never taken"]
    assert missed_when_lost(site)
