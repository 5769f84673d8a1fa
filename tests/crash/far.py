"""The rsync at the far end, struck by strace: a program that our layer does not reach.

Leaves to points.py which of its calls, and to judge.py what must be true afterwards.
"""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.crash.calls import Call, Kind
from tests.crash.flow import Ground
from tests.crash.judge import Known
from tests.crash.layer import Played
from tests.crash.moving import hop, old_version_is_kept, remembered, scene, stage_of, work_to_do
from tests.crash.points import FATES, Point, counted, counting, striking
from tests.crash.scenes import QuietStage
from tests.hosts import Host


@dataclass
class FarRsync(Known[Point]):
    """A sync to another machine, whose rsync there is counted and struck."""

    stage: QuietStage | None = None
    counts: dict[str, int] = field(default_factory=dict)

    @classmethod
    def at(cls, ground: Ground) -> FarRsync:
        """Set the scene."""
        stage = stage_of(ground)
        stage.use(stage.ends[0], ground.far()[1])
        stage.set_up(copies=hop(stage, engine="rsync"))
        remembered(stage)
        work_to_do(stage)
        return cls(scene(stage, "sync", sealed=lambda: old_version_is_kept(stage)), stage=stage)

    def points(self, errors: int = 4) -> Iterator[Point]:
        """Yield the points: at each call a death, and so many of the errors in turn."""
        for call, most in self.counts.items():
            for number in range(1, most + 1):
                yield Point(call, number, FATES[0])
                turn = number % (len(FATES) - 1)
                for fate in (FATES[1:] + FATES[1:])[turn : turn + errors]:
                    yield Point(call, number, fate)

    def _play(self, blow: Point | None) -> Played:
        log = self.scene.folder / "calls"
        self._be_rsync([*(counting(log) if blow is None else striking(blow)), "rsync"])
        answer = self.scene.call(*self.scene.words)
        self._be_rsync(["rsync"])
        if blow is None:
            self.counts = counted(log)
            log.unlink()
        struck = Call(Kind.WRITE, os.fsencode(str(blow)))
        return Played(answer.status, answer.out, answer.err, [], struck)

    def _be_rsync(self, words: Sequence[str]) -> None:
        """Have a program in the place of the archive's rsync; asked for its version it tells it."""
        assert self.stage is not None
        program = self.scene.folder / "rsync"
        program.write_text(
            f'#!/bin/sh\ncase "$*" in *--version*) exec rsync "$@";; esac\nexec {shlex.join(words)} "$@"\n'
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        host = self.stage.ends[1]
        assert isinstance(host, Host)
        self.stage.change_host(host.name, rsync_path=str(program))
