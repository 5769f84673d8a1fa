"""A frame that the first copy still holds is no hole in the numbers of the copies behind it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from observatory.nights import night_text
from tests.hosts import Host
from tests.observatory import Observatory, age, folder_of


@pytest.fixture
def site(tmp_path: Path, three_hosts: tuple[Host, Host, Host], capsys: pytest.CaptureFixture[str]) -> Observatory:
    """Two hops; frames 1 to 4 of last night on the first copy, all but the third on the others."""
    observatory = Observatory(tmp_path, three_hosts, capsys)
    observatory.declare("sha", sequence="SHA_{night}.{number}.fits")
    observatory.expose(three_hosts, [1, 2, 4])
    observatory.expose(three_hosts[:1], [3])
    return observatory


def test_a_frame_that_the_first_copy_holds_is_absent_from_none_behind_it(site: Observatory) -> None:
    """Still being written: both hops are well, the night proven on neither. Not carried: missing, once."""
    frame = site.path(site.hosts[0], f"{folder_of(site.night())}/SHA_{night_text(site.night())}.0003.fits")
    os.utime(frame)
    answer = site.call("verify", "--json")
    first, second = answer.document["hops"]
    assert (len(first["in_progress"]), second["sequence_gaps"], second["state"], answer.status) == (1, [], "ok", 0)
    assert "0/2" in site.call("status").out
    age(frame, 86400)
    answer = site.call("verify", "--json")
    first, second = answer.document["hops"]
    assert (len(first["missing"]), second["sequence_gaps"], second["state"], answer.status) == (1, [], "ok", 1)
