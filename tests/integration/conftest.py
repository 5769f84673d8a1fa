"""What holds for every test of real components: where the processes of night steps are forked from.

That server is one for the life of a process. Begun with the modules of the first test's steps it would lack those of
the next, and each process forked from it would load them anew: the nights of VAMPIRES took 36 s of processor then,
and 15 by themselves (2026-11-22).
"""

from __future__ import annotations

import multiprocessing.forkserver
import pkgutil

import pytest

import converters
from observatory.forking import forkserver

NEEDS_A_CLUSTER = "converters.dask_crew"
BESIDE_THEM = ("astropy.io.fits", "tests.nightsteps")


@pytest.fixture(scope="session", autouse=True)
def _fork_server_that_knows_every_step() -> None:
    """Begin it with all that any step loads."""
    steps = {module.name for module in pkgutil.walk_packages(converters.__path__, "converters.")}
    forkserver((*(steps - {NEEDS_A_CLUSTER}), *BESIDE_THEM))
    multiprocessing.forkserver.ensure_running()
