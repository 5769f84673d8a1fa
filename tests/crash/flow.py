"""What a flow is, and the ground that it stands on. Which flows there are moving.py, making.py and holding.py say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.crash.scenes import HOSTS, Scene
from tests.hosts import Host, Hosts


@dataclass(frozen=True)
class Ground:
    """An empty folder."""

    folder: Path

    def hosts(self) -> Sequence[Host]:
        """Make three SSH hosts below it that know one another; they answer while a command of the scene runs."""
        hosts = Hosts(self.folder / HOSTS)
        try:
            return [hosts.start(name) for name in ("alpha", "beta", "gamma")]
        finally:
            hosts.close()

    def no_host(self) -> Any:
        """Give no host of the kinds that no flow needs."""
        raise AssertionError("no flow asks for it")


@dataclass(frozen=True)
class Flow:
    """One flow.

    Attributes
    ----------
    name : str
    make : callable
        Sets its scene.
    """

    name: str
    make: Callable[[Ground], Scene]
