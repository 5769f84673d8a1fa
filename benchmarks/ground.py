"""The two roots on which rows of the table are measured, and the states they are brought into.

A tree is made once and serves every row and every distance; what a row or a contender has changed is put right
before the next run, unmeasured. Leaves the making of files to trees.py.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks import trees
from benchmarks.far_end import FarEnd
from benchmarks.trees import Tree

State = Literal["equal", "lacks-one", "lacks-night", "empty"]
"""What the destination lacks before each run."""

MOSTLY = 0.9
"""From this share of the files on, bringing the rest is quicker than beginning anew."""


@dataclass(frozen=True, slots=True)
class Ground:
    """The roots of one tree.

    Attributes
    ----------
    folder : Path
        Holds everything; both ends lie on one machine.
    tree : Tree
        As scaled.
    """

    folder: Path
    tree: Tree

    @property
    def source(self) -> Path:
        """The root that is asked for over SSH."""
        return self.folder / "source"

    @property
    def destination(self) -> Path:
        """The local root."""
        return self.folder / "destination"

    @property
    def aside(self) -> Path:
        """A folder for what contenders keep beside the roots."""
        return self.folder / "aside"

    @property
    def configuration(self) -> Path:
        """The folder for ``--config``."""
        return self.folder / "configuration"

    @property
    def state(self) -> Path:
        """Where the project keeps what it knows."""
        return self.configuration / "var"

    @property
    def new_state(self) -> Path:
        """What it knew when it was new: an empty ledger."""
        return self.configuration / "var-new"

    @property
    def whole_bytes(self) -> int:
        """Bytes of all files at the source."""
        return sum(size for _, size in _files(self.source))

    def make(self) -> None:
        """Make the tree at the source, and an empty destination."""
        for path in (self.source, self.destination, self.aside):
            path.mkdir(parents=True)
        trees.make(self.source, self.tree)

    def lacking(self, window: int) -> Path:
        """Return the one file, relative to the root, that a verify of so many nights has to find missing."""
        back = window // 2
        return Path(trees.night_folder(back), trees.file_name(back, 1))

    def bring(self, state: State, window: int) -> None:
        """Bring the destination into a state, from whatever the last row left."""
        if state == "empty":
            self.reset(state)
            return
        if self.held() < self.tree.files * MOSTLY:
            self._empty()
            subprocess.run(["cp", "-a", f"{self.source}/.", self.destination], check=True)
        else:
            subprocess.run(["rsync", "-a", f"{self.source}/", f"{self.destination}/"], check=True)
        if state == "lacks-one":
            (self.destination / self.lacking(window)).unlink()
        self.reset(state)

    def reset(self, state: State) -> None:
        """Undo what a contender has done."""
        if state == "lacks-night":
            shutil.rmtree(self.destination / trees.night_folder(0), ignore_errors=True)
        if state == "empty":
            self._empty()
            self._forget()
        if state in ("lacks-night", "empty"):
            os.sync()  # one contender must not wait for another's bytes to reach the disk

    def _empty(self) -> None:
        shutil.rmtree(self.destination, ignore_errors=True)
        (self.destination / ".nightferry").mkdir(parents=True)
        (self.destination / ".nightferry" / "root").touch()

    def _forget(self) -> None:
        """Let the project know nothing of a copy that is fresh."""
        if self.new_state.exists():
            shutil.rmtree(self.state, ignore_errors=True)
            shutil.copytree(self.new_state, self.state)

    def held(self) -> int:
        """Return how many files the destination holds."""
        return sum(1 for _ in _names(self.destination))

    def share_there(self, whole_bytes: int) -> float:
        """Return the share of the source's bytes that the destination holds, those under temporary names too."""
        return sum(size for _, size in _files(self.destination)) / max(1, whole_bytes)


def _names(root: Path) -> Iterator[str]:
    for folder, _, names in os.walk(root):
        if "/.nightferry" not in folder:
            yield from names


def _files(root: Path) -> Iterator[tuple[str, int]]:
    for folder, _, names in os.walk(root):
        for name in names:
            path = f"{folder}/{name}"
            with suppress(FileNotFoundError):
                yield path, Path(path).stat().st_size


@dataclass(frozen=True, slots=True)
class Stage:
    """A ground, seen over one line.

    Attributes
    ----------
    ground : Ground
    far : FarEnd
        The sshd behind which the source lies.
    window : int
        How many nights are asked for, the newest.
    """

    ground: Ground
    far: FarEnd
    window: int

    @property
    def files(self) -> int:
        """How many files lie in the nights that are asked for."""
        return sum(self.ground.tree.files_of(back) for back in range(self.window))

    @property
    def folders(self) -> list[str]:
        """The folders of the nights that are asked for, newest first."""
        return [trees.night_folder(back) for back in range(self.window)]

    @property
    def is_part(self) -> bool:
        """Whether fewer nights are asked for than there are."""
        return self.window < self.ground.tree.nights
