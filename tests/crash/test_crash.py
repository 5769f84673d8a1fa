"""A sample of the crash points; `make crash` strikes at every one of them, and prints how many that were."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.everywhere import strike
from tests.crash.flows import FLOWS, Flow
from tests.crash.points import Point, counted, points
from tests.faults.stage import Stage

RUN, FIRST, _, FAR, _, PIPE, PRUNE, STEP = FLOWS
SAMPLE = (
    (RUN, Point("rename", 1, "kill")),
    (RUN, Point("write", 2, "ENOSPC")),
    (RUN, Point("fsync", 2, "kill")),
    (FIRST, Point("pwrite64", 30, "kill")),
    (FIRST, Point("unlink", 1, "kill")),
    (FAR, Point("rename", 1, "kill")),
    (PIPE, Point("rename", 2, "kill")),
    (PRUNE, Point("unlink", 3, "kill")),
    (STEP, Point("rename", 2, "kill")),
    (STEP, Point("fsync", 1, "ESTALE")),
)


@pytest.mark.parametrize(("flow", "point"), SAMPLE, ids=lambda value: getattr(value, "name", str(value)))
def test_struck_anywhere_nothing_is_half_there_and_the_next_run_ends_well(
    flow: Flow, point: Point, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Old or new at every final name, no original touched, no traceback; afterwards as if nothing had been."""

    def make_stage(folder: Path) -> Stage:
        return Stage(
            folder,
            lambda: request.getfixturevalue("three_hosts"),
            lambda: request.getfixturevalue("observer_host"),
            lambda: request.getfixturevalue("hosts"),
        )

    strike(flow, point, make_stage, tmp_path)


def test_each_call_is_a_point_for_every_fate(tmp_path: Path) -> None:
    """Counted per thread, as strace counts when it strikes."""
    log = tmp_path / "calls"
    log.write_bytes(b'7 write(1, "x", 1) = 1\n7 write(1, "y", 1) = 1\n8 write(1, "z", 1) = 1\n8 rename("a", "b") = 0\n')
    assert counted(log) == {"write": 2, "rename": 1}
    assert [str(point) for point in points(counted(log))][:6] == [
        "write 1: kill",
        "write 1: EIO",
        "write 1: ENOSPC",
        "write 1: EDQUOT",
        "write 1: ESTALE",
        "write 2: kill",
    ]
