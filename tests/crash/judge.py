"""One flow struck at one point, and what must be true afterwards of any flow whatever.

Every final name holds its old or its right new contents; who says 0 has done it all; no traceback; the next run ends
in the tree of an undisturbed one, says 0, and leaves nothing of ours behind. Leaves to everywhere.py which points.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash.calls import CREATING, Call, Kind, unsynced
from tests.crash.layer import ALONE, KILL, Blow, Played, play
from tests.crash.scenes import Scene, Trees, command
from tests.observatory import Answer

STATUSES = frozenset({0, 1, 2, 3, 4, -9})
"""What a struck command may end with: a word, or its death."""
KEPT = frozenset({"root", "replaced"})
"""What may lie in our own folder below a root after a good run, beside what an undisturbed one leaves there."""
_ERRORS = {
    Kind.SYNC: ("EIO", "ENOSPC", "EDQUOT", "ESTALE"),
    Kind.SYNC_ALL: ("EIO", "ENOSPC", "EDQUOT", "ESTALE"),
    Kind.RENAME: ("EIO", "ENOSPC", "EDQUOT", "ESTALE"),
    Kind.REMOVE: ("EIO", "ESTALE"),
    Kind.FACTS: ("EIO", "ESTALE"),
}
_MAKING = ("EIO", "ENOSPC", "EDQUOT", "ESTALE")


@dataclass
class Known:
    """A flow undisturbed: its calls, and what lies where before it, after it, and after one more run."""

    scene: Scene
    calls: list[Call] = field(default_factory=list)
    before: list[Trees] = field(default_factory=list)
    after: list[Trees] = field(default_factory=list)
    final: list[Trees] = field(default_factory=list)
    kept: dict[Path, frozenset[str]] = field(default_factory=dict)

    def look(self) -> None:
        """Play it undisturbed."""
        self.scene.keep()
        self.scene.put_back()
        self.before = self.scene.trees()
        played = self._play(None)
        assert played.status == self.scene.expected, (played.status, played.err, played.out)
        self.calls, self.after = played.calls, self.scene.trees()
        early = unsynced(self.calls, self._is_final) if self.scene.syncs_first else []
        assert not early, f"named before it is on disk: {', '.join(map(str, early))}"
        self.kept = {root: KEPT | inside(root) for root in self.scene.roots}
        self._go_on()
        self.final = self.scene.trees()

    def strike(self, blow: Blow) -> Call | None:
        """Let one blow befall it and judge what is left; return the call that was struck, if it came so far."""
        self.scene.put_back()
        played = self._play(blow)
        if played.struck is None:
            return None
        where = f"{blow} at {played.struck} (exit {played.status})"
        with named(where):
            self._judge(played)
            self.scene.sealed()
            self._go_on()
            for root, now, right in zip(self.scene.roots, self.scene.trees(), self.final, strict=True):
                assert now == right, f"{root.name} ends otherwise: {difference(now, right)}"
        return played.struck

    def _play(self, blow: Blow | None) -> Played:
        return play(command(self.scene.config, self.scene.words), self.scene.folder, blow)

    def _judge(self, played: Played) -> None:
        assert "Traceback" not in played.err, played.err[-600:]
        assert played.status in STATUSES, f"{played.out[-300:]} {played.err[-300:]}"
        trees = self.scene.trees()
        for root, now, before, after in zip(self.scene.roots, trees, self.before, self.after, strict=True):
            for name in now.keys() | before.keys():
                is_right = now.get(name) in (before.get(name), after.get(name))
                assert is_right or self.scene.between(root / name), f"{name} is {state(now, name)}"
        if played.status == 0:
            left = [difference(now, after) for now, after in zip(trees, self.after, strict=True)]
            assert not any(left) or self.scene.excused(played.out + played.err), (
                f"it said 0 and has not done it: {left}"
            )

    def _is_final(self, path: bytes) -> bool:
        place = Path(os.fsdecode(path))
        return b"/.nightferry/" not in path and any(place.is_relative_to(root) for root in self.scene.roots)

    def _go_on(self) -> None:
        """Run again, and assert what is true after a good run."""
        for root in self.scene.roots:
            let_a_minute_pass(root)
        self.scene.prepared()
        answer = self.scene.call(*(self.scene.words if self.scene.again is None else self.scene.again))
        assert answer.status == self.scene.expected_again, f"the next run: {say(answer)}"
        for root in self.scene.roots:
            left = inside(root) - self.kept[root]
            assert not left, f"left over in {root.name}: {left}"
        self.scene.ends_well()


def blows(calls: Sequence[Call], errors: int = 4) -> Iterator[Blow]:
    """Yield what can befall a flow: at each call a death, the caller's own where it is another, and its errors.

    Parameters
    ----------
    errors : int
        So many of the errors of each call; fewer than all are taken in turn.
    """
    for number, call in enumerate(calls):
        yield Blow(number + 1, KILL)
        if not call.is_alone:
            yield Blow(number + 1, ALONE)
        fitting = _MAKING if call.kind in CREATING else _ERRORS[call.kind]
        start = number % len(fitting)
        for fate in (fitting[start:] + fitting[:start])[:errors]:
            yield Blow(number + 1, fate)


def let_a_minute_pass(root: Path) -> None:
    """Make a lock that holds no word yet as old as the next run would find it: it is void after half a minute."""
    for lock in root.glob(".nightferry/lock*"):
        if lock.stat().st_size == 0:
            os.utime(lock, (time.time() - 60, time.time() - 60))


def inside(root: Path) -> frozenset[str]:
    """Return the names in our own folder below a root."""
    ours = root / ".nightferry"
    return frozenset(path.name for path in ours.iterdir()) if ours.is_dir() else frozenset()


@contextlib.contextmanager
def named(where: str) -> Iterator[None]:
    """Say of an assertion that fails which point it was."""
    try:
        yield
    except AssertionError as error:
        raise AssertionError(f"{where}: {error}") from error


def say(answer: Answer) -> str:
    """Return what a command said, short."""
    return f"exit {answer.status}: {answer.out[-600:]} {answer.err[-600:]}"


def state(now: Trees, name: str) -> str:
    """Return what is wrong with a name."""
    return "neither old nor new" if name in now else "gone"


def difference(now: Trees, right: Trees) -> str:
    """Return the names that two trees do not share, or whose contents differ."""
    names = sorted(name for name in now.keys() | right.keys() if now.get(name) != right.get(name))
    return ", ".join(
        f"{name} ({'more' if name not in right else 'gone' if name not in now else 'other'})" for name in names[:6]
    )
