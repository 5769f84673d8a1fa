"""How declared hosts are reached: which is this machine, and where relative files lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from observatory.spec.hosts import accesses, host_access, is_this_machine, machine_name
from observatory.spec.load import load
from observatory.spec.models import Host
from tests.unit.spec.folders import write


@pytest.mark.parametrize(
    ("name", "address", "hostname", "expected"),
    [
        ("astro.suth", "astro.suth.saao.ac.za", "astro.suth.saao.ac.za", True),
        ("astro.suth", "astro.suth.saao.ac.za", "ASTRO.suth.saao.ac.za.", True),
        ("astro.suth", "astro.suth.saao.ac.za", "astro.suth", True),
        ("astro", "10.0.0.1", "astro.suth.saao.ac.za", True),
        ("astro.suth", "astro.suth.saao.ac.za", "astro", False),
        ("astro.suth", "astro.suth.saao.ac.za", "astro.cape.saao.ac.za", False),
        ("astro.suth", "astro.suth.saao.ac.za", "", False),
    ],
)
def test_a_host_is_local_where_the_machine_bears_its_name(
    name: str, address: str, hostname: str, expected: bool
) -> None:
    """Short or full, equal to key or address; never by a shared beginning."""
    host = Host(address=address, local="auto")
    assert is_this_machine(name, host, hostname) is expected


def test_a_machine_that_calls_itself_by_its_short_name_is_known_by_its_full_one() -> None:
    """It is looked up only where that can tell; what was found for another name is not believed."""
    hosts = {
        "astro.suth": Host(address="astro.suth.saao.ac.za", local="auto"),
        "astro.cape": Host(address="astro.cape.saao.ac.za", local="auto"),
        "sha": Host(address="sha.suth.saao.ac.za", local="auto"),
        "third": Host(address="third.saao.ac.za"),
    }
    asked = []

    def full_name(name: str) -> str | None:
        asked.append(name)
        return {"astro": "astro.cape.saao.ac.za"}.get(name)

    name = machine_name(hosts, "astro", full_name)
    assert [key for key, host in hosts.items() if is_this_machine(key, host, name)] == ["astro.cape"]
    assert [machine_name(hosts, one, full_name) for one in ("sha", "third", "astro.suth")] == [
        "sha",
        "third",
        "astro.suth",
    ]
    assert asked == ["astro"]
    assert machine_name(hosts, "astro", lambda name: None) == "astro"
    assert machine_name(hosts, "astro", lambda name: "localhost") == "astro"


def test_local_true_and_false_need_no_name() -> None:
    """What is said is not guessed."""
    assert is_this_machine("here", Host(local=True), "x")
    assert not is_this_machine("x", Host(address="x"), "x")


def test_files_are_relative_to_the_folder_and_the_home_is_expanded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the interface says of every path."""
    monkeypatch.setenv("HOME", "/home/observer")
    host = Host(address="a", identity="~/.ssh/id", known_hosts="keys/known", port=2222, user="u", proxy_jump="p")
    access = host_access("x", host, hostname="y", base=tmp_path)
    assert access.identity == "/home/observer/.ssh/id"
    assert access.known_hosts == str(tmp_path / "keys/known")
    assert (access.name, access.address, access.port, access.user, access.proxy_jump) == ("x", "a", 2222, "u", "p")


def test_what_is_not_said_is_left_to_ssh(tmp_path: Path) -> None:
    """None everywhere: ~/.ssh/config decides."""
    access = host_access("x", Host(address="alias"), hostname="y", base=tmp_path)
    assert (access.user, access.port, access.identity, access.known_hosts) == (None, None, None, None)


def test_a_specification_knows_the_machine_it_was_loaded_on(tmp_path: Path) -> None:
    """One site.yaml serves all machines."""
    site = "site: s\ntimezone: UTC\nhosts: {sha: {address: a, local: auto}, astro.suth: {address: b, local: auto}}\n"
    found = accesses(load(write(tmp_path, site), hostname="b"))
    assert {name: access.is_local for name, access in found.items()} == {"sha": False, "astro.suth": True}


@pytest.mark.parametrize("word", ["address", "user", "proxy_jump"])
def test_what_ssh_would_read_as_an_option_is_refused(word: str) -> None:
    """An address such as -oProxyCommand=... would run a program."""
    with pytest.raises(ValueError, match="hyphen"):
        Host.model_validate({"address": "a", word: "-oProxyCommand=x"})
