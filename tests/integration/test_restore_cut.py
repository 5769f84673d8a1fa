"""``restore`` cut off anywhere: nothing says of the night that it is processed, and the next one ends it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catalogue.ledger import Ledger
from nightferry.workplace import Workplace
from observatory.nights import night_text
from tests.hosts import Host
from tests.nightsites import declare, expose, night_site
from tests.observatory import Observatory, tree

NOTES = ("record_gone", "night_processed", "forget_steps", "record_claims")
"""What `restore` tells the ledger of a night, once each."""
PRODUCTS = 3


@pytest.fixture
def site(
    tmp_path: Path,
    three_hosts: tuple[Host, Host, Host],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Observatory:
    """Give a night that went through its steps, and of which every file was hashed."""
    site = night_site(tmp_path, three_hosts[0], capsys, monkeypatch)
    declare(site)
    expose(site)
    for where in ("here", site.hosts[0]):
        site.mark(where, "vamp")
    assert site.call("run").status == 0
    assert site.call("status", "--safe").status == 0
    return site


def restored(site: Observatory) -> int:
    """Undo the night's steps."""
    return site.call("restore", "-i", "vamp", "-d", night_text(site.night()), "--yes").status


def cut(site: Observatory, before: Callable[[], None]) -> None:
    """Undo the night's steps in a process of its own that `before` has made ready to die on the way."""
    child = os.fork()
    if child == 0:
        try:
            before()
            restored(site)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL


def die(*arguments: Any) -> None:
    """End this process at once."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_at_product(instant: int) -> None:
    """End this process just before the n-th product is set aside."""
    left = [instant]

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "os.rename" and "/.nightferry/replaced/" in str(arguments[1]):
            left[0] -= 1
            if left[0] == 0:
                die()

    sys.addaudithook(hook)


def believed(site: Observatory) -> tuple[bool, int]:
    """Return whether the ledger has the night for processed here, and how many of its products for read here."""
    with Workplace.at(site.config) as workplace:
        processed = workplace.ledger.nights_processed("vamp", "here")
        holder = workplace.ledger.holder("vamp", "here", "here", str(site.root("here", "vamp")))
        known = workplace.ledger.evidence_of(holder, site.night())
    products = [path for path, one in known.items() if b"/made/" in path and one.file.sha256 is not None]
    return site.night() in processed, len(products)


def check_cut(site: Observatory, before: Callable[[], None]) -> None:
    """Cut it, ask what is believed, and undo the night to the end."""
    whole = tree(site.root("here", "vamp"))
    cut(site, before)
    is_changed = tree(site.root("here", "vamp")) != whole
    assert not (is_changed and believed(site)[0]), "called processed, and its products are not there"
    assert restored(site) == 0
    assert believed(site) == (False, 0)
    assert not [name for name in tree(site.root("here", "vamp")) if "/made/" in name]
    assert "no step has made anything" in site.call("restore", "-d", night_text(site.night()), "-i", "vamp").out


@pytest.mark.parametrize("instant", range(1, PRODUCTS + 1))
def test_cut_before_a_product_is_set_aside(site: Observatory, instant: int) -> None:
    """Those that were set aside before are noted as gone by the next one too."""
    check_cut(site, lambda: die_at_product(instant))


@pytest.mark.parametrize("note", NOTES)
def test_cut_before_a_note(site: Observatory, note: str) -> None:
    """Whatever was not noted yet is noted by the next one."""
    check_cut(site, lambda: setattr(Ledger, note, die))
