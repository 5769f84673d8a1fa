"""What is installed is what is meant: our seven common names are ours alone, and the wheel is whole.

Leaves the meaning of the packages to their own tests.
"""

from __future__ import annotations

import importlib.metadata
import tomllib
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = ("observatory", "catalogue", "syncer", "verifier", "converters", "reports", "nightferry")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the wheel of this checkout unpacked, as an installer would leave it."""
    folder = tmp_path_factory.mktemp("wheel")
    (built,) = WheelBuilder(str(REPOSITORY)).build(directory=str(folder), versions=["standard"])
    unpacked = folder / "site-packages"
    with zipfile.ZipFile(built) as archive:
        archive.extractall(unpacked)
    return unpacked


@pytest.fixture(scope="module")
def wheel(installed: Path) -> set[str]:
    """Return the names in the wheel."""
    return {path.relative_to(installed).as_posix() for path in installed.rglob("*") if path.is_file()}


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_belongs_to_nightferry_alone(
    installed: Path, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names as common as `reports` are installed by us, and by nothing else in this environment."""
    monkeypatch.syspath_prepend(str(installed))  # an editable install lists no modules; the wheel does
    owners = importlib.metadata.packages_distributions().get(package, [])
    assert set(owners) == {"nightferry"}


def test_the_packages_tested_are_the_packages_built() -> None:
    """A new top-level package is not forgotten here, by mypy, or by the import contracts."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]
    assert tuple(project["hatch"]["build"]["targets"]["wheel"]["packages"]) == PACKAGES
    assert tuple(project["mypy"]["packages"]) == PACKAGES
    assert tuple(project["importlinter"]["root_packages"]) == PACKAGES


def test_the_command_is_installed() -> None:
    """`nightferry` is the one command, and `python -m nightferry` the same."""
    (entry,) = importlib.metadata.entry_points(group="console_scripts", name="nightferry")
    assert entry.module == "nightferry.__main__"


@pytest.mark.parametrize("package", PACKAGES)
def test_the_wheel_holds_every_file_of_a_package(wheel: set[str], package: str) -> None:
    """Modules, templates, migrations and the type marker: nothing that the checkout has is left at home."""
    here = {path for path in (REPOSITORY / package).rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    names = {path.relative_to(REPOSITORY).as_posix() for path in here}
    assert f"{package}/py.typed" in names
    assert names <= wheel


def test_the_wheel_holds_the_worked_examples(wheel: set[str]) -> None:
    """`nightferry init` and `demo` find the instruments of the seeds without a checkout."""
    names = {f"nightferry/examples/{path.name}" for path in (REPOSITORY / "instruments.d").glob("*.yaml")}
    assert names
    assert names <= wheel


def test_the_wheel_holds_nothing_else(wheel: set[str]) -> None:
    """Tests, benchmarks and a person's own folders stay out."""
    allowed = {*PACKAGES, "nightferry-0.1.0.dist-info"}
    assert {name.split("/", 1)[0] for name in wheel} <= allowed
