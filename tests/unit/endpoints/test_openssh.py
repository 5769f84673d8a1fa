"""Settings, known_hosts and the ssh command line: read, never written, and never asking."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import shlex
from pathlib import Path

import pytest

from observatory.endpoints.contract import HostAccess
from observatory.endpoints.openssh import (
    OpenSSH,
    SshOptions,
    command_line,
    has_aes,
    jump_access,
    known_keys,
    overlaid,
    parse_settings,
)

KEY = base64.b64encode(b"key one").decode()
OTHER = base64.b64encode(b"key two").decode()
TRUSTED = frozenset({("ssh-ed25519", b"key one")})


def known(folder: Path, text: str) -> list[str]:
    """Write a known_hosts file."""
    file = folder / "known_hosts"
    file.write_text(text)
    return [str(folder / "absent"), str(file)]


def hashed(name: str) -> str:
    """Return a name as HashKnownHosts writes it."""
    digest = hmac.new(b"salt", name.encode(), hashlib.sha1).digest()
    return f"|1|{base64.b64encode(b'salt').decode()}|{base64.b64encode(digest).decode()}"


@pytest.mark.parametrize(
    "names", ["sha.saao.ac.za", "other,sha.saao.ac.za", "*.saao.ac.za", "SHA.saao.ac.za", hashed("sha.saao.ac.za")]
)
def test_a_host_is_found_by_name_list_pattern_and_hash(tmp_path: Path, names: str) -> None:
    """Whatever form the line has."""
    files = known(tmp_path, f"# comment\n\n{names} ssh-ed25519 {KEY} a comment\n")
    assert known_keys("sha.saao.ac.za", 22, files).trusted == TRUSTED


@pytest.mark.parametrize("names", ["sha", "[sha]:22", "*,!sha.saao.ac.za", hashed("sha"), "|1|broken"])
def test_another_host_or_a_negated_one_is_not_trusted(tmp_path: Path, names: str) -> None:
    """A negation wins over the pattern beside it."""
    assert known_keys("sha.saao.ac.za", 22, known(tmp_path, f"{names} ssh-ed25519 {KEY}\n")).trusted == frozenset()


def test_another_port_needs_its_own_line(tmp_path: Path) -> None:
    """As ssh has it: the name alone is port 22."""
    files = known(tmp_path, f"sha ssh-ed25519 {OTHER}\n[sha]:2222 ssh-ed25519 {KEY}\n")
    assert known_keys("sha", 2222, files).trusted == TRUSTED
    files = known(tmp_path, f"{hashed('[sha]:2222')} ssh-ed25519 {KEY}\n")
    assert known_keys("sha", 2222, files).trusted == TRUSTED


def test_a_revoked_key_is_not_trusted_however_often_it_is_listed(tmp_path: Path) -> None:
    """And an authority is no key of the host."""
    text = f"sha ssh-ed25519 {KEY}\n@revoked * ssh-ed25519 {KEY}\n@cert-authority * ssh-ed25519 {OTHER}\n"
    found = known_keys("sha", 22, known(tmp_path, text))
    assert (found.trusted, found.revoked) == (frozenset(), TRUSTED)


def test_what_ssh_says_is_read() -> None:
    """All that a connection needs."""
    text = (
        "host sha\nuser observer\nhostname 10.0.0.7\nport 2222\nidentitiesonly yes\nidentityfile /k/one\n"
        "identityfile /k/two\nuserknownhostsfile /k/known /k/known2\nglobalknownhostsfile /etc/k\n"
        "proxyjump gate:2200\nhostkeyalias SHA-alias\n"
    )
    assert parse_settings(text) == OpenSSH(
        host_name="10.0.0.7",
        lookup_name="sha-alias",
        user="observer",
        port=2222,
        identities=("/k/one", "/k/two"),
        identities_only=True,
        known_hosts=("/k/known", "/k/known2", "/etc/k"),
        proxy_jump="gate:2200",
    )


def test_the_site_has_the_last_word() -> None:
    """What site.yaml names replaces what ssh's configuration says."""
    settings = parse_settings("hostname h\nuser a\nport 22\nidentityfile /k/one\nuserknownhostsfile /k/known\n")
    access = HostAccess("h", "h", user="b", port=5, identity="/k/mine", known_hosts="/k/site", proxy_jump="gate")
    found = overlaid(settings, access)
    assert (found.user, found.port, found.identities, found.identities_only) == ("b", 5, ("/k/mine",), True)
    assert (found.known_hosts, found.proxy_jump) == (("/k/site",), "gate")


def test_a_list_of_jumps_is_gone_along_from_its_start() -> None:
    """The last one is connected to through those before it."""
    access = HostAccess("h", "h", known_hosts="/k/site")
    last = jump_access("one,me@[fe80::1]:2200", access)
    assert (last.address, last.user, last.port, last.proxy_jump) == ("fe80::1", "me", 2200, "one")
    assert jump_access("one", access).proxy_jump is None
    assert last.known_hosts == "/k/site"


def test_the_command_line_asks_nothing_and_forwards_nothing() -> None:
    """What rsync is given."""
    access = HostAccess(
        "h", "sha", user="observer", port=2222, identity="/k/my key", known_hosts="/k/known", connect_timeout_s=7
    )
    words = command_line(access, SshOptions(cipher="aes256-ctr"))
    assert words[:4] == ["ssh", "-T", "-x", "-a"]
    options = {words[index + 1] for index, word in enumerate(words) if word == "-o"}
    assert {
        "BatchMode=yes",
        "StrictHostKeyChecking=yes",
        "UserKnownHostsFile=/k/known",
        "ConnectTimeout=7",
        "Compression=no",
        "IdentitiesOnly=yes",
    } <= options
    joined = " ".join(words)
    assert "-i /k/my key" in joined
    assert "-l observer -p 2222" in joined
    assert "-c aes256-ctr" in joined
    assert "sha" not in words


def test_the_way_through_several_hosts_is_a_command_for_a_shell_in_each_of_them() -> None:
    """ssh puts a host in the place of %h in its own command alone; blanks and quotes divide no word."""
    words = command_line(HostAccess("h", "far", known_hosts="/k/it's known", proxy_jump="one,two"))
    for last, before in (("two", True), ("one", False)):
        (said,) = (word for word in words if word.startswith("ProxyCommand="))
        command = said.partition("=")[2]
        words = shlex.split(re.sub("%(.)", lambda found: {"h": "HOST", "p": "PORT"}.get(found[1], found[1]), command))
        assert words[0] == "ssh"
        assert words[-3:] == ["-W", "[HOST]:PORT", last]
        assert 'UserKnownHostsFile="/k/it\'s known"' in words
        assert any(word.startswith("ProxyCommand=") for word in words) is before


def test_without_settings_of_the_site_ssh_decides() -> None:
    """An alias of ~/.ssh/config keeps its user, port, keys and jumps."""
    words = command_line(HostAccess("h", "sha"))
    assert not {"-l", "-p", "-i", "-J"} & set(words)
    assert not any("KnownHostsFile" in word for word in words)


def test_a_processor_without_aes_keeps_the_order_of_ssh(tmp_path: Path) -> None:
    """The old cards of some instruments."""
    cpu = tmp_path / "cpuinfo"
    cpu.write_text("flags\t\t: fpu vme de\n")
    assert not has_aes(str(cpu))
    cpu.write_text("Features\t: fp asimd aes\n")
    assert has_aes(str(cpu))
    assert not has_aes(str(tmp_path / "absent"))
