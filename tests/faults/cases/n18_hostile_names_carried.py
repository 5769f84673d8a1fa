"""N18: thousands of names that mean harm go through every engine: they arrive, or are refused with their reason."""

from __future__ import annotations

import os
from pathlib import Path

from observatory.names import from_json
from tests.faults.battery import Fault, Found, Stage
from tests.faults.carrying import ENGINES, by_each
from tests.hostile.names import COUNT, hostile_names
from tests.observatory import tree

EVERYDAY = 100


def make(stage: Stage) -> None:
    """Nothing: each engine is given its own."""


def ask(stage: Stage) -> Found:
    """Sync with each: byte for byte, nothing executed, nothing elsewhere, and what was there is not written over."""
    names = hostile_names()[:: 1 if stage.is_full else COUNT // EVERYDAY]
    folder = stage.night_folder.encode()
    engines = ENGINES if stage.is_full else ("pipe", "sftp")  # the others: tests/hostile/test_names.py
    for engine in by_each(stage, engines, cameras={"sha": {"files": ["*"]}}):
        for number, name in enumerate(names):
            stage.put(stage.ends[0], folder + b"/" + name, b"%d" % number)
        stage.put(stage.ends[1], folder + b"/there before", b"there before")
        answer = stage.call("sync", "--json")
        refused = {from_json(one["path"]) for one in answer.hop["failed"]}
        assert all(one["reason"] for one in answer.hop["failed"])
        there = tree(stage.destination)
        lacking = {path for path, digest in tree(stage.source).items() if there.get(path) != digest}
        assert {os.fsencode(path) for path in lacking} == refused, engine
        assert len(there) == len(names) - len(refused) + 1, engine
        assert (stage.destination / stage.night_folder / "there before").read_bytes() == b"there before"
        assert len(refused) < len(names) // 10, (engine, answer.hop["failed"][:3])
    assert not list(stage.folder.rglob("harm"))
    assert not Path("harm").exists() and not Path.home().joinpath("harm").exists()
    return Found("each arrived or was refused, by each engine")


FAULT = Fault(
    "N18",
    "ten thousand hostile names are carried",
    make,
    ask,
    "each arrived or was refused, by each engine",
    where="bare",
)
