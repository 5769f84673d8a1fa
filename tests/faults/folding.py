"""Archives whose disks take different names for one: played in memory, where a disk can be of any kind.

Leaves to each case which names meet.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from observatory.endpoints.memory import MemoryEndpoint
from observatory.truth import State
from tests.faults.battery import Fault, Found, Stage
from tests.unit.test_sync import World
from verifier.check import check
from verifier.options import CheckOptions

NOTHING: Mapping[bytes, bytes] = MappingProxyType({})
COMPOSED = unicodedata.normalize("NFC", "2016/0907/SHA_\u00e9toile").encode()
DECOMPOSED = unicodedata.normalize("NFD", "2016/0907/SHA_\u00e9toile").encode()
BOTH_FORMS: Mapping[bytes, bytes] = MappingProxyType({COMPOSED + b".raw": b"1", DECOMPOSED + b".raw": b"2"})
"""Two frames whose names differ in Unicode's form alone."""
CAMERAS = {"sha": {"files": ["*.raw"]}}

Folds = Literal["case", "form"]
"""Case and Unicode form, as HFS+ and exFAT do; or form alone, as ZFS can and APFS may."""


class FormFolding(MemoryEndpoint):
    """A host whose disk keeps case and folds Unicode's forms."""

    def _stored(self, path: bytes) -> bytes:
        if path in self.things:
            return path
        folder, _, name = path.rpartition(b"/")
        start = (self._stored(folder) if folder else b"") + b"/"
        inside = (known for known in self.things if known.startswith(start))
        alike = (known for known in inside if composed(known[len(start) :]) == composed(name))
        return next(alike, start + name)


def composed(name: bytes) -> str:
    """Return a name's composed form."""
    return unicodedata.normalize("NFC", name.decode("utf-8", "surrogateescape"))


def onto_a_folding_disk(
    name: str,
    title: str,
    folds: Folds,
    here: Mapping[bytes, bytes],
    right: str,
    there: Mapping[bytes, bytes] = NOTHING,
    says: str = "folds",
) -> Fault:
    """Return the fault of a sync onto such a disk.

    Whatever it says, what it says arrived is listed under its own name with its own bytes; what was there stays; a
    second sync says no better; and a verify agrees with both.
    """

    def ask(stage: Stage) -> Found:
        world = World(here, there, cameras=CAMERAS)
        if folds == "case":
            world.destination.folds_case = True
        else:
            world.destination = FormFolding("archive", things=world.destination.things, now=world.destination.now)
        first = world.sync()
        again = world.sync()
        now = world.there()
        refused = {one.path for one in (*first.failed, *again.failed)}
        assert {path for path in here if now.get(path) != here[path]} <= refused
        assert all(now[path] == data for path, data in there.items())
        assert (again.state, again.transferred) == (first.state, 0)
        verdict = check(world.scope, world.source, world.destination, CheckOptions(level="checksum"))
        assert verdict.state is not State.OK
        counts = {"transferred": first.transferred, "failed": len(first.failed)}
        shown = {key: count for key, count in counts.items() if count}
        return Found(first.state.value, 1, shown, first.failed[0].reason)

    return Fault(name, title, lambda stage: None, ask, right, says=(says,), where="bare")
