"""Keys over SSH: the host's in known_hosts, and ours; what is refused says what mends it."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from observatory.endpoints.contract import HostAccess
from observatory.endpoints.ssh_connection import Connection
from observatory.errors import HostKeyRefused, LoginRefused
from tests.hosts import Host, make_key


def asks(access: HostAccess) -> None:
    """Connect once."""
    Connection(access).close()


def test_a_host_that_is_not_known_is_refused_and_known_hosts_stays_as_it_is(
    three_hosts: tuple[Host, ...], tmp_path: Path
) -> None:
    """Nothing is asked of it, and nothing is written."""
    known = tmp_path / "known_hosts"
    known.write_text("# nobody\n")
    with pytest.raises(HostKeyRefused, match="not in known_hosts") as caught:
        asks(three_hosts[0].with_access(known_hosts=str(known)))
    assert caught.value.is_permanent
    assert known.read_text() == "# nobody\n"
    with pytest.raises(HostKeyRefused):
        asks(three_hosts[0].with_access(known_hosts=str(tmp_path / "absent")))
    assert not (tmp_path / "absent").exists()


def test_a_host_whose_key_changed_is_refused(three_hosts: tuple[Host, ...], tmp_path: Path) -> None:
    """Somebody else may be answering."""
    make_key(tmp_path / "key")
    kind, blob = (tmp_path / "key.pub").read_text().split()[:2]
    known = tmp_path / "known_hosts"
    host = three_hosts[0]
    known.write_text(f"[{host.address}]:{host.port} {kind} {blob}\n")
    with pytest.raises(HostKeyRefused, match="another one") as caught:
        asks(host.with_access(known_hosts=str(known)))
    removal = f"ssh-keygen -R '[{host.address}]:{host.port}' -f {shlex.quote(str(known))}"
    assert f"on purpose: `{removal}`, then `ssh " in str(caught.value)
    subprocess.run(["sh", "-c", removal], check=True, capture_output=True)
    with pytest.raises(HostKeyRefused, match="not in known_hosts"):
        asks(host.with_access(known_hosts=str(known)))


def test_a_revoked_key_is_refused(three_hosts: tuple[Host, ...], tmp_path: Path) -> None:
    """Even where it is listed as good as well."""
    host = three_hosts[0]
    text = host.known_hosts.read_text()
    line = next(line for line in text.splitlines() if host.address in line)
    known = tmp_path / "known_hosts"
    known.write_text(text + "@revoked " + line + "\n")
    with pytest.raises(HostKeyRefused, match="revoked"):
        asks(host.with_access(known_hosts=str(known)))


def test_hashed_names_are_known(three_hosts: tuple[Host, ...], tmp_path: Path) -> None:
    """As ssh-keygen -H writes them."""
    known = tmp_path / "known_hosts"
    known.write_text(three_hosts[0].known_hosts.read_text())
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(known)], check=True, capture_output=True)
    assert three_hosts[0].address not in known.read_text()
    asks(three_hosts[0].with_access(known_hosts=str(known)))


def test_a_key_that_is_not_authorised_is_refused(three_hosts: tuple[Host, ...], tmp_path: Path) -> None:
    """And no retry can help."""
    make_key(tmp_path / "key")
    with pytest.raises(LoginRefused, match="tried") as caught:
        asks(three_hosts[0].with_access(identity=str(tmp_path / "key")))
    assert caught.value.is_permanent


def test_a_key_that_is_absent_is_said_to_be(three_hosts: tuple[Host, ...], tmp_path: Path) -> None:
    """There is no key to try, and the file is named."""
    with pytest.raises(LoginRefused, match=r"absent \(no such file\)") as caught:
        asks(three_hosts[0].with_access(identity=str(tmp_path / "absent")))
    assert "Is `identity` in site.yaml" in str(caught.value)
    assert "authorized_keys" not in str(caught.value)


def test_a_key_that_others_may_read_is_no_key_as_with_ssh(three_hosts: tuple[Host, ...], tmp_path: Path) -> None:
    """With it we would list, and rsync's ssh carry nothing."""
    host, key = three_hosts[0], tmp_path / "my key"
    key.write_bytes(host.client_key.read_bytes())
    key.chmod(0o644)
    with pytest.raises(LoginRefused, match="others may read it") as caught:
        asks(host.with_access(identity=str(key)))
    (remedy,) = re.findall("`(.+)`", str(caught.value))
    assert "authorized_keys" not in str(caught.value)
    subprocess.run(["sh", "-c", remedy], check=True)
    asks(host.with_access(identity=str(key)))


def test_a_key_that_nobody_can_use_is_said_with_what_to_do(three_hosts: tuple[Host, ...], tmp_path: Path) -> None:
    """The public half, and one that asks for a passphrase: neither is cured in anybody's authorized_keys."""
    locked = tmp_path / "my locked"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", str(locked)], check=True)
    for identity, words in ((f"{locked}.pub", "path of a private key"), (str(locked), f"`ssh-add '{locked}'`")):
        with pytest.raises(LoginRefused) as caught:
            asks(three_hosts[0].with_access(identity=identity))
        assert words in str(caught.value)
        assert "authorized_keys" not in str(caught.value) and "chmod" not in str(caught.value)
