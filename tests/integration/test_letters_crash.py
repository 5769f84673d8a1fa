"""Letters of a run that is killed while it sends them: each is sent once, whichever instant it was."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catalogue.ledger import Ledger
from nightferry.cli.main import main
from reports.spool import Spool
from tests.hosts import Host
from tests.nightsites import declare, expose, night_site
from tests.observatory import Observatory

DIED = 9
INSTANTS: dict[str, tuple[type, str, bool]] = {
    "before it is written down": (Spool, "hold", False),
    "when it is written down": (Spool, "hold", True),
    "before it is noted as sent": (Ledger, "letters_sent", False),
    "when it is noted as sent": (Ledger, "letters_sent", True),
    "when its manifest is noted": (Spool, "release", False),
    "when it was released": (Spool, "release", True),
}


@pytest.fixture
def site(
    tmp_path: Path, three_hosts: tuple[Host, Host, Host], capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Observatory:  # fmt: skip
    """Two nights through their steps, whose two letters wait."""
    made = night_site(tmp_path, three_hosts[0], capsys, monkeypatch)
    made.write_site(mail={"folder": str(tmp_path / "mail"), "from": "nf@example.org"})
    declare(made)
    expose(made, 1)
    expose(made, 2)
    assert "2 of its letters wait" in made.call("convert").out
    return made


def deadly(real: Callable[..., Any], is_after: bool) -> Callable[..., Any]:
    """Return a function at which the process dies."""

    def die(*given: Any, **named: Any) -> None:
        if is_after:
            real(*given, **named)
        os._exit(DIED)

    return die


def call_and_die(site: Observatory, owner: type, name: str, is_after: bool) -> int:
    """Call the command in a process of its own that dies at a function; return how that ended."""
    child = os.fork()
    if child == 0:
        setattr(owner, name, deadly(getattr(owner, name), is_after))
        os._exit(main(["--config", str(site.config), "-q", "convert", "--mail"]))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def letters(site: Observatory) -> list[Path]:
    """Return the mails with a manifest; the report is one without."""
    mails = sorted((site.folder / "mail").glob("*.eml"))
    return [mail for mail in mails if b"manifest" in mail.read_bytes().partition(b"\r\n\r\n")[0]]


@pytest.mark.parametrize("instant", INSTANTS)
def test_a_run_killed_while_it_sends_leaves_each_letter_to_be_sent_once(site: Observatory, instant: str) -> None:
    """Not twice and not never; and what its manifest names is noted once it is sure to go."""
    assert call_and_die(site, *INSTANTS[instant]) == DIED
    for _ in range(2):
        assert site.call("convert", "--mail").status == 0
    (mail,) = letters(site)
    assert mail.read_bytes().count(b"Content-Disposition: attachment") == 2
    assert not [path for path in (site.state / "spool").iterdir() if path.is_file()]
    with Ledger.open("sqlite:///catalogue.db", site.state) as ledger:
        assert ledger.letters("vamp") == ()


def test_a_letter_that_went_out_is_not_written_again_word_for_word(site: Observatory) -> None:
    """A step that was forced to be taken again wrote the same manifest: nobody needs it twice."""
    assert site.call("convert", "--mail").status == 0
    assert site.call("convert", "--force", "--step", "list", "--mail").status == 0
    assert len(letters(site)) == 1
