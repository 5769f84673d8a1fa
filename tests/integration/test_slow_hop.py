"""One hop that holds up a nightly run is named with its time: hops go one after the other, and the report waits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from nightferry import lasting
from tests.hosts import SilentHost
from tests.observatory import Observatory

NAMED = "dome:archive took"


@pytest.fixture
def silent() -> Iterator[SilentHost]:
    """A computer that takes connections and says nothing."""
    host = SilentHost()
    yield host
    host.close()


@pytest.fixture
def site(tmp_path: Path, silent: SilentHost, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """Two instruments, one of them on that computer."""
    made = Observatory(tmp_path, (), capsys)
    for name in ("here", "archive"):
        made.add_local(name)
    made.site["hosts"]["dome"] = {"address": "127.0.0.1", "port": silent.port, "user": "me", "connect_timeout_s": 1}
    made.write_site()
    made.declare("sha", copies=[{"host": "dome", "root": "/data"}, made.copy("archive", "sha")])
    made.declare("shd", copies=[made.copy("here", "shd"), made.copy("archive", "shd")])
    for host, name in (("archive", "sha"), ("here", "shd"), ("archive", "shd")):
        made.mark(host, name)
    made.expose(["here"], [1, 2], instrument="shd")
    return made


def test_a_hop_that_took_most_of_a_run_is_named_with_its_time(
    site: Observatory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the others nothing is said; nor of any where the report was not late."""
    assert NAMED not in site.call("run").out
    monkeypatch.setattr(lasting, "SLOW_S", 0.5)
    said = site.call("run").out
    (line,) = (line for line in said.splitlines() if "this report waited for it" in line)
    assert NAMED in line
    assert re.search(r"\(sync [1-9][0-9]* s, verify [0-9]+ s\)", line)  # a busy machine takes more than the second
