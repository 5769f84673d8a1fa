"""N1: a symbolic link leads out of the root."""

from __future__ import annotations

from tests.faults.battery import STANDARD, Fault, Found, Stage, sync


def make(stage: Stage) -> None:
    """Link to a secret beside the root."""
    (stage.folder / "secret").write_bytes(b"secret")
    (stage.here().parent / "SHA_link.fits").symlink_to(stage.folder / "secret")


def after(stage: Stage, found: Found) -> None:
    """It is listed as unrecognised, and its target never travels."""
    assert not (stage.there().parent / "SHA_link.fits").exists()


FAULT = Fault(
    "N1",
    "a symbolic link in the night leads out of the root",
    make,
    sync(),
    "ok",
    after=after,
    peers=STANDARD,
)
