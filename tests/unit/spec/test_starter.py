"""The first configuration that `init` writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from observatory.errors import UsageError
from observatory.spec.load import load
from observatory.spec.starter import write_starter


def test_the_starter_loads_as_it_is(tmp_path: Path) -> None:
    """Nobody begins with an error of ours."""
    folder = tmp_path / "new" / "conf"
    written = write_starter(folder)
    assert written == [folder / "site.yaml", folder / "instruments.d" / "first.yaml"]
    loaded = load(folder)
    assert list(loaded.instruments) == ["first"]
    assert all("#" in path.read_text() for path in written)


def test_what_the_starter_comments_out_loads_too(tmp_path: Path) -> None:
    """Taking away a `#` must not teach a fault."""
    for path in write_starter(tmp_path):
        lines = path.read_text().splitlines()
        path.write_text("\n".join(line[2:] if _is_key(line) else line for line in lines))
    loaded = load(tmp_path)
    assert loaded.site.mail is not None
    assert loaded.site.schedule.run == "0 8 * * *"
    assert loaded.instruments["first"].sequence is not None


def _is_key(line: str) -> bool:
    return line.startswith("# ") and (line.startswith("#   ") or line[2:].split(":")[0].isidentifier())


@pytest.mark.parametrize("name", ["site.yaml", "instruments.d/first.yaml"])
def test_nothing_is_overwritten(tmp_path: Path, name: str) -> None:
    """Where one file exists neither is written."""
    (tmp_path / "instruments.d").mkdir()
    (tmp_path / name).write_text("mine")
    with pytest.raises(UsageError, match="nothing was written"):
        write_starter(tmp_path)
    assert (tmp_path / name).read_text() == "mine"
    assert len(list(tmp_path.rglob("*.yaml"))) == 1


def test_a_folder_that_cannot_be_written_is_a_usage_error(tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "conf").write_text("x")
    with pytest.raises(UsageError, match="could not be written"):
        write_starter(tmp_path / "conf")
