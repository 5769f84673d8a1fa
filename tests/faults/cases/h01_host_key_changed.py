"""H1: the host's key is another one: somebody else may answer."""

from __future__ import annotations

from tests.faults.battery import Fault, Found, Stage, verify
from tests.hosts import make_key


def make(stage: Stage) -> None:
    """Give known_hosts another key for it."""
    alpha = stage.far()[0]
    make_key(stage.folder / "other")
    kind, blob = (stage.folder / "other.pub").read_text().split()[:2]
    known = stage.folder / "known"
    known.write_text(f"[{alpha.address}]:{alpha.port} {kind} {blob}\n")
    stage.change_host(alpha.name, known_hosts=str(known))


def after(stage: Stage, found: Found) -> None:
    """known_hosts is never written."""
    assert found.status == 3
    assert len((stage.folder / "known").read_text().splitlines()) == 1


FAULT = Fault(
    "H1",
    "the telescope's host key changed",
    make,
    verify(),
    "unknown",
    says=("fingerprint",),
    after=after,
    where="far",
)
