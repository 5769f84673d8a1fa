"""Steps that other packages bring along, by an entry point."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from converters.base import step_models
from observatory.errors import UsageError

MODULE = """
from observatory.spec.models import StepSection
class Thumbnails(StepSection):
    @property
    def writes_beside(self): return True
    def tasks(self, folder): return iter(())
    def do(self, task, outputs, leash): raise AssertionError
class Bare(StepSection): pass
"""


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, entry: str) -> None:
    """Install a package that names a step, as pip would leave it on the disk."""
    (folder / "thumbs_of_ours.py").write_text(MODULE)
    (folder / "broken_of_ours.py").write_text("raise RuntimeError('no licence')")
    metadata = folder / "thumbs_of_ours-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: thumbs-of-ours\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[nightferry.steps]\n{entry}\n")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "thumbs_of_ours", raising=False)


def test_a_step_of_another_package_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installed is enough; no program is edited."""
    install(tmp_path, monkeypatch, "thumbs = thumbs_of_ours:Thumbnails")
    assert step_models()["thumbs"].__name__ == "Thumbnails"
    assert "command" in step_models()


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("thumbs = not_there:Thumbnails", "'thumbs' cannot be loaded"),
        ("thumbs = thumbs_of_ours:Missing", "'thumbs' cannot be loaded"),
        ("thumbs = thumbs_of_ours:Bare", "no section of a step"),
        ("thumbs = thumbs_of_ours:MODULE_LEVEL", "cannot be loaded"),
        ("thumbs = broken_of_ours", "'thumbs' cannot be loaded: RuntimeError: no licence"),
        ("command = thumbs_of_ours:Thumbnails", "the name of another step"),
    ],
)
def test_a_step_that_cannot_be_used_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str, words: str
) -> None:
    """Before anything is done, and saying which."""
    install(tmp_path, monkeypatch, entry)
    with pytest.raises(UsageError, match=words):
        step_models()
