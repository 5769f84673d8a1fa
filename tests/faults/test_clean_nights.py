"""A thousand clean nights of odd but right kinds raise not one alarm, in memory and on disk."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import pytest

from observatory.endpoints.contract import HostAccess
from observatory.listing import hop_scope
from observatory.nights import night_text
from observatory.truth import State
from reports.model import Report
from reports.policy import digest, should_send
from syncer.survey import End
from syncer.sync import SyncOptions, sync_hop
from tests.faults.clean import KINDS, CleanNight, clean_night
from tests.faults.stage import HERE, MAIL_FOLDER, THERE, Stage
from tests.observatory import folder_of
from tests.worlds import CLOCK, NIGHT, NOW_S, copies, first_hop, host
from verifier.check import check
from verifier.options import LEVELS, CheckOptions

NIGHTS = 1000
ON_DISK = 20
AT_ONCE = 100
NOW = dt.datetime.fromtimestamp(NOW_S, dt.UTC)


@pytest.mark.parametrize("first", range(0, NIGHTS, AT_ONCE))
def test_a_clean_night_in_memory_is_ok_at_every_level_and_nothing_moves(first: int) -> None:
    """No list but what is only said; no mail is due; a sync plans nothing."""
    for seed in range(first, first + AT_ONCE):
        night = clean_night(seed)
        says_nothing(night, LEVELS[seed % len(LEVELS)])


def says_nothing(night: CleanNight, level: str) -> None:
    """Verify and sync one night in memory."""
    keys = {"copies": copies({}, {"transfer": {"engine": "sftp"}}), **night.keys}
    scope = hop_scope(first_hop(**keys), (NIGHT, NIGHT + dt.timedelta(days=1)), CLOCK)
    here, there = host("sha", b"/data/sha", night.files), host("archive", b"/archive/sha", night.files)
    verdict = check(scope, here, there, CheckOptions(level=level, reverse=True))
    assert verdict.state is State.OK, (night.kind, level, verdict)
    assert verdict.compared == verdict.source_files, night.kind
    report = Report("Sutherland", "verify", NOW, NOW, verdicts=[verdict])
    decision = should_send("differences", report.state, digest(report), None, NOW, 3, None)
    assert not decision.send, (night.kind, decision)
    source, destination = (End(one, HostAccess(one.name, one.name)) for one in (here, there))
    outcome = sync_hop(scope, source, destination, SyncOptions("20160908T120000Z"))
    assert (outcome.state, outcome.planned) == (State.OK, 0), (night.kind, outcome)


@pytest.mark.parametrize("seed", range(ON_DISK))
def test_a_clean_night_on_disk_is_quiet(seed: int, tmp_path: Path) -> None:
    """A whole nightly run over it ends with 0, moves nothing and mails nobody."""
    night = clean_night(seed if seed % 333 != 1 else seed + len(KINDS))
    stage = Stage(tmp_path, list, list, list)  # type: ignore[arg-type]  # no SSH host is asked for
    stage.write_site(mail=MAIL_FOLDER)
    declared = {"cameras": {"sha": {"files": ["SHA_*.fits"]}}, **night.keys}
    stage.declare("sha", copies=[stage.copy(end) for end in stage.ends], **declared)
    for path, data in night.files.items():
        for end in (HERE, THERE):
            stage.put(end, present(stage, path), data)
    for end in (HERE, THERE):
        stage.mark(end, identity="" if end == HERE else "an id")
    answer = stage.call("run", "--scheduled", "--json")
    assert (answer.status, answer.document["state"]) == (0, "ok"), (night.kind, answer)
    assert not list((stage.config).glob("mail/*")), night.kind
    assert not os.path.lexists(stage.destination / ".nightferry" / "replaced")


def present(stage: Stage, path: bytes) -> bytes:
    """Move a path of the night of 2016 to last night."""
    for offset in (0, 1):
        then, now = NIGHT + dt.timedelta(days=offset), stage.night() + dt.timedelta(days=offset)
        path = path.replace(folder_of(then).encode(), folder_of(now).encode())
        path = path.replace(night_text(then).encode(), night_text(now).encode())
    return path
