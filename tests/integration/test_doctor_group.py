"""What the doctor says of the group that `modes` names, before a night is written without it."""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path

import pytest

from tests.hosts import Host
from tests.observatory import Observatory

NOBODYS = "nightferry-no-such-group"


@pytest.fixture
def site(tmp_path: Path, three_hosts: tuple[Host, ...], capsys: pytest.CaptureFixture[str]) -> Observatory:
    """Give two real hosts, filled one from the other, and a third copy that somebody else fills."""
    made = Observatory(tmp_path, three_hosts, capsys)
    copies = [made.copy(three_hosts[0]), made.copy(three_hosts[1]), made.copy(three_hosts[2], fill="external")]
    made.declare(copies=copies)
    for host in three_hosts:
        made.mark(host)
    return made


def groups_said(site: Observatory, group: str) -> list[str]:
    """Return the doctor's lines of the group."""
    path = site.config / "instruments.d" / "sha.yaml"
    path.write_text(path.read_text().partition("\nmodes:")[0] + f"\nmodes: {{group: {group}}}\n")
    return [line for line in site.call("doctor").out.splitlines() if "modes:" in line]


def test_a_group_that_does_not_exist_is_told_where_we_would_give_it(site: Observatory) -> None:
    """Nothing is written at the source, and what others fill is theirs."""
    (line,) = groups_said(site, NOBODYS)
    assert line.startswith(f"WRONG   root sha {site.hosts[1].name}: modes:")
    assert f"has no group {NOBODYS}: `groupadd {NOBODYS}` there, or mend `modes.group`" in line


def test_a_group_that_the_account_can_give_is_not_spoken_of(site: Observatory) -> None:
    """By its name or by its number."""
    ours = os.getegid()
    assert groups_said(site, grp.getgrgid(ours).gr_name) == groups_said(site, f'"{ours}"') == []


def test_a_group_of_others_is_told(
    tmp_path: Path, three_hosts: tuple[Host, ...], observer_host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    """An ordinary account that is no member may not give it; the superuser's may give any."""
    made = Observatory(tmp_path, (three_hosts[0], observer_host), capsys)
    made.declare()
    made.mark(observer_host)
    user = pwd.getpwnam(observer_host.user)
    its = os.getgrouplist(user.pw_name, user.pw_gid)
    others = next(one.gr_name for one in grp.getgrall() if one.gr_gid not in its)
    (line,) = groups_said(made, others)
    assert f"is no member of the group {others}" in line
