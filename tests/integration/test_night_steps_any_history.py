"""Whatever became of a night before: in the end its tree is that of a night converted at once.

Raw files change, come and go, products are harmed, runs are killed at any note; hypothesis looks for a history after
which one whole run is not enough, or something is made that belongs to nothing.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalogue.ledger import Ledger
from converters.outcome import RowResult
from converters.pipeline import convert
from observatory.truth import State
from tests.integration.test_night_steps import FIRST, expose, instrument, scope, tree
from tests.integration.test_night_steps_killed import HERE, killed_while_at_work

Action = tuple[str, int, int]
ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["change", "bad", "come", "go", "lose", "flip", "run", "kill"]),
        st.integers(1, 2),
        st.integers(1, 30),
    ),
    min_size=1,
    max_size=6,
)


def live(root: Path, database: tuple[str, Path], action: Action) -> None:
    """Let something happen to the night."""
    what, camera, number = action
    raw = root / f"20251106/cam{camera}"
    products = sorted((root / "20251106/made").glob("*"))
    if what in ("change", "bad"):
        put(raw / f"f{1 + number % 2}.raw", "bad\n" if what == "bad" else f"new {number}\n")
    elif what == "come":
        put(raw / "f3.raw", f"late {number}\n")
        put(raw / "f3.txt", "times\n")
    elif what == "go":
        for name in ("f3.raw", "f3.txt"):
            (raw / name).unlink(missing_ok=True)
    elif what == "lose" and products:
        products[number % len(products)].unlink()
    elif what == "flip" and products:
        victim = products[number % len(products)]
        victim.write_bytes(victim.read_bytes()[::-1])
    elif what == "run":
        run(root, database)
    elif what == "kill":
        killed_while_at_work(root, *database, number)


def put(path: Path, text: str) -> None:
    """Write a raw file that is older than any settle time."""
    path.write_text(text)
    os.utime(path, (1_700_000_000, 1_700_000_000))


def run(root: Path, database: tuple[str, Path]) -> set[RowResult]:
    """Take the night through its steps; return what became of them."""
    with Ledger.open(*database) as ledger:
        outcome = convert(instrument(), scope(root), HERE, ledger)
    assert outcome.state is State.OK, [row.reason for row in outcome.rows]
    return {row.result for row in outcome.rows}


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ACTIONS)
def test_after_any_history_one_run_makes_what_a_fresh_night_is(history: Sequence[Action]) -> None:
    """And a second one has nothing to do."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        root, fresh = folder / "root", folder / "fresh"
        expose(root, FIRST)
        for action in history:
            live(root, ("sqlite:///a.db", folder), action)
        run(root, ("sqlite:///a.db", folder))
        assert run(root, ("sqlite:///a.db", folder)) == {RowResult.SKIPPED}
        for camera in ("cam1", "cam2"):
            shutil.copytree(root / "20251106" / camera, fresh / "20251106" / camera)
        run(fresh, ("sqlite:///b.db", folder))
        kept = {path: sha256 for path, sha256 in tree(root).items() if not path.startswith(".nightferry/replaced/")}
        assert kept == tree(fresh)
