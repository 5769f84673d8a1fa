"""The commands that a person is to copy: they name user, port and host, and reach the same known_hosts file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from observatory.endpoints import remedies
from observatory.endpoints.contract import HostAccess
from observatory.endpoints.openssh import OpenSSH

SETTINGS = OpenSSH("127.0.77.2", "127.0.77.2", "observer", 2222, known_hosts=("/k/known", "/etc/known"))
PLAIN = HostAccess("sha", "sha.suth")


def test_the_command_for_an_unknown_host_names_user_port_and_host() -> None:
    """Nothing is left to be guessed; the address is as the site has it, for ssh's own configuration."""
    said = remedies.of_unknown_key(SETTINGS, PLAIN)
    assert said == "Run `ssh -p 2222 observer@sha.suth` once by hand and compare the fingerprint."
    usual = OpenSSH("h", "h", "me", 22)
    assert remedies.ssh_command(usual, HostAccess("h", "h")) == "`ssh me@h`"


def test_a_known_hosts_file_of_the_site_and_a_jump_stand_in_the_command() -> None:
    """Else the key would be noted where nobody looks."""
    access = HostAccess("sha", "sha.suth", known_hosts="/k/known", proxy_jump="gate")
    assert remedies.ssh_command(SETTINGS, access) == (
        "`ssh -o UserKnownHostsFile=/k/known -J gate -p 2222 observer@sha.suth`"
    )
    blank = replace(SETTINGS, known_hosts=("/k/known hosts",))
    assert """-o 'UserKnownHostsFile="/k/known hosts"' """ in remedies.ssh_command(blank, access), "ssh divides it, too"
    assert "`ssh-keygen -R '[127.0.77.2]:2222' -f /k/known`" in remedies.of_changed_key(SETTINGS, access)


def test_a_changed_key_is_taken_out_before_ssh_is_run() -> None:
    """The command ssh alone would refuse as well."""
    said = remedies.of_changed_key(SETTINGS, PLAIN)
    assert said.index("`ssh-keygen -R '[127.0.77.2]:2222'`") < said.index("`ssh -p 2222 observer@sha.suth`")
    assert "Only if it was changed on purpose" in said and said.endswith("compare the fingerprint.")


def test_a_revoked_key_is_not_to_be_accepted_by_hand() -> None:
    """No command is offered."""
    assert "`" not in remedies.of_revoked_key()


def test_only_files_that_are_there_are_named(tmp_path: Path) -> None:
    """Four paths do not stand in a phone's mail; where none is there the first one is where a key belongs."""
    present = tmp_path / "known"
    present.touch()
    absent = [str(tmp_path / name) for name in ("a", "b", "c")]
    assert remedies.looked_in([*absent, str(present)]) == str(present)
    assert remedies.looked_in(absent) == absent[0]
    assert remedies.looked_in([]) == "no file at all"


@pytest.mark.parametrize(
    ("tried", "words"),
    [
        ((), "identity"),
        (("/k/id (no such file)",), "identity"),
        (("agent ssh-rsa", "/k/id (no such file)"), "identity"),
    ],
)
def test_where_a_key_is_absent_here_nobody_is_sent_over_there(tried: tuple[str, ...], words: str) -> None:
    """The remedy is in site.yaml."""
    assert words in remedies.of_refused_keys(tried)


def test_a_key_that_was_offered_leaves_the_usual_remedy() -> None:
    """It is the far end's authorized_keys."""
    assert remedies.of_refused_keys(["/k/id"]) == ""
    assert remedies.of_refused_keys(["/k/id", f"/k/old {remedies.LOCKED_KEY}"]) == "", "that one may be nobody's"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("", "it closed the connection before its greeting"),
        ("Error reading SSH protocol banner", "it closed the connection before its greeting"),
        (
            "Error reading SSH protocol banner[Errno 104] Connection reset by peer",
            "it closed the connection before its greeting (Connection reset by peer)",
        ),
        ("Incompatible ssh peer", "Incompatible ssh peer"),
    ],
)
def test_a_host_that_drops_at_once_is_said_in_our_words(said: str, why: str) -> None:
    """And nobody is asked whether a host that answered is switched on."""
    told, remedy = remedies.greeting_fault(EOFError(said))
    assert told == why
    assert bool(remedy) == ("greeting" in why)
